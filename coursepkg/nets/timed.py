"""Networks that know the time: velocity fields, and later noise levels."""

import math

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_share
from coursepkg.nets.residual import ResidualMLP


class TimedMLP(nn.Module):
    """A `ResidualMLP` of x and of sines and cosines of t; it starts at zero.

    Args:
        dim: size D of x and of the result.
        hidden: width of the features.
        blocks: number of residual blocks.
        frequencies: how many sines of t, and as many cosines, with periods 2, 1, 2/3, ...
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, dim: int, *, hidden: int, blocks: int, frequencies: int = 4, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(dim=dim, hidden=hidden, blocks=blocks, frequencies=frequencies)
        check_share(dropout=dropout)
        super().__init__()
        self.frequencies = frequencies
        self.net = ResidualMLP(
            dim + 2 * frequencies, dim, hidden=hidden, blocks=blocks, dropout=dropout,
            generator=generator,
        )  # fmt: skip

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Maps x (B, D) and times (B,) in [0, 1] to (B, D)."""
        angle = math.pi * t[:, None] * torch.arange(1, self.frequencies + 1).to(t)
        result: Tensor = self.net(torch.cat([x, angle.sin(), angle.cos()], dim=1))
        return result
