"""Seconds of ridge's closed form and of one sweep of the lasso as the number of columns M grows.

The text says O(NM² + M³) for the one and O(NM) for the other.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.bayes.regression import coordinate_sweep, ridge
from coursepkg.rng import seeded

N, REPEATS = 8192, 5


def ridge_and_lasso(M: int) -> Row:
    """Seconds of `ridge` and of one `coordinate_sweep` on the same N × M problem."""
    generator = seeded(0)
    # the transpose of a contiguous matrix: columns lie together, for which a sweep asks
    X = torch.randn(M, N, generator=generator, dtype=torch.float64).T
    y = X[:, 0] + torch.randn(N, generator=generator, dtype=torch.float64)
    penalty = 0.1 * float((X.T @ y).abs().max())
    closed = fastest(lambda: ridge(X, y, penalty=penalty), repeats=REPEATS)
    sweep = fastest(
        lambda: coordinate_sweep(torch.zeros_like(X[0]), y.clone(), X, penalty=penalty),
        repeats=REPEATS,
    )
    return {"N": N, "M": M, "ridge_seconds": closed, "sweep_seconds": sweep,
            "ratio": closed / sweep}  # fmt: skip


TABLE = Table("regression", [(M,) for M in (16, 32, 64, 128, 256, 512, 1024)], ridge_and_lasso)
