"""A student's functions as the tests see them: names whose calls go to the sandbox."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assignments.grader.channel import ChannelError, decode, encode
from assignments.grader.master import Master
from assignments.grader.namespaces import Isolation
from assignments.grader.sandbox import Died, Limits, Sandbox

REDUCED_SECONDS = 3.0  # to define functions, no more
RELOADS = 6
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
    take ``seconds / (n + 1)`` in all its calls, and defining the cells the same. What a cell
    or a function started in the background may still end the worker in the midst of another's
    call: such a call is repeated in a worker that has run of all cells only imports, functions,
    classes and constants, and that was asked for no other function.

    Args:
        isolation: how to keep the worker in.
        folder: what `sandbox.stage` made.
        master: the assignment.
        cells: the student's sources.
        names: the name of a setup function, or None.
    """

    def __init__(
        self,
        isolation: Isolation,
        folder: Path,
        master: Master,
        cells: list[str],
        names: Callable[[Any], str | None] = lambda _: None,
    ) -> None:
        self.isolation = isolation
        self.folder = folder
        self.master = master
        self.cells = cells
        self.names = names
        self.limits = Limits(seconds=max(1, int(2 * master.seconds)))
        self.share = master.seconds / (len(master.solutions) + 1)
        self.left = dict.fromkeys(master.solutions, self.share)
        self.deaths: Counter[str] = Counter()
        self.reduced = False
        self.served: set[str] = set()  # functions that this worker was asked for
        self.skipped: set[int] = set()
        self.problems: list[str] = []
        self.output = ""
        self.sandbox: Sandbox | None = None
        self.last = ""

    def load(self) -> None:
        """Start a worker and define the cells, leaving out what ends it."""
        number: int | None = 0
        for _ in range(RELOADS):
            number = self._load()
            if number is None:
                return
            if self.reduced:
                self.skipped.add(number)
            self.reduced = True
        self.skipped |= set(range(number or 0, len(self.cells)))
        self.problems.append(f"gave up after {RELOADS} cells that ended the worker")
        self._load()

    def _load(self) -> int | None:
        """Define the cells in a new worker; the number of the one that ended it, or None."""
        self.close()
        self.sandbox = Sandbox(self.isolation, self.folder, self.limits)
        self.sandbox.setup(list(self.master.setup))
        left = self.share
        for number, source in enumerate(self.cells):
            if number in self.skipped:
                continue
            start = time.monotonic()
            header = {
                "op": "cell",
                "number": number + 1,
                "source": source,
                "full": not self.reduced,
            }
            try:
                answer, _ = self.sandbox.request(
                    header, b"", seconds=REDUCED_SECONDS if self.reduced else left
                )
                if self.sandbox.left_running():
                    raise Died("it left processes running")
            except Died as error:
                self._note(f"a cell was stopped: {error}", number)
                self._keep_output()
                return number
            left = max(0.5, left - (time.monotonic() - start))
            if trouble := answer.get("error"):
                self._note(f"a cell raised {_text(trouble, 'kind')}", number, trouble)
        self._keep_output()
        return None

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
        while True:
            certain = self.reduced and self.served <= {name}
            try:
                answer, data = self._ask(name, header, payload)
                return self._value(name, answer, data)
            except Died:
                if certain:
                    raise self._dead(name) from None
                self.reduced = True

    def _ask(self, name: str, header: Any, payload: bytes) -> tuple[Any, bytes]:
        left = self.left[name]
        if left <= 0 or self.deaths[name] >= DEATHS:
            raise self._dead(name)
        if self.sandbox is None:
            self.load()
        assert self.sandbox is not None
        self.served.add(name)
        certain = self.reduced and self.served == {name}
        start = time.monotonic()
        try:
            answer = self.sandbox.request(header, payload, seconds=left)
        except Died as error:
            self.close()
            self.last = str(error)
            if certain:
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
