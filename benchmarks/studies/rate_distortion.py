"""What does a nat of rate buy? One network, trained at several prices of the rate.

    python -m benchmarks.studies.rate_distortion

writes `benchmarks/results/rate_distortion.json`: for each price β, from each of five seeds, the
distortion and the rate on the validation digits and the bound with 64 weights.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.leaderboard.entries.vae import plain
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.latent_size import measured
from coursepkg.data.digits import load_split
from coursepkg.rng import seeded


def main(
    prices: Annotated[list[float] | None, typer.Argument(help="β")] = None,
    seeds: Annotated[int, typer.Option(help="of the training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of the training")] = 30,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains a model at each price from each seed, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    split = load_split()
    rows: list[dict[str, Any]] = []
    for beta in prices or (0.3, 1.0, 3.0, 10.0):
        for seed in range(seeds):
            model = plain(split, latent=16, beta=beta, epochs=epochs, generator=seeded(seed))
            rows.append({"beta": beta, "seed": seed, **measured(model, split.valid)})
            print("β = {beta}, {seed}: distortion {distortion:.1f}, rate {rate:.1f}, "
                  "bound {bound:.1f}, used {used}".format(**rows[-1]))  # fmt: skip
    write_results(out / "rate_distortion.json", rows)


if __name__ == "__main__":
    typer.run(main)
