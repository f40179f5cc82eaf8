"""Seconds of one step of EM as the number of examples N and of components M grows.

    python -m benchmarks.mixtures

writes `benchmarks/results/mixtures.json`. The text says O(NMD² + MD³) for full Gaussians, O(NMD)
for diagonal ones and O(NMDK) for categoricals. N grows with M = 16, M with N = 2,000.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.em import Mixture
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.rng import seeded

D, K, REPEATS = 64, 17, 7
SIZES = ((1000, 16), (2000, 16), (4000, 16), (8000, 16), (2000, 4), (2000, 8), (2000, 32))


def main(
    largest: Annotated[int, typer.Option(help="leave out larger N")] = 8000,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every pair (N, M), prints a line for each and writes the results."""
    torch.set_num_threads(1)
    rows = [measure(N, M) for N, M in SIZES if largest >= N]
    for row in rows:
        print(
            "N = {N}, M = {M}: full {full_seconds:.4f} s, diagonal {diagonal_seconds:.4f} s, "
            "categorical {categorical_seconds:.4f} s".format(**row)
        )
    write_results(out / "mixtures.json", rows)


def measure(N: int, M: int) -> dict[str, Any]:
    """One row: seconds of one step of EM on N examples of D = 64 numbers, or of 17 levels."""
    generator = seeded(0)
    x = torch.randn(N, D, generator=generator)
    levels = torch.randint(K, (N, D), generator=generator)
    categorical = CategoricalMixture(M, dim=D, levels=K, shrinkage=1, generator=generator)
    return {
        "N": N,
        "M": M,
        "full_seconds": _seconds(GaussianMixture(M, dim=D, generator=generator), x),
        "diagonal_seconds": _seconds(DiagonalGaussianMixture(M, dim=D, generator=generator), x),
        "categorical_seconds": _seconds(categorical, categorical.spread(levels)),
    }


def _seconds(model: Mixture, x: torch.Tensor) -> float:
    return fastest(lambda: model.m_step(x, model.e_step(x)), repeats=REPEATS)


if __name__ == "__main__":
    typer.run(main)
