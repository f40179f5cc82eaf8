"""Decoding: maps from the law of the next symbol to the law that is drawn from.

Each takes log-probabilities (..., K) and gives log-probabilities (..., K), so that what it does to
the law can be computed, and two of them can follow one another.
"""

import math

import torch
from torch import Tensor

from coursepkg.counts import check_numbers
from coursepkg.validate import check_positive


def most_likely(log_p: Tensor) -> Tensor:
    """Greedy: the most likely symbol, the first of equals, is certain, (..., K) -> (..., K).

    Raises:
        TypeError: if log_p is no floating-point tensor.
        ValueError: if they are no log-probabilities.
    """
    return top_k(log_p, k=1)


def temper(log_p: Tensor, *, temperature: float) -> Tensor:
    r"""Probabilities to the power 1/temperature: below 1 sharper, above 1 flatter.

    :math:`q \propto p^{1/\tau}`, of all laws the one with the largest
    :math:`E_q \log p + \tau H(q)`. Source: :eq:`temperature-law`.

    Args:
        log_p: (..., K), nats.
        temperature: τ > 0; towards 0 it is greedy.

    Raises:
        TypeError: if log_p is no floating-point tensor.
        ValueError: if they are no log-probabilities, or the temperature is not above 0.
    """
    check_log_probs(log_p)
    check_positive(temperature=temperature)
    at = log_p.double()
    behind = at - at.amax(-1, keepdim=True)  # 0 at the best, whatever it is divided by
    return (behind / temperature).log_softmax(-1).to(log_p)


def top_k(log_p: Tensor, *, k: int) -> Tensor:
    """The k most likely symbols, the first of equals, and no other: (..., K) -> (..., K).

    Raises:
        TypeError: if log_p is no floating-point tensor.
        ValueError: if they are no log-probabilities, or k is no whole number above 0.
    """
    check_log_probs(log_p)
    check_numbers(k=k)
    if k < 1 or k % 1:
        raise ValueError(f"k: expected a whole number >= 1, got {k}")
    order = log_p.argsort(dim=-1, descending=True, stable=True)
    kept = torch.arange(log_p.shape[-1], device=log_p.device) < k
    return _only(log_p, order, kept.expand_as(order))


def nucleus(log_p: Tensor, *, p: float) -> Tensor:
    """Top-p: the fewest symbols, the likeliest first, that have probability p together, no other.

    A symbol is kept if those that are more likely have less than p; what is less by rounding alone
    is p. Source: :eq:`nucleus`; Holtzman et al., *The curious case of neural text degeneration*
    (2020), section 3.1.

    Args:
        log_p: (..., K), nats.
        p: in (0, 1]; 1 keeps all.

    Raises:
        TypeError: if log_p is no floating-point tensor.
        ValueError: if they are no log-probabilities, or p is outside (0, 1].
    """
    check_log_probs(log_p)
    check_numbers(p=p)
    if not 0 < p <= 1:
        raise ValueError(f"p: expected a probability in (0, 1], got {p}")
    order = log_p.argsort(dim=-1, descending=True, stable=True)
    ranked = log_p.double().gather(-1, order).exp()
    onwards = ranked.flip(-1).cumsum(-1).flip(-1)  # summed from the rare end: 1 - p may be small
    kept = (onwards > (1 - p) * (1 + 1e-6)) | (p == 1)
    kept[..., 0] = True
    return _only(log_p, order, kept)


def check_log_probs(log_p: Tensor) -> None:
    """Checks that the last axis holds the logarithms of a law.

    Raises:
        TypeError: if log_p is no floating-point tensor.
        ValueError: if they do not sum to 1, or are NaN.
    """
    if not isinstance(log_p, Tensor):
        raise TypeError(f"log_p: expected a floating-point tensor, got {type(log_p).__name__}")
    if not log_p.is_floating_point():
        raise TypeError(f"log_p: expected a floating-point tensor, got dtype {log_p.dtype}")
    if log_p.ndim == 0 or log_p.numel() == 0:
        raise ValueError(f"log_p: expected at least one law, got shape {tuple(log_p.shape)}")
    off = log_p.double().logsumexp(-1).abs().max().item()
    if not off < 1e-3:
        raise ValueError(
            f"log_p: expected logarithms of probabilities that sum to 1, got a sum of "
            f"exp({off:.3g}) or its inverse; scores become that by log_softmax(-1)"
        )


def _only(log_p: Tensor, order: Tensor, kept: Tensor) -> Tensor:
    """The law given that the symbol is one of those kept, which are marked in `order`."""
    mask = torch.zeros_like(kept).scatter(-1, order, kept)
    return log_p.masked_fill(~mask, -math.inf).log_softmax(-1)
