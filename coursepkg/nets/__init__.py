"""Building blocks without likelihoods."""

from coursepkg.nets.conv import CausalBlock, CausalCNN, CausalConv1d
from coursepkg.nets.masked import CausalLayer, CausalTransformer, MaskedMLP
from coursepkg.nets.mlp import MLP, WindowMLP
from coursepkg.nets.residual import ResidualCNN, ResidualMLP
from coursepkg.nets.timed import TimedMLP

__all__ = [
    "MLP",
    "CausalBlock",
    "CausalCNN",
    "CausalConv1d",
    "CausalLayer",
    "CausalTransformer",
    "MaskedMLP",
    "ResidualCNN",
    "ResidualMLP",
    "TimedMLP",
    "WindowMLP",
]
