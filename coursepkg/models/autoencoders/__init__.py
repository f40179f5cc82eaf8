"""Autoencoders: a code, a way to it and a way back; linear, variational, discrete ones."""

from coursepkg.models.autoencoders.ans import Stack, slots, slots_between
from coursepkg.models.autoencoders.bitsback import BitsBack, Message, chain, unchain
from coursepkg.models.autoencoders.conditional import ConditionalVAE, PixelLaw
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.autoencoders.gradients import pathwise_gradient, score_gradient
from coursepkg.models.autoencoders.hierarchical import HierarchicalVAE
from coursepkg.models.autoencoders.ica import (
    ICA,
    amari_distance,
    climb,
    natural_gradient,
    ordinary_gradient,
    start_white,
)
from coursepkg.models.autoencoders.likelihoods import Categories, Coins, Likelihood, Normals
from coursepkg.models.autoencoders.linear import LinearAutoencoder
from coursepkg.models.autoencoders.linear_gaussian import diagonal_gap, linear_vae
from coursepkg.models.autoencoders.losses import (
    FreeBits,
    ImportanceLoss,
    RateWeighted,
    TwoTerms,
    WarmUp,
)
from coursepkg.models.autoencoders.pca import PCA, Principal, principal_angles, principal_axes
from coursepkg.models.autoencoders.pixelvae import CausalPixels
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
from coursepkg.models.autoencoders.refine import refine
from coursepkg.models.autoencoders.semisupervised import ABSENT, M2, SemiSupervised
from coursepkg.models.autoencoders.vae import VAE, Terms
from coursepkg.models.autoencoders.vq import VQVAE, VQAutoencoder

__all__ = [
    "ABSENT",
    "ICA",
    "M2",
    "PCA",
    "PPCA",
    "VAE",
    "VQVAE",
    "Bimodal",
    "BitsBack",
    "Categories",
    "Cauchy",
    "CausalPixels",
    "Coins",
    "ConditionalVAE",
    "DiagonalGaussian",
    "FreeBits",
    "HierarchicalVAE",
    "ImportanceLoss",
    "Likelihood",
    "LinearAutoencoder",
    "Message",
    "Normal",
    "Normals",
    "PixelLaw",
    "Posterior",
    "Principal",
    "RateWeighted",
    "Sech",
    "SemiSupervised",
    "SourcePrior",
    "Stack",
    "Switching",
    "Terms",
    "TwoTerms",
    "VQAutoencoder",
    "WarmUp",
    "amari_distance",
    "chain",
    "climb",
    "diagonal_gap",
    "em_step",
    "linear_vae",
    "log_cosh",
    "natural_gradient",
    "ordinary_gradient",
    "pathwise_gradient",
    "principal_angles",
    "principal_axes",
    "refine",
    "score_gradient",
    "slots",
    "slots_between",
    "stability",
    "start_white",
    "unchain",
]
