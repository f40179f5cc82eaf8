"""What a measure of samples costs as the number N of rows in each of two sets grows, in 32-D.

Measures that compare every row with every other should take four times as long for twice the rows;
the Fréchet distance looks at each row once, and at the eigenvalues of a 32 × 32 matrix.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.evaluation.samples.classify import classifier_test
from coursepkg.evaluation.samples.distances import frechet_distance
from coursepkg.evaluation.samples.kernels import mmd_squared, permutation_test
from coursepkg.evaluation.samples.neighbours import density_coverage, precision_recall
from coursepkg.rng import seeded

DIM, BANDWIDTH = 32, 8.0
SIZES = (125, 250, 500, 1000, 2000)
REPEATS, LEAST = 5, 0.02  # runs to choose the fastest of, and CPU seconds that each takes at least
MEASURES: dict[str, Callable[[Tensor, Tensor], object]] = {
    "MMD": lambda x, y: mmd_squared(x, y, bandwidth=BANDWIDTH),
    "permutation test": lambda x, y: permutation_test(
        x, y, bandwidth=BANDWIDTH, generator=seeded(2)
    ),
    "precision and recall": precision_recall,
    "density and coverage": density_coverage,
    "classifier test": lambda x, y: classifier_test(x, y, generator=seeded(2)),
    "Fréchet distance": frechet_distance,
}


def cost(measure: str, rows: int) -> Row:
    """Least CPU seconds of one measure of two sets of normal rows."""
    x, y = (torch.randn(rows, DIM, generator=seeded(seed)) for seed in (0, 1))
    seconds = fastest(lambda: MEASURES[measure](x, y), repeats=REPEATS, least=LEAST)
    return {"measure": measure, "rows": rows, "seconds": seconds}


TABLE = Table("samples_growth", [(measure, N) for measure in MEASURES for N in SIZES], cost)
