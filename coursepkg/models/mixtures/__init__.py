"""Mixtures: a hidden choice among components, fitted by EM."""

from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.density_network import MixtureDensityNetwork
from coursepkg.models.mixtures.em import (
    Mixture,
    coordinate_ascent,
    em,
    evidence_bound,
    hard_em,
    monte_carlo_em,
    nearest_seed,
)
from coursepkg.models.mixtures.evidence import (
    draw_given,
    known_evidence,
    log_evidence,
    log_prob_missing,
    noisy_evidence,
    probs_given,
)
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.models.mixtures.gtm import GTM

__all__ = [
    "GTM",
    "CategoricalMixture",
    "DiagonalGaussianMixture",
    "GaussianMixture",
    "Mixture",
    "MixtureDensityNetwork",
    "coordinate_ascent",
    "draw_given",
    "em",
    "evidence_bound",
    "hard_em",
    "known_evidence",
    "log_evidence",
    "log_prob_missing",
    "monte_carlo_em",
    "nearest_seed",
    "noisy_evidence",
    "probs_given",
]
