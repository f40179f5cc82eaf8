"""Writes the table of what two processes gain, and what arithmetic says of more."""

import json
from pathlib import Path
from typing import Any


def page(root: Path) -> str:
    """The table in MyST, from the results; a sentence where nothing was measured."""
    file = root / "benchmarks" / "results" / "devices.json"
    if not file.exists():
        return "Nothing was measured yet: `python -m benchmarks.speed.devices`.\n"
    found = json.loads(file.read_text("utf8"))
    head = [
        "| network | weights | alone, ms | two, ms | gain | exchange, ms | expected of 2 | of 8 "
        "| of 64 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    made = found["provenance"]
    note = f"\nMeasured on {made['cpu']}, torch {made['torch']}, {made['date'][:10]}.\n"
    return "\n".join(head + [_row(row) for row in found["rows"]]) + "\n" + note


def _row(row: dict[str, Any]) -> str:
    gains = [row["alone"] / row["predicted"][P] for P in ("2", "8", "64")]
    cells = [
        row["net"], f"{row['weights']:,}", *(f"{1000 * row[key]:.1f}" for key in _TIMES),
        f"×&nbsp;{row['gain']:.2f}", f"{1000 * row['exchange']:.1f}",
        *(f"×&nbsp;{gain:.1f}" for gain in gains),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


_TIMES = ("alone", "together")
