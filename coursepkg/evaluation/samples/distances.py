"""The Fréchet distance of two normal laws, and of those fitted to two sets of features."""

import torch
from torch import Tensor

from coursepkg.evaluation.samples.checks import check_pair


def gaussian_frechet(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> float:
    """‖m - m'‖² + tr(Σ + Σ' - 2 (Σ Σ')^½), the squared Wasserstein-2 distance of two normal laws.

    Source: Dowson and Landau 1982. The trace of the root is the sum of the roots of the eigenvalues
    of Σ^½ Σ' Σ^½, which is symmetric.

    Args:
        mean: m, (D,).
        covariance: Σ, symmetric and positive semi-definite, (D, D).
        other_mean: m', (D,).
        other_covariance: Σ', (D, D).
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    product = torch.linalg.eigvalsh(root @ other_covariance @ root)
    shared = product.clamp_min(0).sqrt().sum()
    spread = covariance.trace() + other_covariance.trace() - 2 * shared
    return float((mean - other_mean).square().sum() + spread)


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
