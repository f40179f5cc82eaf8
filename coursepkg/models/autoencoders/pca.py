"""Principal component analysis by the singular value decomposition, and angles of subspaces."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from coursepkg.counts import check_counts, check_integers
from coursepkg.validate import ANY, check_positive, check_real


class Principal(NamedTuple):
    """The covariance of x (divisor N) along its own axes."""

    mean: Tensor  # μ, (D,)
    axes: Tensor  # rows are orthonormal, by falling variance, (min(N, D), D)
    variances: Tensor  # λ, (min(N, D),)


def principal_axes(x: Tensor) -> Principal:
    """Eigenvectors and eigenvalues of the covariance of x, (N, D), from the SVD of the data.

    Source: :eq:`pca-svd`. The covariance itself is never formed: that would square the condition.
    The largest entry of each axis is positive, so that signs repeat.
    """
    check_real(x, event=(ANY,))
    mean = x.double().mean(0)
    _, singular, axes = torch.linalg.svd(x - mean, full_matrices=False)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    found = mean, axes * largest.sign(), singular.square() / len(x)
    return Principal(*(each.to(x) for each in found))


class PCA(nn.Module):
    """The M-dimensional subspace that is nearest to the data: x ≈ μ + G z with z = Gᵀ (x - μ).

    No law: it says nothing about how probable x is (`PPCA` does). Before `fit` the axes are the
    first M coordinates.   Source: :eq:`pca-error`.

    Args:
        components: dimension M of the code, at most D.
        dim: dimension D.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, components: int, *, dim: int) -> None:
        check_counts(dim=dim)
        check_integers(components=components)
        super().__init__()
        check_components(components, most=dim)
        self.components, self.dim = components, dim
        self.mean: Tensor  # μ, (D,)
        self.axes: Tensor  # Gᵀ, orthonormal rows, (M, D)
        self.variances: Tensor  # λ_1 >= … >= λ_M, (M,)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("axes", torch.eye(components, dim))
        self.register_buffer("variances", torch.ones(components))

    def fit(self, x: Tensor) -> "PCA":
        """Finds the axes of x, (N, D), in double precision.

        Raises:
            ValueError: if x varies along fewer than M axes, or by more than its precision can say.
        """
        check_real(x, event=(self.dim,), like=self)
        mean, axes, variances = principal_axes(x.double())
        check_rank(x, variances, self.components)
        check_positive(largest_variance=variances[0].to(x.dtype).item())
        self.mean.copy_(mean)
        self.axes.copy_(axes[: self.components])
        self.variances.copy_(variances[: self.components])
        return self

    def code(self, x: Tensor) -> Tensor:
        """z = Gᵀ (x - μ), (B, D) -> (B, M)."""
        check_real(x, event=(self.dim,), like=self)
        return (x - self.mean) @ self.axes.T

    def decode(self, z: Tensor) -> Tensor:
        """μ + G z, (B, M) -> (B, D)."""
        check_real(z, event=(self.components,), name="z", like=self)
        return z @ self.axes + self.mean

    def reconstruct(self, x: Tensor) -> Tensor:
        """The point of the subspace that is nearest to x, (B, D) -> (B, D)."""
        return self.decode(self.code(x))


def principal_angles(one: Tensor, two: Tensor) -> Tensor:
    """Angles between the subspaces that the columns of two matrices span, the largest first.

    Small angles are read from their sines, since a cosine near 1 loses half of the digits.

    Args:
        one: (D, M), of rank M.
        two: (D, M), of rank M.

    Returns:
        (M,), radians from 0 to π/2; all are 0 if and only if the subspaces are the same.

    Raises:
        ValueError: if shapes differ, there are more columns than rows, a number is not finite, or
            columns are dependent: they span less.
    """
    if one.shape != two.shape or one.ndim != 2 or one.shape[0] < one.shape[1]:
        raise ValueError(
            "one, two: expected the same shape (D, M) with M <= D, got "
            f"{tuple(one.shape)} and {tuple(two.shape)}"
        )
    for name, matrix in (("one", one), ("two", two)):
        check_real(matrix, event=(ANY,), name=name)
        if (rank := int(torch.linalg.matrix_rank(matrix))) < matrix.shape[1]:
            raise ValueError(f"{name}: expected {matrix.shape[1]} independent columns, got {rank}")
    first, second = torch.linalg.qr(one.double())[0], torch.linalg.qr(two.double())[0]
    inside = first.T @ second
    sines = torch.linalg.svdvals(second - first @ inside)
    cosines = torch.linalg.svdvals(inside).flip(0)
    angles: Tensor = torch.atan2(sines, cosines)
    return angles.to(one)


def check_components(components: int, *, most: int) -> None:
    """Checks that 1 <= components <= most; raises a ValueError."""
    check_counts(dim=most)
    if not 1 <= components <= most:
        raise ValueError(f"components: expected 1..{most}, got {components}")


def check_rank(x: Tensor, variances: Tensor, components: int) -> None:
    """Checks that x, (N, D), varies along so many axes by more than rounding; raises a ValueError.

    The entries of x were rounded in its own precision, its variances found in double.
    """
    given, double = torch.finfo(x.dtype).eps, torch.finfo(torch.float64).eps
    length = x.double().square().sum(1).mean()
    least = length * (4 * given) ** 2 + variances.max() * (max(x.shape) * double) ** 2
    rank = int((variances > least).sum())
    if rank < components:
        raise ValueError(f"x: expected variance along {components} axes or more, got {rank}")
