"""The leaderboard: one data set, one split, one unit, every family.

    python -m benchmarks.leaderboard --only arm

trains the entries of `leaderboard/entries/arm.py` on rows [:1000] of the digits, lets them select
on [1000:1350], scores [1350:] once, and writes `benchmarks/results/leaderboard-arm.json`. Boltzmann
machines and their competitors get the digits as zeros and ones: another variable, another board.
A model that defines no density gets — for nats, and measures of its samples (`samples`) instead.
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
from torch import Generator

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard.board import Board, Entry
from benchmarks.leaderboard.samples import REPEATS, judged, measures, summary
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
        if implicit := [row for row in rows if row["sign"] == "—"]:
            Console().print(as_measures(family.BOARD, implicit))
        if folder is not None:
            write_results(folder / f"leaderboard-{name}.json", rows)


def run(entry: Entry, split: Split, *, quick: bool) -> dict[str, Any]:
    """Trains one entry from each of its seeds and scores it; one row of the table."""
    seconds, models = [], []
    for seed in range(1 if quick else entry.seeds):
        start = time.process_time()
        generator = seeded(seed)
        models.append((entry.fit(split, generator, quick), generator))
        seconds.append(time.process_time() - start)
    scores = in_nats if entry.draw is None else by_samples
    return {
        "family": entry.family,
        **scores(entry, models, split, quick=quick),
        "cpu_seconds": sum(seconds) / len(seconds),
        "cpu_seconds_per_seed": seconds,
        "parameters": entry.learned(models[-1][0]),
    }


def in_nats(
    entry: Entry, models: Sequence[tuple[Any, Generator]], split: Split, *, quick: bool
) -> dict[str, Any]:
    """The negative log-likelihoods of trained models, with their sign and errors."""
    test, valid, draws = [], [], 2 if quick else entry.draws or DRAWS
    for model, generator in models:
        log_Z, error = entry.log_z(model, split, generator) if entry.log_z else (None, 0.0)
        score = partial(nats, model, generator=generator, draws=draws, log_Z=log_Z,
                        log_Z_error=error)  # fmt: skip
        valid.append(score(split.valid))
        test.append(score(split.test))
    mean = over_seeds(test) if len(test) > 1 else test[0]
    return {
        "sign": mean.sign,
        "nats": mean.value,
        "error_data": mean.error_data,
        "error_draws": mean.error_draws,
        "error_seeds": None if math.isnan(mean.error_seeds) else mean.error_seeds,
        "bits_per_dim": mean.bits_per_dim(split.test.shape[1]),
        "nats_per_seed": [result.value for result in test],
        "valid_per_seed": [result.value for result in valid],
    }


def by_samples(
    entry: Entry, models: Sequence[tuple[Any, Generator]], split: Split, *, quick: bool
) -> dict[str, Any]:
    """A dash, and what the samples of trained models are worth beside the images."""
    assert entry.draw is not None
    asked, repeats = measures(split), 2 if quick else REPEATS
    test, valid = [], []
    for model, generator in models:
        draw = partial(entry.draw, model)
        valid.append(judged(draw, split.valid, asked, repeats=repeats, generator=generator))
        test.append(judged(draw, split.test, asked, repeats=repeats, generator=generator))
    found = summary(test, valid, split.test, asked, splits=5 if quick else 100)
    return {"sign": "—", "nats": None, "measures": found}


def as_table(name: str, board: Board, rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table to print."""
    table = Table(title=f"{name}: test negative log-likelihood, {board.images}")
    for heading in ("family", "nats", "± seeds", "bits/dim", "CPU s", "parameters"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for row in rows:
        known = row["sign"] != "—"
        spread = f"{row['error_seeds']:.2f}" if known and row["error_seeds"] is not None else ""
        table.add_row(
            row["family"],
            str(Nats(row["nats"], row["sign"], row["error_data"])) if known else "—",
            spread, f"{row['bits_per_dim']:.3f}" if known else "—",
            f"{row['cpu_seconds']:.1f}", f"{row['parameters']:,}",
        )  # fmt: skip
    return table


def as_measures(board: Board, rows: Sequence[dict[str, Any]]) -> Table:
    """The measures of samples as a table, a line each; last what images score beside images."""
    table = Table(title=f"samples beside {board.images}, ± over seeds")
    table.add_column("measure")
    for heading in (*(row["family"] for row in rows), "images, mean", "images, quantile"):
        table.add_column(heading, justify="right")
    for name, last in rows[-1]["measures"].items():
        cells = []
        for found in (row["measures"][name] for row in rows):
            error = found["error_seeds"]
            cells.append(f"{found['value']:.4f}" + ("" if error is None else f" ± {error:.4f}"))
        floor = f"{last['floor_quantile']:.4f} ({last['level']:.0%})"
        table.add_row(name, *cells, f"{last['floor_mean']:.4f}", floor)
    return table


if __name__ == "__main__":
    typer.run(main)
