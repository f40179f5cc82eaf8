"""Honest notebooks in odd shapes, in the real sandbox: no one loses a point that was earned."""

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
    assert result.seconds < 60
