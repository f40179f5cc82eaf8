"""Autoregressive models: a product of conditionals."""

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.autoregressive.cached import CachedARM, Stepwise
from coursepkg.models.autoregressive.conditional import ConditionalARM, GivenNet
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.autoregressive.orders import AveragedConditionals, Bits, Ensemble, Reordered

__all__ = [
    "ARM",
    "AveragedConditionals",
    "Bits",
    "CachedARM",
    "ConditionalARM",
    "Ensemble",
    "GivenNet",
    "LogisticAutoregression",
    "MarkovChain",
    "Reordered",
    "Stepwise",
    "TreeAutoregression",
]
