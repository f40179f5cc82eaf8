"""Notebooks made from cells, for the grader's own tests."""

import json
from pathlib import Path
from typing import Any

TINY = Path(__file__).with_name("tiny.py")
SOFTMAX = """
def softmax(a):
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
"""
INTEGRATE = """
def integrate(f, n):
    if n < 1:
        raise ValueError("n must be positive")
    return float(np.mean(f((np.arange(n) + 0.5) / n)))
"""


def cell(source: str, grade_id: str | None = None, kind: str = "code") -> dict[str, Any]:
    mark = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": kind, "source": source, "metadata": mark}


def write(path: Path, *cells: dict[str, Any] | str) -> Path:
    made = [cell(one) if isinstance(one, str) else one for one in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def classroom(folder: Path) -> Path:
    """Submissions in every form in which they arrive."""
    write(folder / "ann.ipynb", SOFTMAX, INTEGRATE)
    write(folder / "bob" / "homework.ipynb", SOFTMAX)
    write(folder / "cem" / "tiny" / "tiny.ipynb", INTEGRATE)
    write(folder / "cem" / "other" / "other.ipynb", SOFTMAX)
    write(folder / "cem" / "tiny" / ".ipynb_checkpoints" / "tiny.ipynb", SOFTMAX, INTEGRATE)
    write(folder / "dup.ipynb", SOFTMAX)
    write(folder / "dup" / "a.ipynb", SOFTMAX, INTEGRATE)
    (folder / "eve").mkdir()
    (folder / "fay.ipynb").write_text("{", encoding="utf-8")
    write(folder / "=1+1 <b>ü.ipynb", "print('<script>')", SOFTMAX, INTEGRATE)
    (folder / "notes.txt").write_text("no submission", encoding="utf-8")
    return folder
