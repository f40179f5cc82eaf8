"""Honest notebooks in odd shapes, in the real sandbox: no one loses a point that was earned."""

import json
import os
import subprocess
import sys

import pytest

from assignments.grader.grade import Grade, grade_one
from assignments.grader.isolation import best_isolation
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from tests.assignments.notebook import INTEGRATE, SOFTMAX, TINY, cell, write

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]
MASTER = read_master(TINY)
SETUP, VISIBLE = MASTER.setup[0], {test.grade_id: test.source for test in MASTER.tests}
# the answers with a constant that is computed, and a lambda that one of them needs
CONSTANT = "import math\nONE = np.exp(0.0)\nlast = lambda a: a.max(-1, keepdims=True)\n"
LEAN = CONSTANT + SOFTMAX.replace("a.max(-1, keepdims=True)", "last(a)").replace(
    "e / e", "ONE * e / e"
)

FULL = {
    "as released": [SOFTMAX, cell(VISIBLE["q1-visible"], "q1-visible"), INTEGRATE],
    "a later cell takes the answer's names": [
        LEAN, cell(VISIBLE["q1-visible"], "q1-visible"), INTEGRATE,
        cell(VISIBLE["q2-visible"], "q2-visible"), "ONE, last = 2, print",
    ],
    "a demo without an end": [LEAN + "\nimport time\nwhile True: time.sleep(1)", INTEGRATE],
    "a slow demo above the constants": ["import time\ntime.sleep(60)\n" + LEAN, INTEGRATE],
    "a pool that is left open": [
        "import multiprocessing\npool = multiprocessing.get_context('fork').Pool(2)\n" + LEAN,
        INTEGRATE,
    ],
    "a cell that ends the process": ["import os\nos._exit(1)\n" + LEAN, INTEGRATE],
    "an import that fails": ["import google.colab\n" + LEAN, INTEGRATE],
    "an import in the setup cell": [
        cell(SETUP + "\nfrom math import exp as expo", "setup"),
        "ONE = expo(0)\n" + LEAN, INTEGRATE,
    ],
    "a helper in a test's cell": [
        SOFTMAX, cell("HALF = 0.5\n" + VISIBLE["q1-visible"], "q1-visible"),
        INTEGRATE.replace("0.5", "HALF"),
    ],
    "magics": ["%matplotlib inline\n!pip install numpy\nnp.exp?\n" + LEAN, "%%time\n" + INTEGRATE],
    "a file of its own": [f"%%writefile mine.py\nimport numpy as np{SOFTMAX}",
                          "from mine import softmax", INTEGRATE],
    "long doubles": [SOFTMAX.replace("np.exp(a", "np.exp(a.astype(np.longdouble)"), INTEGRATE],
    "a fraction": [SOFTMAX, "from fractions import Fraction\n"
                   + INTEGRATE.replace("float(", "Fraction(")],
    "a function that is no def": ["softmax = lambda a: (e := np.exp(a - a.max(-1, keepdims=True))) "
                                  "/ e.sum(-1, keepdims=True)", INTEGRATE],
}  # fmt: skip


TEST1, TEST2 = (cell(VISIBLE[f"{q}-visible"], f"{q}-visible") for q in ("q1", "q2"))
DONE = [LEAN, TEST1, INTEGRATE, TEST2]
STUB = """def softmax(a):
    '''Probabilities, from the logits of the last axis.'''
    raise NotImplementedError
""".replace("'''", '"' * 3)
FULL |= {
    # --- what stands below the tests
    "the answer's name is taken by its value": [*DONE, "softmax = softmax(np.zeros(3))"],
    "names are deleted": [*DONE, "del ONE, last, np"],
    "a builtin is shadowed": [
        SOFTMAX.replace("return", "assert sum([1]) == 1\n    return"), TEST1, INTEGRATE, TEST2,
        "from numpy import *\nsum = 3",
    ],
    "a table is emptied": [
        "table = [1.0]\n" + SOFTMAX.replace("e / e", "table[0] * e / e"), TEST1, INTEGRATE, TEST2,
        "table.clear()",
    ],
    "a generator is consumed": [
        "ones = (1.0 for _ in range(9))\n" + SOFTMAX.replace("e / e", "next(ones) * e / e"),
        TEST1, INTEGRATE, TEST2, "print(list(ones))",
    ],
    "warnings become errors": [
        SOFTMAX.replace("return", "np.exp(-1e9)\n    return"), TEST1, INTEGRATE, TEST2,
        "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
    ],
    "no test is left in the notebook": [LEAN, INTEGRATE, "ONE, last = 2, print"],
    # --- where things stand
    "cells in another order": [
        "last = partial(np.max, axis=-1, keepdims=True)\nONE = np.float64(1)", LEAN.split("last")[0]
        + SOFTMAX.replace("a.max(-1, keepdims=True)", "last(a)"), INTEGRATE,
        "from functools import partial",
    ],
    "a helper in Markdown": [
        SOFTMAX.replace("a.max(-1, keepdims=True)", "top(a)"), INTEGRATE,
        cell("```python\ndef top(a):\n    return a.max(-1, keepdims=True)\n```", kind="markdown"),
    ],
    "an empty copy below": [cell(SOFTMAX, "q1"), TEST1, cell(STUB, "q1"), TEST1, INTEGRATE, TEST2],
    "a dataclass with a helper in another cell": [
        "from dataclasses import dataclass\n@dataclass\nclass Rule:\n    at: float = 0.5\n"
        "    def points(self, n):\n        return middle(n, self.at)",
        "def middle(n, at): return (np.arange(n) + at) / n", SOFTMAX,
        INTEGRATE.replace("(np.arange(n) + 0.5) / n", "Rule().points(n)"),
    ],
    "an object that can be called": [
        SOFTMAX.replace("softmax", "__call__").replace("(a)", "(self, a)").replace(
            "\n", "\n    ").replace("    def", "class Soft:\n    def", 1).strip() + "\n",
        "softmax = Soft()", INTEGRATE,
    ],
    "a decorator": [
        "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def g(*a):\n"
        "        print('called', a)\n        return f(*a)\n    return g",
        "@logged" + SOFTMAX, "@functools.lru_cache(None)" + INTEGRATE,
    ],
    # --- what cells do
    "input, floods and exits": [
        "name = input('name? ')", "for i in range(100_000): print(i)\nraise SystemExit", "exit()",
        LEAN, INTEGRATE, "1 / 0",
    ],
    "windows": [
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.savefig('a.png')",
        LEAN, INTEGRATE,
    ],
    "await": ["async def one():\n    return np.exp(0.0)", "ONE = await one()",
              LEAN.replace("ONE = np.exp(0.0)\n", ""), INTEGRATE],
    "files": ["np.save('one', np.ones(1))", LEAN.replace("np.exp(0.0)", "np.load('one.npy')[0]"),
              INTEGRATE],
    "threads and shared memory": [
        "import threading, time\nthreading.Thread(target=time.sleep, args=[99]).start()",
        "from multiprocessing import shared_memory\n"
        "block = shared_memory.SharedMemory(create=True, size=8)", LEAN, INTEGRATE,
    ],
    "a pool in the answer": [
        "import multiprocessing\ndef softmax(a):\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "        rows = pool.map(np.exp, np.atleast_2d(a - a.max(-1, keepdims=True)))\n"
        "    e = np.reshape(rows, a.shape)\n    return e / e.sum(-1, keepdims=True)", INTEGRATE,
    ],
    # --- what answers return
    "tensors with a graph": [
        "import torch\ndef softmax(a):\n"
        "    return torch.nn.Parameter(torch.tensor(a)).softmax(-1)", INTEGRATE,
    ],
    "a view, and a scalar array": [
        SOFTMAX.replace("return e / e.sum(-1, keepdims=True)",
                        "return np.asfortranarray(e / e.sum(-1, keepdims=True))"),
        INTEGRATE.replace("float(", "np.asarray("),
    ],
    "a decimal": [SOFTMAX, "from decimal import Decimal\n"
                  + INTEGRATE.replace("float(", "Decimal(1) * Decimal(")],
    "an error of one's own": [
        SOFTMAX, "class Bad(ValueError): pass\n" + INTEGRATE.replace("ValueError(", "Bad("),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return best_isolation()


def grade(tmp_path, isolation, cells) -> Grade:
    path = write(tmp_path / "student" / "tiny.ipynb", *cells)
    return grade_one(TINY, path, isolation=isolation, seed=5)


@pytest.mark.parametrize("kind", FULL)
def test_all_points_are_given(tmp_path, isolation, kind):
    result = grade(tmp_path, isolation, FULL[kind])
    assert result.points == {"q1": 3, "q2": 3}, (result.problems, result.reasons)


def test_anothers_timeout_costs_no_lambda_and_no_constant(tmp_path, isolation):
    """Kills: 14 points of 20 without a note, for what another question did."""
    hangs = "def integrate(f, n):\n    while True: pass\n"
    result = grade(tmp_path, isolation, [LEAN, hangs])
    assert result.points == {"q1": 3, "q2": 0}
    assert "`integrate` took longer than the 4 s it has" in result.reasons["q2"]


def test_many_slow_cells_have_a_score_and_a_reason(tmp_path, isolation):
    """Kills: a submission that no one gets to see the end of."""
    slow = ["import time\ntime.sleep(0.45)"] * 60
    result = grade(tmp_path, isolation, [LEAN, INTEGRATE, *slow])
    assert result.points == {"q1": 3, "q2": 3}
    assert any("all cells together may take 6 s" in problem for problem in result.problems)
    assert result.seconds < 90


@pytest.mark.parametrize("below", [False, True])
def test_hundreds_of_slow_cells_cost_nothing(tmp_path, isolation, below):
    """Kills: a batch that waits for a quarter of an hour; a constant below, not run for them."""
    slow = [f"import time\ntime.sleep(0.45)  # {n}" for n in range(300 if below else 1500)]
    answers = [LEAN, INTEGRATE]
    result = grade(tmp_path, isolation, [*slow, *answers] if below else [*answers, *slow])
    assert result.points == {"q1": 3, "q2": 3}, result.problems
    assert len(result.problems) < 40
    assert result.seconds < 120


@pytest.mark.parametrize("end", ["os._exit(168)", "os.kill(os.getpid(), 40)", "os.abort()"])
@pytest.mark.parametrize("where", ["cell", "call"])
def test_whatever_ends_the_process_there_is_a_score(tmp_path, isolation, end, where):
    """Kills: an exit status, or a signal, of which Python has no name."""
    ends = f"import os\n{end}" if where == "cell" else f"def softmax(a):\n    import os; {end}"
    result = grade(tmp_path, isolation, [LEAN, ends, INTEGRATE])
    assert result.points == {"q1": 3 if where == "cell" else 0, "q2": 3}, result.problems
    assert any("ended" in line for line in result.problems)


@pytest.mark.parametrize(
    "value",
    [
        "{k * (2**61 - 1): 0 for k in range(280_000)}",
        "[0] * 10**8",
        "iter(int, 1)",
        "np.zeros(10**7)",
        "(lambda x: x.append(x) or x)([])",
        "float('nan') * a",
        "'9' * 10**7",
    ],
)
def test_a_value_without_an_end_costs_its_own_question_alone(tmp_path, isolation, value):
    """Kills: a reply that takes the grader minutes, or an error of the grader's own."""
    result = grade(tmp_path, isolation, [f"def softmax(a): return {value}", INTEGRATE])
    assert result.points == {"q1": 0, "q2": 3}, result.problems
    assert all(score.reason for score in result.scores)
    assert result.seconds < 60


def test_what_ended_the_process_patched_it_in_vain(tmp_path, isolation):
    """Kills: ``np.exp = None`` that outlives the kernel in which it was done.

    Names that a cell has given before it ended its kernel count: a fair instructor would run the
    rest of it. What it did to NumPy would be gone with the kernel, and costs no one anything.
    """
    ends = "np.exp = np.mean = None\nONE = 1.0\nimport os\nos._exit(1)"
    lean = LEAN.replace("ONE = np.exp(0.0)\n", "")
    result = grade(tmp_path, isolation, [lean, ends, INTEGRATE])
    assert result.points == {"q1": 3, "q2": 3}


def test_a_wrong_answer_is_wrong_however_often_it_is_tried(tmp_path, isolation):
    """Kills: points for what fails with the cells above as with all of them."""
    wrong = [
        SOFTMAX.replace("e / e", "e * e"),
        TEST1,
        INTEGRATE,
        TEST2,
        "print(softmax(np.ones(2)))",
    ]
    assert grade(tmp_path, isolation, wrong).points == {"q1": 0, "q2": 3}


NOTEBOOKS = {
    "format 3": {"nbformat": 3, "worksheets": [{"cells": [
        {"cell_type": "code", "input": [SOFTMAX], "language": "python"},
        {"cell_type": "heading", "level": 1, "source": "b"},
        {"cell_type": "code", "input": [INTEGRATE]}]}]},
    "format 4.0": {"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": [
        {"cell_type": "code", "source": (SOFTMAX + INTEGRATE).splitlines(keepends=True)}]},
    "Windows": {"cells": [cell(SOFTMAX.replace("\n", "\r\n")),
                          cell("\ufeff" + INTEGRATE.replace("\n", "\r\n"))]},
    "Colab": {"cells": [{**cell("#@title Softmax { display-mode: 'form' }" + SOFTMAX),
                         "metadata": {"id": "x", "cellView": "form"}, "execution_count": None},
                        cell(VISIBLE["q1-visible"]), cell(INTEGRATE), cell("np = None")]},
}  # fmt: skip


@pytest.mark.parametrize("kind", NOTEBOOKS)
def test_a_notebook_of_any_make_is_graded(tmp_path, isolation, kind):
    path = tmp_path / "student" / "tiny.ipynb"
    path.parent.mkdir()
    path.write_text("\ufeff" + json.dumps(NOTEBOOKS[kind]), encoding="utf-8", newline="\r\n")
    result = grade_one(TINY, path, isolation=isolation, seed=5)
    assert result.points == {"q1": 3, "q2": 3}, (result.problems, result.reasons)


@pytest.mark.parametrize("cells", [None, [], [None], {}])
def test_a_notebook_without_cells_has_a_score_and_a_reason(tmp_path, isolation, cells):
    path = tmp_path / "student" / "tiny.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}), encoding="utf-8")
    result = grade_one(TINY, path, isolation=isolation, seed=5)
    assert (result.total, result.possible) == (0, 6)
    assert result.problems


GRADE = """
import json, sys
from pathlib import Path
from assignments.grader.grade import grade_one
from assignments.grader.namespaces import Isolation
master, notebook, backend = sys.argv[1:]
grade = grade_one(Path(master), Path(notebook), isolation=Isolation(backend), seed=5)
print(json.dumps([grade.points, grade.problems, grade.reasons, grade.seconds]))
"""
SPIN = """
import time
def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""


def test_on_a_busy_machine_no_point_is_lost(tmp_path, isolation):
    """Kills: a limit by the time on the wall, of a statement (3 s) or of a function (4 s).

    The grader, with all that it starts, has one core, and shares that with a hog.
    """
    slow = SOFTMAX.replace("    e =", "    spin(1.3)\n    e =")
    path = write(tmp_path / "student" / "tiny.ipynb", SPIN, "spin(2)\nONE = 1.0",
                 slow.replace("e / e", "ONE * e / e"), INTEGRATE)  # fmt: skip
    pin = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    with subprocess.Popen([*pin, sys.executable, "-S", "-c", "while True: pass"]) as hog:
        done = subprocess.run(
            [*pin, sys.executable, "-c", GRADE, TINY, path, isolation.backend],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        hog.kill()
    points, problems, reasons, seconds = json.loads(done.stdout)
    assert points == {"q1": 3, "q2": 3}, (problems, reasons)
    assert problems == []
    assert seconds > 7, "vacuous: on the wall, too, both were within their limits"
