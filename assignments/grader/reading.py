"""Read a notebook's JSON in a process of its own, with limits of time and memory.

JSON of 64 MB can take gigabytes of memory. So this file, run as a program, reads a notebook from
its input and prints what the grader needs of it; for that it uses the standard library alone.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from typing import Any, NamedTuple

MEMORY = 3 << 29
SECONDS = 20
CELLS = 10_000
CELL_LIMIT = 1 << 20  # characters of a cell; of a longer one the beginning is kept, and one more
TOTAL = 16 << 20  # characters of all cells together
NAME = 200  # characters of a cell's kind and id
CLEAR = "clear all outputs, save and hand in again"
TROUBLES = {
    "json": "the file is not a notebook, or not all of it: save and hand in again",
    "form": "the file is JSON, but no notebook",
    "size": f"the notebook has more than {CELLS} cells, or cells of more than {TOTAL >> 20} MiB",
    "memory": f"to read the file takes more than {MEMORY >> 20} MiB of memory: {CLEAR}",
    "time": f"to read the file takes more than {SECONDS} s: {CLEAR}",
}


class Unreadable(Exception):
    """The file holds no notebook; the message says why, for the student."""


class Entry(NamedTuple):
    """What is kept of one cell of a notebook."""

    kind: str
    source: str
    grade_id: str


def read_notebook(content: bytes) -> list[Entry]:
    """The cells of a notebook.

    Raises:
        Unreadable: it is none, or to read it takes too much time or memory.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", __file__],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=15 * SECONDS,  # of wall time, on a machine that others use too
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(TROUBLES["time"]) from None
    except subprocess.CalledProcessError as error:
        raise Unreadable(TROUBLES["time" if error.returncode < 0 else "memory"]) from None
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise Unreadable(TROUBLES[answer])
    return [Entry(*fields) for fields in answer]


def extract(content: bytes) -> list[Entry] | str:
    """The cells of a notebook, or one of `TROUBLES`."""
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "json"
    entries = _entries(notebook)
    if entries is None:
        return "form"
    cells = [cell for entry in entries if (cell := _cell(entry))]
    if len(cells) > CELLS or sum(len(cell.source) for cell in cells) > TOTAL:
        return "size"
    return cells


def _entries(notebook: Any) -> list[Any] | None:
    if not isinstance(notebook, dict):
        return None
    cells = notebook.get("cells")
    if cells is None and isinstance(sheets := notebook.get("worksheets"), list):  # nbformat 3
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for each in lists if isinstance(each, list) for cell in each]
    return cells if isinstance(cells, list) else None


def _cell(entry: Any) -> Entry | None:
    if not isinstance(entry, dict):
        return None
    source = entry.get("source", entry.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return None
    metadata = entry.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = mark.get("grade_id") if isinstance(mark, dict) else None
    return Entry(_name(entry.get("cell_type")), source[: CELL_LIMIT + 1], _name(grade_id))


def _name(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= NAME else ""


def main() -> None:
    """Read a notebook from standard input; print its cells, or what the trouble is."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    gc.disable()  # millions of lists, and no circle among them
    print(json.dumps(extract(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
