"""Attention: a look-up in which every key answers, by how well it fits the question."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from coursepkg.counts import check_counts
from coursepkg.rng import global_state_from
from coursepkg.validate import check_positive

Past = list[Tensor]  # keys and values of what came before, each (B, heads, t, d)


def softmax_beta(scores: Tensor, *, beta: float) -> Tensor:
    r"""Probabilities from scores, (..., K) -> (..., K): :math:`\propto \exp(\beta \cdot score)`.

    Source: :eq:`lm-softmax`. β is an inverse temperature: near 0 all are equally likely, for large
    β the best is certain.

    Raises:
        ValueError: if β is not a finite number above 0.
    """
    check_positive(beta=beta)
    return (beta * scores.double()).softmax(-1).to(scores)  # a large β is no number in float32


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    r"""How much place t takes from place s ≤ t, (..., T, d) twice -> (..., T, T); rows sum to 1.

    :math:`\alpha_{ts} \propto \exp(q_t \cdot k_s / \sqrt d)` for s ≤ t, and 0 for s > t.
    Source: :eq:`attention`.

    Raises:
        ValueError: if the shapes differ.
    """
    if q.shape != k.shape:
        raise ValueError(f"k: expected the shape of q, {tuple(q.shape)}, got {tuple(k.shape)}")
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Mean of the values so far, by the weights: (..., T, d) three times -> (..., T, d).

    Source: :eq:`attention`. Stores all T² weights.
    """
    return attention_weights(q, k) @ v


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same by torch's kernel, which never stores the T² weights: block by block."""
    return scaled_dot_product_attention(q, k, v, is_causal=True)


def kernel_smoother(query: Tensor, keys: Tensor, values: Tensor, *, bandwidth: float) -> Tensor:
    r"""Nadaraya and Watson's regression at (Q, d), from keys (S, d) and values (S, V): (Q, V).

    :math:`\sum_s \kappa(q, k_s) v_s / \sum_s \kappa(q, k_s)` with
    :math:`\kappa(q, k) = \exp(-|q - k|^2 / 2 h^2)`. Source: :eq:`kernel-smoother`.

    Raises:
        ValueError: if the bandwidth h is not a finite number above 0.
    """
    check_positive(bandwidth=bandwidth)
    away = (query[:, None].double() - keys) / bandwidth
    return (-away.square().sum(-1) / 2).softmax(-1).to(values) @ values


class Rotary(nn.Module):
    """Turns pairs of features by angles that grow with the place: q · k then knows t - s alone.

    Pair i of place t is turned by t ω_i with ω_i = base^(-2i/d). Source: :eq:`rotary`, after Su et
    al., *RoFormer* (2021), equation 34; the pairs are halves apart, features i and i + d/2.

    Args:
        context: places T.
        size: features d of a head, even.
        base: about how many times slower than the first pair the last one turns.

    Raises:
        ValueError: if the size is odd, or a number not above 0.
    """

    def __init__(self, context: int, size: int, *, base: float = 10_000.0) -> None:
        super().__init__()
        check_counts(context=context, size=size)
        check_positive(base=base)
        if size % 2:
            raise ValueError(f"size: expected an even number of features a head, got {size}")
        omega = base ** (-torch.arange(0, size, 2) / size)
        angle = torch.arange(context)[:, None] * omega  # (T, d/2)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """Turns (..., T, d), whose first place is number `first`.

        Raises:
            ValueError: if a place is behind the context, or d another size.
        """
        cos, sin = self.get_buffer("cos"), self.get_buffer("sin")
        past, size = first + x.shape[-2], 2 * cos.shape[1]
        if past > len(cos) or x.shape[-1] != size:
            raise ValueError(
                f"x: expected at most {len(cos)} places, the context, of {size} features, "
                f"got {past} of {x.shape[-1]}"
            )
        cos, sin = cos[first:past], sin[first:past]
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class MultiHead(nn.Module):
    """Several attentions side by side, each on its own slice of the features.

    Source: :eq:`multi-head`. Cost O(T² D) for T places of D features.

    Args:
        width: features D.
        heads: number of heads, a divisor of D.
        rotary: turns queries and keys; None for attention that does not know its place.
        generator: draws the initial weights.

    Raises:
        ValueError: if the heads do not divide the features.
    """

    def __init__(
        self, width: int, *, heads: int, rotary: Rotary | None = None, generator: Generator
    ) -> None:
        super().__init__()
        check_counts(width=width, heads=heads)
        if width % heads:
            raise ValueError(f"heads: expected a divisor of the width {width}, got {heads}")
        self.heads, self.rotary = heads, rotary
        with global_state_from(generator):
            self.project = nn.Linear(width, 3 * width)  # Q, K and V in one product
            self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        return self._merged(fused_attention(*self.parts(x)))

    def weights(self, x: Tensor) -> Tensor:
        """What each head attends to, (B, T, D) -> (B, heads, T, T)."""
        q, k, _ = self.parts(x)
        return attention_weights(q, k)

    def step(self, x: Tensor, past: Past) -> Tensor:
        """One more place, (B, D) -> (B, D): `past`, empty at the start, grows by its key and value.

        Cost O(t D) for the keys and values, which are not computed again.
        """
        first = past[0].shape[2] if past else 0
        q, k, v = self.parts(x[:, None], first)
        past[:] = [torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)] if past else [k, v]
        return self._merged(scaled_dot_product_attention(q, past[0], past[1]))[:, 0]

    def parts(self, x: Tensor, first: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, T, d) with d = D / heads."""
        parts = self.project(x).unflatten(2, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if self.rotary is not None:
            q, k = self.rotary(q, first), self.rotary(k, first)
        return q, k, v

    def _merged(self, seen: Tensor) -> Tensor:
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out
