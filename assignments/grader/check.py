"""Try a master, with an instructor's own tests, before a class is graded with it."""

from __future__ import annotations

import ast
import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jupytext
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

from assignments.grader.batch import COLUMNS
from assignments.grader.grade import grade_one
from assignments.grader.namespaces import Isolation

SEED = 20_260_501  # any: what the tests draw must not matter
TRIED = (("the reference", True), ("an empty notebook", False))  # and whether it is right


def check(master: Path, private: Path | None, isolation: Isolation) -> Iterator[str]:
    """What is wrong: a test that the reference fails, or one that an empty notebook passes.

    Yields:
        A line for each; none if the class can be graded. Meanwhile a bar shows what is tried.
    """
    columns = (SpinnerColumn(), *COLUMNS[:-1], TimeElapsedColumn())
    # the bar's own thread must not take a signal that `Proxy` keeps from a call
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    with Progress(*columns, console=Console(stderr=True)) as bar:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        task = bar.add_task("", total=len(TRIED))
        for what, right in TRIED:
            bar.update(task, description=f"grading {what}")
            yield from _faults(master, private, isolation, what, right)
            bar.advance(task)


def _faults(
    master: Path, private: Path | None, isolation: Isolation, what: str, right: bool
) -> Iterator[str]:
    """The tests of which one notebook, the reference or a blank, does not get what it should."""
    cells = jupytext.reads(master.read_text(encoding="utf-8"), fmt="py:percent").cells
    made = [
        {
            "cell_type": cell.cell_type,
            "metadata": {},
            "source": cell.source if right else _blank(cell.source),
        }
        for cell in cells
        if right or cell.metadata.get("nbgrader", {}).get("solution")
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notebook.ipynb")
        path.write_text(json.dumps({"cells": made, "nbformat": 4}), encoding="utf-8")
        grade = grade_one(master, path, isolation=isolation, seed=SEED, private=private)
    for score in grade.scores:
        if (score.points == score.possible) != right:
            reason = f"\n{score.detail.strip()}" if right else ""
            yield f"{score.test}: {what}: {score.reason}{reason}"


def _blank(source: str) -> str:
    """The functions of a cell as students get them: each raises an error."""
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return "\n".join(f"def {n}(*_, **__): raise NotImplementedError" for n in names)
