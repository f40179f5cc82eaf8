"""Writes the table of the trained models: what each is, the command that made it, and its size."""

import json
from pathlib import Path

from coursepkg.gallery import WORKS, signature


def page(root: Path) -> str:
    """The table in MyST, a row for each model."""
    rows = [f"| {name} | {work.what} | {_made(name, root)} |" for name, work in WORKS.items()]
    head = [
        "| name | what it is | trained by | CPU seconds | kB |",
        "|---|---|---|---:|---:|",
    ]
    return "\n".join(head + rows) + "\n"


def _made(name: str, root: Path) -> str:
    result = root / "benchmarks" / "results" / f"gallery-{name}.json"
    seconds = json.loads(result.read_text("utf8"))["rows"][0]["cpu_seconds"]
    size = (root / "coursepkg" / "weights" / f"{name}.pt").stat().st_size
    command = signature(name)["command"].removeprefix("python -m benchmarks.gallery.")
    return f"`{command}` | {seconds:.0f} | {size / 1000:.0f}"
