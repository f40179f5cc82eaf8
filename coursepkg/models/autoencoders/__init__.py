"""Autoencoders: codes, and models that learn them."""

from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.autoencoders.gradients import pathwise_gradient, score_gradient
from coursepkg.models.autoencoders.hierarchical import HierarchicalVAE
from coursepkg.models.autoencoders.likelihoods import Bits, Categories, Likelihood, Normals
from coursepkg.models.autoencoders.linear import diagonal_gap, linear_vae
from coursepkg.models.autoencoders.losses import FreeBits, ImportanceLoss, RateWeighted, WarmUp
from coursepkg.models.autoencoders.refine import refine
from coursepkg.models.autoencoders.vae import VAE, Terms

__all__ = [
    "VAE",
    "Bits",
    "Categories",
    "DiagonalGaussian",
    "FreeBits",
    "HierarchicalVAE",
    "ImportanceLoss",
    "Likelihood",
    "Normals",
    "RateWeighted",
    "Terms",
    "WarmUp",
    "diagonal_gap",
    "linear_vae",
    "pathwise_gradient",
    "refine",
    "score_gradient",
]
