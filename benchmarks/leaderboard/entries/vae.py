"""Variational autoencoders of the digits: bounds with one weight and with 512."""

from torch import Generator, nn

from benchmarks.leaderboard.board import DIGITS, Entry, learned_inside
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.pixelcnn import distorted
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split
from coursepkg.evaluation import ImportanceBound
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.losses import WarmUp
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets.residual import ResidualMLP
