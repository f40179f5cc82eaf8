"""What a model is worth: likelihoods that carry their sign and their errors."""

from coursepkg.evaluation.given import Given
from coursepkg.evaluation.importance import ImportanceBound
from coursepkg.evaluation.likelihood import Nats, eval_mode, nats, over_seeds
from coursepkg.evaluation.paired import Difference, paired
from coursepkg.evaluation.selection import best_of_many

__all__ = [
    "Difference",
    "Given",
    "ImportanceBound",
    "Nats",
    "best_of_many",
    "eval_mode",
    "nats",
    "over_seeds",
    "paired",
]
