"""Autoregressive models: a product of conditionals."""

from coursepkg.models.autoregressive.arithmetic import Decoder, Encoder, Interval
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.autoregressive.cached import CachedARM, Stepwise
from coursepkg.models.autoregressive.coding import (
    compress,
    decompress,
    fingerprint,
    pixel_by_pixel,
)
from coursepkg.models.autoregressive.conditional import ConditionalARM, GivenNet
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.autoregressive.orders import AveragedConditionals, Bits, Ensemble, Reordered

__all__ = [
    "ARM",
    "AveragedConditionals",
    "Bits",
    "CachedARM",
    "ConditionalARM",
    "Decoder",
    "Encoder",
    "Ensemble",
    "GivenNet",
    "Interval",
    "LogisticAutoregression",
    "MarkovChain",
    "Reordered",
    "Stepwise",
    "TreeAutoregression",
    "compress",
    "decompress",
    "fingerprint",
    "pixel_by_pixel",
]
