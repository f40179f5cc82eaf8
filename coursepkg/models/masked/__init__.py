"""Diffusion of symbols: they are hidden or scrambled, and a network finds them back."""

from coursepkg.models.masked.completion import complete_any_order, log_weight_missing
from coursepkg.models.masked.discrete import DiscreteDiffusion
from coursepkg.models.masked.noise import SymbolNoise, kept_odds, masked_rest, uniform_rest
from coursepkg.models.masked.order import AnyOrder
from coursepkg.models.masked.reveal import at_random, reveal, surest
from coursepkg.models.masked.tables import RightGuess, back_law, groups_cost, order_law

__all__ = [
    "AnyOrder",
    "DiscreteDiffusion",
    "RightGuess",
    "SymbolNoise",
    "at_random",
    "back_law",
    "complete_any_order",
    "groups_cost",
    "kept_odds",
    "log_weight_missing",
    "masked_rest",
    "order_law",
    "reveal",
    "surest",
    "uniform_rest",
]
