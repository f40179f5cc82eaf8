"""What a model is worth: likelihoods that carry their sign and their errors."""

from coursepkg.evaluation.likelihood import Nats, eval_mode, nats, over_seeds

__all__ = [
    "Nats",
    "eval_mode",
    "nats",
    "over_seeds",
]
