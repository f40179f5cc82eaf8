"""Inside the sandbox: run the student's cells and call the student's functions.

Started as a file by ``sandbox.Sandbox``, beside copies of what it imports: it has no access to
the rest of the course. Nothing here is secret, and nothing here protects anything: whatever a
student does to this process, only plain data leaves it, and the tests are elsewhere.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import linecache
import math
import os
import resource
import signal
import socket
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from channel import Channel, ChannelError  # type: ignore[import-not-found]
from clock import Clock  # type: ignore[import-not-found]
from plain import PlainError, decode, encode  # type: ignore[import-not-found]
from statements import Shell, definition, names, parse  # type: ignore[import-not-found]

SCRATCH = "/tmp"
CUT = 2000  # characters of an error message
LATE_SECONDS = 3.0  # of all that waited for a name
SOON, AGAIN = 1e-3, 0.2  # seconds to the next look at the clock, and to the next interruption
HOUR = 3600.0  # where the grader's own clock is enough


class MissingError(Exception):
    """No cell that ran defines the function."""


class OutOfTime(BaseException):
    """What a student's code is interrupted with, as Jupyter's stop button does."""


class Alarm:
    """Interrupts what takes too long, again and again if it catches that."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.end = math.inf

    @contextlib.contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Raise `OutOfTime` in the block, as soon as it has used that much by the clock."""
        signal.signal(signal.SIGALRM, self.ring)
        self.end = self.clock.now() + seconds
        signal.setitimer(signal.ITIMER_REAL, max(seconds, SOON))
        try:
            yield
        finally:
            self.end = math.inf
            signal.setitimer(signal.ITIMER_REAL, 0)

    def ring(self, *_: object) -> None:
        """The signal's handler: where the machine is busy, there may be time left."""
        if self.end == math.inf:
            return
        left = self.end - self.clock.now()
        signal.setitimer(signal.ITIMER_REAL, max(left, SOON) if left > 0 else AGAIN)
        if left <= 0:
            raise OutOfTime("out of time")


class Worker:
    """A namespace for the student's cells; its requests: setup, cell, read, step, finish, call."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.space = self.module.__dict__
        shell = Shell(self.space)
        self.space.update(display=print, get_ipython=lambda: shell)
        self.file = ""
        self.nodes: list[ast.stmt] = []  # of the cell that is being run
        self.waiting: list[ast.stmt] = []  # for a name that a cell below may give
        self.acted = 0  # the last cell that did more than to define something new
        self.functions: dict[str, Any] = {}
        self.alarm = Alarm()
        self.pid = os.getpid()

    def setup(self, sources: list[str], limits: dict[str, int]) -> None:
        """Run the master's locked cells, then bind the limits: from here on students act."""
        sys.modules["__main__"] = self.module
        for number, source in enumerate(sources):
            exec(compile(source, f"<setup {number}>", "exec"), self.space)
        self.functions = {k: v for k, v in self.space.items() if callable(v)}
        os.chdir(SCRATCH)  # cells write files and read them again, and import them
        sys.path.append(SCRATCH)
        limit(**limits)

    def cell(self, number: int, source: str, full: bool) -> bool:
        """Run a cell, or its definitions, until it raises: what the sandbox is tried with."""
        for index, defines in enumerate(self.read(number, source)):
            self.step(number, index, HOUR * (full or defines), True)
        return True

    def read(self, number: int, source: str) -> list[bool]:
        """Read a cell, whose statements are then run by `step`: which of them define."""
        self.file = f"<cell {number}>"
        linecache.cache[self.file] = (len(source), None, source.splitlines(True), self.file)
        self.nodes = []
        self.nodes = parse(source)
        return [definition(node) for node in self.nodes]

    def step(self, number: int, index: int, seconds: float, patches: bool) -> None:
        """Run one statement of the cell: one that raises does not cost those below it.

        Args:
            number: the cell's number.
            index: the statement's.
            seconds: how long it may take; none, and it is left out.
            patches: whether it may change a module.
        """
        node, before = self.nodes[index], dict(self.space)
        if not seconds:
            self.forget(node)
            return
        if not patches and self.patches(node):
            return
        try:
            with self.alarm.after(seconds):
                self.run(node)
        except NameError:
            self.waiting.append(node)
            raise
        finally:
            known = vars(builtins) | before
            new = (key for key in self.space if key in known)
            if not definition(node) or any(self.space[key] is not known[key] for key in new):
                self.acted = number

    def run(self, node: ast.stmt) -> None:
        """Run a statement; it may await something, as in a notebook."""
        code = compile(ast.Module([node], []), self.file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, self.space))
        else:
            exec(code, self.space)

    def finish(self) -> int:
        """Once all cells of a question have run: define what lacked a name that a cell below gave.

        Returns:
            The number of the last cell that may have changed what those above it made.
        """
        with contextlib.suppress(OutOfTime), self.alarm.after(LATE_SECONDS):
            for node in [*self.waiting]:
                if names(node) and not names(node) & self.space.keys():
                    self.waiting.remove(node)
                    self.try_again(node)
        return self.acted

    def try_again(self, node: ast.stmt) -> None:
        """Run what lacked a name; if it lacks one yet, it waits for the next question's cells."""
        try:
            self.run(node)
        except NameError:
            self.waiting.append(node)
        except Exception:
            return  # for another reason: it is not tried once more

    def forget(self, node: ast.stmt) -> None:
        """Take away the names that a statement left out would have given a value.

        Who asks for one gets a NameError, and not the value of an earlier cell or of the setup.
        """
        for name in names(node):
            self.space.pop(name, None)

    def patches(self, node: ast.stmt) -> bool:
        """Whether it changes a module for all, as ``np.exp = None`` does."""
        targets = [t for t in getattr(node, "targets", ()) if isinstance(t, ast.Attribute)]
        roots = (self.space.get(ast.unparse(t).partition(".")[0]) for t in targets)
        return any(isinstance(root, types.ModuleType) for root in roots)

    def call(
        self, payload: bytes, name: str, args: Any, kwargs: Any, seconds: float = HOUR
    ) -> tuple[Any, bytes]:
        """Call a function of the student's with decoded arguments, and encode its value."""
        if name not in self.space:
            raise MissingError(name)
        function = self.space[name]
        args, kwargs = (decode(x, payload, self.function) for x in (args, kwargs))
        with self.alarm.after(seconds):
            tree, data = encode(function(*args, **kwargs))
        return tree, data

    def function(self, name: str) -> Any:
        """A function that travelled by its name: the setup's, or else the student's."""
        return self.functions.get(name) or self.space[name]

    def answer(self, header: dict[str, Any], payload: bytes) -> tuple[Any, bytes]:
        """Do what the request says; an error of any kind becomes an error reply."""
        operation = header.pop("op")
        try:
            if operation == "call":
                tree, payload = self.call(payload, **header)
                return {"value": tree}, payload
            operations: dict[str, Callable[..., Any]] = {
                **{"setup": self.setup, "cell": self.cell, "finish": self.finish},
                **{"read": self.read, "step": self.step},
            }
            return {"value": operations[operation](**header)}, b""
        except BaseException as error:
            return {"error": describe(error)}, b""
        finally:
            self.stay_single()

    def stay_single(self) -> None:
        """A process that a student's code forked ends here: it has no business answering."""
        if os.getpid() != self.pid:
            os._exit(0)


def describe(error: BaseException) -> dict[str, str]:
    """The error's class, Python's own class that it is one of, its message and traceback."""
    special: dict[type, str] = dict.fromkeys((ChannelError, PlainError), "unusable value")
    special |= {MissingError: "missing", OutOfTime: "out of time"}
    try:
        kind = special.get(type(error), type(error).__name__)
        text = str(error)[:CUT]
        base = next(t.__name__ for t in type(error).__mro__ if vars(builtins).get(t.__name__) is t)
        trace = "".join(traceback.format_exception(error, limit=-8))[-CUT:]
        found = {"kind": kind, "base": base, "message": text, "traceback": trace}
        return {key: str(value) for key, value in found.items()}
    except BaseException:
        return {"kind": "Exception", "base": "", "message": "an error that cannot be shown"}


def limit(memory: int, seconds: int, files: int, processes: int, size: int) -> None:
    """Bind the process: memory on top of what it has now, CPU time, files, processes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    for what, value in (
        (resource.RLIMIT_AS, now + memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_CORE, 1),  # none, also where a program of the host would be given it
    ):
        resource.setrlimit(what, (value, value))


def main() -> None:
    """Answer requests on the socket whose number is the first argument, until it closes."""
    sys.path[1:1] = sys.argv[2:]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})  # as the grader may have it
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    channel, worker = Channel(sock), Worker()
    try:
        while True:
            nonce, header, payload = channel.receive()
            answer, payload = worker.answer(header, payload)
            with contextlib.suppress(BaseException):  # a student may have closed or replaced it
                sys.stdout.flush()
            try:
                channel.send(nonce, answer, payload)
            except (ChannelError, ValueError) as error:  # nothing was sent: it is too long
                channel.send(nonce, {"error": describe(error)}, b"")
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
