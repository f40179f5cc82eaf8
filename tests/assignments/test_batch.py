"""Every submission gets a score and a reason, whatever state it is in; a batch loses nothing."""

import csv
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
import pytest

from assignments.grader.batch import Batch
from assignments.grader.grade import Grade, grade_one
from assignments.grader.isolation import best_isolation
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.report import titles, write_reports
from assignments.grader.results import results
from assignments.grader.stage import ROOT
from tests.assignments.notebook import INTEGRATE, SOFTMAX, TINY, cell, classroom, write

pytestmark = pytest.mark.sandbox

FULL = {"q1": 3.0, "q2": 3.0}
HANG = "def softmax(a):\n    while True: pass"


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return best_isolation()


@pytest.fixture
def grade(tmp_path: Path, isolation: Isolation):
    def run(*cells: object, master: Path = TINY, seed: int = 3, **options: object) -> Grade:
        path = write(tmp_path / "student" / "tiny.ipynb", *cells)
        return grade_one(master, path, isolation=isolation, seed=seed, **options)

    return run


def with_seconds(tmp_path: Path, seconds: float) -> Path:
    text = TINY.read_text(encoding="utf-8").replace("seconds = 12", f"seconds = {seconds}")
    path = tmp_path / "master" / "tiny.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- one submission ---------------------------------------------------------------------------


def test_the_master_itself_earns_all_points(tmp_path, isolation):
    path = tmp_path / "tiny.ipynb"
    nbformat.write(jupytext.read(TINY), path)
    result = grade_one(TINY, path, isolation=isolation, seed=5)
    assert (result.points, result.total, result.possible) == (FULL, 6, 6)
    assert {score.reason for score in result.scores} == {"passed"}


@pytest.mark.parametrize(
    "cells",
    [
        [cell(SOFTMAX, "q1"), cell(INTEGRATE, "q2")],
        [SOFTMAX, INTEGRATE],
        [SOFTMAX + INTEGRATE],
        [cell(SOFTMAX, kind="markdown"), cell(f"```python\n{INTEGRATE}\n```", kind="markdown")],
        [cell(SOFTMAX, kind="raw"), cell(INTEGRATE, "q2-visible")],
        [SOFTMAX.replace("e / e", "e * e"), INTEGRATE, cell(SOFTMAX, "q1")],
        ["%matplotlib inline\n!pip install cheat", "%%time\n" + SOFTMAX, "%%bash\nls", INTEGRATE],
        ["1 / 0", SOFTMAX + "\nsoftmax('x')", "import sys; sys.exit()", INTEGRATE, "def ("],
        ["class Rule:\n  at = 0.5", SOFTMAX, INTEGRATE.replace("0.5", "Rule.at")],
    ],
    ids=["marked", "stripped", "merged", "markdown", "raw, and in a test cell", "duplicate",
         "magics", "cells that fail", "cells of one's own"],
)  # fmt: skip
def test_honest_cells_earn_their_points_in_whatever_state(grade, cells):
    assert grade(*cells).points == FULL


@pytest.mark.parametrize(
    "cells",
    [
        ["import os; os._exit(0)", SOFTMAX, INTEGRATE],
        [SOFTMAX, "import os; os.kill(os.getpid(), 9)", INTEGRATE],
        [SOFTMAX, "import ctypes; ctypes.string_at(0)", INTEGRATE],
        [SOFTMAX + "\nimport os\nos._exit(0)", "class A:\n  import os\n  os._exit(0)", INTEGRATE],
        ["import os\nfor _ in range(3):\n  if not os.fork():\n    import time; time.sleep(99)",
         SOFTMAX, INTEGRATE],
        ["import os, threading\nthreading.Timer(0.1, os._exit, [0]).start()", SOFTMAX, INTEGRATE,
         "import time; time.sleep(0.05)"],
        [SOFTMAX, "np.exp = None\nnp.mean = None\nimport os\nos._exit(1)", INTEGRATE],
    ],
    ids=["exit", "kill", "segfault", "again when reduced", "children", "timer", "patches, exit"],
)  # fmt: skip
def test_a_cell_that_ends_the_worker_costs_the_others_nothing(grade, cells):
    result = grade(*cells)
    assert result.points == FULL
    assert any("stopped" in problem for problem in result.problems) or "Timer" in str(cells)


def test_a_cell_that_never_ends_costs_the_others_nothing(grade, tmp_path):
    result = grade(SOFTMAX, "while True: pass", INTEGRATE, master=with_seconds(tmp_path, 4))
    assert result.points == FULL
    said = "a cell was interrupted: all cells together may take 2 s, one statement 1 s"
    assert any(said in problem for problem in result.problems)


def test_a_function_that_never_ends_uses_up_only_its_own_time(grade, tmp_path):
    """Kills: one clock for the whole submission, which a hanging question runs down."""
    start = time.monotonic()
    result = grade(HANG, INTEGRATE, master=with_seconds(tmp_path, 4))
    assert result.points == {"q1": 0, "q2": 3}
    assert "softmax` took longer" in result.reasons["q1"]
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def softmax(a): import os; os._exit(0)", "stopped: it ended its process"),
        ("def softmax(a): raise NotImplementedError", "raised NotImplementedError"),
        ("def softmax(a): return object()", "a object cannot be returned"),
        ("def softmax(a): return bytearray(1 << 40)", "an error"),
        ("def softmax(a): return a.astype('S9')", "dtype |S9"),
        ("def softmax(a): return 'x' * (9 << 20)", "MiB outside arrays"),
        ("softmax = 3", "raised TypeError"),
        ("def soft_max(a): return a", "no cell that ran defines"),
        ("def softmax(a): return None", "TypeError"),
        ("class E(BaseException): __str__ = lambda s: 1/0\ndef softmax(a): raise E", "an error"),
        ("def softmax(a):\n  import sys; sys.stdout = None; sys.exit()", "an error"),
        ("def softmax(a, *x): return softmax(a, 1)", "an error"),
    ],
)
def test_a_function_that_fails_costs_its_own_question_and_says_why(grade, source, reason):
    result = grade(source, INTEGRATE)
    assert result.points == {"q1": 0, "q2": 3}
    assert reason in result.reasons["q1"]


def test_of_a_hidden_test_a_student_learns_its_hint_and_nothing_else(grade):
    """Kills: a reason that repeats the student's own exception, which may hold the inputs."""
    spy = "class Leak(Exception): pass\ndef softmax(a):\n  print('saw', a)\n  raise Leak(repr(a))"
    result = grade(spy, INTEGRATE)
    hidden = next(score for score in result.scores if score.test == "q1-hidden")
    expected = (
        "failed: logits of a thousand overflow in the exponential (`softmax` raised an error)"
    )
    assert hidden.reason == expected
    assert "Leak" in hidden.detail
    assert "saw" not in result.output


def test_a_hidden_test_draws_its_inputs_from_the_seed(grade):
    """Kills: a SEED that the setup cell, and so the student, knows."""
    table = """
def integrate(f, n):
    if n < 1:
        raise ValueError
    rng = np.random.default_rng(SEED)
    return 1/3 if n == 100 else 1/3 - 1/(12 * int(rng.integers(3, 9))**2)
"""
    assert grade(SOFTMAX, table, seed=4).points == {"q1": 3, "q2": 1}
    assert grade(SOFTMAX, table, seed=0).points == FULL  # the setup cell's own seed


def test_a_functions_name_leads_to_the_setup_not_to_what_the_student_made_of_it(grade):
    assert grade(SOFTMAX, INTEGRATE, "def square(x): return x").points == FULL


# --- many submissions -------------------------------------------------------------------------


@pytest.fixture
def batch(tmp_path: Path, isolation: Isolation) -> Batch:
    return Batch(TINY, classroom(tmp_path / "submissions"), tmp_path / "report", isolation)


TOTALS = {
    "=1+1 <b>ü": 6, "ann": 6, "bob": 3, "cem": 3, "dup": 6, "eve": 0, "fay": 0, "notes": 0
}  # fmt: skip


def test_a_class_is_graded_and_reported(batch):
    records = batch.run(jobs=2, seed=1, progress=False)
    assert {record.student: record.grade.total for record in records} == TOTALS
    assert all(record.graded for record in records)
    master = read_master(TINY)
    final = results(zip(batch.find(), records, strict=True))
    write_reports(batch.report, master, final, titles(TINY, master))

    rows = list(csv.DictReader((batch.report / "class.csv").read_text("utf-8-sig").splitlines()))
    assert rows[1]["student"] == "'=1+1 <b>ü"  # no formula
    assert [row["total"] for row in rows[1:]] == [f"{total}" for total in TOTALS.values()]
    assert "not graded: dup.ipynb" in {row["student"]: row["notes"] for row in rows}["dup"]

    pages = {
        path.stem: path.read_text("utf-8") for path in (batch.report / "students").glob("*.html")
    }
    assert len(pages) == len(TOTALS)
    odd = next(text for text in pages.values() if "ü" in text)
    assert "<script>" not in odd
    assert "<b>" not in odd
    assert "&lt;script&gt;" in odd
    everything = "".join(p.read_text("utf-8") for p in (batch.report / "students").iterdir())
    assert "default_rng(SEED)" not in everything
    assert "Traceback" not in everything
    assert json.loads((batch.report / "students" / "ann.json").read_text("utf-8"))["total"] == 6
    assert "8 students" in (batch.report / "class.html").read_text("utf-8")
    assert (batch.report / "private").stat().st_mode & 0o077 == 0
    assert not list(batch.report.rglob("*.part"))


# --- the command ------------------------------------------------------------------------------


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "assignments.grader", *map(str, arguments)]


def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(tmp_path, monkeypatch):
    """Kills: reports written only at the end; a sandbox that outlives the interrupt."""
    folder = tmp_path / "submissions"
    write(folder / "ann.ipynb", SOFTMAX, INTEGRATE)
    for name in ("bob", "cem"):
        write(folder / f"{name}.ipynb", "import time; time.sleep(2)", SOFTMAX, INTEGRATE)
    arguments = command(TINY, folder, tmp_path / "report")
    scratch = Path(tempfile.mkdtemp())  # short: sockets in it have a name of 107 bytes at most
    monkeypatch.setenv("TMPDIR", str(scratch))
    first = subprocess.Popen(
        arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    record = tmp_path / "report" / "private" / "ann.json"
    while not record.exists() and first.poll() is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    assert first.wait() == 130
    assert list(scratch.glob("grader-*")) == []
    scratch.rmdir()
    monkeypatch.undo()
    stamp = record.stat().st_mtime_ns
    text = (tmp_path / "report" / "class.csv").read_text("utf-8")
    assert "ann" in text
    assert "not graded yet" in text
    second = subprocess.run(
        [*arguments, "--jobs", "2"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "all 15 checks hold" in second.stderr
    assert record.stat().st_mtime_ns == stamp
    text = (tmp_path / "report" / "class.csv").read_text("utf-8")
    assert text.count(',"yes","6",') == 3
