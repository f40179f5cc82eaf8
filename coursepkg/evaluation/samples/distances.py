"""The Fréchet distance of two normal laws, and of those fitted to two sets of features."""

import torch
from torch import Tensor

from coursepkg.evaluation.samples.checks import check_pair
from coursepkg.validate import check_real


def gaussian_frechet(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> float:
    """‖m - m'‖² + tr(Σ + Σ' - 2 (Σ Σ')^½), the squared Wasserstein-2 distance of two normal laws.

    Source: Dowson and Landau 1982. With Σ = A², Σ' = B², the second term is the least ‖A - B U‖²
    of all rotations U, so never negative; the best is P Q of the singular value decomposition
    P S Q of B A (Procrustes).

    Args:
        mean: m, (D,).
        covariance: Σ, symmetric and positive semi-definite, (D, D).
        other_mean: m', (D,).
        other_covariance: Σ', (D, D).

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, a number is not finite, or Σ is no covariance.
    """
    _check(mean, covariance, names=("mean", "covariance"))
    _check(other_mean, other_covariance, names=("other_mean", "other_covariance"))
    if mean.shape != other_mean.shape:
        got = f"{tuple(mean.shape)} and {tuple(other_mean.shape)}"
        raise ValueError(f"mean, other_mean: expected one shape (D,), got {got}")
    A, B = _root(covariance), _root(other_covariance)
    P, _, Q = torch.linalg.svd(B @ A)
    spread = (A - B @ P @ Q).square().sum()
    return float((mean.double() - other_mean.double()).square().sum() + spread)


def _check(mean: Tensor, covariance: Tensor, *, names: tuple[str, str]) -> None:
    """Checks that they are a mean (D,) and a covariance (D, D), but for rounding."""
    check_real(mean, event=(), name=names[0])
    check_real(covariance, event=tuple(mean.shape), name=names[1])
    rounding = len(mean) * 10 * torch.finfo(covariance.dtype).eps * covariance.abs().max()
    if covariance.shape != 2 * mean.shape or (covariance - covariance.T).abs().max() > rounding:
        D, got = len(mean), tuple(covariance.shape)
        raise ValueError(f"{names[1]}: expected a symmetric ({D}, {D}) matrix, got {got}")
    if (least := torch.linalg.eigvalsh(covariance.double()).min()) < -rounding:
        raise ValueError(f"{names[1]}: expected no variance below 0, got {least.item():.4g}")


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root of a covariance, in double precision."""
    values, vectors = torch.linalg.eigh(covariance.double())
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """`gaussian_frechet` of the means and covariances (over n - 1) of two sets of rows.

    Source: Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter 2017, in features of one network.

    Known failure: it sees means and covariances of the features and nothing else, so that laws that
    differ may score 0; it is biased upwards, the more so the fewer rows and the wider they are.
    Compare only values of equal sizes and of the same features.

    Args:
        x: features of one set, (M, D), M >= 2.
        y: features of the other, (N, D), N >= 2.

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, or an entry is not finite.
    """
    check_pair(x, y, least=2)
    x, y = x.double(), y.double()
    D = x.shape[1]
    covariances = [rows.T.cov().reshape(D, D) for rows in (x, y)]
    return gaussian_frechet(x.mean(0), covariances[0], y.mean(0), covariances[1])
