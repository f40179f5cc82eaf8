"""Maximum mean discrepancy: two laws are as far apart as the means of a rich set of functions.

With the Gaussian kernel k(x, y) = exp(-‖x - y‖² / (2 h²)), MMD² = E k(x, x') - 2 E k(x, y) +
E k(y, y') for independent x, x' of one law and y, y' of the other; it is 0 only if the laws are
equal. Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012.
"""

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers
from coursepkg.evaluation.samples.checks import check_pair, distances
from coursepkg.validate import check_positive


def median_bandwidth(x: Tensor) -> float:
    """h: the median distance of two different rows of x, (N, D): a habit, and no optimum.

    Raises:
        ValueError: if there are fewer than two rows, or at least half of the pairs coincide.
    """
    check_pair(x, x, least=2)
    distance = torch.pdist(x.double()).median().item()
    if distance == 0:
        raise ValueError("x: expected rows whose median distance is above 0, got 0")
    return distance


def mmd_squared(x: Tensor, y: Tensor, *, bandwidth: float) -> float:
    """The unbiased estimate of MMD², which may be below 0: no row is compared with itself.

    Known failure: it sees differences of about the size of the bandwidth. Details much finer or
    trends much wider than h cost next to nothing, and in many dimensions all distances are alike.
    Compare values at one bandwidth only.

    Args:
        x: rows of one law, (M, D), M >= 2.
        y: rows of the other, (N, D), N >= 2.
        bandwidth: h > 0, in units of x; `median_bandwidth` of the data, say.

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, an entry is not finite, or h is not above 0.
    """
    check_pair(x, y, least=2)
    k = _kernel(torch.cat([x, y]), bandwidth)
    first = torch.arange(len(k), device=k.device) < len(x)
    return _estimate(k, first).item()


def permutation_test(
    x: Tensor, y: Tensor, *, bandwidth: float, permutations: int = 200, generator: Generator
) -> tuple[float, float]:
    """MMD² and its p-value: how often a random division of all rows does as badly, itself included.

    If all rows are independent and of one law, P(p <= a) <= a for every a, whatever the
    kernel, if it was chosen without asking which row is of which law.

    Args:
        x: rows of one law, (M, D), M >= 2.
        y: rows of the other, (N, D), N >= 2.
        bandwidth: h > 0.
        permutations: how many divisions R; p is at least 1 / (R + 1).
        generator: draws them, on the CPU.

    Returns:
        The unbiased MMD², and p = (1 + number of divisions with at least as much) / (R + 1).

    Raises:
        TypeError: as `mmd_squared`.
        ValueError: as `mmd_squared`, or if there is no permutation.
    """
    check_generator(generator)
    check_pair(x, y, least=2)
    check_integers(permutations=permutations)
    if permutations < 1:
        raise ValueError(f"permutations: expected at least 1, got {permutations}")
    k = _kernel(torch.cat([x, y]), bandwidth)
    found = _estimate(k, torch.arange(len(k), device=k.device) < len(x))
    others = [
        _estimate(k, (torch.randperm(len(k), generator=generator) < len(x)).to(k.device))
        for _ in range(permutations)
    ]
    as_bad = int((torch.stack(others) >= found).sum())
    return found.item(), (1 + as_bad) / (permutations + 1)


def _kernel(rows: Tensor, bandwidth: float) -> Tensor:
    """k of all pairs, (N, N)."""
    check_positive(bandwidth=bandwidth)
    return (-(distances(rows, rows) / bandwidth).square() / 2).exp()


def _estimate(k: Tensor, first: Tensor) -> Tensor:
    """The unbiased MMD² of the rows in `first`, bool (N,), and the others, from kernel values."""
    w = first.to(k)
    m = w.sum()
    n = len(k) - m
    ones = w @ k @ w - (w * k.diagonal()).sum()
    u = 1 - w
    twos = u @ k @ u - (u * k.diagonal()).sum()
    return ones / (m * (m - 1)) - 2 * (w @ k @ u) / (m * n) + twos / (n * (n - 1))
