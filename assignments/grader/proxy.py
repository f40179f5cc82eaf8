"""A student's functions as the tests see them: names whose calls go to the sandbox."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assignments.grader import clock
from assignments.grader.cells import LATE, Cells, StudentError, text_of
from assignments.grader.plain import PlainError, decode, encode
from assignments.grader.sandbox import Died

DEATHS = 2  # of one function; after that it is not called again
RAISABLE = (
    *(ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError),
    *(NotImplementedError, RuntimeError, AttributeError, NameError),
)
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


@dataclass(eq=False)
class Session(Cells):
    """A submission's functions: what becomes of a call when the worker answers, errs or dies.

    Each function may take `Master.call_seconds` in all its calls, so that no question can use up
    another's time. What a cell or a function started in the background may end the worker in the
    midst of another's call: such a call is repeated in a worker of its own, and once more in a
    reduced one.

    Args:
        isolation: how to keep the worker in.
        folder: what `sandbox.stage` made.
        master: the assignment.
        cells: the student's sources.
        deadline: when the submission's time is up, by `clock.now`.
        names: the name of a setup function, or None.
    """

    names: Callable[[Any], str | None] = field(default=lambda _: None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.left = dict.fromkeys(self.master.solutions, self.master.call_seconds)
        self.deaths: Counter[str] = Counter()
        self.last = ""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function's value, as plain data.

        Raises:
            StudentError: there is no value; its summary says why.
        """
        tree, payload = encode((list(args), kwargs), self.names)
        header = {"op": "call", "name": name, "args": tree["tuple"][0], "kwargs": tree["tuple"][1]}
        doubt: StudentError | None = None  # an error in a reduced worker, which may be to blame
        while True:
            if self.left[name] <= 0 or self.deaths[name] >= DEATHS:
                raise self._stopped(name)
            self.load()
            alone, reduced = self.served <= {name}, self.reduced
            try:
                return self._ask(name, header, payload, alone=alone)
            except Died as error:
                self.last = str(error)
                self.close()
                self.say(f"a call of `{name}` ended the process; the cells were run again")
                if doubt:
                    raise doubt from None
                if alone and (reduced or self.left[name] <= 0):
                    self.deaths[name] += 1
                    raise self._stopped(name) from None
                self.reduced = alone
            except StudentError as error:
                if doubt or not reduced:
                    raise
                doubt = error
                self.close()

    def _ask(self, name: str, header: Any, payload: bytes, *, alone: bool) -> Any:
        """The value; the time is the function's own, unless another's doing ended the worker."""
        begun, left = clock.now(), self.left[name]
        self.served.add(name)
        try:
            answer, data = self._request(header | {"seconds": left}, left, payload)
            if self.sandbox and self.sandbox.left_running():
                self.close()
            return self._value(name, answer, data)
        except Died:
            begun = begun if alone else clock.now()
            raise
        finally:
            self.left[name] -= clock.now() - begun

    def _stopped(self, name: str) -> StudentError:
        if self.left[name] > 0:
            return StudentError(f"`{name}` was stopped", self.last)
        return self._late(name)

    def _late(self, name: str) -> StudentError:
        return StudentError(
            f"`{name}` took longer than the {self.master.call_seconds:.0f} s it has"
        )

    def _value(self, name: str, answer: Any, data: bytes) -> Any:
        if trouble := answer.get("error"):
            kind, message = text_of(trouble, "kind"), text_of(trouble, "message")
            if kind == "missing":
                raise StudentError(f"no cell that ran defines `{name}`")
            if kind == LATE:
                raise self._late(name)
            base = text_of(trouble, "base")
            raised = base if base in ERRORS else "an error"
            raised = kind if kind == "unusable value" else raised
            error = ERRORS.get(base, StudentError)
            raise error(f"`{name}` raised {raised}", message, text_of(trouble, "traceback"))
        try:
            value = decode(answer.get("value"), data)
        except PlainError as error:
            raise StudentError(f"`{name}` returned no plain data") from error
        if _empty(value):
            raise StudentError(f"`{name}` returned an empty array or list")
        return value


class Proxy:
    """Stands for a student's function in the tests."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function in the sandbox, without being interrupted."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        try:
            return self._session.call(self.__name__, args, kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _empty(value: Any) -> bool:
    """Whether there is nothing in it to compare: numpy calls nothing close to any number."""
    if isinstance(value, dict):
        return _empty(list(value.values()))
    if isinstance(value, list | tuple):
        return not value or any(map(_empty, value))
    return 0 in getattr(value, "shape", ())
