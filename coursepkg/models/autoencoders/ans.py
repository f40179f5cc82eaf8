r"""Asymmetric numeral systems: a message is one whole number, and coding is division by shares.

A symbol k has :math:`f_k` of M slots, those from its edge :math:`e_k = f_0 + \dots + f_{k-1}` on.
Pushing it maps the number s to

.. math:: s' = M \lfloor s / f_k \rfloor + e_k + (s \bmod f_k),

so that s grows by the factor :math:`M / f_k`, the message by :math:`\log_2 M / f_k` bits; popping
inverts that, last in, first out. Source: Duda, "Asymmetric numeral systems" (2009), in the variant
with ranges of slots.
"""

import bisect
from collections.abc import Sequence

import torch
from torch import Tensor

from coursepkg.counts import check_counts, check_integers
from coursepkg.validate import check_floating


class Stack:
    """Symbols as one whole number: the last that was pushed is the first that is popped.

    Both ways are exact: each undoes the other, whatever the number is.

    Args:
        state: the number s >= 0 that stands at the start; a random one is a stock of random bits.

    Raises:
        ValueError: if it is negative.
    """

    def __init__(self, state: int = 1) -> None:
        check_integers(state=state)
        if state < 0:
            raise ValueError(f"state: expected a whole number >= 0, got {state}")
        self.state = state

    @property
    def bits(self) -> int:
        """Length of the number in binary digits."""
        return self.state.bit_length()

    def push(self, symbol: int, edges: Sequence[int]) -> None:
        """Adds a symbol: s becomes M ⌊s / f_k⌋ + e_k + (s mod f_k).

        Args:
            symbol: k, 0 <= k < n.
            edges: 0 = e_0 < e_1 < ... < e_n = M: symbol k has the slots from e_k to e_{k+1} - 1.

        Raises:
            ValueError: if there is no such symbol, or it has no slot.
        """
        check_integers(symbol=symbol)
        if not 0 <= symbol < len(edges) - 1:
            raise ValueError(f"symbol: expected 0 to {len(edges) - 2}, got {symbol}")
        start, count, total = edges[symbol], edges[symbol + 1] - edges[symbol], edges[-1]
        if count < 1:
            raise ValueError(f"edges: expected a slot for symbol {symbol}, got {count}")
        above, slot = divmod(self.state, count)
        self.state = above * total + start + slot

    def pop(self, edges: Sequence[int]) -> int:
        """Takes the last symbol off; of random bits it makes a draw, each k with share f_k / M.

        Raises:
            ValueError: if there is no symbol.
        """
        if len(edges) < 2 or edges[0] != 0 or edges[-1] < 1:
            raise ValueError(f"edges: expected 0 = e_0 < ... < e_n = M, got {list(edges[:5])}")
        above, slot = divmod(self.state, edges[-1])
        symbol = bisect.bisect_right(edges, slot) - 1
        start, count = edges[symbol], edges[symbol + 1] - edges[symbol]
        self.state = above * count + slot - start
        return symbol

    def to_bytes(self) -> bytes:
        """The number, highest byte first, in as few bytes as it needs."""
        return self.state.to_bytes((self.bits + 7) // 8, "big")

    @classmethod
    def from_bytes(cls, message: bytes) -> "Stack":
        """The stack that `to_bytes` wrote."""
        if not isinstance(message, bytes | bytearray):
            raise TypeError(f"message: expected bytes, got {type(message).__name__}")
        return cls(int.from_bytes(message, "big"))


def slots(p: Tensor, *, bits: int) -> Tensor:
    """Edges of n symbols among M = 2^bits slots, by their probabilities: every symbol has a slot.

    One slot a symbol is given away, the others follow p: f_k differs from its share of M - n by
    less than 1, plus that 1.

    Args:
        p: (..., n), sums to 1 over the last axis.
        bits: log2 M, at most 48: probabilities have 53 digits.

    Returns:
        0 = e_0 < e_1 < ... < e_n = M, (..., n + 1), int64.

    Raises:
        ValueError: if p are no probabilities, or M < n.
    """
    check_floating(p, "p")
    if not (
        p.ndim and p.isfinite().all() and (p >= 0).all() and ((p.sum(-1) - 1).abs() < 1e-4).all()
    ):
        raise ValueError(f"p: expected probabilities, got sums from {p.sum(-1).min().item():.6g}")
    cumulative = torch.nn.functional.pad(p.double().cumsum(-1), (1, 0))
    return slots_between(cumulative / cumulative[..., -1:], bits=bits)


def slots_between(cdf: Tensor, *, bits: int) -> Tensor:
    """The same by the distribution function at the n + 1 edges, from 0 to 1, (..., n + 1)."""
    check_counts(bits=bits)
    check_floating(cdf, "cdf")
    n = cdf.shape[-1] - 1
    if not n <= 2**bits <= 2**48:
        raise ValueError(f"bits: expected {n} slots or more, and at most 2^48, got 2^{bits}")
    ends = (cdf[..., 0] == 0) & (cdf[..., -1] == 1)
    if not ((cdf.diff(dim=-1) >= 0).all() and ends.all()):
        raise ValueError("cdf: expected values that rise from 0 to 1, got others")
    shared: Tensor = (cdf.double() * (2**bits - n)).floor().long()
    return shared + torch.arange(n + 1, device=cdf.device)
