"""A Gaussian written as an energy model: everything that can be learnt about it is known."""

import math

import torch
from torch import Generator, Tensor, nn

from coursepkg.validate import check_positive, check_real


class GaussianEnergy(nn.Module):
    """F(x) = ½ |Lᵀ(x - mean)|², so that the precision is Λ = L Lᵀ, L lower triangular.

    log Z = ½ D log 2π - Σ_d log |L_dd| is known, so that `Normalised(model)` says log p(x) exactly;
    the objectives of this package see only F.

    Args:
        dim: number of coordinates D.
        generator: draws L near the identity; the mean starts at 0.
    """

    def __init__(self, dim: int, *, generator: Generator) -> None:
        super().__init__()
        check_positive(dim=dim)
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
        check_real(x, event=tuple(self.mean.shape))
        return ((x - self.mean) @ self.factor.tril()).square().sum(1) / 2

    def log_z(self) -> Tensor:
        """The exact log Z, (), nats."""
        return len(self.mean) * math.log(2 * math.pi) / 2 - self.factor.diagonal().abs().log().sum()
