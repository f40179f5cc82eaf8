"""Dimension reduction by a latent variable on a grid: the generative topographic mapping (GTM).

A point z of the square [-1, 1]² is drawn, the smooth map y(z) = W φ(z) bends the square into the
space of the data, and noise is added. The integral over z is replaced by a sum over a grid, so that
the model is a mixture of Gaussians whose means are tied to lie on a surface, and EM fits it.
Bishop, Svensén and Williams (1998).
"""

import math

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.models.mixtures.em import Mixture, em
from coursepkg.rng import seeded
from coursepkg.validate import check_positive, check_real

FLOOR = 1e-6  # least noise variance, as a part of the data's


class GTM(Mixture):
    """Generative topographic mapping, a mixture of Gaussians on a bent sheet.

    p(x) = Σ_z p(z) N(x; W φ(z), σ² I), z uniform on a grid.   Source: :eq:`latent-grid`.

    Says: `log_prob`, exact (=) for this discrete z. Before `fit` it is N(0, I).

    Args:
        side: grid points along each axis of the square, M = side² in all.
        bumps: Gaussian bumps along each axis; φ has bumps² of them, a constant, and z itself.
        dim: dimension D of x.
        strength: λ of the prior N(0, 1/λ) on each entry of W, > 0; more of it, a stiffer surface.
        steps: how many steps of EM `fit` makes at most.
        tolerance: `fit` stops when a step gains less than this, nats per example.
    """

    def __init__(
        self,
        *,
        side: int,
        bumps: int,
        dim: int,
        strength: float,
        steps: int = 100,
        tolerance: float = 1e-4,
    ) -> None:
        check_integers(steps=steps)
        check_counts(side=side, bumps=bumps, dim=dim)
        check_positive(strength=strength)
        # the start is given by the data alone, so that the seed is never used
        super().__init__(side**2, steps=steps, tolerance=tolerance, restarts=1, generator=seeded(0))
        self.dim, self.strength = dim, strength
        self.grid: Tensor  # z, (M, 2)
        self.features: Tensor  # φ(z), (M, bumps² + 3)
        self.W: Tensor  # (bumps² + 3, D)
        self.variance: Tensor  # σ², ()
        self.register_buffer("grid", _square(side))
        self.register_buffer("features", _features(self.grid, bumps))
        self.register_buffer("W", torch.zeros(self.features.shape[1], dim))
        self.register_buffer("variance", torch.ones(()))

    @property
    def means(self) -> Tensor:
        """y(z) = W φ(z) of each grid point, (M, D)."""
        return self.features @ self.W

    def fit(self, x: Tensor) -> "GTM":
        """Climbs the posterior of W and σ² by EM, from the plane of the first two components.

        The climb is in `trace`.
        """
        check_real(x, event=(self.dim,), like=self)
        if (x == x[0]).all():
            raise ValueError(f"x: expected examples that differ, got {len(x)} that do not")
        check_positive(variance=x.double().var(0).sum().to(x.dtype).item())
        self._start_from_plane(x)
        self.trace = em(self, x, steps=self.steps, tolerance=self.tolerance)
        return self

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z) of all grid points: (B, D) -> (B, M), nats."""
        check_real(x, event=(self.dim,), like=self)
        squares = _squares(x, self.means)
        log_normaliser = self.dim / 2 * (2 * math.pi * self.variance).log()
        return self.log_weights - squares / (2 * self.variance) - log_normaliser

    def m_step(self, x: Tensor, r: Tensor) -> None:
        """Weighted ridge regression of x on φ(z), then the noise; p(z) stays uniform.

        Source: :eq:`latent-grid-m-step`.
        """
        Phi, total = self.features.double(), r.double().sum(0)
        ridge = self.strength * self.variance.double() * torch.eye(Phi.shape[1]).to(Phi)
        means = (r.T @ x).double()  # times total
        root, failed = torch.linalg.cholesky_ex(Phi.T * total @ Phi + ridge)
        if failed:
            raise ValueError(f"strength: expected more of it, got {self.strength}: W is not fixed")
        self.W.copy_(torch.cholesky_solve(Phi.T @ means, root))
        variance = (r * _squares(x, self.means)).sum() / x.numel()
        self.variance.copy_(variance.clamp_min(FLOOR * x.var(0).mean()))

    def log_prior(self) -> Tensor:
        """log p(W) up to a constant, (), nats."""
        return -self.strength / 2 * self.W.square().sum()

    def embed(self, x: Tensor) -> Tensor:
        """E[z | x], where on the square x comes from: (B, D) -> (B, 2).

        A mean: if the posterior has two hills it lies between them. Source: :eq:`latent-embedding`.
        """
        return self.e_step(x) @ self.grid

    def sample_given(self, z: Tensor, *, generator: Generator) -> Tensor:
        """Draws noise about the place of each grid point on the surface, (n,) -> (n, D)."""
        check_generator(generator)
        noise = torch.randn(
            len(z), self.dim, generator=generator, dtype=self.W.dtype, device=self.W.device
        )
        return self.means[z] + self.variance.sqrt() * noise

    def _start_from_plane(self, x: Tensor) -> None:
        """W so that y(z) is the plane of most variance, and σ² what the plane leaves."""
        mean = x.mean(0)
        _, s, Vt = torch.linalg.svd(x - mean, full_matrices=False)
        std = s / math.sqrt(len(x))
        plane = mean + self.grid[:, : len(std)] * (2 * std[:2]) @ Vt[:2]
        self.W.copy_(torch.linalg.lstsq(self.features, plane, driver="gelsd").solution)
        left = std[2:].square().sum() / self.dim
        self.variance.copy_(torch.maximum(left, 0.01 * std.square().sum() / self.dim))


def _square(side: int) -> Tensor:
    """side² points of [-1, 1]², (side², 2); the centre alone for side 1."""
    axis = torch.linspace(-1, 1, side) if side > 1 else torch.zeros(1)
    return torch.cartesian_prod(axis, axis)


def _features(z: Tensor, bumps: int) -> Tensor:
    """φ(z): bumps as wide as they are apart, a constant and z itself, (M, bumps² + 3)."""
    width = 2 / max(bumps - 1, 1)
    hills = torch.exp(-_squares(z, _square(bumps)) / (2 * width**2))
    return torch.cat([hills, torch.ones_like(z[:, :1]), z], dim=1)


def _squares(x: Tensor, y: Tensor) -> Tensor:
    """‖x_b - y_m‖², (B, M); differences first, since products lose half of the digits."""
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return distance.square()
