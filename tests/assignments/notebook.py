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
