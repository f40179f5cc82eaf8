"""Read a student's notebook, whatever state it is in, and pick the cells to run."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from assignments.grader.master import Master, Test, plain
from assignments.grader.reading import CELL_LIMIT, read_notebook
from assignments.grader.reading import Unreadable as Unreadable

SIZE_LIMIT = 256 << 20  # a notebook may hold 100 MB of saved output
FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)


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
        return [Cell(*entry) for entry in read_notebook(read_bytes(path))]
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from error


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


class Picked(NamedTuple):
    """What is run of a notebook.

    Attributes:
        sources: of the cells, in the notebook's order.
        above: how many of them stand above a question's last test: question -> number.
        problems: what a student should know, a sentence each.
    """

    sources: list[str]
    above: dict[str, int]
    problems: list[str]


def pick(cells: list[Cell], master: Master) -> Picked:
    """The sources to run.

    Locked cells are left out, if nothing was changed in them: the master's are used. A function
    that no code cell defines is looked for in the others: Markdown or raw.
    """
    tests = {test.grade_id: test for test in master.tests}
    code = {number for number, cell in enumerate(cells) if cell.kind == "code"}
    chosen = {number for number in code if plain(cells[number].source) not in master.locked}
    problems = [
        f"the locked cell `{cells[number].grade_id}` was changed; it was run as one of yours"
        for number in sorted(chosen)
        if cells[number].grade_id in {*tests, "setup"}
    ]
    problems += _choose(cells, master, chosen)
    if not any(cell.defines(name) for cell in cells for name in master.solutions):
        problems = [f"nothing in this notebook belongs to the assignment {master.name}"]
    for number in sorted(chosen):
        if len(cells[number].source) > CELL_LIMIT:
            what = f"cell {number + 1} is longer than {CELL_LIMIT >> 20} MiB and was not run"
            problems.append(what)
            chosen.remove(number)
    run = sorted(chosen)
    above = {
        test.question: sum(n < number for n in run)
        for number in sorted(code)
        if (test := _test(cells[number], tests))
    }
    sources = [cells[n].source if n in code else FENCE.sub("", cells[n].source) for n in run]
    return Picked(sources, above, problems)


def _choose(cells: list[Cell], master: Master, chosen: set[int]) -> Iterator[str]:
    """Adds the cells that define what no chosen one does; says what is missing or there twice."""
    for name, question in master.solutions.items():
        found = [number for number, cell in enumerate(cells) if cell.defines(name)]
        runnable = [number for number in found if number in chosen]
        if not found:
            yield f"{question}: no cell defines `{name}`"
        elif not runnable:
            chosen.add(found[-1])
            yield f"{question}: `{name}` was taken from a cell that is no solution cell"
        elif len(runnable) > 1:
            yield f"{question}: `{name}` is defined {len(runnable)} times, the last counts"


def _test(cell: Cell, tests: dict[str, Test]) -> Test | None:
    """The master's graded cell that this one is, by its id or by its text."""
    found = (test for test in tests.values() if plain(test.source) == plain(cell.source))
    return tests.get(cell.grade_id) or next(found, None)
