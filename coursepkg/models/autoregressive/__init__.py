"""Autoregressive models: a product of conditionals."""

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.autoregressive.markov import MarkovChain

__all__ = [
    "ARM",
    "LogisticAutoregression",
    "MarkovChain",
    "TreeAutoregression",
]
