r"""Probabilistic principal component analysis: the linear model whose likelihood is a formula.

A code z ~ N(0, I) of M numbers, and x = G z + μ + σ ε. Everything is Gaussian, so that p(x), the
posterior p(z | x) and the maximum of the likelihood have closed forms. Tipping and Bishop,
*Probabilistic principal component analysis* (1999).
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_integers
from coursepkg.models.autoencoders.pca import check_components, check_rank, principal_axes
from coursepkg.validate import check_one, check_positive, check_real


class Posterior(NamedTuple):
    """N(mean, covariance); the covariance is the same for every example."""

    mean: Tensor  # (B, M)
    covariance: Tensor  # (M, M)


class PPCA(nn.Module):
    """p(x) = N(x; μ, G Gᵀ + σ² I), with the loadings G of D × M.

    Says: `log_prob`, exact (=).   Source: :eq:`ppca-density`. Before `fit` G is 0, and p = N(0, I).

    Args:
        components: dimension M of the code, below D: the rest must hold noise.
        dim: dimension D.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, components: int, *, dim: int) -> None:
        check_integers(components=components, dim=dim)
        super().__init__()
        check_components(components, most=dim - 1)
        self.components, self.dim = components, dim
        self.mean: Tensor  # μ, (D,)
        self.G: Tensor  # (D, M)
        self.variance: Tensor  # σ², ()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("G", torch.zeros(dim, components))
        self.register_buffer("variance", torch.ones(()))

    def fit(self, x: Tensor) -> "PPCA":
        """The maximum of the likelihood of x, (N, D), in closed form.   Source: :eq:`ppca-maximum`.

        Raises:
            ValueError: if x has no variance outside of M axes: σ² would be 0, the density infinite.
        """
        check_real(x, event=(self.dim,), like=self)
        M = self.components
        mean, axes, lam = principal_axes(x.double())
        check_rank(x, lam, M + 1)
        variance = lam[M:].sum() / (self.dim - M)
        G = axes[:M].T * (lam[:M] - variance).sqrt()
        self.set(mean=mean, G=G, variance=variance.item())
        return self

    def set(self, *, mean: Tensor, G: Tensor, variance: float) -> "PPCA":
        """Sets the parameters, μ (D,), G (D, M) and σ².

        Raises:
            ValueError: if a shape is wrong, a number is not finite, or σ² is not positive in the
                precision of the model.
        """
        check_one(mean, event=(self.dim,), name="mean")
        check_real(G.T, event=(self.dim,), name="G, transposed,")
        if len(G.T) != self.components:
            raise ValueError(f"G: expected {self.components} columns, got {len(G.T)}")
        check_positive(variance=torch.tensor(variance, dtype=self.variance.dtype).item())
        self.mean.copy_(mean)
        self.G.copy_(G)
        self.variance.fill_(variance)
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats, at O(D M) an example.

        Source: :eq:`ppca-log-likelihood`.
        """
        check_real(x, event=(self.dim,), like=self)
        D, M = self.dim, self.components
        away, G, R = x.double() - self.mean, self.G.double(), self._root()
        variance = self.variance.double()
        z = torch.cholesky_solve(G.T @ away.T, R, upper=True).T  # the posterior mean, (B, M)
        square = (away - z @ G.T).square().sum(1) / variance + z.square().sum(1)
        log_det = (D - M) * variance.log() + 2 * R.diagonal().abs().log().sum()
        log_p: Tensor = -(D * math.log(2 * math.pi) + log_det + square) / 2
        return log_p.to(self.G)

    def posterior(self, x: Tensor) -> Posterior:
        """p(z | x) of each example of x, (B, D).   Source: :eq:`ppca-posterior`."""
        check_real(x, event=(self.dim,), like=self)
        R, G, M = self._root(), self.G.double(), self.components
        mean = torch.cholesky_solve(G.T @ (x.double() - self.mean).T, R, upper=True).T
        std = torch.linalg.solve_triangular(R, torch.eye(M).to(G), upper=True)
        covariance = self.variance * std @ std.T
        return Posterior(mean.to(self.G), covariance.to(self.G))

    def _root(self) -> Tensor:
        """R with Rᵀ R = Gᵀ G + σ² I, (M, M), which is all that is ever inverted.

        In double precision, and without forming that sum.
        """
        G = self.G.double()
        noise = self.variance.double().sqrt() * torch.eye(self.components).to(G)
        R: Tensor = torch.linalg.qr(torch.cat([G, noise]))[1]
        return R

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        check_draws(n, generator)
        noise = self.G.new_empty(n, self.components + self.dim).normal_(generator=generator)
        z, eps = noise.split([self.components, self.dim], dim=1)
        x: Tensor = z @ self.G.T + self.mean + self.variance.sqrt() * eps
        return x


def em_step(model: PPCA, x: Tensor) -> None:
    """One step of EM for G and σ² of a `PPCA`, in place; μ becomes the mean of x, (N, D).

    Nothing of size D × D is made: O(N D M).   Source: :eq:`ppca-m-step`.

    Raises:
        ValueError: if no noise is left: the data lie on the subspace. The model is as before then.
    """
    check_real(x, event=(model.dim,))
    x, old, variance = x.double(), model.G.double(), model.variance.double()
    mean = x.mean(0)
    away = x - mean
    inverse = torch.cholesky_inverse(model._root(), upper=True)
    z, covariance = away @ old @ inverse, variance * inverse  # E[z], of the new μ
    squares = z.T @ z + len(x) * covariance  # Σ_n E[z zᵀ], (M, M)
    cross = away.T @ z  # Σ_n (x - μ) E[z]ᵀ, (D, M)
    G = torch.linalg.solve(squares, cross, left=False)
    spread = len(x) * (G @ covariance * G).sum()
    rest = (away - z @ G.T).square().sum() + spread  # Σ_n E‖x - μ - G z‖² at the new G
    model.set(mean=mean, G=G, variance=(rest / away.numel()).item())
