"""Read a master: which cells both sides run, what the student must define, and the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jupytext

HINT = re.compile(r"^\s*# hint:\s*(.+?)\s*$", re.MULTILINE)
SETTING = re.compile(r"^# grader:\s*(\w+)\s*=\s*(.+?)\s*$", re.MULTILINE)
HIDDEN = "### BEGIN HIDDEN TESTS"
REGION = re.compile(rf"^\s*{HIDDEN}.*?### END HIDDEN TESTS\s*?$", re.MULTILINE | re.DOTALL)

SOLUTION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL)
STUB = "raise NotImplementedError"  # what a student finds in place of a solution


@dataclass(frozen=True)
class Test:
    """A graded cell: all of its points or none."""

    grade_id: str
    source: str
    points: float

    @property
    def question(self) -> str:
        """The question it belongs to: its id up to the last hyphen."""
        return self.grade_id.rpartition("-")[0] or self.grade_id

    @property
    def hidden(self) -> bool:
        """Whether a student may see nothing of it."""
        return HIDDEN in self.source

    @property
    def looks(self) -> set[str]:
        """What a copy of it looks like, here and as released; see `plain`."""
        return {plain(self.source), plain(REGION.sub("", self.source))}

    @property
    def hint(self) -> str:
        """What a student may see of a hidden test that failed."""
        found = HINT.search(self.source)
        return found[1] if found else "a hidden test failed"


@dataclass(frozen=True)
class Master:
    """An assignment.

    Attributes:
        name: the file's name without its ending.
        setup: sources of the locked cells without points, which both sides run.
        solutions: the function that a question asks for -> the cell's grade_id.
        tests: the graded cells, in order.
        deleted: modules that a student's ``coursepkg`` lacks.
        closed: modules of others that do what a question asks for, and cannot be imported.
        seconds: what one submission's code may take altogether, by the grader's `clock`.
        seed: of the hidden tests, if the file fixes it.
        locked: the locked cells' sources without their layout, as here and as released: a cell
            that is none of them was changed.
        stubs: the same of the answers' cells as released, in which there is no answer.
    """

    name: str
    setup: tuple[str, ...]
    solutions: dict[str, str]
    tests: tuple[Test, ...]
    deleted: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    seconds: float = 120.0
    seed: int | None = None
    locked: frozenset[str] = frozenset()
    stubs: frozenset[str] = frozenset()

    @property
    def cell_seconds(self) -> float:
        """Seconds that all of a student's cells may take together, by the grader's `clock`."""
        return self.seconds / 2

    @property
    def call_seconds(self) -> float:
        """Seconds that each function may take in all its calls, by the grader's `clock`."""
        return self.seconds / (len(self.solutions) + 1)

    @property
    def questions(self) -> dict[str, float]:
        """Points that each question is worth, in order."""
        result: dict[str, float] = {}
        for test in self.tests:
            result[test.question] = result.get(test.question, 0.0) + test.points
        return result


def plain(source: str) -> str:
    """The source without blanks at either end of a line and without empty lines."""
    return "\n".join(line.strip() for line in source.splitlines() if line.strip())


def read_master(path: Path, private: Path | None = None) -> Master:
    """Parse a py:percent master, and lay an instructor's own tests over it.

    Args:
        path: the master.
        private: a folder with a file of the same name, whose graded cells replace those of the
            same grade_id and whose settings win; what it deletes or closes is so, too.

    Raises:
        ValueError: the file is no master, or the overlay does not fit it.
    """
    master = _read(path)
    if private is None:
        return master
    if not (private / path.name).is_file():
        raise ValueError(f"{private} holds no {path.name} to lay over the master")
    over = _read(private / path.name)
    mine = {test.grade_id: test for test in over.tests}
    if strangers := mine.keys() - {test.grade_id for test in master.tests}:
        raise ValueError(
            f"{private / path.name}: the master has no graded cell {sorted(strangers)}"
        )
    if set(over.setup) - set(master.setup) or over.solutions.items() - master.solutions.items():
        raise ValueError(
            f"{private / path.name}: expected graded cells and settings, got cells that differ "
            "from the master's set-up or name another function: they would not be used"
        )
    tests = tuple(mine.get(test.grade_id, test) for test in master.tests)
    settings = dict(_settings((private / path.name).read_text(encoding="utf-8")))
    settings |= {"deleted": master.deleted + over.deleted, "closed": master.closed + over.closed}
    return replace(master, tests=tests, locked=master.locked | over.locked, **settings)


def _read(path: Path) -> Master:
    try:
        text = path.read_text(encoding="utf-8")
        cells = jupytext.reads(text, fmt="py:percent").cells
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a master: {error}") from error
    setup: list[str] = []
    solutions: dict[str, str] = {}
    tests: list[Test] = []
    stubs: set[str] = set()
    for cell in cells:
        mark = cell.metadata.get("nbgrader") if cell.cell_type == "code" else None
        if not mark:
            continue
        if mark.get("solution"):
            solutions |= dict.fromkeys(_functions(cell.source), mark["grade_id"])
            stubs.add(plain(SOLUTION.sub(STUB, cell.source)))
        elif mark.get("grade"):
            tests.append(Test(mark["grade_id"], cell.source, float(mark["points"])))
        elif mark.get("locked"):
            setup.append(cell.source)
    if not tests:
        raise ValueError(f"{path} is not a master: it has no graded cell")
    ids = [test.grade_id for test in tests]
    if len(set(ids)) < len(ids):
        raise ValueError(f"{path}: two graded cells have the same grade_id")
    locked = frozenset(map(plain, setup)).union(*(test.looks for test in tests))
    return Master(
        *(path.stem, tuple(setup), solutions, tuple(tests)),
        **dict(_settings(text)),
        locked=locked,
        stubs=frozenset(stubs),
    )


def _functions(source: str) -> list[str]:
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


def _settings(text: str) -> Iterator[tuple[str, Any]]:
    for key, value in SETTING.findall(text):
        match key:
            case "delete" | "close":
                yield f"{key}d", tuple(name.strip() for name in value.split(",") if name.strip())
            case "seconds":
                yield "seconds", float(value)
            case "seed":
                yield "seed", int(value)
            case _:
                raise ValueError(f"unknown setting `# grader: {key}`: close, delete, seconds, seed")
