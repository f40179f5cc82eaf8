"""How a hostile submission is written: a name, the honest questions, and the code of the attack.

Every case says which points it has earned. An attack on the isolation *tells* of its success by
points: it answers q2 rightly only if it has got what it must not have (`tells`), so a hole in the
sandbox shows as a score that is too high.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

CANARY = "hostile-canary"  # part of the name of every file that an attack writes
POINTS = {
    "q1-visible": 1,
    "q1-hidden": 1,
    "q2-visible": 1,
    "q2-hidden": 3,
    "q3-visible": 2,
    "q3-hidden": 6,
}
HONEST = {
    "q1": "def scale(x, factor):\n    return x * factor\n",
    "q2": dedent("""\
        def log_evidence(k, n, a, b):
            def log_beta(s, t):
                return math.lgamma(s) + math.lgamma(t) - math.lgamma(s + t)

            return log_beta(a + k, b + n - k) - log_beta(a, b)
        """),
    "q3": "def draws(n, seed):\n    return 3 + 2 * normals(n, seed)\n",
}
WRONG = {
    "q1": "def scale(x, factor):\n    return x * factor + 1\n",
    "q2": "def log_evidence(k, n, a, b):\n    return 1.0\n",
    "q3": "def draws(n, seed):\n    return np.full((n, 1), 7.0)\n",
}
ALL = "q1 q2 q3"
SETUP = "import math\n\nimport numpy as np\n"  # changed: it is run as one of the student's

Places = dict[str, str]  # what an attacker may know of the machine: @MASTER@, @SUBMISSIONS@, ...


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes:
        name: what it does, in words.
        earns: the points that each graded cell must get, no more and no less.
        write: makes the submission at a path.
        file: the path under the submissions.
        student: the id under which the grader must report it.
    """

    name: str
    earns: dict[str, int]
    write: Callable[[Path, Places], None]
    file: str
    student: str


def earned(questions: str) -> dict[str, int]:
    """Points per test; "q1 q2-visible" has q1 wholly, and the visible test of q2."""
    words = questions.split()
    return {test: p if {test, test[:2]} & set(words) else 0 for test, p in POINTS.items()}


def cell(source: str | list[str], grade_id: str | None = None, kind: str = "code") -> dict:
    """A notebook cell, with the metadata that nbgrader's release step leaves in it."""
    flags = {"schema_version": 3, "task": False, "locked": False, "solution": True, "grade": False}
    made = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    if grade_id:
        made["metadata"] = {"nbgrader": {"grade_id": grade_id, **flags}}
    return made


def notebook(cells: list[dict]) -> dict:
    """A notebook of nbformat 4 with these cells."""
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def attack(
    name: str,
    honest: str,
    code: str = "",
    *,
    last: str = "",
    earns: str | None = None,
    **cells: str,
) -> Case:
    """A notebook with `code` as its first cell and `last` as its last.

    The questions in `honest` are answered rightly, those in `cells` by this code, others wrongly.
    """
    answers = WRONG | {q: HONEST[q] for q in honest.split()} | cells
    sources = [cell(SETUP, "setup"), cell(dedent(code))]
    sources += [cell(dedent(source), grade_id) for grade_id, source in answers.items()]
    sources.append(cell(dedent(last)))
    return document(name, notebook(sources), honest if earns is None else earns)


def tells(name: str, code: str, *, earns: str = "q1 q3") -> Case:
    """An attack whose function `got()` is true if it has worked: only then q2 is right."""
    answer = HONEST["q2"].replace("log_evidence", "right")
    caller = dedent("""\
        def log_evidence(k, n, a, b):
            try:
                return right(k, n, a, b) if got() else 1.0
            except BaseException:
                return 1.0
        """)
    return attack(name, "q1 q3", earns=earns, q2=f"{dedent(code)}\n\n{answer}\n\n{caller}")


def document(name: str, content: object, earns: str, file: str = "", student: str = "") -> Case:
    """A submission that is this JSON document."""
    return raw(name, json.dumps(content, indent=1).encode(), earns, file, student)


def raw(name: str, content: bytes, earns: str = "", file: str = "", student: str = "") -> Case:
    """A submission that is these bytes; @MASTER@ and the like become the true places."""

    def write(path: Path, places: Places) -> None:
        data = content
        for place, value in places.items():
            data = data.replace(place.encode(), value.encode())
        path.write_bytes(data)

    return made(name, write, earns, file, student)


def made(
    name: str,
    write: Callable[[Path, Places], None],
    earns: str = "",
    file: str = "",
    student: str = "",
) -> Case:
    """A submission that `write` makes at its path: a link, a pipe, a folder."""
    file = file or re.sub(r"[^A-Za-z0-9.-]", "_", name)[:80] + ".ipynb"
    return Case(name, earned(earns), write, file, student or file.removesuffix(".ipynb"))
