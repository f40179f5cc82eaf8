"""Causal networks of real vectors: a masked perceptron, and a transformer over blocks."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from coursepkg.counts import check_counts, check_integer_lists, check_integers, check_share
from coursepkg.rng import global_state_from


class MaskedMLP(nn.Module):
    """A perceptron whose outputs d depend on the variables before d only, by masks on its weights.

    Unit k has degree m_k; an edge stands if the degree does not fall, and to an output d if it is
    below d. Germain, Gregor, Murray and Larochelle, *MADE* (2015), equations 12 and 13. The output
    starts at zero.

    Args:
        dim: number of variables D >= 2.
        size: outputs of each variable.
        hidden: widths of the hidden layers, at least one; all >= D - 1, or some variables would be
            seen by no output.
        generator: draws the initial weights.

    Raises:
        ValueError: if a number is impossible.
    """

    block = 1  # variables that are moved at once, for `AutoregressiveFlow`

    def __init__(self, dim: int, size: int, *, hidden: Sequence[int], generator: Generator) -> None:
        check_integer_lists(hidden=hidden)
        check_integers(dim=dim, size=size)
        super().__init__()
        if dim < 2 or size < 1 or not hidden or min(hidden) < dim - 1:
            raise ValueError(
                f"expected dim >= 2, size >= 1 and hidden widths >= dim - 1, got {dim}, {size}, "
                f"{list(hidden)}"
            )
        with global_state_from(generator):
            self.layers = nn.ModuleList(
                nn.Linear(*widths) for widths in pairwise([dim, *hidden, size * dim])
            )
        place = torch.arange(dim)
        degrees = [place, *(torch.arange(width) % (dim - 1) for width in hidden)]
        masks = [high[:, None] >= low for low, high in pairwise(degrees)]
        masks.append(place.repeat(size)[:, None] > degrees[-1])
        for n, mask in enumerate(masks):
            self.register_buffer(f"mask_{n}", mask, persistent=False)
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, D) to (B, size · D), the D of one output after those of the other."""
        for n, layer in enumerate(self.layers):
            x = silu(x) if n else x
            mask = getattr(self, f"mask_{n}")
            x = linear(x, layer.weight * mask, layer.bias)  # type: ignore[arg-type]
        return x


class CausalTransformer(nn.Module):
    """A transformer over blocks of variables; the outputs of a block depend on those before it.

    Blocks move up by one place, a learned start in front, so that attention to the present is to
    the block before. Pre-norm layers; the output starts at zero.

    Args:
        dim: number of variables D.
        size: outputs of each variable.
        block: variables in a block; divides D.
        width: features of a block, divisible by `heads`.
        layers: number of layers.
        heads: number of attention heads.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self, dim: int, size: int, *, block: int, width: int, layers: int, heads: int,
        dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_share(dropout=dropout)
        super().__init__()
        check_counts(dim=dim, size=size, block=block, width=width, layers=layers, heads=heads)
        if dim % block or width % heads:
            raise ValueError(
                f"block, heads: expected divisors of {dim} and {width}, got {block} and {heads}"
            )
        self.block, self.size = block, size
        with global_state_from(generator):
            self.embed = nn.Linear(block, width)
            self.place = nn.Parameter(0.1 * torch.randn(dim // block, width))
            self.layers = nn.ModuleList(
                CausalLayer(width, heads=heads, dropout=dropout) for _ in range(layers)
            )
            last = nn.Linear(width, size * block)
        self.last = nn.Sequential(nn.LayerNorm(width), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, D) to (B, size · D), the D of one output after those of the other."""
        blocks = self.embed(x.view(len(x), -1, self.block))
        before = torch.cat([torch.zeros_like(blocks[:, :1]), blocks[:, :-1]], dim=1)
        h = before + self.place
        for layer in self.layers:
            h = layer(h)
        theta: Tensor = self.last(h).unflatten(2, (self.size, self.block))
        return theta.transpose(1, 2).flatten(1)


class CausalLayer(nn.Module):
    """Attention to what came before, then a perceptron, each on a normed copy and added.

    Draws its weights from torch's global state: make it inside `global_state_from`.

    Args:
        width: features.
        heads: number of attention heads.
        dropout: probability that a feature of a branch is dropped.
    """

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        check_counts(width=width, heads=heads)
        check_share(dropout=dropout)
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(self, h: Tensor) -> Tensor:
        """Maps (B, T, width) to (B, T, width)."""
        parts = self.project(self.norm(h)).unflatten(2, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.dropout(self.out(seen.transpose(1, 2).flatten(2)))
        result: Tensor = h + self.mlp(h)
        return result
