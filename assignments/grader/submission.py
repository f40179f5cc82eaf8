"""Read a student's notebook, whatever state it is in, and pick the cells to run."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from assignments.grader.master import Master, plain
from assignments.grader.reading import CELL_LIMIT, read_notebook
from assignments.grader.reading import Unreadable as Unreadable

SIZE_LIMIT = 256 << 20  # a notebook may hold 100 MB of saved output
# each takes time that grows as the text does, and no faster
WORD = re.compile(r"\w+")
DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
BINDING = re.compile(
    r"^(?:from[ \t][^\n]*?[ \t]import[ \t]([^\n]*)"
    r"|(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]*)?=(?!=))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Cell:
    """One cell as the student handed it in."""

    kind: str
    source: str
    grade_id: str

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that it looks as if it defined; nothing is parsed or run."""
        bound = (match[1] or match[2] for match in BINDING.finditer(self.source))
        return frozenset(DEFINITION.findall(self.source) + WORD.findall(" ".join(bound)))

    @property
    def python(self) -> str:
        """What a cell of text holds of code: all that is fenced, or else all of it."""
        fenced: list[str] = []
        inside = False
        for line in self.source.splitlines():
            if line.lstrip().startswith("```"):
                inside = not inside
            elif inside:
                fenced.append(line)
        return "\n".join(fenced) or self.source


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

    Locked cells are left out, if nothing was changed in them: the master's are used. So are empty
    copies of an answer. What no code cell defines is looked for in the others: Markdown or raw.
    """
    looks = [plain(cell.source) for cell in cells]
    code = {number for number, cell in enumerate(cells) if cell.kind == "code"}
    chosen = {number for number in code if looks[number] not in master.locked}
    locked = {*(test.grade_id for test in master.tests), "setup"}
    problems = [
        f"the locked cell `{cells[number].grade_id}` was changed; it was run as one of yours"
        for number in sorted(chosen)
        if cells[number].grade_id in locked
    ]
    problems += _choose(cells, master, chosen)
    if all(cell.defined.isdisjoint(master.solutions) for cell in cells):
        problems = [f"nothing in this notebook belongs to the assignment {master.name}"]
    for number in sorted(chosen):
        if len(cells[number].source) > CELL_LIMIT:
            what = f"cell {number + 1} is longer than {CELL_LIMIT >> 20} MiB and was not run"
            problems.append(what)
            chosen.remove(number)
    run = sorted(chosen)
    above = {question: bisect_left(run, n) for question, n in _places(cells, looks, master, code)}
    sources = [cells[n].source if n in code else cells[n].python for n in run]
    return Picked(sources, above, problems)


def _choose(cells: list[Cell], master: Master, chosen: set[int]) -> Iterator[str]:
    """Adds the cells that define what no chosen one does; says what is missing or there twice."""
    for name, question in master.solutions.items():
        found = [number for number, cell in enumerate(cells) if name in cell.defined]
        answers = [n for n in found if plain(cells[n].source) not in master.stubs] or found
        chosen -= {*found} - {*answers}
        runnable = [number for number in answers if number in chosen]
        if not found:
            yield f"{question}: no cell defines `{name}`"
        elif not runnable:
            chosen.add(answers[-1])
            yield f"{question}: `{name}` was taken from a cell that is no solution cell"
        elif len(runnable) > 1:
            yield f"{question}: `{name}` is defined {len(runnable)} times, the last counts"
    known = {*master.solutions}.union(*(cells[number].defined for number in chosen))
    for number, cell in enumerate(cells):
        helpers = [] if cell.kind == "code" else DEFINITION.findall(cell.python)
        if helpers and known.isdisjoint(helpers):
            chosen.add(number)
            known |= {*helpers}
            yield f"`{helpers[0]}` was taken from a cell that is no code"


def _places(
    cells: list[Cell], looks: list[str], master: Master, code: set[int]
) -> Iterator[tuple[str, int]]:
    """Below which cell each question ends: its last test, or what defines it if none is left."""
    for name, question in master.solutions.items():
        found = [n for n, cell in enumerate(cells) if n in code and name in cell.defined]
        if found:
            yield question.partition("-")[0], found[-1] + 1
    ids = {test.grade_id: test.question for test in master.tests}
    texts = {look: test.question for test in master.tests for look in test.looks if look}
    for number in sorted(code):
        if found_in := ids.get(cells[number].grade_id) or texts.get(looks[number]):
            yield found_in, number
