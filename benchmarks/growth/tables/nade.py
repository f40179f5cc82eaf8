"""What NADE's shared recursion saves as the variables grow in number: O(D) against O(D²).

All conditionals of a batch of images, by the recursion (`NADE.forward`) and with every activation
computed anew; in one process, so that their ratio means something where the seconds do not. And a
batch of draws, with the running activation and by passes.
"""

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.nets.nade import NADE
from coursepkg.rng import seeded

LEVELS, HIDDEN, BATCH, REPEATS = 2, 100, 16, 5


@torch.no_grad()
def logits_and_draws(dim: int) -> Row:
    """Seconds of the logits and of the draws of a batch, each in two ways."""
    net = NADE(dim=dim, levels=LEVELS, hidden=HIDDEN, generator=seeded(0)).eval()
    naive, cached = (kind(net, dim=dim, levels=LEVELS) for kind in (ARM, CachedARM))
    x = cached.sample(BATCH, generator=seeded(1))
    seconds = {
        "recursion_seconds": fastest(lambda: net(x), repeats=REPEATS, least=0.01),
        "anew_seconds": fastest(lambda: logits_anew(net, x), repeats=REPEATS),
        "cached_seconds": fastest(lambda: cached.sample(BATCH, generator=seeded(1)), repeats=3),
        "naive_seconds": fastest(lambda: naive.sample(BATCH, generator=seeded(1)), repeats=1),
    }
    return {"dim": dim, "hidden": HIDDEN, "batch": BATCH, **seconds}


def logits_anew(net: NADE, x: Tensor) -> Tensor:
    """The same logits with every activation summed from the start: d terms for variable d."""
    place, logits = torch.arange(net.dim), []
    for d in range(net.dim):
        a = net.c + net.W[place[:d], x[:, :d]].sum(1)
        logits.append(torch.sigmoid(a) @ net.V[d].T + net.b[d])
    return torch.stack(logits, dim=1)


TABLE = Table("nade_growth", [(dim,) for dim in (32, 64, 128, 256, 512)], logits_and_draws)
