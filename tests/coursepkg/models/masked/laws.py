"""A small law without symmetries, its right networks, and a network that heeds everything."""

import torch
from torch import nn

from coursepkg.models.masked import AnyOrder, DiscreteDiffusion, RightGuess, SymbolNoise
from coursepkg.models.masked import masked_rest as masked
from coursepkg.rng import seeded
from tests.oracles import states

K, D = 3, 3
LOG_P = (2 * torch.randn(K**D, generator=seeded(0), dtype=torch.float64)).log_softmax(0)
SPACE = states(K, D)


class Table(nn.Module):
    """Logits of its own for each z, of any noise: a wrong network, but one in full."""

    def __init__(self, *, dim=D, levels=K, seed=1):
        super().__init__()
        self.place = (levels + 1) ** torch.arange(dim)
        size = ((levels + 1) ** dim, dim, levels)
        self.logits = nn.Parameter(torch.randn(size, generator=seeded(seed)))

    def forward(self, z, log_odds):
        return self.logits[(z * self.place).sum(1)]


def right(rest, *, log_p=LOG_P, dim=D, levels=K):
    return RightGuess(log_p, rest(levels), dim=dim, levels=levels)


def any_order(net=None, counts=None):
    return AnyOrder(net or right(masked), dim=D, levels=K, counts=counts)


def steps(rest, alpha_bar, net=None):
    noise = SymbolNoise(torch.as_tensor(alpha_bar), rest(K))
    return DiscreteDiffusion(net or right(rest), noise, dim=D, levels=K)


def even(T):
    """ᾱ that falls in T equal steps to 0."""
    return 1 - torch.arange(1, T + 1) / T
