"""Autoencoders: codes, and models that learn them."""

from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.autoencoders.likelihoods import Bits, Categories, Likelihood, Normals
from coursepkg.models.autoencoders.vae import VAE, Terms

__all__ = [
    "VAE",
    "Bits",
    "Categories",
    "DiagonalGaussian",
    "Likelihood",
    "Normals",
    "Terms",
]
