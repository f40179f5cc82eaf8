"""Diffusion: noise is added step by step, and a network learns to take it away."""

from coursepkg.models.diffusion.chain import NoiseChain, betas_of, cosine_betas, linear_betas
from coursepkg.models.diffusion.conditional import ConditionalDiffusion, ToldNet
from coursepkg.models.diffusion.continuous_time import (
    ContinuousDiffusion,
    LinearSchedule,
    LogisticSchedule,
    Schedule,
)
from coursepkg.models.diffusion.denoisers import (
    FromNoise,
    FromVelocity,
    GaussianDenoiser,
    LevelDenoiser,
    RealDenoiser,
    Unheeding,
)
from coursepkg.models.diffusion.discrete_time import Diffusion, SimpleLoss, stratified
from coursepkg.models.diffusion.guidance import classifier_free, classifier_guided
from coursepkg.models.diffusion.levels import Profile, best_levels, profile
from coursepkg.models.diffusion.mixture import MixtureGuess
from coursepkg.models.diffusion.signal import Signal, signal_at
from coursepkg.models.diffusion.solvers import Guess, ancestral, ddim, heun, multistep
from coursepkg.models.diffusion.table import TableNet

__all__ = [
    "ConditionalDiffusion",
    "ContinuousDiffusion",
    "Diffusion",
    "FromNoise",
    "FromVelocity",
    "GaussianDenoiser",
    "Guess",
    "LevelDenoiser",
    "LinearSchedule",
    "LogisticSchedule",
    "MixtureGuess",
    "NoiseChain",
    "Profile",
    "RealDenoiser",
    "Schedule",
    "Signal",
    "SimpleLoss",
    "TableNet",
    "ToldNet",
    "Unheeding",
    "ancestral",
    "best_levels",
    "betas_of",
    "classifier_free",
    "classifier_guided",
    "cosine_betas",
    "ddim",
    "heun",
    "linear_betas",
    "multistep",
    "profile",
    "signal_at",
    "stratified",
]
