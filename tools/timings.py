"""Writes the table of how long each chapter takes to run, as measured, and to read, as counted."""

import json
from pathlib import Path

from tools import reading
from tools.site import chapter_number, title, toc_pages


def page(root: Path) -> str:
    """The table in MyST, from book/timings.json; a sentence where nothing was measured."""
    file = root / "book" / "timings.json"
    measured = json.loads(file.read_text("utf8")) if file.exists() else {}
    rows = [
        f"| {chapter_number(name)} | [{title(root / f'{name}.md')}](../{name}.ipynb) "
        f"| {reading.measure(root / f'{name}.md').core.minutes} "
        f"| {measured[Path(name).name]['seconds']:.0f} | {measured[Path(name).name]['cpu']} |"
        for name in toc_pages(root)
        if Path(name).name in measured
    ]
    if not rows:
        return "No chapter was measured yet.\n"
    head = [
        "| chapter | title | minutes to read the core | seconds | measured on |",
        "|---:|---|---:|---:|---|",
    ]
    return "\n".join(head + rows) + "\n"
