"""What the command prints: a line for each entry, then the tables."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from benchmarks.leaderboard.board import Board
from coursepkg.evaluation import Nats


def score(row: dict[str, Any]) -> str:
    """The number with its sign and its error over the images; a dash if there is none."""
    known = row["sign"] != "—"
    return str(Nats(row["nats"], row["sign"], row["error_data"])) if known else "—"


def line(row: dict[str, Any]) -> str:
    """An entry that has just been finished."""
    return f"{row['family']}: {score(row)}, {sum(row['cpu_seconds_per_seed']):.1f} CPU s"


def as_table(name: str, board: Board, rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table to print."""
    table = Table(title=f"{name}: test negative log-likelihood, {board.images}")
    for heading in ("family", "nats", "± seeds", "bits/dim", "CPU s", "parameters"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for row in rows:
        known = row["sign"] != "—"
        spread = f"{row['error_seeds']:.2f}" if known and row["error_seeds"] is not None else ""
        table.add_row(
            row["family"], score(row), spread, f"{row['bits_per_dim']:.3f}" if known else "—",
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
