"""Fidelity and variety apart: is a sample where data are, is a datum where samples are?

Each row of a set has a ball around it that reaches to its k-th neighbour in the same set. The union
of the balls stands for the support of the set's law.
"""

from typing import NamedTuple

from torch import Tensor

from coursepkg.counts import check_integers
from coursepkg.evaluation.samples.checks import check_pair, distances
from coursepkg.validate import ANY, check_real

NAMES = ("data", "samples")


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1]: of samples in the data's balls, and of data in the samples' balls."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many balls of data a sample lies in, over k; the share of data with a sample in theirs.

    Coverage is in [0, 1]; density may exceed 1.
    """

    density: float
    coverage: float


def neighbour_radii(x: Tensor, *, k: int) -> Tensor:
    """The distance of each row to its k-th nearest other row, (N, D) -> (N,).

    Raises:
        ValueError: unless 1 <= k < N.
    """
    check_integers(k=k)
    check_real(x, event=(ANY,))
    if not 1 <= k < len(x):
        raise ValueError(f"k: expected 1 <= k < {len(x)}, the number of rows, got {k}")
    return distances(x, x).kthvalue(k + 1, dim=1).values  # the nearest row of all is itself


def precision_recall(data: Tensor, samples: Tensor, *, k: int = 3) -> PrecisionRecall:
    """Shares of samples among the data and of data among the samples.

    Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019.

    Known failure: one outlier has a huge ball, so that much counts as covered which is not; two
    samples of one law do not score 1; values depend on k and on both sizes. Samples that repeat the
    training data score best.

    Args:
        data: rows of the data, (M, D), M > k.
        samples: rows of the model, (N, D), N > k.
        k: which neighbour bounds a ball.

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, an entry is not finite, or k is out of range.
    """
    check_pair(data, samples, names=NAMES)
    apart = distances(data, samples)
    of_data = apart <= neighbour_radii(data, k=k)[:, None]  # sample n in the ball of datum m
    of_samples = apart <= neighbour_radii(samples, k=k)
    return PrecisionRecall(
        of_data.any(0).double().mean().item(), of_samples.any(1).double().mean().item()
    )


def density_coverage(data: Tensor, samples: Tensor, *, k: int = 5) -> DensityCoverage:
    """Balls around data only, counted, so that an outlier among the samples makes no ball.

    Source: Naeem, Oh, Uh, Choi and Yoo 2020. For two samples of one law the mean density is 1 and,
    for M = N, the mean coverage nearly 1 - 2^-k.

    Known failure: an outlier among the data still makes a huge ball; density can be raised by
    samples that crowd where data are dense; samples that repeat the training data score best.

    Args:
        data: rows of the data, (M, D), M > k.
        samples: rows of the model, (N, D).
        k: which neighbour bounds a ball.

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, an entry is not finite, or k is out of range.
    """
    check_pair(data, samples, names=NAMES)
    inside = distances(data, samples) <= neighbour_radii(data, k=k)[:, None]
    density = inside.double().sum(0).mean().item() / k
    return DensityCoverage(density, inside.any(1).double().mean().item())
