"""Seconds to score points with a kernel estimate and a histogram as N and D grow.

The text says O(N D) a point for kernels and O(D) for cells.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.nonparametric import Histogram, KernelDensity
from coursepkg.rng import seeded

SIDE = 5.5  # the box [-SIDE, SIDE]^D of the histogram
FRESH = 4000  # points that are scored


def score(D: int, N: int) -> Row:
    """Seconds of both, fitted to N draws of a standard normal."""
    x, fresh = (
        torch.randn(n, D, generator=seeded(seed), dtype=torch.float64).clamp(-SIDE, SIDE)
        for seed, n in enumerate((N, FRESH))
    )
    kernel = KernelDensity(1.0, dim=D).fit(x)
    cells = Histogram(2, low=-SIDE, high=SIDE, dim=D, smoothing=1.0).fit(x)
    return {
        "D": D,
        "N": N,
        "kernel_seconds": fastest(lambda: kernel.log_prob(fresh)),
        "histogram_seconds": fastest(lambda: cells.log_prob(fresh)),
    }


DIMS, SIZES = (1, 2, 5, 10), (125, 500, 2000)
TABLE = Table("density_growth", [(D, N) for D in DIMS for N in SIZES], score)
