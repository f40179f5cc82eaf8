"""What it costs to sum over a grid, and to sample it.

Three ways on Ising grids with n sites and free borders: log Z by the table of all 2^n states, log Z
by the transfer matrix, and one sweep of Gibbs sampling.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.enumeration import log_sum_exp
from coursepkg.graphs.lattice import CheckerboardGibbs, Lattice, ising
from coursepkg.rng import seeded

BETA = 0.4
SHAPES = {
    "table": [(2, 2), (2, 4), (3, 4), (4, 4), (4, 5)],
    "matrix": [(side, side) for side in (*range(2, 12), 14, 16, 18, 20)],
    "sweep": [(side, side) for side in (4, 8, 16, 32, 64, 128, 256)],
}


def cost(kind: str, height: int, width: int) -> Row:
    """Seconds for log Z by table or by matrix, or for one sweep, of a grid with free borders."""
    lattice, sites = ising(height, width, beta=BETA), height * width
    x = torch.zeros(1, sites, dtype=torch.int64)
    kernel = CheckerboardGibbs(lattice)
    state, generator = kernel.init(x), seeded(0)
    work: dict[str, Callable[[], Any]] = {
        "table": lambda: table_log_z(lattice),
        "matrix": lattice.log_z,
        "sweep": lambda: kernel.step(state, generator=generator),
    }
    value = None if kind == "sweep" else work[kind]().item()
    return {"kind": kind, "sites": sites, "seconds": fastest(work[kind]), "log_z": value}


def table_log_z(lattice: Lattice) -> Tensor:
    """log Z as a sum over all states."""
    return log_sum_exp(
        lambda x: -lattice.free_energy(x.long()), lattice.height * lattice.width, like=lattice.pair
    )


TABLE = Table(
    "lattice_growth",
    [(kind, *shape) for kind, shapes in SHAPES.items() for shape in shapes],
    cost,
    torch.float64,
)
