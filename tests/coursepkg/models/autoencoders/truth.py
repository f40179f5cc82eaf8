"""Data and slow formulas that several tests of this folder share."""

import torch
from torch import Tensor

from coursepkg.rng import seeded

D, M = 5, 2


def cloud(n: int = 400, dim: int = D, *, seed: int = 0) -> Tensor:
    """n points with distinct variances along oblique axes, and a mean far from 0."""
    generator = seeded(seed)
    shape = torch.randn(dim, dim, generator=generator) * 0.6 ** torch.arange(dim)
    return torch.randn(n, dim, generator=generator) @ shape.T + torch.arange(1.0, dim + 1)


def covariance(x: Tensor) -> Tensor:
    """S with divisor N, (D, D), pair of examples by pair."""
    away = x - x.mean(0)
    return sum(torch.outer(row, row) for row in away) / len(x)


def mixed(sources: Tensor, *, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Sources (N, D) seen by D sensors: x, and G of condition below 20."""
    dim = sources.shape[1]
    generator = seeded(seed)
    rotate = torch.linalg.qr(torch.randn(dim, dim, generator=generator))[0]
    G = rotate @ torch.diag(torch.linspace(0.5, 3, dim)) @ rotate.roll(1, 0)
    return sources @ G.T + torch.arange(1.0, dim + 1), G
