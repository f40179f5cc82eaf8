"""A student's functions as the tests see them: names whose calls go to the sandbox."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from assignments.grader.channel import ChannelError, decode, encode
from assignments.grader.master import Master
from assignments.grader.namespaces import Isolation
from assignments.grader.sandbox import Died, Hung, Limits, Sandbox

REDUCED_SECONDS = 3.0  # of a cell that is run only in part
RELOADS = 8
STATEMENTS = 2000  # of a cell that is run one by one
TOTAL = 3  # times the time that the master gives, in all, with every repetition
DEATHS = 2  # of one function; after that it is not called again
RAISABLE = (
    *(ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError),
    *(NotImplementedError, RuntimeError, AttributeError, NameError),
)


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


# A test may expect a ValueError of the student's: the error raised here is then both.
ERRORS: dict[str, type[StudentError]] = {
    kind.__name__: type(f"Student{kind.__name__}", (StudentError, kind), {}) for kind in RAISABLE
}


class Named:
    """A function of the setup cells that travels by its name; here it can be called too."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's value."""
        return self.function(*args, **kwargs)


class Session:
    """One submission's cells, in a worker that is started anew whenever they end it.

    Time is shared out so that no question can use up another's: with n functions, each may
    take ``seconds / (n + 1)`` in all its calls, and defining the cells ``seconds / 2``. A cell that
    ends the worker is run again statement by statement, without the one that did it.

    What a cell or a function started in the background may still end the worker in the midst of
    another's call: such a call is repeated in a reduced worker, which has run of all cells only
    imports, functions, classes and constants, and was asked for no other function. If it lacks
    a name there, it is repeated in a whole worker of its own.

    Args:
        isolation: how to keep the worker in.
        folder: what `sandbox.stage` made.
        master: the assignment.
        cells: the student's sources.
        names: the name of a setup function, or None.
        deadline: when the submission's time is up, by `time.monotonic`.

    Attributes:
        changed: numbers of cells after which a later cell gave a name another value.
    """

    def __init__(
        self,
        isolation: Isolation,
        folder: Path,
        master: Master,
        cells: list[str],
        names: Callable[[Any], str | None] = lambda _: None,
        *,
        deadline: float = math.inf,
    ) -> None:
        self.isolation = isolation
        self.folder = folder
        self.master = master
        self.cells = cells
        self.names = names
        self.limits = Limits(seconds=max(1, int(2 * master.seconds)))
        self.share = master.seconds / (len(master.solutions) + 1)
        self.budget = master.seconds / 2
        self.left = dict.fromkeys(master.solutions, self.share)
        self.deaths: Counter[str] = Counter()
        self.reduced = False
        self.served: set[str] = set()  # functions that this worker was asked for
        self.careful: set[int] = set()  # cells that are run statement by statement
        self.tail = len(cells)  # from this cell on, only definitions are run
        self.skipped: set[tuple[int, int | None]] = set()  # statements, or cells, left out
        self.changed: frozenset[int] = frozenset()
        self.deadline = deadline
        self.problems: list[str] = []
        self.output = ""
        self.sandbox: Sandbox | None = None
        self.last = ""

    def load(self) -> None:
        """Start a worker and define the cells, leaving out what ends it.

        Raises:
            StudentError: the submission's time is up.
        """
        for _ in range(RELOADS):
            culprit = self._load()
            if culprit is None:
                return
            number, step = culprit
            if self.reduced or step is not None or number >= self.tail:
                self.skipped.add(culprit)
            else:
                self.careful.add(number)
        self.reduced = True
        self.skipped |= {(n, None) for n in range(number, len(self.cells))}
        self.problems.append(
            f"gave up after {RELOADS} workers: of the cells from number {number + 1} on, nothing "
            "was run, and of those before it only imports, functions and constants"
        )
        self._load()

    def _load(self) -> tuple[int, int | None] | None:
        """Define the cells in a new worker; where it ended (cell, statement), or None."""
        self.close()
        self._check_time()
        self.sandbox = Sandbox(self.isolation, self.folder, self.limits)
        closed = f"__import__('sys').modules.update(dict.fromkeys({self.master.closed}))"
        self.sandbox.setup([*self.master.setup, closed])
        left = self.budget
        for number in range(len(self.cells)):
            if (number, None) in self.skipped:
                continue
            step, start = None, time.monotonic()
            short = self.reduced or number in self.careful or number >= self.tail
            try:
                for step in self._steps(number):
                    spent = time.monotonic() - start
                    if not self._define(number, step, (REDUCED_SECONDS if short else left) - spent):
                        break
                    if self.sandbox.left_running():
                        raise Died("it left processes running")
            except Died as error:
                own = time.monotonic() - start
                gone = own + (0 if short else self.budget - left)
                self._note(f"a cell was stopped: {self._why(error, short, gone)}", number)
                self._keep_output()
                if isinstance(error, Hung) and not short and gone > 2 * own:
                    self.tail = number  # no cell of its own took the time
                    return self._load()
                return number, step
            if not short:
                left = max(0.5, left - (time.monotonic() - start))
        self._keep_output()
        self._compare()
        return None

    def _why(self, error: Died, short: bool, gone: float) -> str:
        """What ended a cell, in words that say how much time there was."""
        if not isinstance(error, Hung):
            return str(error)
        what, whole = (
            ("it alone", REDUCED_SECONDS) if short else ("all cells together", self.budget)
        )
        return f"{what} may take {whole:.0f} s, and {gone:.0f} s were gone"

    def _compare(self) -> None:
        assert self.sandbox is not None
        with contextlib.suppress(Died):
            answer, _ = self.sandbox.request({"op": "compare"}, b"", seconds=REDUCED_SECONDS)
            if isinstance(numbers := answer.get("value"), list):
                self.changed = frozenset(n for n in numbers if isinstance(n, int))

    def _steps(self, number: int) -> Iterable[int | None]:
        """The statements of a cell that are asked for one by one, or None for all at once."""
        if self.reduced or number not in self.careful:
            return [None]
        return (step for step in range(STATEMENTS) if (number, step) not in self.skipped)

    def _define(self, number: int, step: int | None, seconds: float) -> bool:
        """Run a cell, or one statement of it; whether there may be a next one."""
        assert self.sandbox is not None
        header = {
            **{"op": "cell", "number": number + 1, "source": self.cells[number]},
            **{"full": not self.reduced and number < self.tail, "only": step},
        }
        answer, _ = self.sandbox.request(header, b"", seconds=max(0.0, seconds))
        if trouble := answer.get("error"):
            self._note(f"a cell raised {_text(trouble, 'kind')}", number, trouble)
            return _text(trouble, "kind") != "SyntaxError"
        return answer.get("value") is True

    def _check_time(self) -> None:
        if time.monotonic() > self.deadline:
            seconds = TOTAL * self.master.seconds
            raise StudentError(f"the submission used up the {seconds:.0f} s that it has in all")

    def _note(self, what: str, number: int, trouble: Any = None) -> None:
        lines = self.cells[number].strip().splitlines()
        where = f" (the cell that begins {lines[0][:60]!r})" if lines else ""
        message = f": {_text(trouble, 'message')[:300]}" if trouble else ""
        if (line := what + message + where) not in self.problems:
            self.problems.append(line)

    def _keep_output(self) -> None:
        if not self.output and self.sandbox:
            self.output = self.sandbox.printed.decode(errors="replace")

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function's value, as plain data.

        Raises:
            StudentError: there is no value; its summary says why.
        """
        tree, payload = encode((list(args), kwargs), self.names)
        header = {"op": "call", "name": name, "args": tree["tuple"][0], "kwargs": tree["tuple"][1]}
        whole = False  # whether this is the last try, with all that the cells define
        while True:
            alone = self.served <= {name} and (self.reduced or whole)
            try:
                answer, data = self._ask(name, header, payload, alone=alone)
            except Died:
                if alone:
                    raise self._dead(name) from None
                self.reduced = True
                continue
            if not self.reduced or whole or not _lacks_a_name(answer):
                return self._value(name, answer, data)
            whole, self.reduced = True, False
            self.close()

    def _ask(self, name: str, header: Any, payload: bytes, *, alone: bool) -> tuple[Any, bytes]:
        left = self.left[name]
        if left <= 0 or self.deaths[name] >= DEATHS:
            raise self._dead(name)
        self._check_time()
        if self.sandbox is None:
            self.load()
        assert self.sandbox is not None
        self.served.add(name)
        start = time.monotonic()
        try:
            answer = self.sandbox.request(header, payload, seconds=left)
        except Died as error:
            self.close()
            self.last = str(error)
            if alone:
                self.deaths[name] += 1
                self.left[name] -= time.monotonic() - start
            raise
        self.left[name] -= time.monotonic() - start
        if self.sandbox.left_running():
            self.reduced = True
            self.close()
        return answer

    def _dead(self, name: str) -> StudentError:
        if self.left[name] <= 0:
            return StudentError(f"`{name}` took longer than the {self.share:.0f} s it has")
        return StudentError(f"`{name}` was stopped", self.last)

    def _value(self, name: str, answer: Any, data: bytes) -> Any:
        if trouble := answer.get("error"):
            kind, message = _text(trouble, "kind"), _text(trouble, "message")
            if kind == "missing":
                raise StudentError(f"no cell that ran defines `{name}`")
            raised = kind if kind in ERRORS or kind == "unusable value" else "an error"
            error = ERRORS.get(kind, StudentError)
            raise error(f"`{name}` raised {raised}", message, _text(trouble, "traceback"))
        try:
            value = decode(answer.get("value"), data)
        except ChannelError as error:
            raise StudentError(f"`{name}` returned no plain data") from error
        if _empty(value):
            raise StudentError(f"`{name}` returned an empty array or list")
        return value

    def close(self) -> None:
        """End the worker."""
        self.served.clear()
        if self.sandbox:
            self.sandbox.close()
            self.sandbox = None


class Proxy:
    """Stands for a student's function in the tests."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function in the sandbox."""
        return self._session.call(self.__name__, args, kwargs)


def _lacks_a_name(answer: Any) -> bool:
    """Whether the call failed for want of a name, which a reduced worker may be to blame for."""
    return _text(answer.get("error"), "kind") in {"NameError", "missing"}


def _empty(value: Any) -> bool:
    """Whether there is nothing in it to compare: numpy calls nothing close to any number."""
    if isinstance(value, dict):
        return _empty(list(value.values()))
    if isinstance(value, list | tuple):
        return not value or any(map(_empty, value))
    return 0 in getattr(value, "shape", ())


def _text(trouble: Any, key: str) -> str:
    """A field of an error reply, which may be anything at all."""
    value = trouble.get(key, "") if isinstance(trouble, dict) else ""
    return value[:2000] if isinstance(value, str) else ""
