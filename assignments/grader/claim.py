"""What a folder of finished grades is for: one assignment, graded by one set of tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from assignments.grader.records import write_whole

ASSIGNMENT, TESTS = "assignment.txt", "tests.txt"


def claim(records: Path, name: str, tests: Sequence[Path], *, all_of_them: bool) -> None:
    """Make the folder, or see that what is in it goes together with what is to come.

    Args:
        records: the folder.
        name: the assignment's.
        tests: the master, and an instructor's own file if there is one.
        all_of_them: whether everybody is graded by these tests, and nobody's grade kept.

    Raises:
        ValueError: it is another assignment's, or two students would be graded by other tests.
    """
    records.mkdir(parents=True, exist_ok=True)
    records.chmod(0o700)
    if (other := _text(records / ASSIGNMENT) or name) != name:
        raise ValueError(f"expected a folder of its own for {name}, got one with {other}")
    before = _text(records / TESTS).split()
    if len(before) > len(tests):
        raise ValueError(
            "expected --private, since tests of your own graded this folder, got none: "
            "the master's tests alone need a folder of their own"
        )
    if not all_of_them and changed(records, tests):
        raise ValueError(
            "expected --only with the tests that graded the class, got others: "
            "grade all of it again, without --only"
        )
    write_whole(records / ASSIGNMENT, f"{name}\n")
    if not before:
        settle(records, tests)


def settle(records: Path, tests: Sequence[Path]) -> None:
    """Note that these tests graded everybody."""
    write_whole(records / TESTS, "".join(f"{one}\n" for one in map(_mark, tests)))


def changed(records: Path, tests: Sequence[Path]) -> bool:
    """Whether other tests graded what is in the folder."""
    return _text(records / TESTS).split() not in ([], [*map(_mark, tests)])


def _mark(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
