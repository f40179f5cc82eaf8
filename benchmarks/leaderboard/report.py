"""The table and the figure of all that is finished, best first, with paired differences.

    python -m benchmarks.leaderboard.report

writes `leaderboard.md` and `leaderboard.svg` beside the results. A row that no entry claims, which
no command would reproduce, is left out and named; so is an entry that has no row yet.
"""

import math
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import matplotlib.pyplot as plt
import typer

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard.board import BINARISED, DIGITS, Board
from benchmarks.leaderboard.scoring import unpacked
from benchmarks.leaderboard.store import Row, stored
from benchmarks.leaderboard.tables import score
from benchmarks.provenance import RESULTS
from coursepkg.evaluation.paired import paired
from coursepkg.files import replacing, write_whole
from coursepkg.plotting.frontier import frontier
from coursepkg.plotting.style import use_style

BOARDS = (DIGITS, BINARISED)
MEASURES = ("mmd2", "precision", "recall", "nearest")
HEADINGS = ("model", "nats", "± seeds", "behind the first", "bits/dim", "CPU s", "parameters",
            "MMD²", "precision", "recall", "nearest", "commit")  # fmt: skip


class Found(NamedTuple):
    """What stands in the files.

    Args:
        rows: of each board, the best first, and then those that have no nats.
        missing: entries that have no row.
        orphans: rows that no entry claims.
    """

    rows: dict[Board, list[Row]]
    missing: list[str]
    orphans: list[str]


def main(
    folder: Annotated[Path, typer.Option("--out", help="folder of the results")] = RESULTS,
) -> None:
    """Reads the results, and writes the table and the figure."""
    found = collect(folder)
    for what, names in (("no result yet", found.missing), ("no entry of this name", found.orphans)):
        for name in names:
            print(f"{what}: {name}")
    write_whole(folder / "leaderboard.md", page(found))
    draw(found, folder / "leaderboard.svg")


def collect(folder: Path) -> Found:
    """All rows that an entry claims.

    Raises:
        ValueError: naming a file that is damaged.
    """
    found = Found({board: [] for board in BOARDS}, [], [])
    for name, family in chosen(entries, []).items():
        rows = stored(folder / f"leaderboard-{name}.json")
        named = [entry.family for entry in family.ENTRIES]
        found.rows.setdefault(family.BOARD, []).extend(rows[n] for n in named if n in rows)
        found.missing.extend(f"{name}: {n}" for n in named if n not in rows)
        found.orphans.extend(f"{name}: {n}" for n in rows if n not in named)
    for rows_of in found.rows.values():
        rows_of.sort(key=lambda row: math.inf if row["nats"] is None else row["nats"])
    return found


def behind(row: Row, first: Row) -> tuple[float, float] | None:
    """How many nats a row is behind another on the same images, with the standard error.

    The error is that of the differences, image by image, together with those over seeds and of an
    estimated log Z; None where the values of images were not kept.
    """
    if not row.get("per_image") or not first.get("per_image"):
        return None
    found = paired(unpacked(row["per_image"]), unpacked(first["per_image"]))
    others = [r["error_seeds"] or 0.0 for r in (row, first)]
    others += [r["error_draws"] for r in (row, first) if r["sign"] == "≈"]
    return found.value, math.hypot(found.error, *others)


def page(found: Found) -> str:
    """A Markdown table for each board."""
    parts = [
        "<!-- written by `python -m benchmarks.leaderboard.report` -->",
        "Negative log-likelihood of a test image: = exact, ≤ a bound, ≈ an estimate, — none. The "
        "first error is over the images, the second over seeds; differences are paired, image by "
        "image. Samples: halves of 223 beside halves of the test images; MMD² and `nearest`, the "
        "median distance to the nearest training image, in levels.",
    ]
    for board, rows in found.rows.items():
        table: list[tuple[str, ...]] = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1))]
        table += [_cells(row, rows[0]) for row in rows]
        parts += [f"## {board.images}", "\n".join(f"| {' | '.join(cells)} |" for cells in table)]
    return "\n\n".join(parts) + "\n"


def draw(found: Found, path: Path) -> None:
    """Nats of the digits against CPU seconds of all seeds' mean; the sign is the marker."""
    rows = [row for row in found.rows[DIGITS] if row["nats"] is not None]
    use_style()
    plt.rcParams["svg.hashsalt"] = "leaderboard"  # the same figure is the same file
    fig, ax = plt.subplots(figsize=(6.3, 4.2))
    frontier(
        [row["cpu_seconds"] for row in rows], [row["nats"] for row in rows],
        [row["sign"] for row in rows], [row["family"] for row in rows], ax=ax,
    )  # fmt: skip
    ax.set(xlabel="CPU seconds of one training", ylabel="test nats an image")
    with replacing(path) as new:
        fig.savefig(new, format="svg", metadata={"Date": None})
    plt.close(fig)


def _cells(row: Row, first: Row) -> tuple[str, ...]:
    spread, gap = row.get("error_seeds"), behind(row, first)
    found: dict[str, Any] = row.get("measures", {})
    return (
        row["family"], score(row), "" if spread is None else f"{spread:.2f}",
        "" if gap is None or row is first else f"{gap[0]:.2f} ± {gap[1]:.2f}",
        f"{row['bits_per_dim']:.3f}" if row["nats"] is not None else "—",
        f"{row['cpu_seconds']:.1f}", f"{row['parameters']:,}",
        *(f"{found[name]['value']:.3f}" if name in found else "" for name in MEASURES),
        row.get("provenance", {}).get("commit", "")[:9],
    )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
