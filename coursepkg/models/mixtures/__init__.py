"""Mixtures: a hidden choice among components, fitted by EM."""

from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.em import (
    Mixture,
    coordinate_ascent,
    em,
    evidence_bound,
    hard_em,
    monte_carlo_em,
    nearest_seed,
)
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.models.mixtures.gtm import GTM

__all__ = [
    "GTM",
    "CategoricalMixture",
    "DiagonalGaussianMixture",
    "GaussianMixture",
    "Mixture",
    "coordinate_ascent",
    "em",
    "evidence_bound",
    "hard_em",
    "monte_carlo_em",
    "nearest_seed",
]
