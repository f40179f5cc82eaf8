"""Many attacks in one notebook: each is a function with a question of its own.

A worker is shared by all that leave it alive, so that an attack costs milliseconds. The function is
called with 3.0 and must return 6.0; a question has one point for each of `TESTS`.
"""

from collections.abc import Mapping
from textwrap import dedent, indent

from tests.assignments.hostile.notebooks import cell, notebook

Attacks = Mapping[str, tuple[str, int]]  # what it is -> the function's body, the points it earns
TESTS = (
    "np.testing.assert_allclose({f}(3.0), 6.0)",
    "assert {f}(3.0) == 6.0",
    "assert abs({f}(3.0) - 6.0) < 1e-9",
)
HEAD = """\
# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
# ---
# grader: seconds = 600
"""


def _mark(name: str, **flags: object) -> str:
    mark = {"grade": False, "grade_id": name, "locked": False, "schema_version": 3}
    words = str(mark | {"solution": False, "task": False} | flags).replace("'", '"')
    return f"# %% nbgrader={words}".replace("True", "true").replace("False", "false")


def master(attacks: Attacks, tests: tuple[str, ...] = TESTS) -> str:
    """The assignment to which these are the answers."""
    parts = [HEAD, _mark("setup", locked=True), "import numpy as np\n"]
    for number in range(len(attacks)):
        f = f"f{number}"
        parts += [_mark(f, solution=True), f"def {f}(x):\n    return 2 * x\n"]
        for which, test in enumerate(tests):
            parts.append(_mark(f"{f}-{which}", grade=True, locked=True, points=1))
            parts.append(test.format(f=f) + "\n")
    return "\n".join(parts)


def answers(attacks: Attacks, prelude: str = "") -> dict:
    """The notebook."""
    cells = [cell(dedent(prelude))]
    for number, (body, _) in enumerate(attacks.values()):
        code = indent(dedent(body).strip(), "    ")
        cells.append(cell(f"def f{number}(x):\n{code}\n", f"f{number}"))
    return notebook(cells)


def returned(values: Mapping[str, int]) -> Attacks:
    """Functions that return this expression's value, and what it is worth."""
    return {text: (f"return {text}", points) for text, points in values.items()}


def tried(actions: Mapping[str, str]) -> Attacks:
    """Functions that are right if the action is true and raises nothing: that is, never."""
    body = "try:\n    worked = bool({})\nexcept BaseException:\n    worked = False\n"
    body += "return 2 * x if worked else 0.0"
    return {"the control": (body.format("True"), 1)} | {
        name: (body.format(code), 0) for name, code in actions.items()
    }


def done(actions: Mapping[str, str]) -> Attacks:
    """Functions that do this; every second question is answered rightly, whatever the others do."""
    found: dict[str, tuple[str, int]] = {}
    for name, code in actions.items():
        found[name] = (f"{code}\nreturn 0.0", 0)
        found[f"honest after {name}"] = ("return 2 * x", 1)
    return found
