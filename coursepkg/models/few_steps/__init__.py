"""Few steps from noise to data: maps that jump along a flow, and how they are learned."""

from coursepkg.models.few_steps.consistency import (
    ConsistencyDistillation,
    ConsistencyTraining,
    consistency_loss,
    end_of,
)
from coursepkg.models.few_steps.ends import EndRegression, paths
from coursepkg.models.few_steps.jumps import EndAverage, EulerAverage, Jumps, Restarts, jump
from coursepkg.models.few_steps.meanflow import MapDistillation, MeanFlow, mean_flow_target
from coursepkg.models.few_steps.points import TowardsPoints

__all__ = [
    "ConsistencyDistillation",
    "ConsistencyTraining",
    "EndAverage",
    "EndRegression",
    "EulerAverage",
    "Jumps",
    "MapDistillation",
    "MeanFlow",
    "Restarts",
    "TowardsPoints",
    "consistency_loss",
    "end_of",
    "jump",
    "mean_flow_target",
    "paths",
]
