"""Seconds of ridge's closed form and of one sweep of the lasso as the number of columns M grows.

    python -m benchmarks.regression

writes `benchmarks/results/regression.json`. The text says O(NM² + M³) for the one and O(NM) for the
other; both are measured in one process, on one thread, so that their ratio means something.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.bayes.regression import coordinate_sweep, ridge
from coursepkg.rng import seeded

N, REPEATS = 8192, 5


def main(
    columns: Annotated[list[int] | None, typer.Argument(help="values of M")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every M, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    rows = [measure(M) for M in columns or (16, 32, 64, 128, 256, 512, 1024)]
    for row in rows:
        print("M = {M}: {ridge_seconds:.4f} s, {sweep_seconds:.4f} s, × {ratio:.2f}".format(**row))
    write_results(out / "regression.json", rows)


def measure(M: int) -> dict[str, Any]:
    """One row: seconds of `ridge` and of one `coordinate_sweep` on the same N × M problem."""
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


if __name__ == "__main__":
    typer.run(main)
