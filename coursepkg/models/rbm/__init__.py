"""Restricted Boltzmann machines: the models, how they learn, and the lecture's small interface."""

from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.completion import complete, completion_log_prob, completion_probs
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.models.rbm.harmonium import Harmonium, Statistics
from coursepkg.models.rbm.learning import (
    ContrastiveDivergence,
    Enumeration,
    Epoch,
    Negative,
    PersistentChains,
    centred,
    gradient,
    reconstruction_error,
    train,
)
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.models.rbm.spins import SpinRBM

__all__ = [
    "RBM",
    "BlockGibbs",
    "ContrastiveDivergence",
    "Enumeration",
    "Epoch",
    "GaussianRBM",
    "Harmonium",
    "Negative",
    "PersistentChains",
    "RBMPath",
    "SpinRBM",
    "Statistics",
    "centred",
    "complete",
    "completion_log_prob",
    "completion_probs",
    "gradient",
    "marginal_rates",
    "reconstruction_error",
    "train",
]
