"""A law of four zeros and ones as an energy model, and means over all of its states."""

import torch
from torch import nn

from coursepkg.enumeration import log_sum_exp
from coursepkg.rng import seeded
from tests.oracles import states

SPACE = states(2, 4).double()  # (16, 4)


class Pairs(nn.Module):
    """F(x) = -bᵀx - xᵀRx with R strictly triangular; far from independent by default."""

    def __init__(self, seed=0, *, scale=1.0):
        super().__init__()
        self.b = nn.Parameter(scale * torch.randn(4, generator=seeded(seed)))
        self.R = nn.Parameter(scale * torch.randn(4, 4, generator=seeded(seed + 100)).triu(1))

    def free_energy(self, x):
        return -x @ self.b - ((x @ self.R.triu(1)) * x).sum(1)

    def log_z(self):
        return log_sum_exp(lambda x: -self.free_energy(x), 4, like=self.b)


def probabilities(model):
    """p(x) of every state, (16,), by the slowest way."""
    unnormalised = torch.stack([(-model.free_energy(x[None])).exp()[0] for x in SPACE])
    return (unnormalised / unnormalised.sum()).detach()


def gradients(value, model):
    """∂ value / ∂ θ, one tensor a parameter."""
    return torch.autograd.grad(value, list(model.parameters()))


def minimise(loss, module):
    """Parameters at the minimum of loss(), by L-BFGS from where they are."""
    optimizer = torch.optim.LBFGS(
        module.parameters(), max_iter=500, tolerance_grad=1e-12, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)


def assert_recovers(objective, loss, truth):
    """The minimum over the whole population is at the parameters that made it."""
    assert max((p - q).abs().max() for p, q in pairs(objective.model, truth)) > 0.5, "vacuous"
    minimise(loss, objective)
    for p, q in pairs(objective.model, truth):
        torch.testing.assert_close(p.triu(1) if p.ndim == 2 else p, q, rtol=0, atol=2e-4)


def pairs(model, truth):
    return zip(model.parameters(), truth.parameters(), strict=True)
