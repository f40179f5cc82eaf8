"""What the worker makes of cells and calls; its limits and its end are tried in the sandbox."""

import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assignments.grader import channel, clock, plain, statements
from assignments.grader.channel import Channel
from assignments.grader.plain import decode, encode

# the worker has copies beside it, and nothing else
sys.modules |= {"channel": channel, "clock": clock, "plain": plain, "statements": statements}
from assignments.grader import worker as inside  # ruff: ignore[module-import-not-at-top-of-file]

for own in ("channel", "clock", "plain", "statements"):
    del sys.modules[own]
sys.path.remove(str(Path(inside.__file__).parent))

LIMITS = {"memory": 1 << 30, "seconds": 9, "files": 32, "processes": 8, "size": 1 << 20}


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[int, tuple[int, int]]:
    """What would have bound this process."""
    bound: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(inside.resource, "setrlimit", bound.__setitem__)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(inside, "SCRATCH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path.parent)
    return bound


@pytest.fixture
def worker(limits: dict) -> inside.Worker:
    made = inside.Worker()
    made.setup(["import os\nRATE = 2\ndef twice(x): return RATE * x"], LIMITS)
    return made


def define(worker: inside.Worker, source: str, *, number: int = 1, **options: Any) -> list[str]:
    """Run a cell, statement by statement; the kinds of the errors."""
    answer, _ = worker.answer({"op": "read", "number": number, "source": source}, b"")
    if "error" in answer:
        return [answer["error"]["kind"]]
    errors = []
    for index in range(len(answer["value"])):
        header = {"op": "step", "number": number, "index": index, "seconds": 9, "patches": True}
        answer, _ = worker.answer(header | options, b"")
        errors += [answer["error"]["kind"]] if "error" in answer else []
    return errors


def call(worker: inside.Worker, name: str, *args: object, **kwargs: object) -> Any:
    names = {twice: "twice"}.get
    tree, payload = encode((list(args), kwargs), lambda f: names(f) if callable(f) else None)
    header = {"op": "call", "name": name, "args": tree["tuple"][0], "kwargs": tree["tuple"][1]}
    answer, data = worker.answer(header | {"seconds": 9}, payload)
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
                      resource.RLIMIT_CORE: (1, 1)}  # fmt: skip


def test_cells_share_the_setups_names(worker):
    """Kills: a namespace for each cell."""
    assert define(worker, "def f(x, k=0): return twice(x) + k") == []
    assert call(worker, "f", 3, k=1) == 7
    assert define(worker, "RATE = 5") == []
    assert call(worker, "f", 3) == 15
    assert call(worker, "g") == "missing"


def test_a_name_leads_to_the_setups_function_or_else_to_the_students(worker):
    """Kills: an argument that a student redefines."""
    define(worker, "def twice(x): return 0\ndef own(): return 1\ndef use(f): return f(3)")
    assert call(worker, "use", twice) == 6
    assert worker.function("own")() == 1


def test_after_an_error_all_that_stands_below_it_is_run(worker):
    """Kills: an import, or a plot, that fails and costs the lambda or the constant under it."""
    source = "import nosuch\nimport math\nLOG = math.log(2)\n1 / 0\nf = lambda: LOG"
    assert define(worker, source) == ["ModuleNotFoundError", "ZeroDivisionError"]
    assert call(worker, "f") == pytest.approx(0.6931, abs=1e-4)
    assert define(worker, "import sys; sys.exit(3)") == ["SystemExit"]
    assert define(worker, "def f(: pass") == ["SyntaxError"]
    assert define(worker, "\ufeffdef f(): return 1\r\nx = f()\r\n") == []
    assert worker.module.x == 1


def test_a_traceback_shows_the_students_line(worker):
    """Kills: an instructor who sees a line's number, and not the line."""
    worker.answer({"op": "read", "number": 3, "source": "1 / 0  # why"}, b"")
    header = {"op": "step", "number": 3, "index": 0, "seconds": 9, "patches": True}
    assert "1 / 0  # why" in worker.answer(header, b"")[0]["error"]["traceback"]


def test_a_whole_cell_can_be_run_at_once_or_its_definitions(worker):
    """Kills: probes of the sandbox that are never defined."""
    header = {"op": "cell", "number": 1, "source": "A = 1\ndef f(): return 2\nB = f()"}
    assert worker.answer(header | {"full": False}, b"")[0] == {"value": True}
    assert "B" not in worker.space
    assert worker.answer(header | {"full": True}, b"")[0] == {"value": True}
    assert (worker.module.A, worker.module.B) == (1, 2)


def test_a_statement_left_out_takes_its_names_with_it(worker):
    """Kills: a function that works on with the setup's constant, and gives a wrong value."""
    define(worker, "def f(): return RATE\ndef twice(x): return x")
    define(worker, "RATE, other = float('0.5'), 1", seconds=0)
    assert call(worker, "f") == "NameError"
    define(worker, "def twice(x): y = RATE = 3", seconds=0)
    assert "twice" not in worker.space
    define(worker, "RATE = float('0.5')")
    assert call(worker, "f") == pytest.approx(0.5)


def test_what_takes_too_long_is_interrupted_and_what_it_made_stays(worker):
    """Kills: a demo without an end that costs a worker; one that catches the interruption."""
    late = ["import time", "x = [1]", "for _ in range(999):\n    time.sleep(0.01)", "y = x"]
    assert define(worker, "\n".join(late), seconds=0.1) == ["out of time"]
    assert worker.module.y == [1]
    waits = "    for _ in range(999): time.sleep(0.01)"
    stubborn = f"try:\n{waits}\nexcept:\n    n = 1\n{waits}"
    assert define(worker, stubborn, seconds=0.5) == ["out of time"]
    assert worker.module.n == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    worker.alarm.ring()  # too late: no exception


def test_on_a_busy_machine_it_is_interrupted_later(worker):
    """Kills: an interruption by the time on the wall; one that is too early and comes no more."""
    begun = time.monotonic()
    worker.alarm.clock = SimpleNamespace(now=lambda: (time.monotonic() - begun) / 3)
    waits = "import time\nfor _ in range(999): time.sleep(0.01)"
    assert define(worker, waits, seconds=0.3) == ["out of time"]
    assert time.monotonic() - begun >= 0.9


@pytest.mark.parametrize("source", ["\n  while True: pass", "return (x for x in iter(int, 1))"])
def test_a_call_that_takes_too_long_is_interrupted(worker, source):
    """Kills: a value without an end that is written down until the worker is killed for it."""
    define(worker, f"def f(): {source}")
    header = {"op": "call", "name": "f", "args": {"list": []}, "kwargs": {"dict": []}}
    answer, _ = worker.answer(header | {"seconds": 0.05}, b"")
    assert answer["error"]["kind"] == "out of time"


@pytest.mark.parametrize(
    ("source", "acts"),
    [
        ("import math\ndef f(): return 1\nclass C: pass\nRATES = (1, 2)", False),
        ("import os", False),  # as the setup did
        ("print(1)", True),
        ("x = twice(2)", True),
        ("RATE = 3", True),
        ("def twice(x): return x", True),
        ("from math import *", True),  # pow is another function now
        ("del RATE", True),
        ("if True: pass", True),
    ],
)
def test_it_is_known_which_cells_do_more_than_define(worker, source, acts):
    """Kills: an answer spoilt by a cell below that is not tried without it, or one for nothing."""
    define(worker, "def g(): pass", number=3)
    define(worker, source, number=4)
    assert worker.answer({"op": "finish"}, b"")[0] == {"value": 4 if acts else 0}


def test_what_lacks_a_name_of_a_cell_below_is_defined_at_the_end(worker):
    """Kills: a class whose decorator is imported below, as a notebook run in another order has."""
    source = "@dataclass\nclass Point:\n    x: int = 0\nTOP = half(3)\nRATE = half(4)\nhalf(1)"
    assert define(worker, source) == ["NameError"] * 4
    define(worker, "from dataclasses import dataclass\nseen = []")
    define(worker, "def half(n):\n    seen.append(n)\n    return n / 2")
    assert worker.answer({"op": "finish"}, b"")[0] == {"value": 1}
    assert worker.module.Point(3).x == 3
    assert (worker.module.TOP, worker.module.RATE, worker.module.seen) == (1.5, 2, [3])
    worker.finish()
    assert worker.module.seen == [3]


def test_what_lacks_a_name_waits_for_the_next_questions_cells(worker):
    """Kills: a constant above question 1 that question 5 asks for, whose function comes between."""
    define(worker, "top = half(3)")
    worker.finish()
    define(worker, "def half(n): return n / 2", number=2)
    worker.finish()
    assert worker.module.top == pytest.approx(1.5)


def test_what_fails_for_another_reason_than_a_name_is_not_tried_for_each_question(worker):
    """Kills: an effect, or seconds, of a statement that fails, once for every question."""
    define(worker, "first = half('a')\nlast = half(other)")
    define(worker, "seen = []\ndef half(n):\n    seen.append(n)\n    return n / 2", number=2)
    worker.finish()
    worker.finish()
    assert worker.module.seen == ["a"]
    define(worker, "other = 4", number=3)
    worker.finish()
    assert worker.module.last == 2


def test_what_waits_for_a_name_does_not_wait_for_ever(worker, monkeypatch):
    """Kills: a cell that hangs when it is run at last, and the answer to all others with it."""
    monkeypatch.setattr(inside, "LATE_SECONDS", 0.05)
    define(worker, "x = later()\ny = later()")
    define(worker, "def later():\n    while True: pass")
    assert worker.answer({"op": "finish"}, b"")[0] == {"value": 1}


@pytest.mark.parametrize(
    ("source", "patched"),
    [
        ("os.sep = 'x'", True),
        ("os.path.sep = 'x'", True),
        ("Own.sep = 'x'", False),
        ("sep = 'x'", False),
        ("del os.sep", True),
    ],
)
def test_a_module_is_not_patched_where_patches_are_not_wanted(worker, source, patched):
    """Kills: ``np.exp = None`` of a cell that then ended its kernel, kept; a class's, lost."""
    define(worker, "import os\nclass Own: sep = None")
    node = inside.parse(source)[0]
    assert worker.patches(node) is patched
    if patched:
        assert define(worker, source, patches=False) == []
        assert os.sep == "/"


def test_a_cell_may_await_something(worker):
    """Kills: a constant that is awaited, as notebooks allow, and the answer that uses it."""
    assert define(worker, "async def g(): return 3\nx = await g()") == []
    assert worker.module.x == 3


def test_a_file_that_a_cell_writes_can_be_imported_run_and_read(worker, tmp_path):
    """Kills: helpers in ``%%writefile helper_of_mine.py`` that cost every cell that uses them."""
    define(worker, "%%writefile helper_of_mine.py\ndef f(): return 7\n")
    define(worker, "%%writefile -a helper_of_mine.py\ndef g(): return 8\n")
    define(worker, "from helper_of_mine import f")
    define(worker, "%run helper_of_mine.py")
    assert (call(worker, "f"), call(worker, "g")) == (7, 8)
    define(worker, "import numpy as np\nnp.save('table', 3)\nN = np.load('table.npy')")
    assert worker.module.N == 3
    assert (tmp_path / "table.npy").exists()


def test_an_error_is_told_whatever_its_methods_do():
    """Kills: a student's ``__str__`` that ends the worker; a message without end."""

    class Odd(BaseException):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    class Bad(ValueError):
        pass

    assert inside.describe(Odd())["message"] == "an error that cannot be shown"
    told = inside.describe(Bad("n"))
    assert (told["kind"], told["base"], told["message"]) == ("Bad", "ValueError", "n")
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
    assert replies[2][1]["error"]["kind"] == "unusable value"
    assert sys.path == ["/first", "/a", "/b", "/last"]


def test_a_cell_may_display_what_it_likes(worker):
    """Kills: a cell that shows a table, stopped for want of IPython."""
    assert define(worker, "display('shown')") == []
