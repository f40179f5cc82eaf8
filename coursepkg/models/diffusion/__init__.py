"""Diffusion: noise is added step by step, and a network learns to take it away."""

from coursepkg.models.diffusion.chain import NoiseChain, betas_of, cosine_betas, linear_betas
from coursepkg.models.diffusion.conditional import ConditionalDiffusion, ToldNet
from coursepkg.models.diffusion.continuous_time import (
    ContinuousDiffusion,
    LinearSchedule,
    LogisticSchedule,
    Reweighted,
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
from coursepkg.models.diffusion.interpolants import (
    FieldOfGuess,
    GuessOfField,
    log_snr_of,
    time_of,
)
from coursepkg.models.diffusion.inverse import (
    Measurement,
    moment_guided,
    replacement,
    spread_guided,
)
from coursepkg.models.diffusion.levels import Profile, best_levels, profile
from coursepkg.models.diffusion.mixture import MixtureGuess
from coursepkg.models.diffusion.probability_flow import ProbabilityFlow, reverse_sde
from coursepkg.models.diffusion.signal import Signal, signal_at
from coursepkg.models.diffusion.solvers import (
    Guess,
    ancestral,
    ddim,
    heun,
    multistep,
    power_levels,
)
from coursepkg.models.diffusion.table import TableNet

__all__ = [
    "ConditionalDiffusion",
    "ContinuousDiffusion",
    "Diffusion",
    "FieldOfGuess",
    "FromNoise",
    "FromVelocity",
    "GaussianDenoiser",
    "Guess",
    "GuessOfField",
    "LevelDenoiser",
    "LinearSchedule",
    "LogisticSchedule",
    "Measurement",
    "MixtureGuess",
    "NoiseChain",
    "ProbabilityFlow",
    "Profile",
    "RealDenoiser",
    "Reweighted",
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
    "log_snr_of",
    "moment_guided",
    "multistep",
    "power_levels",
    "profile",
    "replacement",
    "reverse_sde",
    "signal_at",
    "spread_guided",
    "stratified",
    "time_of",
]
