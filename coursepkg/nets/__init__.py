"""Building blocks without likelihoods."""

from coursepkg.nets.conv import CausalBlock, CausalCNN, CausalConv1d
from coursepkg.nets.mlp import MLP, WindowMLP

__all__ = [
    "MLP",
    "CausalBlock",
    "CausalCNN",
    "CausalConv1d",
    "WindowMLP",
]
