"""Autoencoders: a code, a way to it and a way back; from linear ones on."""

from coursepkg.models.autoencoders.ica import (
    ICA,
    amari_distance,
    climb,
    natural_gradient,
    ordinary_gradient,
    start_white,
)
from coursepkg.models.autoencoders.linear import LinearAutoencoder
from coursepkg.models.autoencoders.pca import PCA, Principal, principal_angles, principal_axes
from coursepkg.models.autoencoders.ppca import PPCA, Posterior, em_step
from coursepkg.models.autoencoders.priors import (
    Bimodal,
    Cauchy,
    Normal,
    Sech,
    SourcePrior,
    Switching,
    log_cosh,
    stability,
)

__all__ = [
    "ICA",
    "PCA",
    "PPCA",
    "Bimodal",
    "Cauchy",
    "LinearAutoencoder",
    "Normal",
    "Posterior",
    "Principal",
    "Sech",
    "SourcePrior",
    "Switching",
    "amari_distance",
    "climb",
    "em_step",
    "log_cosh",
    "natural_gradient",
    "ordinary_gradient",
    "principal_angles",
    "principal_axes",
    "stability",
    "start_white",
]
