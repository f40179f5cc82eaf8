"""Causal convolutions: a position sees those before it, and a strict one not even itself."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_integer_lists, check_integers, check_share
from coursepkg.rng import global_state_from


class CausalConv1d(nn.Module):
    r"""Convolution over the past, zeros before the start.

    Strict: :math:`h_d = b + \sum_{l=1}^{L} w_l x_{d-l}`. Source: :eq:`causal-convolution`.
    Otherwise the sum runs over l = 0..L-1, so that h_d sees x_d too: right after a strict layer,
    wrong on the data. `conv.weight[:, :, -l]` is the strict layer's w_l.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        window: window length L >= 1.
        strict: whether h_d excludes x_d.
        generator: draws the initial weights.
    """

    def __init__(
        self, inputs: int, outputs: int, window: int, *, strict: bool, generator: Generator
    ) -> None:
        check_counts(inputs=inputs, outputs=outputs)
        check_integers(window=window)
        super().__init__()
        if window < 1:
            raise ValueError(f"window: expected a length >= 1, got {window}")
        self.padding = (window, -1) if strict else (window - 1, 0)
        with global_state_from(generator):
            self.conv = nn.Conv1d(inputs, outputs, window)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, C, D) to (B, C', D)."""
        h: Tensor = self.conv(pad(x, self.padding))
        return h


class CausalCNN(nn.Module):
    """Logits of x_d from the pixels before it that a stack of causal convolutions can see.

    Levels are embedded; one strict convolution over the last `window` pixels of the raster removes
    the present, and residual blocks (norm, ReLU, dropout, convolution) follow, which may look at
    the position itself. Since pixels at different places have different statistics, each position
    has its own bias in the features and in the logits.

    Args:
        dim: number of positions D.
        levels: number of levels K.
        embedding: channels of an embedded level.
        channels: channels of the features.
        window: how many pixels of the past the first layer sees.
        blocks: windows of the residual convolutions, one entry a block.
        dropout: probability that a feature is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, dim: int, levels: int, embedding: int, channels: int, window: int,
        blocks: Sequence[int], dropout: float, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(blocks=blocks)
        check_counts(dim=dim, levels=levels, embedding=embedding, channels=channels)
        check_integers(window=window)
        check_share(dropout=dropout)
        super().__init__()
        self.first = CausalConv1d(embedding, channels, window, strict=True, generator=generator)
        self.blocks = nn.ModuleList(
            CausalBlock(channels, size, dropout, generator=generator) for size in blocks
        )
        self.place = nn.Parameter(torch.zeros(channels, dim))
        self.bias = nn.Parameter(torch.zeros(dim, levels))
        with global_state_from(generator):
            self.embed = nn.Embedding(levels, embedding)
            self.head = nn.Linear(channels, levels)
        with torch.no_grad():  # levels are ordered: the first channel starts as the grey level
            self.embed.weight.mul_(0.3)[:, 0] = torch.linspace(-1, 1, levels)
        self.last = nn.Sequential(nn.LayerNorm(channels), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D) to logits (B, D, K)."""
        features = self.first(self.embed(x).mT) + self.place  # (B, C, D)
        for block in self.blocks:
            features = features + block(features)
        logits: Tensor = self.head(self.last(features.mT)) + self.bias
        return logits

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes the untrained network say log_p, (D, K), whatever the past: a start that is known.

        With the log-frequencies of each pixel, training begins at the independent model.
        """
        self.bias.copy_(log_p)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)


class CausalBlock(nn.Module):
    """Norm over channels, ReLU, dropout, causal convolution: the branch of a residual block.

    Args:
        channels: channels C in and out.
        window: window of the convolution, the present included.
        dropout: probability that a feature is dropped.
        generator: draws the initial weights.
    """

    def __init__(self, channels: int, window: int, dropout: float, *, generator: Generator) -> None:
        check_counts(channels=channels)
        check_integers(window=window)
        check_share(dropout=dropout)
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(channels), nn.Dropout(dropout)
        self.conv = CausalConv1d(channels, channels, window, strict=False, generator=generator)

    def forward(self, features: Tensor) -> Tensor:
        """Maps (B, C, D) to (B, C, D)."""
        branch: Tensor = self.conv(self.dropout(self.norm(features.mT).relu()).mT)
        return branch
