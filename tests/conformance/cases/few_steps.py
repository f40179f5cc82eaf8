"""Maps along a flow, and the losses that teach them: they say nothing about x."""

import torch
from torch import Generator, Tensor

from coursepkg.models.few_steps import (
    ConsistencyDistillation,
    ConsistencyTraining,
    EndAverage,
    EndRegression,
    Jumps,
    MapDistillation,
    MeanFlow,
    Restarts,
)
from coursepkg.nets import SpanMLP, TimedMLP
from tests.conformance.case import Case, perturbed, plane


def average(generator: Generator) -> SpanMLP:
    return perturbed(SpanMLP(2, hidden=8, blocks=1, generator=generator), generator)


def field(generator: Generator) -> TimedMLP:
    return perturbed(TimedMLP(2, hidden=8, blocks=1, generator=generator), generator)


def walked(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, 3, 2, generator=generator)


CASES = [
    Case("MeanFlow", lambda g: MeanFlow(average(g), dim=2, apart=0.5), plane),
    Case("MapDistillation",
         lambda g: MapDistillation(average(g), field(g), dim=2, apart=0.5), plane),
    Case("ConsistencyDistillation",
         lambda g: ConsistencyDistillation(field(g), field(g), dim=2, steps=4), plane),
    Case("ConsistencyTraining", lambda g: ConsistencyTraining(field(g), dim=2, steps=2), plane),
    Case("EndRegression", lambda g: EndRegression(field(g), dim=2, places=2), walked),
    Case("Jumps", lambda g: Jumps(average(g), dim=2, steps=2), plane),
    Case("Restarts", lambda g: Restarts(EndAverage(field(g)), dim=2, steps=2), plane),
]  # fmt: skip
