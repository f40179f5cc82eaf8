"""Mixtures whose guesses are exact, which the tests of solvers, flows and guidance share."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from coursepkg.models.diffusion import MixtureGuess
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded


def three(dim: int = 2) -> GaussianMixture:
    """Three tilted components."""
    law = GaussianMixture(3, dim=dim, generator=seeded(0)).double()
    g = seeded(1)
    law.log_weights.copy_(torch.tensor([0.2, 0.5, 0.3]).log())
    law.means.copy_(torch.randn(3, dim, generator=g))
    law.scale_tril.copy_(
        (0.5 * torch.eye(dim) + 0.4 * torch.randn(3, dim, dim, generator=g).tril()).abs()
    )
    return law


def normal(mean: Tensor, scale_tril: Tensor) -> GaussianMixture:
    """One component."""
    law = GaussianMixture(1, dim=len(mean), generator=seeded(0)).double()
    law.means.copy_(mean[None])
    law.scale_tril.copy_(scale_tril[None])
    return law


def on_the_line(mean: float, std: float) -> MixtureGuess:
    """The guess for N(mean, std²)."""
    return MixtureGuess(normal(torch.tensor([mean]), torch.tensor([[std]])))


def slope(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Jacobian of f at one x, which can be differentiated again."""
    found: Tensor = jacobian(f, x, create_graph=True)
    return found


def continuity_gap(
    q: Callable[[Tensor, Tensor], Tensor], flux: Callable[[Tensor, Tensor], Tensor], z: Tensor,
    t: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """∂q/∂t and -div of the flux at each of z (n, D) and t (n,), which must be equal; (n,) each."""
    growth = [slope(lambda at, z=each: q(z, at), time) for each, time in zip(z, t, strict=True)]
    loss = [slope(lambda at, t=time: flux(at, t), each).diagonal().sum()
            for each, time in zip(z, t, strict=True)]  # fmt: skip
    return torch.stack(growth).detach(), -torch.stack(loss).detach()
