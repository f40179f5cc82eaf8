"""The leaderboard: one data set, one split, one unit, every family.

    python -m benchmarks.leaderboard --only arm

trains the entries of `leaderboard/entries/arm.py` on rows [:1000] of the digits, lets them select
on [1000:1350], scores [1350:] once, and writes `benchmarks/results/leaderboard-arm.json`. Boltzmann
machines and their competitors get the digits as zeros and ones: another variable, another board.
"""

import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard.board import Board, Entry
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import Split
from coursepkg.evaluation import Nats, nats, over_seeds
from coursepkg.rng import seeded

DRAWS = 64  # of a bound, for each image


def main(
    only: Annotated[list[str] | None, typer.Option(help="families to train; default all")] = None,
    more: Annotated[list[str] | None, typer.Argument(help="further families")] = None,
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Trains and scores the families, prints a table and writes one JSON file for each."""
    families = chosen(entries, [*(only or []), *(more or [])])
    torch.set_num_threads(1)
    folder = out or (None if quick else RESULTS)
    for name, family in families.items():
        split = family.BOARD.load()
        rows = [run(entry, split, quick=quick) for entry in family.ENTRIES]
        Console().print(as_table(name, family.BOARD, rows))
        if folder is not None:
            write_results(folder / f"leaderboard-{name}.json", rows)


def run(entry: Entry, split: Split, *, quick: bool) -> dict[str, Any]:
    """Trains one entry from each of its seeds and scores it; one row of the table."""
    seconds, test, valid, parameters = [], [], [], 0
    draws = 2 if quick else entry.draws or DRAWS
    for seed in range(1 if quick else entry.seeds):
        start = time.process_time()
        generator = seeded(seed)
        model = entry.fit(split, generator, quick)
        seconds.append(time.process_time() - start)
        log_Z, error = entry.log_z(model, split, generator) if entry.log_z else (None, 0.0)
        score = partial(nats, model, generator=generator, draws=draws, log_Z=log_Z,
                        log_Z_error=error)  # fmt: skip
        valid.append(score(split.valid))
        test.append(score(split.test))
        parameters = entry.learned(model)
    mean = over_seeds(test) if len(test) > 1 else test[0]
    return {
        "family": entry.family,
        "sign": mean.sign,
        "nats": mean.value,
        "error_data": mean.error_data,
        "error_draws": mean.error_draws,
        "error_seeds": None if math.isnan(mean.error_seeds) else mean.error_seeds,
        "bits_per_dim": mean.bits_per_dim(split.test.shape[1]),
        "nats_per_seed": [result.value for result in test],
        "valid_per_seed": [result.value for result in valid],
        "cpu_seconds": sum(seconds) / len(seconds),
        "cpu_seconds_per_seed": seconds,
        "parameters": parameters,
    }


def as_table(name: str, board: Board, rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table to print."""
    table = Table(title=f"{name}: test negative log-likelihood, {board.images}")
    for heading in ("family", "nats", "± seeds", "bits/dim", "CPU s", "parameters"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for row in rows:
        spread = "" if row["error_seeds"] is None else f"{row['error_seeds']:.2f}"
        table.add_row(
            row["family"], str(Nats(row["nats"], row["sign"], row["error_data"])), spread,
            f"{row['bits_per_dim']:.3f}", f"{row['cpu_seconds']:.1f}", f"{row['parameters']:,}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    typer.run(main)
