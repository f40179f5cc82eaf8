"""The leaderboard: one data set, one split, one unit, every family.

    python -m benchmarks.leaderboard --only arm

trains the entries of `leaderboard/entries/arm.py` on rows [:1000] of the digits, lets them select
on [1000:1350], scores [1350:] once, and writes `benchmarks/results/leaderboard-arm.json`. Boltzmann
machines and their competitors get the digits as zeros and ones: another variable, another board.
A model that defines no density gets — for nats, and measures of its samples (`samples`) instead.

What its code has finished already is not trained again, unless `--anew` says so: a run that was
interrupted goes on. `make leaderboard` does all of it in two processes, and then the report.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard.store import Row, fingerprint, finished, keep, stored
from benchmarks.leaderboard.tables import as_measures, as_table, line
from benchmarks.leaderboard.workers import Task, results
from benchmarks.provenance import RESULTS, provenance

UNKNOWN = 60.0  # CPU seconds that the progress bar expects of an entry that was never trained


def main(
    only: Annotated[list[str] | None, typer.Option(help="families to train; default all")] = None,
    more: Annotated[list[str] | None, typer.Argument(help="further families")] = None,
    entry: Annotated[list[str] | None, typer.Option(help="of these, lines by name")] = None,
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    anew: Annotated[bool, typer.Option(help="train what is finished again, too")] = False,
    workers: Annotated[int, typer.Option(min=1, help="processes, of one thread each")] = 1,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Trains and scores the families; each entry is written when it is finished."""
    families = chosen(entries, [*(only or []), *(more or [])])
    lines = _named(families, entry or [])
    torch.set_num_threads(1)
    folder, console = out or (None if quick else RESULTS), Console()
    rows = {name: _stored(folder, name, console) for name in families}
    todo = []
    for task in tasks(families, rows, quick=quick):
        done = {name for name, row in rows[task.file].items() if finished(row, task.code)}
        skipped = set() if anew or folder is None else done
        if names := tuple(name for name in task.names if name in lines and name not in skipped):
            todo.append(task._replace(names=names))
    origin, failed = provenance(), list[str]()
    with _bar(console) as bar:
        shown = bar.add_task("leaderboard", total=sum(t.seconds for t in todo), of=len(todo), n=0)
        for n, (task, found) in enumerate(results(todo, workers), 1):
            if isinstance(found, Exception):
                of = ", ".join(task.names)
                failed.append(f"{task.file}: {of}: {type(found).__name__}: {found}")
                bar.console.print(failed[-1], markup=False)
            for row in [] if isinstance(found, Exception) else found:
                row |= {"code": task.code, "provenance": origin}
                rows[task.file][row["family"]] = row
                if folder is not None:
                    order = [e.family for e in families[task.file].ENTRIES]
                    keep(folder / f"leaderboard-{task.file}.json", row, order)
                bar.console.print(line(row), markup=False)
            bar.update(shown, advance=task.seconds, n=n)
    _print(console, families, rows)
    if failed:
        console.print(f"{len(failed)} of {len(todo)} trainings failed; the others are kept.")
        raise typer.Exit(1)


def tasks(
    families: dict[str, ModuleType], rows: dict[str, dict[str, Row]], *, quick: bool
) -> list[Task]:
    """All trainings, the longest first, so that no process is left alone with it at the end.

    One with an entry that was never trained may be the longest.
    """
    found, new = [], set[str]()
    for file, family in families.items():
        code = fingerprint(Path(str(family.__file__)), quick=quick)
        for fit in dict.fromkeys(entry.fit for entry in family.ENTRIES):
            training, scoring, names = 0.0, 1.0, list[str]()
            for entry in family.ENTRIES:
                if entry.fit is not fit:
                    continue
                names.append(entry.family)
                old = rows[file].get(entry.family, {})
                new |= set() if old else {entry.family}
                took = old.get("cpu_seconds_per_seed", [UNKNOWN] * entry.seeds)
                training = max(training, sum(took))
                scoring += old.get("scoring_cpu_seconds", 0.0)
            found.append(Task(file, tuple(names), code, training + scoring, quick))
    return sorted(found, key=lambda task: (new.isdisjoint(task.names), -task.seconds))


def _named(families: dict[str, ModuleType], wanted: Sequence[str]) -> set[str]:
    """Names of the lines that are asked for: all of them if none is."""
    known = {entry.family for family in families.values() for entry in family.ENTRIES}
    if unknown := sorted(set(wanted) - known):
        got, listed = "; ".join(unknown), "; ".join(sorted(known))
        raise typer.BadParameter(f"expected some of: {listed}; got: {got}")
    return set(wanted) or known


def _stored(folder: Path | None, name: str, console: Console) -> dict[str, Row]:
    """Rows from earlier, none if the file is damaged, which is said."""
    try:
        return {} if folder is None else stored(folder / f"leaderboard-{name}.json")
    except ValueError as error:
        console.print(f"damaged, so its entries are trained again: {error}", markup=False)
        return {}


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[n]} of"),
        TextColumn("{task.fields[of]} trainings,"),
        TextColumn("{task.percentage:.0f} % of the time"), TimeElapsedColumn(), console=console,
    )  # fmt: skip


def _print(
    console: Console, families: dict[str, ModuleType], rows: dict[str, dict[str, Any]]
) -> None:
    for name, family in families.items():
        found = [rows[name][e.family] for e in family.ENTRIES if e.family in rows[name]]
        console.print(as_table(name, family.BOARD, found))
        if implicit := [row for row in found if row["sign"] == "—"]:
            console.print(as_measures(family.BOARD, implicit))


if __name__ == "__main__":
    typer.run(main)
