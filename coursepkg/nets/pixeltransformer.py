"""A transformer over pixels: every pixel is a token, its logits read the pixels before it."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_integer_lists, check_share, check_sizes
from coursepkg.nets.attention import Past
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.nets.transformer import PreNormLayer
from coursepkg.rng import global_state_from


class PixelTransformer(nn.Module):
    """Logits of every pixel from those before it in the raster, by attention.

    Tokens move up by one place, so that place d reads pixel d - 1; it is told its row and its
    column, and the condition. The head has a bias for each pixel. Pre-norm layers.

    Args:
        shape: rows and columns of the image.
        levels: number of levels K.
        width: features of a token.
        heads: number of heads, a divisor of the width.
        depth: number of layers.
        conditions: size of a condition; 0 for none.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int], *, levels: int, width: int, heads: int, depth: int,
        conditions: int = 0, dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(heads=heads)
        check_counts(levels=levels, width=width, depth=depth)
        check_sizes(conditions=conditions)
        check_share(dropout=dropout)
        super().__init__()
        dim = shape[0] * shape[1]
        self.embed = LevelEmbedding(levels, width, generator=generator)
        with global_state_from(generator):
            self.rows = nn.Parameter(0.1 * torch.randn(shape[0], 1, width))
            self.columns = nn.Parameter(0.1 * torch.randn(shape[1], width))
            self.head = nn.Linear(width, levels)
            self.given = nn.Linear(conditions, width, bias=False) if conditions else None
        self.layers = nn.ModuleList(
            PreNormLayer(width, heads=heads, dropout=dropout, generator=generator)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(dim, levels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K).

        Raises:
            ValueError: if there are not D pixels, or a condition came that nobody would hear.
        """
        if x.ndim < 2 or x.shape[1] != len(self.bias):
            raise ValueError(f"x: expected {len(self.bias)} pixels, got shape {tuple(x.shape)}")
        before = pad(self.embed(x)[:, :-1], (0, 0, 1, 0))
        h = self.dropout(before + self._place + self._told(condition)[:, None])
        for layer in self.layers:
            h = layer(h)
        logits: Tensor = self.head(self.norm(h)) + self.bias
        return logits

    def start(self, n: int, condition: Tensor | None = None) -> tuple[Tensor, list[Past]]:
        """The memory before the first pixel: what is told, and no keys and values yet."""
        return self._told(condition), [[] for _ in self.layers]

    def step(self, memory: tuple[Tensor, list[Past]], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), from x_{d-1} and the keys and values so far, which grow."""
        told, pasts = memory
        h = self.embed(x[:, d - 1]) * (d > 0) + self._place[d] + told
        for layer, past in zip(self.layers, pasts, strict=True):
            h = layer.step(h, past)  # type: ignore[operator]
        logits: Tensor = self.head(self.norm(h)) + self.bias[d]
        return logits

    @torch.no_grad()
    def start_from(self, log_p: Tensor) -> None:
        """Makes the untrained network say log_p, (D, K), whatever the past."""
        self.bias.copy_(log_p)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def _place(self) -> Tensor:
        return (self.rows + self.columns).flatten(0, 1)

    def _told(self, condition: Tensor | None) -> Tensor:
        """What the condition adds to every token, (B, width); nothing without one, or for 0."""
        if self.given is None and condition is not None:
            raise ValueError("condition: expected None, since the network has no conditions")
        if self.given is None or condition is None:
            return self.rows.new_zeros(1, 1)
        told: Tensor = self.given(condition)
        return told
