"""The transformer, whole: embedding, positions, layers, and the scores of the next symbol."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_integers, check_share
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.nets.attention import MultiHead, Past, Rotary, causal_attention
from coursepkg.nets.mlp import perceptron
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_positive


class LectureLayer(nn.Module):
    """A layer as first written down: attention of one head and a perceptron, each added to x.

    a_t = Att(Q(x_t), K(x_s), V(x_s); s ≤ t) + x_t, then z_t = O(a_t) + a_t. Source:
    :eq:`transformer-layer`.

    Args:
        width: features D.
        generator: draws the initial weights.
    """

    def __init__(self, width: int, *, generator: Generator) -> None:
        check_counts(width=width)
        super().__init__()
        with global_state_from(generator):
            self.Q, self.K, self.V = (nn.Linear(width, width) for _ in range(3))
        self.O = perceptron(width, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        a = causal_attention(self.Q(x), self.K(x), self.V(x)) + x
        z: Tensor = self.O(a) + a
        return z


class PreNormLayer(nn.Module):
    """Each branch reads a normed copy; what runs from layer to layer is only ever added to.

    Source: :eq:`pre-norm`; the layer of GPT-2.

    Args:
        width: features D.
        heads: number of heads, a divisor of D.
        rotary: turns queries and keys.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, width: int, *, heads: int, rotary: Rotary | None = None, dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_counts(width=width, heads=heads)
        check_share(dropout=dropout)
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = MultiHead(width, heads=heads, rotary=rotary, generator=generator)
        self.mlp = perceptron(width, generator=generator)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        x = x + self.dropout(self.attend(self.norm1(x)))
        z: Tensor = x + self.dropout(self.mlp(self.norm2(x)))
        return z

    def weights(self, x: Tensor) -> Tensor:
        """What each head attends to, (B, T, D) -> (B, heads, T, T)."""
        return self.attend.weights(self.norm1(x))

    def step(self, x: Tensor, past: Past) -> Tensor:
        """One more place, (B, D) -> (B, D); `past` grows."""
        x = x + self.attend.step(self.norm1(x), past)
        z: Tensor = x + self.mlp(self.norm2(x))
        return z


class PostNormLayer(nn.Module):
    """The layer of 2017: the norm stands on the sum, and so on the path from layer to layer.

    Source: :eq:`post-norm`; Vaswani et al., *Attention is all you need* (2017), section 3.1.

    Args:
        width: features D.
        heads: number of heads, a divisor of D.
        generator: draws the initial weights.
    """

    def __init__(self, width: int, *, heads: int, generator: Generator) -> None:
        check_counts(width=width, heads=heads)
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = MultiHead(width, heads=heads, generator=generator)
        self.mlp = perceptron(width, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        x = self.norm1(x + self.attend(x))
        z: Tensor = self.norm2(x + self.mlp(x))
        return z

    def weights(self, x: Tensor) -> Tensor:
        """What each head attends to, (B, T, D) -> (B, heads, T, T)."""
        return self.attend.weights(x)


class LearntPositions(nn.Module):
    """A vector for each place, learnt like that of a symbol.

    Args:
        context: places T.
        width: features D.
        generator: draws the initial vectors.
    """

    def __init__(self, context: int, width: int, *, generator: Generator) -> None:
        check_counts(context=context, width=width)
        super().__init__()
        with global_state_from(generator):
            self.table = nn.Parameter(0.02 * torch.randn(context, width))

    def forward(self, x: Tensor) -> Tensor:
        """Adds to (B, T, D) the vectors of the first T places."""
        return x + first_places(self.table, x)


class SinusoidalPositions(nn.Module):
    r"""Clocks of many speeds: sin and cos of t ω_i in features 2i and 2i + 1, ω_i = 10000^(-2i/D).

    Source: :eq:`sinusoidal`; Vaswani et al. (2017), section 3.5.

    Args:
        context: places T.
        width: features D, even.

    Raises:
        ValueError: if the width is odd.
    """

    def __init__(self, context: int, width: int) -> None:
        check_counts(context=context)
        check_integers(width=width)
        super().__init__()
        if width % 2:
            raise ValueError(f"width: expected an even number of features, got {width}")
        omega = 10_000.0 ** (-torch.arange(0, width, 2) / width)
        angle = torch.arange(context)[:, None] * omega
        table = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Adds to (B, T, D) the clocks of the first T places."""
        return x + first_places(self.get_buffer("table"), x)


def first_places(table: Tensor, x: Tensor) -> Tensor:
    """The first rows of a table (C, D) for T places x, (B, T, D) -> (T, D); never fewer."""
    if x.shape[1] > len(table):
        raise ValueError(f"x: expected at most {len(table)} places, the context, got {x.shape[1]}")
    return table[: x.shape[1]]


class Transformer(nn.Module):
    r"""Scores of the next symbol after every prefix: :math:`\langle e(y), enc(y_{\le t}) \rangle`.

    Symbols become vectors e, places are told, L layers mix what came before, F (a norm) makes the
    encoding, and its inner products with all e are the scores. Source: :eq:`transformer-block`,
    :eq:`lm-softmax` with β = 1.

    Args:
        layers: L of them, each (B, T, D) -> (B, T, D), causal.
        symbols: number of symbols K.
        context: longest sequence T.
        width: features D.
        positions: adds the places to (B, T, D); None for layers that know them, or need not.
        spread: standard deviation of the embeddings at the start; that of GPT-2 if not given.
        generator: draws the embeddings.

    Raises:
        ValueError: if a size is impossible.
    """

    def __init__(
        self, layers: Sequence[nn.Module], *, symbols: int, context: int, width: int,
        positions: nn.Module | None = None, spread: float = 0.02, generator: Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        check_counts(symbols=symbols, context=context, width=width)
        check_positive(spread=spread)
        self.symbols, self.context = symbols, context
        with global_state_from(generator):
            self.embed = nn.Embedding(symbols, width)
            nn.init.normal_(self.embed.weight, std=spread)
        self.positions = nn.Identity() if positions is None else positions
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)

    def encode(self, y: Tensor) -> Tensor:
        """enc(y_{≤t}) for every t, (B, T) -> (B, T, D).

        Raises:
            TypeError: if y are no whole numbers.
            ValueError: if there is no symbol, an unknown one, or more than the context.
        """
        self._check(y)
        x = self.positions(self.embed(y))
        for layer in self.layers:
            x = layer(x)
        encoding: Tensor = self.norm(x)
        return encoding

    def forward(self, y: Tensor) -> Tensor:
        """Maps symbols (B, T) to scores of the symbol that follows each, (B, T, K)."""
        return self.encode(y) @ self.embed.weight.T

    @torch.no_grad()
    def attention(self, y: Tensor) -> list[Tensor]:
        """What the heads of each layer attend to, in eval mode: L times (B, heads, T, T).

        For layers that say it by a method `weights`. Raises as `encode` does.
        """
        self._check(y)
        with eval_mode(self):
            x, found = self.positions(self.embed(y)), []
            for layer in self.layers:
                found.append(layer.weights(x))  # type: ignore[operator]
                x = layer(x)
        return found

    def _check(self, y: Tensor) -> None:
        shape = tuple(getattr(y, "shape", ()))
        if len(shape) != 2 or not 1 <= shape[1] <= self.context:
            raise ValueError(
                f"y: expected shape (B, T) with 1 <= T <= {self.context}, the context, got {shape}"
            )
        check_levels(y, levels=self.symbols)


class Causal(nn.Module):
    """A transformer as the network of an `ARM`: a start symbol in front, so scores d read x_{<d}.

    Args:
        net: of K + 1 symbols, the last of which starts; its context is at least D.
    """

    def __init__(self, net: Transformer) -> None:
        super().__init__()
        self.net, self.levels = net, net.symbols - 1

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D) to logits (B, D, K)."""
        start = torch.full_like(x[:, :1], self.levels)
        scores: Tensor = self.net(torch.cat([start, x[:, :-1]], dim=1))
        return scores[..., : self.levels]


def gpt(
    *, symbols: int, context: int, width: int, heads: int, depth: int, dropout: float = 0.0,
    generator: Generator,
) -> Transformer:  # fmt: skip
    """GPT-2's transformer at any size: pre-norm layers and learnt positions."""
    layers = _stack(width, heads, depth, None, dropout, generator)
    positions = LearntPositions(context, width, generator=generator)
    return Transformer(layers, symbols=symbols, context=context, width=width, positions=positions,
                       generator=generator)  # fmt: skip


def rotary_transformer(
    *, symbols: int, context: int, width: int, heads: int, depth: int, dropout: float = 0.0,
    spread: float = 0.02, generator: Generator,
) -> Transformer:  # fmt: skip
    """`gpt` with queries and keys that turn, in place of learnt positions: :eq:`rotary`."""
    layers = _stack(width, heads, depth, Rotary(context, width // heads), dropout, generator)
    return Transformer(layers, symbols=symbols, context=context, width=width, spread=spread,
                       generator=generator)  # fmt: skip


def _stack(
    width: int, heads: int, depth: int, rotary: Rotary | None, dropout: float, generator: Generator
) -> list[PreNormLayer]:
    """Pre-norm layers, the last products of whose branches start smaller by √(2 depth).

    So the sum of 2 depth branches has one scale (Radford et al., 2019, section 2.3).
    """
    layers = [
        PreNormLayer(width, heads=heads, rotary=rotary, dropout=dropout, generator=generator)
        for _ in range(depth)
    ]
    with torch.no_grad():
        for layer in layers:
            layer.attend.out.weight.div_(math.sqrt(2 * depth))
            layer.mlp[-1].weight.div_(math.sqrt(2 * depth))  # type: ignore[operator]
    return layers
