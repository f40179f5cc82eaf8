"""Levels as vectors: looked up, or mixed where they are soft."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from coursepkg.counts import check_counts
from coursepkg.rng import global_state_from


def soft_levels(x: Tensor, levels: int) -> Tensor:
    """Levels (..., D) as one-hot vectors (..., D, K); what is real already passes as it is.

    Weights of the K levels in place of one level: an input that a gradient can move.
    """
    return x if x.is_floating_point() else one_hot(x, levels).to(torch.get_default_dtype())


class LevelEmbedding(nn.Embedding):
    """A vector for each level, (..., D) -> (..., D, C); soft levels (..., D, K) mix the vectors.

    Levels are ordered: the first channel starts as the grey level, from -1 to 1.

    Args:
        levels: number of levels K.
        channels: size C of a vector.
        generator: draws the initial vectors.
    """

    def __init__(self, levels: int, channels: int, *, generator: Generator) -> None:
        check_counts(levels=levels, channels=channels)
        with global_state_from(generator):
            super().__init__(levels, channels)
        with torch.no_grad():
            self.weight.mul_(0.3)[:, 0] = torch.linspace(-1, 1, levels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (..., D), or soft ones (..., D, K), to (..., D, C)."""
        return x @ self.weight if x.is_floating_point() else super().forward(x)
