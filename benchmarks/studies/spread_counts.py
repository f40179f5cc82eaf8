"""What a mixture of categoricals gains when each level also counts for its neighbours.

    python -m benchmarks.studies.spread_counts

writes `benchmarks/results/spread_counts.json`. Mixtures of M components are fitted to the 1,000
training digits with and without spread counts (width 2 or 0); all else is the same. The prior's
weight is chosen on the validation images for each M and width, as the mean over seeds, which
decide the start of EM. Errors are over seeds.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import LEVELS, Split, load_split
from coursepkg.models.mixtures import CategoricalMixture
from coursepkg.rng import seeded

SHRINKAGES = (0.25, 1.0, 4.0)  # imaginary images in each component
WIDTHS = (0.0, 2.0)  # levels
LINE = "M = {M:3d}, width {width:.0f}: {valid:.2f} ± {valid_error:.2f} nats, prior {shrinkage}"


def main(
    components: Annotated[list[int] | None, typer.Argument(help="values of M")] = None,
    seeds: Annotated[int, typer.Option(help="starts to average over")] = 5,
    steps: Annotated[int, typer.Option(help="steps of EM at most")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Fits every M with every width, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    split, rows = load_split(), []
    for M in components or (10, 40, 160):
        for width in WIDTHS:
            rows.append(measure(split, M, width, seeds=seeds, steps=steps))
            print(LINE.format(**rows[-1]), flush=True)
    write_results(out / "spread_counts.json", rows)


def measure(split: Split, M: int, width: float, *, seeds: int, steps: int) -> dict[str, Any]:
    """One row: the best prior for this M and width, mean and standard error over seeds."""
    tried = {
        shrinkage: torch.tensor([
            _score(split, M, width, shrinkage, seed=seed, steps=steps) for seed in range(seeds)
        ])
        for shrinkage in SHRINKAGES
    }
    best = min(SHRINKAGES, key=lambda shrinkage: tried[shrinkage].mean())
    error = tried[best].std().item() / math.sqrt(seeds)
    return {"M": M, "width": width, "seeds": seeds, "shrinkage": best,
            "valid": tried[best].mean().item(), "valid_error": error}  # fmt: skip


def _score(split: Split, M: int, width: float, shrinkage: float, *, seed: int, steps: int) -> float:
    mixture = CategoricalMixture(
        M, dim=64, levels=LEVELS, width=width, shrinkage=shrinkage, smoothing=0.1, steps=steps,
        tolerance=1e-3, generator=seeded(seed),
    )  # fmt: skip
    return -mixture.fit(split.train).log_prob(split.valid).mean().item()


if __name__ == "__main__":
    typer.run(main)
