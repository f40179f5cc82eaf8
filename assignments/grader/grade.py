"""Grade one submission: the tests run here, the student's functions run in the sandbox."""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from assignments.grader import clock
from assignments.grader.cells import TOTAL, StudentError
from assignments.grader.isolation import best_isolation
from assignments.grader.master import Master, Test, read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.proxy import Named, Proxy, Session
from assignments.grader.stage import GraderError, stage
from assignments.grader.submission import Picked, Unreadable, pick, read_cells

TEST_MEMORY = 4 << 30
REASON = 500  # characters of a reason
UNANSWERED = "raised NotImplementedError"
CHANGED = (
    "a cell below changes what the answer uses; "
    "the points are those that it earns with the cells above its tests"
)


@dataclass(frozen=True)
class Score:
    """What one graded cell of the master gave.

    Attributes:
        test: the cell's grade_id, e.g. ``q1-hidden``.
        question: the question that it belongs to, e.g. ``q1`` (the id up to its last hyphen).
        points: points earned; all of the cell's or none.
        possible: points that the cell is worth.
        reason: one line for the student; for a hidden cell the hint and nothing of its code.
        detail: for the instructor only: the traceback.
    """

    test: str
    question: str
    points: float
    possible: float
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Grade:
    """The whole submission: a score and a reason for every question, whatever it did."""

    scores: list[Score] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # about the notebook as a whole
    output: str = ""  # what the cells printed while they were defined, cut
    seconds: float = 0.0

    @property
    def total(self) -> float:
        """Points earned."""
        return sum(score.points for score in self.scores)

    @property
    def possible(self) -> float:
        """Points that the assignment is worth."""
        return sum(score.possible for score in self.scores)

    @property
    def points(self) -> dict[str, float]:
        """Points earned per question, in the master's order."""
        result: dict[str, float] = {}
        for score in self.scores:
            result[score.question] = result.get(score.question, 0.0) + score.points
        return result

    @property
    def reasons(self) -> dict[str, str]:
        """Reasons per question, in the master's order, joined by a semicolon."""
        result: dict[str, list[str]] = {}
        for score in self.scores:
            result.setdefault(score.question, []).append(f"{score.test}: {score.reason}")
        return {question: "; ".join(lines) for question, lines in result.items()}


def grade_one(
    master: Path,
    submission: Path,
    *,
    isolation: Isolation | None = None,
    seed: int,
    private: Path | None = None,
    seconds: float | None = None,
) -> Grade:
    """Grade one notebook; never raises for anything that the submission holds or does.

    Args:
        master: the master, a py:percent file with nbgrader metadata.
        submission: the student's notebook (.ipynb).
        isolation: what ``sandbox.best_isolation()`` measured; None measures it here (slow).
        seed: becomes ``SEED`` in the test cells; the same for the whole class.
        private: a folder that holds a file of the master's name, whose graded cells
            replace those of the same grade_id.
        seconds: that the submission's code may take altogether; None for the master's.

    Returns:
        The grade: points and a reason per graded cell.

    Raises:
        ValueError: the master itself is wrong, or isolation is too weak.
    """
    begun = time.monotonic()
    assignment = read_master(master, private)
    if seconds is not None:
        assignment = replace(assignment, seconds=seconds)
    try:
        picked = pick(read_cells(submission), assignment)
    except Unreadable as error:
        return _nothing(assignment, str(error))
    if isolation is None:
        isolation = best_isolation()
    isolation = isolation.hiding(master.parent, submission.parent).closing(assignment.closed)
    seed = assignment.seed if assignment.seed is not None else seed
    with stage(assignment.deleted) as folder, _fresh_torch():
        begin = partial(Session, isolation, folder, assignment, picked.sources)
        with contextlib.closing(begin()) as session:
            session.start()  # how long that takes is no fault of the student's
            session.deadline = clock.now() + TOTAL * assignment.seconds
            # Visible tests first: their messages cannot carry what a hidden one has sent, nor can
            # what cells say that are run again later: for a cell, the clock may hold a message.
            order = sorted(assignment.tests, key=lambda test: test.hidden)
            done = _run_all(assignment, session, seed, [(len(picked.sources), order)])
        problems = picked.problems + session.problems
        if spoilt := _spoilt(assignment, picked, session.acted, done):
            # In the notebook's order; of this nothing but the points is shown to a student.
            with contextlib.closing(begin(deadline=session.deadline)) as again:
                passed = _passed(_run_all(assignment, again, seed, spoilt))
            done |= passed
            problems += dict.fromkeys(f"{score.question}: {CHANGED}" for score in passed.values())
    scores = [done[test.grade_id] for test in assignment.tests]
    return Grade(scores, problems, session.output, round(time.monotonic() - begun, 2))


def _spoilt(
    assignment: Master, picked: Picked, acted: int, done: dict[str, Score]
) -> list[tuple[int, list[Test]]]:
    """The tests that failed where a cell below them did more than define, as it stands above."""
    found: dict[int, list[Test]] = {}
    for test in assignment.tests:
        above, score = picked.above.get(test.question, acted), done[test.grade_id]
        if above < acted and score.points < test.points and UNANSWERED not in score.reason:
            found.setdefault(above, []).append(test)
    return sorted(found.items())


def _passed(scores: dict[str, Score]) -> dict[str, Score]:
    return {key: score for key, score in scores.items() if score.points == score.possible}


def _run_all(
    assignment: Master, session: Session, seed: int, tests: list[tuple[int, list[Test]]]
) -> dict[str, Score]:
    """The scores of these tests, each when so many cells have run."""
    base = _namespace(assignment, session, seed)
    names = {id(value): key for key, value in base.items() if callable(value)}
    session.names = lambda f: _name(f, names)
    done: dict[str, Score] = {}
    for number, group in tests:
        session.upto = number
        with contextlib.suppress(StudentError):  # out of time: each call says so
            session.load()
        for test in group:
            session.quiet = test.hidden
            done[test.grade_id] = _run(test, dict(base), session.deadline)
    return done


@contextlib.contextmanager
def _fresh_torch() -> Iterator[None]:
    """Torch's global state as in a new process, and afterwards as it was."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    dtype, state = torch.get_default_dtype(), torch.get_rng_state()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_rng_state(state)


def _nothing(assignment: Master, reason: str) -> Grade:
    scores = [Score(t.grade_id, t.question, 0.0, t.points, reason) for t in assignment.tests]
    return Grade(scores, [reason])


def _name(value: Any, names: dict[int, str]) -> str | None:
    """The name under which the worker knows a function of the setup or the student's."""
    return value.name if isinstance(value, Named) else names.get(id(value))


def _namespace(assignment: Master, session: Session, seed: int) -> dict[str, Any]:
    """What a test cell sees: the setup, run here, and a proxy for each student's function."""
    space: dict[str, Any] = {"__name__": "__main__", "seeded": _seeded}
    for number, source in enumerate(assignment.setup):
        exec(compile(source, f"<setup {number}>", "exec"), space)
    functions = {key: value for key, value in space.items() if callable(value)}
    space["SEED"] = seed
    space["named"] = lambda name: Named(name, functions[name])
    return space | {name: Proxy(session, name) for name in assignment.solutions}


def _seeded(seed: int) -> Any:
    import torch  # late: a master without tensors does not wait for it

    return torch.Generator().manual_seed(seed)


def _run(test: Test, space: dict[str, Any], deadline: float) -> Score:
    """Run one test cell in a namespace of its own."""
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
            _memory_limit(),
            _time_limit(deadline),
        ):
            warnings.simplefilter("ignore")
            exec(compile(test.source, f"<{test.grade_id}>", "exec"), space)
    except GraderError:  # no fault of the student's: not a score of nothing, but none
        raise
    except Exception as error:
        detail = "".join(traceback.format_exception(error, limit=-3))[-4000:]
        if isinstance(error, StudentError):
            detail += error.trace
        return Score(test.grade_id, test.question, 0.0, test.points, _reason(test, error), detail)
    return Score(test.grade_id, test.question, test.points, test.points, "passed")


@contextlib.contextmanager
def _memory_limit() -> Iterator[None]:
    """Let a test take `TEST_MEMORY` more: a value of a wrong shape may broadcast to any size."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [n for n in (now + TEST_MEMORY, soft, hard) if n != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def _time_limit(deadline: float) -> Iterator[None]:
    """Let a test take what is left: what it compares is as large as a student likes.

    A call in the sandbox is not interrupted (`Proxy`): it has limits of its own.
    """

    def ring(*_: object) -> None:
        if clock.now() >= deadline:
            raise StudentError("the submission's time was up")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(deadline - clock.now(), 1e-3), 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _reason(test: Test, error: Exception) -> str:
    """One line for the student: of a hidden test the hint, and nothing that its inputs shaped."""
    if test.hidden:
        summary = f" ({error.summary})" if isinstance(error, StudentError) else ""
        return f"failed: {test.hint}{summary}"
    if isinstance(error, AssertionError) and not str(error).strip():
        frames = traceback.extract_tb(error.__traceback__)
        number = [f.lineno or 0 for f in frames if f.filename == f"<{test.grade_id}>"][-1]
        line = test.source.splitlines()[number - 1].strip()
        return f"failed: {line}"[:REASON]
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    kind = "" if isinstance(error, AssertionError | StudentError) else f"{type(error).__name__}: "
    return f"failed: {kind}{text}"[:REASON]
