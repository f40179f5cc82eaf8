"""Energies of real x, log p(x) up to a constant: a network, and a Gaussian whose truth is known."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_integer_lists
from coursepkg.enumeration import Unnormalised, check_states
from coursepkg.nets.mlp import MLP
from coursepkg.validate import check_positive, check_real

CHUNK = 2**16  # grid points in memory at once
EDGE = 1e-4  # share of the mass that the outermost cells of the grid may hold


class NeuralEnergy(Unnormalised):
    r"""A free energy made of a network and a bowl: :math:`F(x) = f(x) + \|x\|^2 / 2\sigma^2`.

    Source: :eq:`neural-energy`. f is an `MLP` with one output. Its slope is bounded, so far out the
    bowl wins and Z is finite, whatever the weights are; with f alone it need not be. Give data of
    about unit scale and a σ that covers them.

    Says: `free_energy`, so log p(x) up to log Z (≈). On the line and in the plane `log_z`
    integrates numerically, and `Normalised(energy)` says `log_prob` (=, up to the rule's error).

    Args:
        dim: dimension D of x.
        hidden: widths of the network's hidden layers.
        scale: σ > 0, standard deviation of the law when f is constant.
        generator: draws the initial weights.
    """

    def __init__(
        self, dim: int, hidden: Sequence[int], *, scale: float, generator: Generator
    ) -> None:
        check_integer_lists(hidden=hidden)
        super().__init__()
        check_counts(dim=dim)
        check_positive(scale=scale)
        self.net = MLP([dim, *hidden, 1], generator=generator)
        self.dim, self.scale = dim, scale

    def free_energy(self, x: Tensor) -> Tensor:
        """F(x), (B, D) -> (B,), nats: log p(x) = -F(x) - log Z. Source: :eq:`neural-energy`."""
        check_real(x, event=(self.dim,), like=self)
        return self.log_density(x).neg()

    def log_density(self, x: Tensor) -> Tensor:
        """-F(x), (B, D) -> (B,), nats: what a sampler wants. Not normalised, and not checked."""
        f: Tensor = self.net(x).squeeze(-1)
        return -f - x.square().sum(-1) / (2 * self.scale**2)

    def log_z(self, *, side: float | None = None, points: int = 400) -> Tensor:
        """Log Z, (), nats, by the midpoint rule on [-side, side]^D: points^D evaluations.

        The integrand is smooth and dies out, so the error falls faster than any power of `points`.

        Args:
            side: half the edge of the square; by default 8 σ.
            points: midpoints along an axis.

        Raises:
            ValueError: if there are more than 2^22 points (D > 2), or the outermost cells hold a
                share of the mass that can be seen: the square is then too small.
        """
        side = 8 * self.scale if side is None else side
        check_counts(points=points)
        check_positive(side=side)
        check_states(points**self.dim, what=f"a grid of {points} points in {self.dim} dimensions")
        like = next(self.parameters())
        axis = torch.arange(points, dtype=like.dtype, device=like.device).add(0.5).mul(2 / points)
        x = torch.cartesian_prod(*[side * (axis - 1)] * self.dim).view(-1, self.dim)
        log_p = torch.cat([self.log_density(part) for part in x.split(CHUNK)])
        log_Z = torch.logsumexp(log_p, dim=0)
        edge = (x.abs().amax(1) > side * (1 - 1.5 / points)).nonzero().squeeze(1)
        share = (torch.logsumexp(log_p[edge], dim=0) - log_Z).exp().item()
        if not share <= EDGE:
            raise ValueError(
                f"side: expected a square that holds the mass, got {side:.4g}, with a share "
                f"{share:.2g} in its outermost cells"
            )
        return log_Z + self.dim * math.log(2 * side / points)


class GaussianEnergy(Unnormalised):
    """F(x) = ½ |Lᵀ(x - mean)|², so that the precision is Λ = L Lᵀ, L lower triangular.

    log Z = ½ D log 2π - Σ_d log |L_dd| is known, so that `Normalised(model)` says log p(x) exactly;
    the objectives of `coursepkg.objectives` see only F.

    Args:
        dim: number of coordinates D.
        generator: draws L near the identity; the mean starts at 0.
    """

    def __init__(self, dim: int, *, generator: Generator) -> None:
        check_generator(generator)
        super().__init__()
        check_counts(dim=dim)
        noise = torch.randn(dim, dim, generator=generator, device=generator.device)
        self.mean = nn.Parameter(torch.zeros(dim, device=generator.device))
        self.factor = nn.Parameter((torch.eye(dim).to(noise) + 0.1 * noise).tril())

    @property
    def precision(self) -> Tensor:
        """Λ = L Lᵀ, (D, D)."""
        L = self.factor.tril()
        return L @ L.T

    def free_energy(self, x: Tensor) -> Tensor:
        """-log p(x) - log Z, (B, D) -> (B,), nats."""
        check_real(x, event=tuple(self.mean.shape), like=self)
        return ((x - self.mean) @ self.factor.tril()).square().sum(1) / 2

    def log_z(self) -> Tensor:
        """The exact log Z, (), nats."""
        return len(self.mean) * math.log(2 * math.pi) / 2 - self.factor.diagonal().abs().log().sum()
