"""What deep machines cost as they grow: with the width of a layer, and with the number of layers.

"log Z" is the sum over the states of the smaller side of a deep Boltzmann machine with layers of
64, M and M units, 2^M of them. The others are for 100 images: one sweep of mean field ("mean
field") and one step of block Gibbs ("Gibbs") in the deep machine, and one draw of the bound of a
belief network ("bound"), whose layers have M units. Against width there are two hidden layers;
against depth, L layers of 200.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded

VISIBLE, IMAGES, WIDE = 64, 100, 200
SUMS = (4, 6, 8, 10, 12, 14, 16, 18)
WIDTHS = (50, 100, 200, 400, 800, 1600)
DEPTHS = (1, 2, 3, 4, 6, 8)
PASSES = ("mean field", "Gibbs", "bound")
REPEATS, LEAST = 5, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least


def cost(what: str, against: str, n: int) -> Row:
    """Least CPU seconds of one piece of work, with layers n wide, or with n layers."""
    hidden = [n, n] if against == "width" else [WIDE] * n
    dbm, dbn, generator = deep_machine(hidden), belief_network(hidden), seeded(1)
    x = torch.bernoulli(torch.full((IMAGES, VISIBLE), 0.5), generator=generator)
    work: dict[str, Callable[[], object]] = {
        "log Z": dbm.log_z,
        "mean field": lambda: dbm.mean_field(x),
        "Gibbs": lambda: dbm.sample(IMAGES, generator=generator, steps=1),
        "bound": lambda: dbn.unnormalised_log_weight(x, generator=generator),
    }
    with torch.no_grad():
        seconds = fastest(work[what], repeats=REPEATS, least=LEAST)
    return {"what": what, "against": against, "n": n, "seconds": seconds}


def deep_machine(hidden: list[int], *, sweeps: int = 1) -> DBM:
    """Layers above 64 visible units, with small random weights."""
    return DBM([VISIBLE, *hidden], generator=seeded(0), sweeps=sweeps)


def belief_network(hidden: list[int]) -> DBN:
    """The same layers, as a belief network."""
    sizes = [VISIBLE, *hidden]
    return DBN([RBM(*pair, generator=seeded(0)) for pair in pairwise(sizes)])


TABLE = Table(
    "deep",
    [("log Z", "width", M) for M in SUMS]
    + [(what, "width", M) for M in WIDTHS for what in PASSES]
    + [(what, "depth", L) for L in DEPTHS for what in PASSES],
    cost,
)
