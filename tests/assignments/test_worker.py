"""What the worker makes of cells and calls; its limits and its end are tried in the sandbox."""

import ast
import os
import resource
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assignments.grader import channel
from assignments.grader.channel import Channel, decode, encode

sys.modules["channel"] = channel  # the worker has a copy beside it, and nothing else
from assignments.grader import worker as inside  # ruff: ignore[module-import-not-at-top-of-file]

del sys.modules["channel"]
sys.path.remove(str(Path(inside.__file__).parent))

LIMITS = {"memory": 1 << 30, "seconds": 9, "files": 32, "processes": 8, "size": 1 << 20}


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """What would have bound this process."""
    bound: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(inside.resource, "setrlimit", bound.__setitem__)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return bound


@pytest.fixture
def worker(limits: dict) -> inside.Worker:
    made = inside.Worker()
    made.setup(["import os\nRATE = 2\ndef twice(x): return RATE * x"], LIMITS)
    return made


def define(
    worker: inside.Worker,
    source: str,
    *,
    number: int = 1,
    full: bool = True,
    only: int | None = None,
) -> Any:
    header = {"op": "cell", "number": number, "source": source, "full": full, "only": only}
    return worker.answer(header, b"")[0]


def call(worker: inside.Worker, name: str, *args: object, **kwargs: object) -> Any:
    names = {twice: "twice"}.get
    tree, payload = encode((list(args), kwargs), lambda f: names(f) if callable(f) else None)
    header = {"op": "call", "name": name, "args": tree["tuple"][0], "kwargs": tree["tuple"][1]}
    answer, data = worker.answer(header, payload)
    return decode(answer["value"], data) if "value" in answer else answer["error"]["kind"]


def twice() -> None:
    """Stands for the setup's."""


def test_the_limits_are_bound_after_the_setup(limits):
    """Kills: a limit that is left out, or that the setup's own imports use up."""
    made = inside.Worker()
    made.setup([], LIMITS)
    now = limits.pop(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    assert now[0] == now[1] == pytest.approx(size + (1 << 30), abs=64 << 20)
    assert limits == {resource.RLIMIT_CPU: (9, 9), resource.RLIMIT_NOFILE: (32, 32),
                      resource.RLIMIT_NPROC: (8, 8), resource.RLIMIT_FSIZE: (1 << 20, 1 << 20),
                      resource.RLIMIT_CORE: (0, 0)}  # fmt: skip


def test_cells_share_the_setups_names(worker):
    """Kills: a namespace for each cell."""
    assert define(worker, "def f(x, k=0): return twice(x) + k") == {"value": True}
    assert call(worker, "f", 3, k=1) == 7
    assert define(worker, "RATE = 5") == {"value": True}
    assert call(worker, "f", 3) == 15
    assert call(worker, "g") == "missing"


def test_a_name_leads_to_the_setups_function_or_else_to_the_students(worker):
    """Kills: an argument that a student redefines."""
    define(worker, "def twice(x): return 0\ndef own(): return 1\ndef use(f): return f(3)")
    assert call(worker, "use", twice) == 6
    assert worker.function("own")() == 1


def test_after_an_error_all_that_stands_below_it_is_run(worker):
    """Kills: an import, or a plot, that fails and costs the lambda or the constant under it."""
    answer = define(worker, "import nosuch\nimport math\nLOG = math.log(2)\nf = lambda: LOG")
    assert answer["error"]["kind"] == "ModuleNotFoundError"
    assert call(worker, "f") == pytest.approx(0.6931, abs=1e-4)
    answer = define(worker, "1 / 0\nimport math\nHALF = 0.5\ndef f(): return HALF * math.pi")
    assert answer["error"]["kind"] == "ZeroDivisionError"
    assert "1 / 0" in answer["error"]["traceback"]
    assert call(worker, "f") == pytest.approx(1.5708, abs=1e-4)
    assert define(worker, "import sys; sys.exit(3)")["error"]["kind"] == "SystemExit"
    assert define(worker, "def f(: pass")["error"]["kind"] == "SyntaxError"


def test_what_is_reduced_defines_and_does_nothing(worker, tmp_path):
    """Kills: an assignment that calls something, kept as a constant."""
    source = f"open({str(tmp_path / 'a')!r}, 'w')\nx = open({str(tmp_path / 'b')!r}, 'w')\n"
    source += "A = B = (1, -2.5, {'k': [None]})\nclass C: pass\nasync def g(): pass\n"
    source += "while True: pass"
    assert define(worker, source, full=False) == {"value": True}
    assert {"A", "B", "C", "g"} <= vars(worker.module).keys()
    assert worker.compare() == []
    assert "x" not in vars(worker.module)
    assert list(tmp_path.iterdir()) == []


def test_a_name_whose_value_was_left_out_is_missing_and_not_the_setups(worker):
    """Kills: a function that works on with the setup's constant, and gives a wrong value."""
    source = "def f(): return RATE\nRATE = float('0.5')"
    define(worker, source, full=False)
    assert call(worker, "f") == "NameError"
    define(worker, source)
    assert call(worker, "f") == pytest.approx(0.5)


def test_one_statement_can_be_run_alone(worker):
    """Kills: all of the cell; the statement after the one that was meant; no end to them."""
    source = "A = 1\nB = undefined\nC = 3"
    assert define(worker, source, only=0) == {"value": True}
    assert define(worker, source, only=1)["error"]["kind"] == "NameError"
    assert "C" not in vars(worker.module)
    assert define(worker, source, only=2) == {"value": True}
    assert define(worker, source, only=3) == {"value": False}
    assert (worker.module.A, worker.module.C) == (1, 3)


def test_the_cells_are_known_after_which_a_later_one_gave_a_name_another_value(worker):
    """Kills: an answer that a later cell spoils and that is not tried without it."""
    for number, source in enumerate(["a = [1]", "b = 2", "c = 3", "a = [1]", "a.append(2)"], 1):
        define(worker, source, number=number)
    assert worker.answer({"op": "compare"}, b"")[0] == {"value": [1, 2, 3]}
    define(worker, "RATE = 3; d = 1", number=6)  # the setup's, which all cells could use
    assert worker.compare() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("statement", "kept"),
    [("x = 1", True), ("x = y = 'a'", True), ("x = f()", False), ("x.a = 1", False),
     ("x[0] = 1", False), ("x, y = 1, 2", False), ("x: int = 1", False), ("x += 1", False),
     ("x = y", False), ("x = {[]: 1}", False)],
)  # fmt: skip
def test_a_constant_is_a_name_for_a_literal(statement, kept):
    """Kills: a target or a value that runs a student's code."""
    assert inside.constant(ast.parse(statement).body[0]) is kept


@pytest.mark.parametrize(
    ("source", "x"),
    [
        ("x = 5 % 3", 2),
        ("%matplotlib inline\nx = 1", 1),
        ("x = 1\nif x:\n    !ls -l\n    x = 2", 2),
        ("?len\nx = 1", 1),
        ("len?\nx = 1", 1),
        ("files = !ls\nx = files", []),
        ("%%time\nx = 1", 1),
        ("\n%%timeit -n 3\nx = 1\n%pip install this", 1),
        ("%time x = 1", 1),
        ("%%bash\nx = 1", None),
        ("%%html\n<b>", None),
        ("print('%%time')\nx = 1", 1),
    ],
)
def test_magics_are_read_as_ipython_reads_them(worker, source, x):
    """Kills: a cell lost for its magic; another language's cell read as Python."""
    assert "error" not in define(worker, source)
    assert vars(worker.module).get("x") == x


def test_a_file_that_a_cell_writes_can_be_imported(worker, tmp_path, monkeypatch):
    """Kills: helpers in ``%%writefile helper_of_mine.py`` that cost every cell that uses them."""
    monkeypatch.setattr(inside, "SCRATCH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    define(worker, "%%writefile -a helper_of_mine.py\ndef f(): return 7\n")
    define(worker, "from helper_of_mine import f")
    assert call(worker, "f") == 7


def test_an_error_is_told_whatever_its_methods_do():
    """Kills: a student's ``__str__`` that ends the worker; a message without end."""

    class Odd(BaseException):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    assert inside.describe(Odd())["message"] == "an error that cannot be shown"
    long = inside.describe(ValueError("x" * 9999))
    assert (long["kind"], len(long["message"])) == ("ValueError", inside.CUT)
    assert len(long["traceback"]) <= inside.CUT


def test_what_cannot_be_returned_is_said_to_be_so(worker):
    """Kills: a student's class called ChannelError that passes for the channel's own."""
    define(worker, "class ChannelError(Exception): pass\ndef g(): raise ChannelError")
    define(worker, "def f(): return os")
    assert call(worker, "f") == "unusable value"
    assert call(worker, "g") == "ChannelError"


class Gone(BaseException):
    """In place of the end of a process."""


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(status: int) -> None:
        raise Gone(status)

    monkeypatch.setattr(os, "_exit", gone)


@pytest.mark.parametrize("fails", [False, True])
def test_a_forked_copy_ends_where_the_students_code_does(worker, end, fails):
    """Kills: a child that returns from a student's cell and answers the grader's next request."""
    worker.pid += 1  # as it looks to a child
    with pytest.raises(Gone):
        define(worker, "1 / 0" if fails else "x = 1")


def test_requests_are_answered_one_by_one_until_the_other_side_is_gone(limits, end, monkeypatch):
    """Kills: a reply without its request's nonce; a reply too long to send that ends the worker."""
    ours, theirs = socket.socketpair()
    known = {theirs.fileno(): theirs}
    monkeypatch.setattr(inside, "socket", SimpleNamespace(socket=lambda fileno: known[fileno]))
    monkeypatch.setattr(sys, "argv", ["worker.py", str(theirs.fileno()), "/a", "/b"])
    monkeypatch.setattr(sys, "path", ["/first", "/last"])
    long = "def f(n): return 'x' * n"
    with ours, theirs:
        asking = Channel(ours)
        asking.send(b"a" * 16, {"op": "cell", "number": 1, "source": long, "full": True}, b"")
        for nonce, n in ((b"b", 3), (b"c", channel.HEADER_LIMIT + 1)):
            header = {"op": "call", "name": "f", "args": {"list": [n]}, "kwargs": {"dict": []}}
            asking.send(nonce * 16, header, b"")
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(Gone):
            inside.main()
        replies = [asking.receive(seconds=5) for _ in range(3)]
    assert [nonce for nonce, _, _ in replies] == [b"a" * 16, b"b" * 16, b"c" * 16]
    assert [replies[0][1], replies[1][1]] == [{"value": True}, {"value": "xxx"}]
    assert "MiB outside arrays" in replies[2][1]["error"]["message"]
    assert sys.path == ["/first", "/a", "/b", "/last"]


def test_a_cell_may_display_what_it_likes(worker):
    """Kills: a cell that shows a table, stopped for want of IPython."""
    assert define(worker, "display('shown')") == {"value": True}
