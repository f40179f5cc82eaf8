"""Networks that know two times: average velocities."""

import math

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts
from coursepkg.nets.residual import ResidualMLP


class SpanMLP(nn.Module):
    """A `TimedMLP` of two times: of x at time t, and of how far ahead r is.

    Args:
        dim: size D of x and of the result.
        hidden: width of the features.
        blocks: number of residual blocks.
        frequencies: how many sines of t, and of r - t, and as many cosines.
        generator: draws the initial weights.
    """

    def __init__(
        self, dim: int, *, hidden: int, blocks: int, frequencies: int = 4, generator: Generator
    ) -> None:
        check_counts(dim=dim, hidden=hidden, blocks=blocks, frequencies=frequencies)
        super().__init__()
        self.frequencies = frequencies
        self.net = ResidualMLP(
            dim + 4 * frequencies, dim, hidden=hidden, blocks=blocks, generator=generator
        )

    def forward(self, x: Tensor, t: Tensor, r: Tensor) -> Tensor:
        """Maps x (B, D) and times t, r (B,) in [0, 1] to (B, D)."""
        both = torch.stack([t, r - t], dim=1)[..., None]  # (B, 2, 1)
        angle = (math.pi * both * torch.arange(1, self.frequencies + 1).to(t)).flatten(1)
        result: Tensor = self.net(torch.cat([x, angle.sin(), angle.cos()], dim=1))
        return result
