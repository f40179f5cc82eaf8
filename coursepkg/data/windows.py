"""Sliding windows of a sequence, and what comes next in each: views, so that no entry is copied."""

from typing import NamedTuple

from torch import Tensor

from coursepkg.counts import check_integers
from coursepkg.validate import check_tensor


class Pairs(NamedTuple):
    """What a model reads, and beside each entry the one that follows it."""

    inputs: Tensor  # (N, length, *event)
    targets: Tensor  # (N, length, *event)


def sliding_windows(x: Tensor, length: int, *, stride: int = 1) -> Tensor:
    """All windows of `length` entries that begin at 0, `stride`, 2 `stride`, … and fit.

    The windows overlap in memory and are `x` itself: read them, or clone before writing.

    Args:
        x: sequence of T entries, ``(T, *event)``.
        length: entries a window.
        stride: entries from the start of one window to the start of the next.

    Returns:
        A view ``(N, length, *event)`` with N = (T - length) // stride + 1.

    Raises:
        TypeError: if x is not a tensor.
        ValueError: if length or stride is below 1, or no window fits.
    """
    check_tensor(x)
    check_integers(length=length, stride=stride)
    if length < 1 or stride < 1:
        raise ValueError(f"length, stride: expected 1 or more, got {length} and {stride}")
    if x.ndim == 0 or len(x) < length:
        raise ValueError(f"x: expected {length} or more entries in a row, got {tuple(x.shape)}")
    return x.unfold(0, length, stride).movedim(-1, 1)


def next_token_pairs(x: Tensor, length: int, *, stride: int | None = None) -> Pairs:
    """Windows, and the same windows one entry later: ``targets[n, t]`` follows ``inputs[n, t]``.

    Args:
        x: sequence of T entries, ``(T, *event)``, T > length.
        length: entries a window.
        stride: as in `sliding_windows`; `length` when left out: then no target comes twice.

    Raises:
        TypeError: if x is not a tensor.
        ValueError: if length or stride is below 1, or no window fits.
    """
    stride = length if stride is None else stride
    check_integers(length=length)
    if length < 1:
        raise ValueError(f"length: expected 1 or more, got {length}")
    both = sliding_windows(x, length + 1, stride=stride)
    return Pairs(both[:, :-1], both[:, 1:])
