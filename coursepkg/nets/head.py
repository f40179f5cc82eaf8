"""Logits of ordered levels from few numbers a pixel."""

import math

import torch
from torch import Tensor, nn

from coursepkg.counts import check_integers


class LevelHead(nn.Module):
    r"""Logits as mixtures of curves over the levels: logit_dk = b_dk + Σ_c h_dc e_ck.

    The C curves e_c are learned and shared by all pixels, so that what is learned of one level says
    something of those beside it. They start as cosines, the slowest first; the bias starts at 0.

    Args:
        dim: number of pixels D.
        levels: number of levels K >= 2.
        channels: numbers a pixel, C.

    Raises:
        ValueError: if a size is impossible.
    """

    def __init__(self, *, dim: int, levels: int, channels: int) -> None:
        check_integers(dim=dim, levels=levels, channels=channels)
        super().__init__()
        if dim < 1 or levels < 2 or channels < 1:
            raise ValueError(
                "expected dim >= 1, levels >= 2 and channels >= 1, got "
                f"{dim}, {levels} and {channels}"
            )
        self.dim, self.channels = dim, channels
        c, k = torch.arange(1, channels + 1)[:, None], torch.arange(levels) + 0.5
        self.curves = nn.Parameter(torch.cos(math.pi * c * k / levels))
        self.bias = nn.Parameter(torch.zeros(dim, levels))

    def forward(self, h: Tensor) -> Tensor:
        """Maps (B, D C), pixel by pixel, to logits (B, D K)."""
        logits = h.view(len(h), self.dim, self.channels) @ self.curves + self.bias
        return logits.flatten(1)

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes h = 0 say log_p, (D, K): with log-frequencies, the independent model."""
        self.bias.copy_(log_p)
