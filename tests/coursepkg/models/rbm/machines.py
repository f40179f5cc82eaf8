"""Small machines with weights far from any symmetry, and their laws from the energy alone."""

import torch

from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.spins import SpinRBM
from coursepkg.rng import seeded
from tests.oracles import states


def machine(kind, visible, hidden, *, seed=0, scale=0.8, **options):
    rbm = kind(visible, hidden, generator=seeded(seed), scale=scale, **options)
    g = seeded(seed + 1)
    with torch.no_grad():
        rbm.b.copy_(scale * torch.randn(visible, generator=g))
        rbm.c.copy_(scale * torch.randn(hidden, generator=g))
    return rbm


def binary(visible=4, hidden=3, **options):
    return machine(RBM, visible, hidden, **options)


def spins(visible=4, hidden=3, *, beta=0.7, **options):
    return machine(SpinRBM, visible, hidden, beta=beta, **options)


def gaussian(visible=2, hidden=3, *, sigma=0.6, **options):
    return machine(GaussianRBM, visible, hidden, sigma=sigma, **options)


def bits(D):
    """All vectors of D zeros and ones, (2^D, D)."""
    return states(2, D).double()


def joint(rbm, values=(0.0, 1.0)):
    """p(v, h) from exp(-β E) of every pair: v, h and the table (2^D, 2^M)."""
    low, high = values
    v, h = (low + (high - low) * bits(n) for n in rbm.W.shape)
    pairs = [torch.stack([rbm.energy(v[i : i + 1], h[j : j + 1])[0] for j in range(len(h))])
             for i in range(len(v))]  # fmt: skip
    weight = torch.exp(-rbm.beta * torch.stack(pairs).detach())
    return v, h, weight / weight.sum()


def transition(rbm, values=(0.0, 1.0)):
    """T(v → v') = Σ_h p(h | v) p(v' | h) of one step of block Gibbs, from the joint table."""
    _, _, p = joint(rbm, values)
    return (p / p.sum(1, keepdim=True)) @ (p / p.sum(0)).T


def index(v, values=(0.0, 1.0)):
    """Row of v among all states."""
    low, high = values
    assert ((v == low) | (v == high)).all(), "a value that no unit can take"
    place = 2 ** torch.arange(v.shape[-1] - 1, -1, -1)
    return (((v - low) / (high - low)).long() * place).sum(-1)
