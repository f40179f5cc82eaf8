"""What the tests make of a student's functions: points, reasons, and nothing that leaks.

The functions run in this process, in place of the sandbox: they are this file's own.
"""

import contextlib
import json
import math
import resource
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx
import pytest
import torch

from assignments.grader import clock
from assignments.grader import grade as grading
from assignments.grader.cells import StudentError
from assignments.grader.grade import Grade, Score, grade_one
from assignments.grader.namespaces import Isolation
from assignments.grader.proxy import Named
from assignments.grader.stage import GraderError
from tests.assignments.notebook import INTEGRATE, SOFTMAX, TINY, cell, write

HERE: list["Here"] = []
IMPORTS = "import warnings, torch, numpy as np\nSEED = 0\n"
SETUP = ("setup", 0, False, IMPORTS + "def square(x): return x * x")
ASK = ("q1", 0, True, "def ask(*args): return args")


class Here:
    """A session without a sandbox, which remembers what it was asked."""

    def __init__(
        self,
        isolation: Isolation,
        folder: Path,
        master: object,
        cells: list[str],
        *,
        deadline: float = math.inf,
    ) -> None:
        self.deadline = deadline
        self.names: Callable[[Any], str | None]
        self.isolation = isolation
        self.master = master
        self.cells = cells
        self.upto, self.done = len(cells), 0
        self.space: dict[str, Any] = {}
        self.asked: list[Any] = []
        self.quiet, self.heard = False, list[bool]()
        self.problems = ["a problem of the session's"]
        self.output = "printed"
        self.acted = max((n for n, text in enumerate(cells, 1) if "changes" in text), default=0)
        self.closed = False
        HERE.append(self)

    def start(self) -> None:
        self.started = True

    def load(self) -> None:
        for source in (*self.master.setup, *self.cells[self.done : self.upto]):
            exec(source, self.space)
        self.done = self.upto

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.asked.append(args)
        self.heard.append(not self.quiet)
        try:
            return self.space[name](*args, **kwargs)
        except ArithmeticError as error:
            raise StudentError(f"`{name}` raised an error", str(error), "TRACE") from None
        except NotImplementedError:
            raise StudentError(f"`{name}` raised NotImplementedError") from None
        except OSError:
            raise GraderError("the sandbox did not start") from None

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """No sandbox; what would have been deleted in it."""
    seen: list[tuple[str, ...]] = []

    def stage(names: tuple[str, ...]) -> contextlib.nullcontext:
        seen.append(names)
        return contextlib.nullcontext(Path("nowhere"))

    monkeypatch.setattr(grading, "stage", stage)
    monkeypatch.setattr(grading, "Session", Here)
    monkeypatch.setattr(grading, "best_isolation", lambda: pytest.fail("a sandbox was measured"))
    HERE.clear()
    return seen


def master(folder: Path, *cells: tuple[str, float, bool, str], settings: str = "") -> Path:
    """A master of cells: id, points, whether a solution, source."""
    text = settings
    for grade_id, points, solution, source in (SETUP, ASK, *cells):
        mark = {"grade": bool(points), "grade_id": grade_id, "locked": not solution}
        mark |= {"solution": solution, "points": points}
        text += f"\n# %% nbgrader={json.dumps(mark)}\n{source}\n"
    (folder / "master").mkdir(exist_ok=True)
    (folder / "master" / "m.py").write_text(text, encoding="utf-8")
    return folder / "master" / "m.py"


def visible(source: str) -> tuple[str, float, bool, str]:
    return "q1-visible", 1, False, source


def hidden(source: str, grade_id: str = "q1-hidden") -> tuple[str, float, bool, str]:
    return grade_id, 2, False, f"### BEGIN HIDDEN TESTS\n# hint: the hint\n{source}"


def run(folder: Path, path: Path, *sources: str, seed: int = 3) -> Grade:
    notebook = write(folder / "student" / "a.ipynb", *(sources or [ASK[-1]]))
    return grade_one(path, notebook, isolation=Isolation("bwrap"), seed=seed)


def test_the_reference_earns_all_points(tmp_path, deleted):
    """Kills: points of one question that are counted for another; problems that get lost."""
    result = run(tmp_path, TINY, SOFTMAX, INTEGRATE)
    assert (result.points, result.total, result.possible) == ({"q1": 3, "q2": 3}, 6, 6)
    assert {score.reason for score in result.scores} == {"passed"}
    assert (result.problems, result.output) == (["a problem of the session's"], "printed")
    assert deleted == [("coursepkg.bayes.coin",)]
    assert HERE[0].closed


LATER = ["K = 1\ndef ask(): return K", "assert ask() == 1", "K = 2  # changes"]


def test_what_a_later_cell_spoils_counts_as_it_was_above_it(tmp_path):
    """Kills: ``train, test = …`` below question 1 that costs question 1."""
    path = master(tmp_path, visible("assert ask() == 1"), hidden("assert ask() > 0"),
                  ("q2-visible", 4, False, "assert ask() == 2"))  # fmt: skip
    result = run(tmp_path, path, *LATER)
    assert result.points == {"q1": 3, "q2": 4}
    assert [score.reason for score in result.scores] == ["passed"] * 3
    assert [session.upto for session in HERE] == [2, 1]
    assert result.problems[-1].startswith("q1: a cell below changes what the answer uses")
    assert len(result.problems) == 2
    assert all(session.closed for session in HERE)
    assert HERE[0].started
    assert HERE[0].deadline == HERE[1].deadline == pytest.approx(clock.now() + 360, abs=60)


def test_all_that_is_spoilt_is_asked_in_one_worker_in_the_notebooks_order(tmp_path):
    """Kills: a worker for each question; a question asked with the cells below it."""
    path = master(tmp_path, visible("assert ask() == 1"), ("q2-visible", 4, False, "ask() == 2"),
                  ("q3-visible", 5, False, "assert ask() == 2"))  # fmt: skip
    cells = [*LATER[:2], "K = 2  # changes", "assert ask() == 2", "K = 3  # changes"]
    text = path.read_text("utf8").replace("\nask() == 2", "\nassert 2 == ask()")
    path.write_text(text, encoding="utf-8")
    result = run(tmp_path, path, *cells)
    assert result.points == {"q1": 1, "q2": 0, "q3": 5}
    assert [session.asked for session in HERE] == [[()] * 3, [()] * 2]
    assert HERE[1].upto == 2


def test_what_is_tried_again_tells_nothing(tmp_path):
    """Kills: a reason, from the second try, that carries what the first one's tests have sent."""
    path = master(tmp_path, visible("assert ask() == 3, str(ask())"))
    result = run(tmp_path, path, *LATER)
    assert result.reasons == {"q1": "q1-visible: failed: 2"}
    assert result.problems == ["a problem of the session's"]


def test_nothing_is_lost_by_what_stands_below(tmp_path):
    """Kills: a helper below the tests that an answer may no longer use."""
    path = master(tmp_path, visible("assert ask() == 2"), hidden("assert ask() == 1"))
    result = run(tmp_path, path, "def ask(): return K", "assert ask() == 2", "K = 2  # changes")
    assert result.points == {"q1": 1}
    assert result.problems == ["a problem of the session's"]


@pytest.mark.parametrize("answer", ["return 0", "raise NotImplementedError"])
def test_what_no_later_cell_changes_or_nobody_answered_is_asked_once(tmp_path, answer):
    """Kills: a second sandbox for each wrong answer."""
    path = master(tmp_path, visible("assert ask() == 1"))
    later = "changes" if "raise" in answer else ""
    run(tmp_path, path, f"def ask(): {answer}", "assert ask() == 1", f"y = 3  # {later}")
    assert len(HERE) == 1


def test_an_error_of_the_graders_own_is_no_score(tmp_path):
    """Kills: a sandbox that does not start on a full machine, taken for a wrong answer."""
    path = master(tmp_path, visible("ask()"))
    with pytest.raises(GraderError):
        run(tmp_path, path, "def ask(): raise OSError")


def test_when_time_is_up_a_test_ends_and_the_scores_so_far_are_kept(tmp_path, monkeypatch):
    """Kills: a comparison as large as a student likes that holds up the class."""
    monkeypatch.setattr(grading, "TOTAL", 0.05)
    path = master(tmp_path, visible("ask()"), ("q2-visible", 2, False, "while not ask(): pass"),
                  settings="# grader: seconds = 20\n")  # fmt: skip
    begun = time.monotonic()
    result = run(tmp_path, path)
    assert result.points == {"q1": 1, "q2": 0}
    assert result.reasons["q2"] == "q2-visible: failed: the submission's time was up"
    assert time.monotonic() - begun < 30


def test_on_a_busy_machine_a_test_ends_later(tmp_path, monkeypatch):
    """Kills: a test that is ended by the time on the wall; or never, where it passed too soon."""
    begun = time.monotonic()
    slow = SimpleNamespace(now=lambda: (time.monotonic() - begun) / 3)
    monkeypatch.setattr(grading, "clock", slow)
    monkeypatch.setattr(grading, "TOTAL", 0.05)
    path = master(tmp_path, visible("while True: pass"), settings="# grader: seconds = 10\n")
    assert "time was up" in run(tmp_path, path).reasons["q1"]
    assert 1.5 <= time.monotonic() - begun < 30


def test_points_and_reasons_are_summed_by_question():
    """Kills: a question's last test in place of all of them."""
    scores = [Score("q1-a", "q1", 1, 2, "x"), Score("q1-b", "q1", 2, 2, "y"),
              Score("q2-a", "q2", 0, 1, "z")]  # fmt: skip
    grade = Grade(scores)
    assert grade.points == {"q1": 3, "q2": 0}
    assert grade.reasons == {"q1": "q1-a: x; q1-b: y", "q2": "q2-a: z"}
    assert (grade.total, grade.possible) == (3, 5)


def test_what_cannot_be_read_earns_nothing_and_starts_nothing(tmp_path):
    """Kills: an exception, or a sandbox, for a file that holds no notebook."""
    (tmp_path / "a.ipynb").write_bytes(b"{")
    result = grade_one(TINY, tmp_path / "a.ipynb", seed=1)
    assert (result.total, result.possible) == (0, 6)
    assert "not a notebook" in result.problems[0]
    assert {score.reason for score in result.scores} == {*result.problems}
    assert HERE == []


def test_the_master_the_other_submissions_and_what_is_closed_are_hidden(tmp_path):
    """Kills: a student who reads the tests, or asks `sys.modules` for a closed library."""
    path = master(tmp_path, visible("ask()"), settings="# grader: close = networkx\n")
    run(tmp_path, path)
    seen = set(HERE[0].isolation.hidden)
    assert {tmp_path / "master", tmp_path / "student"} <= seen
    assert Path(networkx.__file__).parent in seen


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\nassert x == 2  # why", "failed: assert x == 2  # why"),
        ("assert ask() == 2, 'the sum\\n is two'", "failed: the sum is two"),
        ("assert ask() == 2, 'a \\x1b[2J\\u202e\\x07 b'", "failed: a [2J b"),
        ("raise KeyError('k')", "failed: KeyError: 'k'"),
        ("assert ask(1 / 0)", "failed: ZeroDivisionError: division by zero"),
        ("raise AssertionError('x' * 9999)", "failed: " + "x" * 492),
        ("def f(): assert ask() == 2\nf()", "failed: def f(): assert ask() == 2"),
    ],
)
def test_a_visible_test_says_why_it_failed(tmp_path, source, reason):
    """Kills: the wrong line; a message over many lines or that a terminal obeys; a megabyte."""
    (score,) = run(tmp_path, master(tmp_path, visible(source))).scores
    assert (score.points, score.possible, score.reason) == (0, 1, reason)
    assert 0 < len(score.detail) <= 4000


def test_a_test_that_fails_in_a_helper_of_the_setups_shows_its_own_line(tmp_path):
    """Kills: the number of a line of the setup's, looked up in the test."""
    path = master(tmp_path, visible("# two\n# lines\n# more\ncheck(ask() == 1)"))
    text = path.read_text("utf8").replace("SEED = 0", "SEED = 0\ndef check(x): assert x")
    path.write_text(text, encoding="utf-8")
    assert run(tmp_path, path).reasons == {"q1": "q1-visible: failed: check(ask() == 1)"}


def test_a_students_error_is_told_in_a_visible_test_and_not_in_a_hidden_one(tmp_path):
    """Kills: a reason that repeats the student's own message, which may hold the inputs."""
    path = master(tmp_path, visible("ask(1)"), hidden("ask(2)"))
    spy = "class Leak(ArithmeticError): pass\ndef ask(a): raise Leak(f'SAW {a}')"
    seen, secret = run(tmp_path, path, spy).scores
    assert seen.reason == "failed: `ask` raised an error: SAW 1"
    assert secret.reason == "failed: the hint (`ask` raised an error)"
    assert "SAW 2" in secret.detail
    assert secret.detail.endswith("TRACE")


def test_a_hidden_test_that_fails_gives_its_hint_alone(tmp_path):
    """Kills: a reason with the hidden test's line or with a value that its inputs shaped."""
    path = master(tmp_path, hidden("assert ask(7) == 8, 'SECRET'"), hidden("1 / 0", "q2-hidden"))
    assert {score.reason for score in run(tmp_path, path).scores} == {"failed: the hint"}


def test_visible_tests_run_first_and_scores_keep_the_masters_order(tmp_path):
    """Kills: a function that stores a hidden test's inputs and tells them in a visible one."""
    path = master(tmp_path, hidden("ask('hidden')"), visible("ask('visible')"))
    assert [score.test for score in run(tmp_path, path).scores] == ["q1-hidden", "q1-visible"]
    assert HERE[0].asked == [("visible",), ("hidden",)]
    assert HERE[0].heard == [True, False]


def test_the_seed_is_the_classs_or_the_masters_and_never_the_setups(tmp_path):
    """Kills: a SEED that the setup cell, and so the student, knows."""
    ask = visible("ask(SEED)")
    run(tmp_path, master(tmp_path, ask))
    run(tmp_path, master(tmp_path, ask, settings="# grader: seed = 0\n"))
    assert [here.asked for here in HERE] == [[(3,)], [(0,)]]
    assert HERE[0].space["SEED"] == 0


def test_an_overlays_tests_are_run_in_place_of_the_masters(tmp_path):
    """Kills: an instructor's own tests that are read and not run."""
    own = tmp_path / "own"
    own.mkdir()
    text = TINY.read_text("utf8").replace("p.shape == (3, 5)", "p.shape == (5, 3)")
    (own / "tiny.py").write_text(text, encoding="utf-8")
    notebook = write(tmp_path / "student" / "a.ipynb", SOFTMAX, INTEGRATE)
    result = grade_one(TINY, notebook, isolation=Isolation("bwrap"), seed=1, private=own)
    assert result.points == {"q1": 1, "q2": 3}


def test_each_test_has_a_namespace_of_its_own(tmp_path):
    """Kills: a name that one test leaves behind, on which the next one passes or fails."""
    other = hidden("assert 'left' not in globals()\nassert ask(1) == (1,)", "q2-hidden")
    path = master(tmp_path, visible("left = 1\nask = None"), other)
    assert run(tmp_path, path).total == 3


def test_functions_travel_by_their_names(tmp_path):
    """Kills: a setup function, or a student's, that cannot be an argument; a stranger that can."""
    source = "ask(square, ask, named('square'), (lambda: 0), np.float64, 3)\nnamed('square')(3)"
    path = master(tmp_path, visible(source))
    assert run(tmp_path, path).total == 1
    here = HERE[0]
    names = [here.names(value) for value in here.asked[0]]
    assert names == ["square", "ask", "square", None, None, None]
    assert Named("square", lambda x: x * x)(3) == 9


def test_a_name_leads_to_the_setup_and_not_to_what_the_student_made_of_it(tmp_path):
    """Kills: a test whose helpers the student redefines."""
    path = master(tmp_path, visible("assert square(3) == 9\nassert named('square')(3) == 9"))
    assert run(tmp_path, path, ASK[-1], "def square(x): return 0").total == 1


def test_a_test_that_prints_or_warns_is_none_that_fails(tmp_path, capsys):
    """Kills: a hidden input on the instructor's screen; a warning that costs points."""
    path = master(tmp_path, visible("print('LOUD')\nwarnings.warn('careful')\nask()"))
    assert run(tmp_path, path).total == 1
    assert "LOUD" not in capsys.readouterr().out


def test_torch_is_as_in_a_new_process_and_afterwards_as_it_was(tmp_path):
    """Kills: a float64 of the grader's own in a test; a test that moves the next one's numbers."""
    source = "assert torch.zeros(1).dtype == torch.float32\ntorch.manual_seed(1); torch.rand(3)\n"
    seeded = "assert seeded(3).initial_seed() == 3\ntorch.set_default_dtype(torch.float16)"
    before = torch.get_rng_state()
    assert run(tmp_path, master(tmp_path, visible(source + seeded))).total == 1
    assert torch.get_default_dtype() == torch.float64
    assert torch.equal(torch.get_rng_state(), before)


def test_a_test_that_takes_too_much_memory_fails_and_gives_it_back(tmp_path, monkeypatch):
    """Kills: a value that broadcasts to a terabyte; a limit that stays."""
    monkeypatch.setattr(grading, "TEST_MEMORY", 64 << 20)
    before = resource.getrlimit(resource.RLIMIT_AS)
    huge = run(tmp_path, master(tmp_path, visible("ask(bytearray(1 << 30))"))).scores[0]
    assert (huge.points, huge.reason[:20]) == (0, "failed: MemoryError:")
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_master_whose_setup_fails_closes_its_session(tmp_path):
    """Kills: a sandbox that is left behind by an error of the master's."""
    path = master(tmp_path, visible("ask()"))
    path.write_text(path.read_text("utf8").replace("SEED = 0", "1 / 0"), encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, path)
    assert HERE[0].closed


def test_what_is_wrong_with_the_notebook_comes_before_what_its_cells_did(tmp_path):
    """Kills: a problem of the notebook's that nobody is told."""
    notebook = write(tmp_path / "student" / "a.ipynb", cell(ASK[-1], kind="markdown"))
    path = master(tmp_path, visible("ask()"))
    result = grade_one(path, notebook, isolation=Isolation("bwrap"), seed=1)
    assert result.problems == ["q1: `ask` was taken from a cell that is no solution cell",
                               "a problem of the session's"]  # fmt: skip
