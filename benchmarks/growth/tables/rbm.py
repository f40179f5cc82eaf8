"""What an RBM costs as it grows: its exact log Z, an epoch of learning, and a step of its chain.

log Z against the size of the smaller layer, which doubles the work with each unit; and, against the
size of the hidden layer, CD-1 and PCD on 1,000 images of 64 pixels, and a step of block Gibbs for
100 chains, which grow in proportion.
"""

from collections.abc import Callable

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.data.digits import binarise, load_split
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.models.rbm.learning import ContrastiveDivergence, PersistentChains, train
from coursepkg.rng import seeded

REPEATS, D = 5, 64
ENUMERATED = (8, 10, 12, 14, 16, 18, 20)
LAYERS = (25, 50, 100, 200, 400, 800)


def cost(kind: str, hidden: int) -> Row:
    """Least CPU seconds of one piece of work for a machine with `hidden` units."""
    x, generator = binarise(load_split().train), seeded(0)
    rbm = RBM(D, hidden, generator=generator)
    kernel = BlockGibbs(rbm)
    state = kernel.init(x[:100])

    def epoch(negative: ContrastiveDivergence | PersistentChains) -> object:
        return train(
            rbm, x, negative=negative, epochs=1, batch_size=50, step_size=0.01, generator=generator
        )

    work: dict[str, Callable[[], object]] = {
        "log Z": rbm.log_z,
        "CD-1 epoch": lambda: epoch(ContrastiveDivergence(1)),
        "PCD epoch": lambda: epoch(PersistentChains(50)),
        "Gibbs step": lambda: kernel.step(state, generator=generator),
    }
    with torch.no_grad():
        return {"kind": kind, "D": D, "M": hidden, "seconds": fastest(work[kind], repeats=REPEATS)}


TABLE = Table(
    "rbm_growth",
    [("log Z", M) for M in ENUMERATED]
    + [(kind, M) for kind in ("CD-1 epoch", "PCD epoch", "Gibbs step") for M in LAYERS],
    cost,
    torch.float64,
)
