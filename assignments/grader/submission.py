"""Read a student's notebook, whatever state it is in, and pick the cells to run."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.grader.master import Master, plain

SIZE_LIMIT = 256 << 20  # a notebook may hold 100 MB of saved output
CELL_LIMIT = 1 << 20
FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)


class Unreadable(Exception):
    """The file holds no notebook; the message says why, for the student."""


@dataclass(frozen=True)
class Cell:
    """One cell as the student handed it in."""

    kind: str
    source: str
    grade_id: str

    def defines(self, name: str) -> bool:
        """Whether it looks as if it defined `name`; nothing is parsed or run."""
        return (
            re.search(rf"^[ \t]*(?:def|class)[ \t]+{name}\b|^{name}[ \t]*=", self.source, re.M)
            is not None
        )


def read_cells(path: Path) -> list[Cell]:
    """The notebook's cells.

    Raises:
        Unreadable: not a regular file, too large, or no notebook.
    """
    try:
        notebook = json.loads(read_bytes(path).decode("utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(
            "the file is not a notebook, or not all of it: save and hand in again"
        ) from error
    return [cell for entry in _entries(notebook) if (cell := _cell(entry))]


def read_bytes(path: Path) -> bytes:
    """A regular file's content: a link may lead to another student's work, a pipe may block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it is not a regular file")
        if status.st_size > SIZE_LIMIT:
            raise Unreadable(f"the file is larger than {SIZE_LIMIT >> 20} MiB: clear all outputs")
        return file.read(SIZE_LIMIT)


def _entries(notebook: Any) -> list[Any]:
    if isinstance(notebook, dict):
        cells = notebook.get("cells")
        if cells is None and isinstance(sheets := notebook.get("worksheets"), list):  # nbformat 3
            cells = [c for s in sheets if isinstance(s, dict) for c in s.get("cells", [])]
        if isinstance(cells, list):
            return cells
    raise Unreadable("the file is JSON, but no notebook")


def _cell(entry: Any) -> Cell | None:
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
    return Cell(str(entry.get("cell_type")), source, grade_id if isinstance(grade_id, str) else "")


def pick(cells: list[Cell], master: Master) -> tuple[list[str], list[str]]:
    """The sources to run, in the notebook's order, and what a student should know about that.

    Locked cells are left out: the master's are used. A function that no code cell defines is
    looked for in the others: Markdown, raw, or a locked cell that was overwritten.

    Returns:
        The sources, and one sentence per problem.
    """
    problems: list[str] = []
    tests = {test.grade_id for test in master.tests} | {"setup"}
    chosen = {
        number
        for number, cell in enumerate(cells)
        if cell.kind == "code"
        and cell.grade_id not in tests
        and plain(cell.source) not in master.locked
    }
    for name, question in master.solutions.items():
        found = [number for number, cell in enumerate(cells) if cell.defines(name)]
        runnable = [number for number in found if number in chosen]
        if not found:
            problems.append(f"{question}: no cell defines `{name}`")
        elif not runnable:
            chosen.add(found[-1])
            problems.append(f"{question}: `{name}` was taken from a cell that is no solution cell")
        elif len(runnable) > 1:
            problems.append(
                f"{question}: `{name}` is defined {len(runnable)} times, the last counts"
            )
    if not any(cell.defines(name) for cell in cells for name in master.solutions):
        problems = [f"nothing in this notebook belongs to the assignment {master.name}"]
    sources = []
    for number in sorted(chosen):
        source = cells[number].source
        if len(source) > CELL_LIMIT:
            problems.append(
                f"cell {number + 1} is longer than {CELL_LIMIT >> 20} MiB and was not run"
            )
            continue
        sources.append(source if cells[number].kind == "code" else FENCE.sub("", source))
    return sources, problems
