"""What a model is worth: likelihoods that carry their sign and their errors."""

from coursepkg.evaluation.given import Given
from coursepkg.evaluation.importance import ImportanceBound
from coursepkg.evaluation.likelihood import Nats, eval_mode, nats, over_seeds

__all__ = [
    "Given",
    "ImportanceBound",
    "Nats",
    "eval_mode",
    "nats",
    "over_seeds",
]
