"""Chains that generate: of denoisers of examples, and of the codes of a generator."""

from coursepkg.models.chains.codes import PPGN, DenoisingAutoencoder, PlugAndPlay
from coursepkg.models.chains.corruption import (
    Corruption,
    GaussianNoise,
    HideOne,
    Mask,
    PixelCorruption,
    Redraw,
)
from coursepkg.models.chains.denoisers import JointDenoiser, PixelDenoiser
from coursepkg.models.chains.gsn import GSN, Denoiser, WalkBack
from coursepkg.models.chains.parts import logistic_classifier, standard_codes
from coursepkg.models.chains.tables import (
    contraction,
    corruption_table,
    denoiser_table,
    error_bound,
    pixelwise,
    right_denoiser,
    walk_back_denoiser,
    walked_corruption,
)

__all__ = [
    "GSN",
    "PPGN",
    "Corruption",
    "Denoiser",
    "DenoisingAutoencoder",
    "GaussianNoise",
    "HideOne",
    "JointDenoiser",
    "Mask",
    "PixelCorruption",
    "PixelDenoiser",
    "PlugAndPlay",
    "Redraw",
    "WalkBack",
    "contraction",
    "corruption_table",
    "denoiser_table",
    "error_bound",
    "logistic_classifier",
    "pixelwise",
    "right_denoiser",
    "standard_codes",
    "walk_back_denoiser",
    "walked_corruption",
]
