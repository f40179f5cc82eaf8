"""Inside the sandbox: run the student's cells and call the student's functions.

Started as a file by ``sandbox.Sandbox``, beside a copy of ``channel.py``: it has no access to
the rest of the course. Nothing here is secret, and nothing here protects anything: whatever a
student does to this process, only plain data leaves it, and the tests are elsewhere.
"""

from __future__ import annotations

import ast
import contextlib
import linecache
import os
import re
import resource
import socket
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from channel import Channel, ChannelError, decode, encode  # type: ignore[import-not-found]

SCRATCH = "/tmp"
CUT = 2000  # characters of an error message
HARMLESS = ("time", "timeit", "capture", "prun")  # magics that run the Python behind them
CELL_MAGIC = re.compile(rf"^\s*%%({'|'.join(HARMLESS)})\b.*$", re.MULTILINE)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parse(source: str) -> list[ast.stmt]:
    """The cell's statements; what is no Python is changed as IPython would change it."""
    source = CELL_MAGIC.sub("", source, count=1)
    try:
        return ast.parse(source).body
    except SyntaxError:
        # late: a notebook without magics does not wait for it
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source)).body


class Shell:
    """What IPython's own syntax calls: of the magics those that write a file or run Python."""

    def __init__(self, run: Callable[[list[ast.stmt]], object]) -> None:
        self.run = run

    def run_line_magic(self, name: str, line: str) -> None:
        """``%time f(3)``; any other is left out."""
        if name in HARMLESS:
            self.run(parse(line))

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """``%%writefile helper.py``; any other language is left out."""
        if name == "writefile":
            with open(f"{SCRATCH}/{line.split()[-1]}", "w", encoding="utf-8") as file:
                file.write(cell)

    def getoutput(self, _: str) -> list[str]:
        """``files = !ls``: there is nothing to tell."""
        return []

    def system(self, _: str) -> None:
        """``!pip install``: there is no shell."""


def definition(node: ast.stmt) -> bool:
    """Whether it is an import, a function, a class or a constant: what other cells need."""
    return isinstance(node, KEPT) or constant(node)


def constant(node: ast.stmt) -> bool:
    """Whether the statement gives a literal a name, as ``RATE = 1e-3`` does."""
    if not isinstance(node, ast.Assign) or not all(isinstance(x, ast.Name) for x in node.targets):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


class MissingError(Exception):
    """No cell that ran defines the function."""


class Worker:
    """A namespace for the student's cells, and three requests: setup, cell, call."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        shell = Shell(self.run)
        self.module.__dict__.update(display=print, get_ipython=lambda: shell)
        self.file = ""
        self.first: dict[str, int] = {}  # the cell that gave a name its first value
        self.changed: set[int] = set()
        self.functions: dict[str, Any] = {}
        self.pid = os.getpid()

    def setup(self, sources: list[str], limits: dict[str, int]) -> None:
        """Run the master's locked cells, then bind the limits: from here on students act."""
        sys.modules["__main__"] = self.module
        for number, source in enumerate(sources):
            exec(compile(source, f"<setup {number}>", "exec"), self.module.__dict__)
        self.functions = {k: v for k, v in self.module.__dict__.items() if callable(v)}
        sys.path.append(SCRATCH)  # for what %%writefile writes
        limit(**limits)

    def cell(self, number: int, source: str, full: bool, only: int | None = None) -> bool:
        """Run a cell's statements one by one: one that raises does not cost those below it.

        Args:
            number: the cell's number, for messages.
            source: what the student wrote.
            full: run all of it, and not its definitions only.
            only: run this one statement; None runs all of them.

        Returns:
            Whether there is a statement of that number.
        """
        self.file = f"<cell {number}>"
        linecache.cache[self.file] = (len(source), None, source.splitlines(True), self.file)
        nodes = parse(source)
        found = only is None or only < len(nodes)
        chosen = nodes if only is None else nodes[only : only + 1]
        before = dict(self.module.__dict__)
        try:
            self.run(chosen, full=full)
        finally:
            for name, value in self.module.__dict__.items():
                if name not in before:
                    self.first[name] = number
                elif value is not before[name]:
                    self.changed |= set(range(self.first.get(name, 0), number))
        return found

    def compare(self) -> list[int]:
        """Numbers of the cells after which a later one gave a name another value."""
        return sorted(self.changed)

    def run(self, nodes: list[ast.stmt], *, full: bool = True) -> None:
        """All of these statements, and then the first error that one of them raised."""
        errors = []
        for node in nodes:
            if not full and not definition(node):
                self.forget(node)
                continue
            try:
                exec(compile(ast.Module([node], []), self.file, "exec"), self.module.__dict__)
            except BaseException as error:
                self.stay_single()
                errors.append(error)
        if errors:
            raise errors[0]

    def forget(self, node: ast.stmt) -> None:
        """Take away the names that a statement left out would have given a value.

        Who asks for one gets a NameError, and not the value of an earlier cell or of the setup.
        """
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                self.module.__dict__.pop(each.id, None)

    def call(self, payload: bytes, name: str, args: Any, kwargs: Any) -> tuple[Any, bytes]:
        """Call a function of the student's with decoded arguments, and encode its value."""
        if name not in self.module.__dict__:
            raise MissingError(name)
        function = self.module.__dict__[name]
        args, kwargs = (decode(x, payload, self.function) for x in (args, kwargs))
        tree, data = encode(function(*args, **kwargs))
        return tree, data

    def function(self, name: str) -> Any:
        """A function that travelled by its name: the setup's, or else the student's."""
        return self.functions.get(name) or self.module.__dict__[name]

    def answer(self, header: dict[str, Any], payload: bytes) -> tuple[Any, bytes]:
        """Do what the request says; an error of any kind becomes an error reply."""
        operation = header.pop("op")
        try:
            if operation == "call":
                tree, payload = self.call(payload, **header)
                return {"value": tree}, payload
            operations: dict[str, Callable[..., Any]]
            operations = {"setup": self.setup, "cell": self.cell, "compare": self.compare}
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
    """The error's class, message and traceback, whatever its methods do."""
    special = {ChannelError: "unusable value", MissingError: "missing"}
    try:
        kind = special.get(type(error), type(error).__name__)
        text = str(error)[:CUT]
        trace = "".join(traceback.format_exception(error, limit=-8))[-CUT:]
        return {"kind": str(kind), "message": str(text), "traceback": str(trace)}
    except BaseException:
        return {"kind": "Exception", "message": "an error that cannot be shown", "traceback": ""}


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
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def main() -> None:
    """Answer requests on the socket whose number is the first argument, until it closes."""
    sys.path[1:1] = sys.argv[2:]
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
