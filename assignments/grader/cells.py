"""A student's cells, in a worker that outlives what they do: run, left out, and run again."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.grader import clock
from assignments.grader.master import Master
from assignments.grader.namespaces import Isolation
from assignments.grader.sandbox import Died, Hung, Limits, Sandbox

RELOADS = 12
TOTAL = 3  # times the time that the master gives, in all, with every repetition
READ = 30.0  # seconds that reading a cell may take, where IPython is to be imported first
SHORT = 30.0  # seconds that a definition may take when the cells are out of time: an import
MOMENT, INSTANT = 0.01, 1e-3  # what else may take then: of all the cells' time; seconds
GRACE = 1.0  # seconds after which a worker that does not interrupt itself is ended
NOTES = 30
LATE = "out of time"


class StudentError(Exception):
    """A call to a student's function gave no value.

    Args:
        summary: what happened, in words that hold nothing of the student's making.
        message: the error's own message.
        trace: the traceback in the student's code.
    """

    def __init__(self, summary: str, message: str = "", trace: str = "") -> None:
        super().__init__(f"{summary}: {message}" if message else summary)
        self.summary = summary
        self.trace = trace


class NotAlone(Died):
    """The student's code left processes running."""


@dataclass(eq=False)
class Cells:
    """One submission's cells, in a worker that is started anew whenever they end it.

    Together they may take `Master.cell_seconds`, of which one statement may take half. What is out
    of time is interrupted, and what stands below it still has a moment. A statement that ends the
    worker is left out, and all others are run again. A *reduced* worker runs of all cells only
    imports, functions, classes and constants.

    Args:
        isolation: how to keep the worker in.
        folder: what `sandbox.stage` made.
        master: the assignment.
        cells: the student's sources.
        deadline: when the submission's time is up, by `clock.now`.

    Attributes:
        upto: how many cells are to be defined when a function is called; it may grow.
        acted: number of the last cell that may have changed what those above it made.
    """

    isolation: Isolation
    folder: Path
    master: Master
    cells: list[str]
    deadline: float = field(default=math.inf, kw_only=True)

    def __post_init__(self) -> None:
        self.limits = Limits(seconds=int(TOTAL * self.master.seconds) + 1)
        self.upto = len(self.cells)
        self.acted = 0
        self.skipped: set[tuple[int, int | None]] = set()  # statements, or cells, left out
        self.careful: set[int] = set()  # cells that left a process running: which statement did?
        self.reduced = self.hopeless = False  # for this worker, and for each one
        self.problems: list[str] = []
        self.quiet = False  # hidden tests have begun: their inputs could be in what is said now
        self.output = ""
        self.sandbox: Sandbox | None = None
        self.done, self.used = 0, 0.0  # cells that the worker has run, and the seconds they took
        self.served: set[str] = set()  # functions that it was asked for

    def start(self) -> None:
        """Have a worker that has run the setup alone."""
        self._check_time()
        self.sandbox = Sandbox(self.isolation, self.folder, self.limits)
        close = f"__import__('sys').modules.update(dict.fromkeys({self.master.closed}))"
        self.sandbox.setup([*self.master.setup, *([close] if self.master.closed else [])])

    def load(self) -> None:
        """Have a worker that has run the cells, without what ends it.

        Raises:
            StudentError: the submission's time is up.
        """
        for _ in range(RELOADS):
            if self._define() is None:
                return
        self.hopeless = True
        self.say(f"after {RELOADS} starts only imports, functions, classes and constants were run")
        while (number := self._define()) is not None:
            self.upto = min(self.upto, number)

    def _define(self) -> int | None:
        """Run what this worker, or a new one, has not run; the cell that ended it, or None."""
        if self.sandbox is None:
            self.start()
        if self.done == self.upto:
            return None
        for number in range(self.done, self.upto):
            if self._over():
                self._note("all the time was gone: no cell was run from here on", number)
                self.upto = number
                break
            if not self._run(number):
                return number
            self.done = number + 1
        self._keep_output()
        with contextlib.suppress(Died):
            answer, _ = self._request({"op": "finish"}, SHORT)
            if type(acted := answer.get("value")) is int:
                self.acted = acted
        return None

    def _run(self, number: int) -> bool:
        """Run a cell, statement by statement; whether the worker is still there."""
        step = None
        try:
            for step, defines in enumerate(self._read(number)):
                self._step(number, step, defines)
            self._see_whether_alone()
        except Died as error:
            self._note(f"a cell was stopped: {self._why(error)}", number)
            if isinstance(error, NotAlone) and number not in self.careful:
                self.careful.add(number)
            else:
                self.skipped.add((number, step))
            self._keep_output()
            reduced = self.reduced
            self.close()
            self.reduced = reduced
            return False
        return True

    def _why(self, error: Died) -> str:
        """What ended a cell: a worker that hangs had all the time that was left."""
        return f"{self._shares()}, and it did not end" if isinstance(error, Hung) else str(error)

    def _shares(self) -> str:
        seconds = self.master.cell_seconds
        return f"all cells together may take {seconds:.0f} s, one statement {seconds / 2:.0f} s"

    def _read(self, number: int) -> list[bool]:
        """Whether each of a cell's statements defines something."""
        if (number, None) in self.skipped:
            return []
        header = {"op": "read", "number": number + 1, "source": self.cells[number]}
        answer, _ = self._request(header, READ)
        if trouble := answer.get("error"):
            self._note(f"a cell raised {text_of(trouble, 'kind')}", number, trouble)
        kinds = answer.get("value")
        return kinds if isinstance(kinds, list) else []

    def _step(self, number: int, step: int, defines: bool) -> None:
        if self._over():
            return
        seconds = 0.0 if (number, step) in self.skipped else self._allowance(defines)
        # Where a kernel died, what it did to NumPy would be gone: names are kept, patches not.
        whole = all(n != number for n, _ in self.skipped)
        header = {"op": "step", "number": number + 1, "index": step, "seconds": seconds}
        begun = clock.now()
        answer, _ = self._request(header | {"patches": whole}, seconds)
        self.used += clock.now() - begun
        if trouble := answer.get("error"):
            if (kind := text_of(trouble, "kind")) == LATE:
                self._note(f"a cell was interrupted: {self._shares()}", number)
            else:
                self._note(f"a cell raised {kind}", number, trouble)
        if number in self.careful:
            self._see_whether_alone()

    def _allowance(self, defines: bool) -> float:
        """Seconds for a statement: half of what all may take, then what is left, then a moment."""
        if (self.reduced or self.hopeless) and not defines:
            return 0.0
        share = self.master.cell_seconds
        moment = MOMENT * share if self.used < 2 * share else INSTANT
        return max(min(share / 2, share - self.used), SHORT if defines else moment)

    def _over(self) -> bool:
        return self.used > TOTAL * self.master.cell_seconds

    def _see_whether_alone(self) -> None:
        if self.sandbox and self.sandbox.left_running():
            raise NotAlone("it left processes running")

    def _request(self, header: Any, seconds: float, payload: bytes = b"") -> tuple[Any, bytes]:
        """Ask the worker, which interrupts itself; if it cannot, it is ended a moment later."""
        self._check_time()
        assert self.sandbox is not None
        left = min(seconds + GRACE, self.deadline - clock.now())
        return self.sandbox.request(header, payload, seconds=max(0.0, left))

    def _check_time(self) -> None:
        if clock.now() > self.deadline:
            seconds = TOTAL * self.master.seconds
            raise StudentError(f"the submission used up the {seconds:.0f} s that it has in all")

    def _note(self, what: str, number: int, trouble: Any = None) -> None:
        lines = self.cells[number].strip().splitlines()
        where = f" (the cell that begins {lines[0][:60]!r})" if lines else ""
        message = f": {text_of(trouble, 'message')[:300]}" if trouble else ""
        self.say(what + message + where)

    def say(self, line: str) -> None:
        """A line for the student, once; none when it could tell of a hidden test, by the clock."""
        if self.quiet:
            return
        if len(self.problems) > NOTES:
            line = "and so on"
        if line not in self.problems:
            self.problems.append(line)

    def _keep_output(self) -> None:
        if not self.output and not self.quiet and self.sandbox:
            self.output = self.sandbox.printed.decode(errors="replace")

    def close(self) -> None:
        """End the worker; the next one has run and served nothing yet, and is a whole one."""
        self.served.clear()
        self.done, self.used, self.reduced = 0, 0.0, False
        if self.sandbox:
            self.sandbox.close()
            self.sandbox = None


def text_of(trouble: Any, key: str) -> str:
    """A field of an error reply, which may be anything at all."""
    value = trouble.get(key, "") if isinstance(trouble, dict) else ""
    return value[:2000] if isinstance(value, str) else ""
