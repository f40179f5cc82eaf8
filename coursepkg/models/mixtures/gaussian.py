"""Mixtures of Gaussians, with full or with diagonal covariances, fitted by EM."""

import math

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator, check_integers, check_numbers
from coursepkg.models.mixtures.em import Mixture
from coursepkg.validate import check_finite, check_positive, check_real


class GaussianMixture(Mixture):
    r"""p(x) = Σ_z p(z) N(x; μ_z, Σ_z) on vectors of D numbers.   Source: :eq:`gaussian-mixture`.

    Two remedies against components that have too few examples for a D × D covariance:

    - `floor` bounds each Σ_z from below. Without it one component of several may shrink onto one
      example, where its density is ∞: the likelihood has no maximum.
    - `shrinkage`, 0 unless given, adds so many imaginary examples to each component, with the
      pooled covariance Ψ that `fit` finds within the groups from which it starts. It is a prior,
      log p(Σ) = -shrinkage · Σ_z KL(N(μ_z, Ψ) ‖ N(μ_z, Σ_z)), and EM climbs the posterior.

    Says: `log_prob`, exact (=). Before `fit` all components are N(0, I), and Ψ is I.

    Args:
        components: number of components M.
        dim: dimension D.
        floor: least variance of a component in any direction, > 0, in units of x².
        shrinkage: imaginary examples in each component, >= 0.
        steps: how many steps of EM `fit` makes at most.
        tolerance: `fit` stops when a step gains less than this, nats per example.
        restarts: how many starts `fit` makes; it keeps the one of highest objective.
        generator: decides from which examples `fit` starts.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        components: int,
        *,
        dim: int,
        floor: float = 1e-6,
        shrinkage: float = 0.0,
        steps: int = 200,
        tolerance: float = 1e-6,
        restarts: int = 1,
        generator: Generator,
    ) -> None:
        check_integers(components=components, steps=steps, restarts=restarts)
        super().__init__(
            components, steps=steps, tolerance=tolerance, restarts=restarts, generator=generator
        )
        check_counts(dim=dim)
        check_positive(floor=floor)
        check_numbers(shrinkage=shrinkage)
        if not 0 <= shrinkage < float("inf"):
            raise ValueError(f"shrinkage: expected a finite number >= 0, got {shrinkage}")
        self.dim, self.floor, self.shrinkage = dim, floor, shrinkage
        self.means: Tensor  # μ, (M, D)
        self.scale_tril: Tensor  # lower Cholesky factors of Σ, (M, D, D)
        self.pooled: Tensor  # Ψ, (D, D)
        self.register_buffer("means", torch.zeros(components, dim))
        self.register_buffer("scale_tril", torch.eye(dim).repeat(components, 1, 1))
        self.register_buffer("pooled", torch.eye(dim))

    @property
    def covariances(self) -> Tensor:
        """Σ_z of each component, (M, D, D).

        Raises:
            ValueError: if the model's precision cannot say them.
        """
        roots = self.scale_tril.double()
        covariances = (roots @ roots.mT).to(self.scale_tril)
        check_finite(largest_variance=covariances.max().item())
        return covariances

    def fit(self, x: Tensor) -> "GaussianMixture":
        """EM on x, (N, D); the climb is in `trace`.

        Raises:
            ValueError: if, with shrinkage, x varies by more than its precision can say.
        """
        check_real(x, event=(self.dim,), like=self)
        if self.shrinkage:
            _check_variance(x)
        self._ascend_from_data(x)
        return self

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z): (B, D) -> (B, M), nats."""
        check_real(x, event=(self.dim,), like=self)
        root = self.scale_tril.double()
        away = (x.double() - self.means[:, None].double()).mT  # (M, D, B)
        white = torch.linalg.solve_triangular(root, away, upper=False)
        log_normaliser = self.dim / 2 * math.log(2 * math.pi) + _half_log_det(root)
        joint: Tensor = self.log_weights - log_normaliser - white.square().sum(1).mT / 2
        return joint.to(self.log_weights)

    def m_step(self, x: Tensor, r: Tensor) -> None:
        """Weighted means and covariances; eigenvalues below the floor are lifted to it.

        The lifting is what maximises F under the constraint Σ ⪰ floor · I.
        Source: :eq:`gaussian-m-step`.
        """
        total, alive = self._weigh(r)
        for z in alive.nonzero()[:, 0]:
            share = r[:, z, None].double() / total[z]
            mean = (share * x).sum(0)
            away = x - mean
            scatter = total[z] * (share * away).T @ away + self.shrinkage * self.pooled
            covariance = scatter / (total[z] + self.shrinkage)
            self.means[z], self.scale_tril[z] = mean, _lifted_root(covariance, self.floor)

    def log_prior(self) -> Tensor:
        """-shrinkage · Σ_z KL(N(μ_z, Ψ) ‖ N(μ_z, Σ_z)), (), nats."""
        if self.shrinkage == 0:
            return torch.zeros_like(self.pooled[0, 0])
        root, roots = _lifted_root(self.pooled, self.floor), self.scale_tril.double()
        ratio = torch.linalg.solve_triangular(roots, root, upper=False)
        kl: Tensor = ratio.square().sum((1, 2)) / 2 - self.dim / 2
        kl = kl + _half_log_det(roots) - _half_log_det(root)
        return (-self.shrinkage * kl.sum()).to(self.pooled)

    def sample_given(self, z: Tensor, *, generator: Generator) -> Tensor:
        """Draws a point of each component in z, (n,) -> (n, D)."""
        check_generator(generator)
        noise = torch.empty_like(self.means[z]).normal_(generator=generator)
        return self.means[z] + (self.scale_tril[z] @ noise[:, :, None])[:, :, 0]

    def _start(self, x: Tensor, r: Tensor) -> None:
        """θ from the first groups; Ψ is the covariance within them, pooled."""
        if self.shrinkage:
            away = x - (r / r.sum(0).clamp_min(1)).T.matmul(x)[r.argmax(1)]
            root = _lifted_root(away.double().T @ away.double() / len(x), self.floor)
            self.pooled.copy_(root @ root.T)
        self.m_step(x, r)


class DiagonalGaussianMixture(Mixture):
    """p(x) = Σ_z p(z) Π_d N(x_d; μ_zd, σ²_zd): independent coordinates in each component.

    O(D) a component where `GaussianMixture` has O(D²) parameters. Says: `log_prob`, exact (=).
    Before `fit` all components are N(0, I).   Source: :eq:`gaussian-mixture`.

    Args:
        components: number of components M.
        dim: dimension D.
        floor: least variance of a coordinate, > 0, in units of x².
        steps: how many steps of EM `fit` makes at most.
        tolerance: `fit` stops when a step gains less than this, nats per example.
        restarts: how many starts `fit` makes; it keeps the one of highest likelihood.
        generator: decides from which examples `fit` starts.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        components: int,
        *,
        dim: int,
        floor: float = 1e-6,
        steps: int = 200,
        tolerance: float = 1e-6,
        restarts: int = 1,
        generator: Generator,
    ) -> None:
        check_integers(components=components, steps=steps, restarts=restarts)
        super().__init__(
            components, steps=steps, tolerance=tolerance, restarts=restarts, generator=generator
        )
        check_counts(dim=dim)
        check_positive(floor=floor)
        check_positive(floor=torch.ones(()).mul(floor).item())  # in the precision of the variances
        self.dim, self.floor = dim, floor
        self.means: Tensor  # μ, (M, D)
        self.variances: Tensor  # σ², (M, D)
        self.register_buffer("means", torch.zeros(components, dim))
        self.register_buffer("variances", torch.ones(components, dim))

    def fit(self, x: Tensor) -> "DiagonalGaussianMixture":
        """Climbs the likelihood of x, (N, D), by EM; the climb is in `trace`.

        Raises:
            ValueError: if x varies by more than its precision can say.
        """
        check_real(x, event=(self.dim,), like=self)
        _check_variance(x)
        self._ascend_from_data(x)
        return self

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z): (B, D) -> (B, M), nats."""
        check_real(x, event=(self.dim,), like=self)
        squares = (x[:, None] - self.means).square() / self.variances  # (B, M, D)
        log_normaliser = (2 * math.pi * self.variances).log().sum(1) / 2
        return self.log_weights - log_normaliser - squares.sum(2) / 2

    def m_step(self, x: Tensor, r: Tensor) -> None:
        """Weighted means and variances, the latter at least the floor."""
        total, alive = self._weigh(r)
        for z in alive.nonzero()[:, 0]:
            share = r[:, z, None] / total[z]
            self.means[z] = (share * x).sum(0)
            variance = (share * (x - self.means[z]).square()).sum(0)
            self.variances[z] = variance.clamp_min(self.floor)

    def log_prior(self) -> Tensor:
        """0: maximum likelihood."""
        return torch.zeros_like(self.means[0, 0])

    def sample_given(self, z: Tensor, *, generator: Generator) -> Tensor:
        """Draws a point of each component in z, (n,) -> (n, D)."""
        check_generator(generator)
        noise = torch.empty_like(self.means[z]).normal_(generator=generator)
        return self.means[z] + self.variances[z].sqrt() * noise


def _check_variance(x: Tensor) -> None:
    check_finite(largest_variance=x.double().var(0, correction=0).max().to(x.dtype).item())


def _half_log_det(scale_tril: Tensor) -> Tensor:
    """½ log |Σ| from the Cholesky factors of Σ, (..., D, D) -> (...)."""
    return scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _lifted_root(covariance: Tensor, floor: float) -> Tensor:
    """Cholesky factor of the covariance with eigenvalues lifted to the floor, (D, D), in double.

    From the root of the eigenvalues, by QR: the covariance itself, formed again, would lose small
    eigenvalues in the rounding of the large, and need not be positive definite.
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    R: Tensor = torch.linalg.qr((vectors * values.clamp_min(floor).sqrt()).T)[1]
    return R.T * R.diagonal().sign()
