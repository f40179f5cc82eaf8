"""How probable is it that the bright cells of a grid of independent cells hang together? Exactly.

    python -m benchmarks.studies.one_piece

writes `benchmarks/results/one_piece.json`: for the model of chapter 3, whose pixels are bright as
often as in the training digits, and for square grids whose cells are bright half of the time. Cell
by cell, the sum keeps the probability of each *frontier*: which of the last `columns` + 1 cells
are bright, and which of them hang together already. Their number is what grows with the width.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data import load_split

SIDE, BRIGHT = 8, 8
Frontier = tuple[int, ...]  # a number for each piece, 0 where it is dark, the oldest cell first
ENDED: Frontier = ()  # there was a piece, and it can grow no more


def main(
    sides: Annotated[list[int] | None, typer.Argument(help="sides of half-bright grids")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Sums for the digits' model and for each grid, prints a line for each, writes the results."""
    torch.set_default_dtype(torch.float64)
    digits = (load_split().train >= BRIGHT).double().mean(0).view(SIDE, SIDE)
    grids = [("digits", digits)] + [
        ("half bright", torch.full((side, side), 0.5)) for side in sides or (4, 6, 8)
    ]
    rows: list[dict[str, Any]] = []
    for name, bright in grids:
        start = perf_counter()
        probability, frontiers = in_one_piece(bright)
        rows.append({
            "grid": name, "side": len(bright), "probability": probability,
            "frontiers": frontiers, "seconds": perf_counter() - start,
        })  # fmt: skip
        print("{grid} {side}: {probability:.5f}, {frontiers} frontiers".format(**rows[-1]))
    write_results(out / "one_piece.json", rows)


def in_one_piece(bright: Tensor) -> tuple[float, int]:
    """P(some cell is bright, and all bright ones hang together, diagonals included).

    Args:
        bright: probability of each cell to be bright, (rows, columns).

    Returns:
        The probability, and the largest number of frontiers that were kept at once.
    """
    columns = bright.shape[1]
    law, most = {(0,) * (columns + 1): 1.0}, 1
    for i, p in enumerate(bright.flatten().tolist()):
        column, after = i % columns, defaultdict[Frontier, float](float)
        # of the last columns + 1 cells: north-west, north, north-east, and west
        beside = [0] * (column > 0) + [1] + [2] * (column < columns - 1) + [columns] * (column > 0)
        for frontier, weight in law.items():
            if frontier != ENDED:
                _add(after, joined(frontier, beside), weight * p)
                _add(after, (*frontier, 0), weight * (1 - p))
            else:
                after[ENDED] += weight * (1 - p)
        law, most = after, max(most, len(after))
    return sum(w for f, w in law.items() if f == ENDED or max(f) == 1), most


def joined(frontier: Frontier, beside: Iterable[int]) -> Frontier:
    """The frontier with a bright cell at its end, which makes one piece of those beside it."""
    touched = {frontier[j] for j in beside} - {0}
    new = max(frontier) + 1
    return (*(new if piece in touched else piece for piece in frontier), new)


def _add(law: dict[Frontier, float], frontier: Frontier, weight: float) -> None:
    """Drops the oldest cell; a piece that ends there must be the only one."""
    oldest, *kept = frontier
    if oldest and oldest not in kept:
        if any(kept):
            return
        law[ENDED] += weight
        return
    number = {0: 0}
    law[tuple(number.setdefault(piece, len(number)) for piece in kept)] += weight


if __name__ == "__main__":
    typer.run(main)
