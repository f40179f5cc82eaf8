"""How many steps of a denoiser's chain make one independent draw, as variables are added.

The law: D coins, all of them with heads 3/4 or all with 1/4, at even odds: two hills. It is the
same at every D but for the number of coins, and its right denoiser can be written down, so that
nothing is learned and only the chain is measured. An effective draw is one of which hill the chain
stands on, by the sign of the number of heads minus D/2.
"""

import time

import torch
from torch import Generator, Tensor, nn

from benchmarks.growth.table import Row, Table
from coursepkg.models.chains.corruption import Redraw
from coursepkg.models.chains.gsn import GSN
from coursepkg.rng import seeded
from coursepkg.samplers.diagnostics import ess_mean
from coursepkg.samplers.run import run

RATE, CHAINS, STEPS = 0.75, 100, 2000
SHARES = (0.3, 0.5, 0.7)
SIZES = (2, 4, 8, 16, 24, 32, 48)


class TwoHills(nn.Module):
    """The right denoiser of the two hills for `Redraw`: which hill, then each coin by itself.

    Args:
        dim: number of coins D.
        share: probability that a coin was redrawn.
    """

    def __init__(self, dim: int, share: float) -> None:
        super().__init__()
        self.dim, self.levels, self.share = dim, 2, share

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """One x for each x̃, (n, D) -> (n, D)."""
        keeps = 1 - self.share + self.share / 2  # C(x̃ = x); the other face has the rest
        heads = keeps * RATE + (1 - keeps) * (1 - RATE)  # of x̃ on the hill of heads
        odds = (2 * condition - 1).sum(1) * torch.tensor(heads / (1 - heads)).log()
        hill = torch.rand(n, generator=generator) < odds.sigmoid()
        rate = torch.where(hill, RATE, 1 - RATE)[:, None]
        seen = torch.where(condition == 1, keeps, 1 - keeps)  # C(x̃ | x = 1), and of x = 0 the rest
        chance = rate * seen / (rate * seen + (1 - rate) * (1 - seen))
        return torch.bernoulli(chance, generator=generator).long()


def cost(share: float, dim: int) -> Row:
    """Steps and CPU seconds of the chains for each effective draw."""
    chain = GSN(TwoHills(dim, share), Redraw(share, levels=2), steps=1)
    start = torch.arange(CHAINS)[:, None].remainder(2).expand(CHAINS, dim)  # half on each hill
    before = time.process_time()
    draws = run(chain, start, steps=STEPS, generator=seeded(0)).x
    seconds = time.process_time() - before
    side = (2 * draws - 1).sum(2, keepdim=True).sign().double()
    effective = ess_mean(side).item()
    return {
        "share": share, "dim": dim, "steps": CHAINS * STEPS / effective,
        "seconds": seconds / effective, "moves": (side[1:] != side[:-1]).sum().item(),
    }  # fmt: skip


TABLE = Table("chains_growth", [(share, D) for share in SHARES for D in SIZES], cost)
