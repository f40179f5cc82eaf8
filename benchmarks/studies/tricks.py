"""The tricks of the trade on the digits, each switched alone: what does it do to the samples?

    python -m benchmarks.studies.tricks

writes `benchmarks/results/tricks.json`. The plain pair has pixels from -1 to 1 and no other trick;
every other row changes one thing. Written are measures of samples beside validation images, of each
of five seeds, and the mean difference from the plain pair of the same seed with its standard error;
and what a `Watch` of the critic saw after the last epoch.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.leaderboard.entries.gan import Recipe, levels, pixels, trained
from benchmarks.leaderboard.samples import Measure, judged, measures
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import Split, load_labels, load_split
from coursepkg.models.gan.losses import NonSaturating
from coursepkg.models.gan.saturation import Watch
from coursepkg.rng import seeded

PLAIN = Recipe()
TRICKS = {
    "plain": PLAIN,
    "pixels from 0 to 1": replace(PLAIN, signed=False),
    "labels": replace(PLAIN, labels=True),
    "smoothing": replace(PLAIN, objective=NonSaturating(real_target=0.9)),
    "batch normalisation": replace(PLAIN, normalised=True),
    "5 critic steps": replace(PLAIN, critic_steps=5),
}
ASKED = ("mmd2", "precision", "recall", "coverage")
SHOWN = 200  # images that the watch shows
REPEATS = 5


def main(
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 50,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains with and without each trick, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    asked = {name: measure for name, measure in measures(split).items() if name in ASKED}
    rows: list[dict[str, Any]] = []
    for name, recipe in TRICKS.items():
        start = time.process_time()
        found = [
            played(replace(recipe, epochs=epochs), split, asked, seed) for seed in range(seeds)
        ]
        rows.append({
            "trick": name, "epochs": epochs, "cpu_seconds": (time.process_time() - start) / seeds,
            **{key: [each[key] for each in found] for key in found[0]},
        })  # fmt: skip
        rows[-1]["effect"] = {
            key: difference(rows[-1][key], rows[0][key]) for key in ASKED
        }  # fmt: skip
        shown = (f"{key} {value['mean']:+.4f} ± {value['error']:.4f}"
                 for key, value in rows[-1]["effect"].items())  # fmt: skip
        print(f"{name:22}", *shown, flush=True)
        write_results(out / "tricks.json", rows)


def played(recipe: Recipe, split: Split, asked: dict[str, Measure], seed: int) -> dict[str, float]:
    """One pair trained from one seed: the measures, and what the watch saw last."""
    shown = slice(SHOWN)
    watch = Watch(
        pixels(recipe, split.train[shown]), generator=seeded(1000),
        condition=load_labels().train[shown] if recipe.labels else None,
    )  # fmt: skip
    looks: list[dict[str, float]] = []

    def look(model: Any) -> None:
        looks.append(watch(model))

    model = trained(recipe, split, generator=seeded(seed), monitor=look)

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return levels(model, n, generator)

    found = judged(draw, split.valid, asked, repeats=REPEATS, generator=seeded(seed))
    return {**found, **looks[-1]}


def difference(values: Sequence[float], plain: Sequence[float]) -> dict[str, float]:
    """Mean of the differences, seed by seed, and its standard error (0 of a single seed)."""
    apart = torch.tensor(values, dtype=torch.float64) - torch.tensor(plain, dtype=torch.float64)
    error = apart.std().item() / math.sqrt(len(apart)) if len(apart) > 1 else 0.0
    return {"mean": apart.mean().item(), "error": error}


if __name__ == "__main__":
    typer.run(main)
