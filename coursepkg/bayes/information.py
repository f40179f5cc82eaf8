"""Entropy, cross-entropy and KL divergence of distributions on a finite set, and a code.

Distributions lie along the last axis; other axes broadcast. All quantities are in nats, only
`huffman` deals in bits because its letters are 0 and 1.
"""

import heapq
import math

import numpy as np
import torch
from torch import Tensor

from coursepkg.counts import check_counts
from coursepkg.divergences import divergence_terms
from coursepkg.validate import check_levels, check_tensor


def entropy(p: Tensor) -> Tensor:
    """H(p) = -Σ p log p with 0 log 0 = 0; (..., K) -> (...), nats."""
    return cross_entropy(p, p)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """H(p, q) = -Σ p log q: mean surprise of q at draws from p; (..., K) -> (...), nats.

    Infinite where q rules out what p allows.   Source: :eq:`kl-cross-entropy`.
    """
    _check_probs(p=p, q=q)
    return 0.0 - torch.xlogy(p, q).sum(-1)  # minus 0 would be -0


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) = Σ p log(p / q) >= 0; (..., K) -> (...), nats.

    Not a distance: it is not symmetric, and infinite where q rules out what p allows. Summed from
    terms >= 0, as H(p, q) - H(p) would cancel where p and q nearly agree.
    Source: :eq:`kl-cross-entropy`.
    """
    _check_probs(p=p, q=q)
    return divergence_terms(p.double(), q.double()).sum(-1).to(torch.result_type(p, q))


def histogram(x: Tensor, *, levels: int) -> Tensor:
    """The empirical distribution p̂ of the integers 0..levels-1 in x; (...) -> (levels,)."""
    check_counts(levels=levels)
    check_levels(x, levels=levels)
    return torch.bincount(x.flatten(), minlength=levels) / x.numel()


def huffman(p: Tensor) -> list[str]:
    """A binary prefix code of least mean length for symbols drawn from p.

    Repeatedly joins the two least probable groups of symbols; the joint gives one more bit to each
    symbol below it.   Source: :eq:`code-length-bounds`.

    Args:
        p: probabilities (K,), K >= 2.

    Returns:
        K code words of '0' and '1', none the beginning of another.
    """
    _check_probs(p=p)
    if p.ndim != 1 or len(p) < 2:
        raise ValueError(f"p: expected shape (K,) with K >= 2, got {tuple(p.shape)}")
    words = [""] * len(p)
    # the second entry breaks ties by age, so that the code is the same everywhere
    groups = [(mass, i, [i]) for i, mass in enumerate(p.tolist())]
    heapq.heapify(groups)
    while len(groups) > 1:
        (mass0, _, group0), (mass1, age, group1) = heapq.heappop(groups), heapq.heappop(groups)
        for bit, group in (("0", group0), ("1", group1)):
            for i in group:
                words[i] = bit + words[i]
        heapq.heappush(groups, (mass0 + mass1, age + len(p), group0 + group1))
    return words


def kraft_sum(words: list[str]) -> float:
    """Σ 2^-length, the part of all bit strings that the code uses up.   Source: :eq:`kraft`."""
    if isinstance(words, str):
        raise TypeError(f"words: expected a list of code words, got the string {words!r:.60}")
    return math.fsum(2.0 ** -len(word) for word in words)


def _check_probs(**probs: Tensor) -> None:
    for name, p in probs.items():
        check_tensor(p, name)
        if not p.is_floating_point() or p.ndim == 0 or not (p >= 0).all():
            raise ValueError(f"{name}: expected probabilities >= 0 along the last axis, got {p}")
        if not torch.allclose(p.sum(-1), torch.ones((), dtype=p.dtype), atol=1e-5):
            raise ValueError(f"{name}: expected probabilities that sum to 1, got {p.sum(-1)}")
    if len({p.shape[-1] for p in probs.values()}) > 1:
        shapes = ", ".join(str(tuple(p.shape)) for p in probs.values())
        raise ValueError(f"p, q: expected distributions on one set, got shapes {shapes}")
    try:
        np.broadcast_shapes(*(p.shape for p in probs.values()))
    except ValueError:
        shapes = ", ".join(str(tuple(p.shape)) for p in probs.values())
        raise ValueError(f"p, q: expected rows that broadcast, got shapes {shapes}") from None
