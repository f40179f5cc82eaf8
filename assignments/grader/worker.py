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
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from channel import Channel, ChannelError, decode, encode  # type: ignore[import-not-found]

CUT = 2000  # characters of an error message
MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
HARMLESS_CELL_MAGIC = re.compile(r"^\s*%%(time|timeit|capture|prun)\b.*$", re.MULTILINE)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parse(source: str) -> ast.Module:
    """The cell without IPython's magics, which are no Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        source = HARMLESS_CELL_MAGIC.sub("", source, count=1)
        if source.lstrip().startswith("%%"):
            return ast.parse("")
        return ast.parse(MAGIC.sub(r"\1pass", source))


def reduced(tree: ast.Module) -> ast.Module:
    """Imports, functions, classes and constants of a cell: what other cells need of it."""
    return ast.Module([node for node in tree.body if isinstance(node, KEPT) or constant(node)], [])


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
        self.module.__dict__["display"] = print
        self.functions: dict[str, Any] = {}
        self.pid = os.getpid()

    def setup(self, sources: list[str], limits: dict[str, int]) -> None:
        """Run the master's locked cells, then bind the limits: from here on students act."""
        sys.modules["__main__"] = self.module
        for number, source in enumerate(sources):
            exec(compile(source, f"<setup {number}>", "exec"), self.module.__dict__)
        self.functions = {k: v for k, v in self.module.__dict__.items() if callable(v)}
        limit(**limits)

    def cell(self, number: int, source: str, full: bool) -> None:
        """Define what the cell defines; after an error at least its functions."""
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        tree = parse(source)
        if full:
            try:
                exec(compile(tree, name, "exec"), self.module.__dict__)
            except BaseException:
                self.stay_single()
                exec(compile(reduced(tree), name, "exec"), self.module.__dict__)
                raise
        else:
            exec(compile(reduced(tree), name, "exec"), self.module.__dict__)

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
            operations: dict[str, Any] = {"setup": self.setup, "cell": self.cell}
            operations[operation](**header)
            return {"value": None}, b""
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
