"""The leaderboard: one data set, one split, one unit, every family.

    python -m benchmarks.leaderboard --only arm

trains the entries of `benchmarks/entries/arm.py` on rows [:1000] of the digits, lets them select on
[1000:1350], scores [1350:] once, and writes `benchmarks/results/leaderboard-arm.json`. Boltzmann
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
from torch import nn

from benchmarks.entries import arm, copula, dbn, mixture, rbm
from benchmarks.entry import Entry
from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.enumeration import Normalised, NormalisedBound
from coursepkg.evaluation import ImportanceBound, Nats, nats, over_seeds
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.rng import seeded

FAMILIES: dict[str, Sequence[Entry]] = {
    "arm": arm.ENTRIES,
    "mixture": mixture.ENTRIES,
    "copula": copula.ENTRIES,
    "rbm": rbm.ENTRIES,
    "dbn": dbn.ENTRIES,
}
BINARY = {"rbm", "dbn"}  # families of the digits as zeros and ones
DRAWS = 64  # of a bound, for each image


def main(
    only: Annotated[list[str] | None, typer.Option(help="families to train; default all")] = None,
    more: Annotated[list[str] | None, typer.Argument(help="further families")] = None,
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Trains and scores the families, prints a table and writes one JSON file for each."""
    names = [*(only or []), *(more or [])] or list(FAMILIES)
    unknown = sorted(set(names) - set(FAMILIES))
    if unknown:
        raise typer.BadParameter(
            f"expected some of {', '.join(FAMILIES)}, got {', '.join(unknown)}"
        )
    torch.set_num_threads(1)
    folder = out or (None if quick else RESULTS)
    for name in names:
        split = Split(*map(binarise, load_split())) if name in BINARY else load_split()
        rows = [run(entry, split, quick=quick) for entry in FAMILIES[name]]
        Console().print(as_table(name, rows))
        if folder is not None:
            write_results(folder / f"leaderboard-{name}.json", rows)


def run(entry: Entry, split: Split, *, quick: bool) -> dict[str, Any]:
    """Trains one entry from each of its seeds and scores it; one row of the table."""
    seconds, test, valid, parameters = [], [], [], 0
    for seed in range(1 if quick else entry.seeds):
        start = time.process_time()
        generator = seeded(seed)
        model = entry.fit(split, generator, quick)
        seconds.append(time.process_time() - start)
        log_Z, error = entry.log_z(model, split, generator) if entry.log_z else (None, 0.0)
        score = partial(nats, model, generator=generator, draws=DRAWS, log_Z=log_Z,
                        log_Z_error=error)  # fmt: skip
        valid.append(score(split.valid))
        test.append(score(split.test))
        parameters = count(model)
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


def count(model: object) -> int:
    """Numbers that the model learned: its parameters, or the table or the leaves it counted."""
    if isinstance(model, Normalised | NormalisedBound | ImportanceBound):
        return count(model.model)
    if isinstance(model, LogisticAutoregression | TreeAutoregression):
        return model.learned
    return (
        sum(v.numel() for v in model.state_dict().values()) if isinstance(model, nn.Module) else 0
    )


def as_table(name: str, rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table to print."""
    what = "447 digits of zeros and ones" if name in BINARY else "447 digits"
    table = Table(title=f"{name}: test negative log-likelihood, {what}")
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
