"""A small law without symmetries, its right networks, and a network that heeds everything."""

from itertools import permutations

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


@torch.no_grad()
def log_p_given(net, x, hidden):
    """log p(x_d | what is not hidden) of one x (D,), by a call of its own."""
    z = x.clone()
    z[list(hidden)] = K
    return net(z[None], torch.zeros(1)).view(D, K).log_softmax(-1)[torch.arange(D), x]


def over_orders(net, x, counts):
    """log p(x | order) of all orders, (D!,)."""
    found = []
    for order in permutations(range(D)):
        total, start = 0.0, 0
        for count in counts:
            log_p = log_p_given(net, x, order[start:])
            total += sum(float(log_p[d]) for d in order[start : start + count])
            start += count
        found.append(total)
    return torch.tensor(found)
