"""What becomes of a call when the worker answers, errs, hangs or dies: no question pays another's.

The sandbox is replaced by one that does what a cell's text says: ``die``, ``hang``, ``raise``,
``leave`` (a process running), and what a function's list of replies says.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assignments.grader import proxy
from assignments.grader.channel import encode
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.proxy import DEATHS, RELOADS, Proxy, Session, StudentError
from assignments.grader.sandbox import Died, Hung
from tests.assignments.notebook import TINY

MASTER = replace(read_master(TINY), seconds=12.0)  # two functions: 4 s each, and 4 s for the cells
SHARE = 4.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class World:
    """The workers that were started, and what functions will answer."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.workers: list[Fake] = []
        self.replies: dict[str, list[Any]] = {}

    def session(self, *cells: str) -> Session:
        return Session(Isolation("none"), Path("nowhere"), MASTER, list(cells))

    def defined(self) -> list[list[tuple[str, bool]]]:
        """The cells that each worker ran, and whether in full."""
        return [[(h["source"], h["full"]) for h in w.headers if h["op"] == "cell"]
                for w in self.workers]  # fmt: skip


class Fake:
    """A worker that does as it is told."""

    def __init__(self, world: World, limits: Any) -> None:
        self.world = world
        self.limits = limits
        self.printed = bytearray()
        self.headers: list[dict[str, Any]] = []
        self.seconds: list[float] = []
        self.left = self.closed = False
        world.workers.append(self)

    def setup(self, sources: list[str]) -> None:
        assert sources == list(MASTER.setup)

    def request(self, header: Any, payload: bytes, *, seconds: float) -> tuple[Any, bytes]:
        assert not self.closed
        self.headers.append(header)
        self.seconds.append(seconds)
        if header["op"] == "cell":
            kept = header["source"].partition("!")[2]
            return self.cell(header["source"] if header["full"] else kept)
        reply = self.world.replies[header["name"]].pop(0)
        if callable(reply):
            reply = reply(self)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, tuple) else (reply, b"")

    def cell(self, source: str) -> tuple[Any, bytes]:
        """Text before a ``!`` is done only in full, text behind it always."""
        self.printed += source.encode()
        if "die" in source:
            raise Died("it ended its process")
        if "hang" in source:
            self.world.clock.now += self.seconds[-1]
            raise Hung("no answer within 4 s")
        self.world.clock.now += 3.0 * ("slow" in source)
        self.left = self.left or "leave" in source
        if "raise" in source:
            return {"error": {"kind": "KeyError", "message": "m" * 999}}, b""
        return {"value": None}, b""

    def left_running(self) -> bool:
        return self.left

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(proxy, "Sandbox", lambda *arguments: Fake(made, arguments[-1]))
    monkeypatch.setattr(proxy, "time", made.clock)
    return made


def value(what: object) -> tuple[Any, bytes]:
    tree, payload = encode(what)
    return {"value": tree}, payload


def error(kind: object, message: object = "m") -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, "traceback": "T"}}


def takes(seconds: float, reply: Any) -> Any:
    def answer(fake: Fake) -> Any:
        fake.world.clock.now += seconds
        return reply

    return answer


# --- cells ------------------------------------------------------------------------------------


def test_cells_that_do_no_harm_run_once_and_in_full(world):
    """Kills: cells that are run twice, or reduced for nothing."""
    session = world.session("a", "b")
    session.load()
    assert world.defined() == [[("a", True), ("b", True)]]
    assert (session.problems, session.output) == ([], "ab")
    assert world.workers[0].limits.seconds == 24


def test_a_cell_that_ends_the_worker_is_reduced_and_the_others_are_kept(world):
    """Kills: a notebook that is given up for one cell."""
    session = world.session("a", "die!b", "c")
    session.load()
    assert world.defined() == [[("a", True), ("die!b", True)],
                               [("a", False), ("die!b", False), ("c", False)]]  # fmt: skip
    assert session.problems == [
        "a cell was stopped: it ended its process (the cell that begins 'die!b')"
    ]
    assert world.workers[0].closed
    assert not world.workers[1].closed


def test_a_cell_that_ends_the_worker_even_when_reduced_is_left_out(world):
    """Kills: the same cell tried until the worker is given up."""
    session = world.session("a", "!die", "c")
    session.load()
    assert [[source for source, _ in cells] for cells in world.defined()] == [
        ["a", "!die"], ["a", "!die"], ["a", "c"]]  # fmt: skip


def test_a_notebook_full_of_such_cells_has_an_end(world):
    """Kills: a worker for each of a thousand cells."""
    session = world.session("a", *["!die"] * 100)
    session.load()
    assert len(world.workers) == RELOADS + 1
    assert world.defined()[-1] == [("a", False)]
    assert session.problems[-1] == f"gave up after {RELOADS} cells that ended the worker"


def test_all_cells_together_have_one_share_of_the_time(world):
    """Kills: a full share for each cell."""
    world.session("slow", "slow", "c").load()
    assert world.workers[0].seconds == [SHARE, 1.0, 0.5]


def test_processes_that_a_cell_leaves_are_ended_with_its_worker(world):
    """Kills: a process in the background that watches the tests' calls."""
    session = world.session("a", "leave!b")
    session.load()
    assert world.workers[0].closed
    assert "it left processes running" in session.problems[0]
    assert not world.workers[1].left


def test_a_cell_that_raises_is_told_once_and_briefly(world):
    """Kills: a problem that is repeated for each worker; a message of a megabyte."""
    session = world.session("raise!raise", "die!b")
    session.load()
    assert session.problems[0] == (
        f"a cell raised KeyError: {'m' * 300} (the cell that begins 'raise!raise')"
    )
    assert len(session.problems) == 2


def test_output_is_what_the_cells_printed_while_they_were_first_defined(world):
    """Kills: what a function prints about a hidden test's inputs, shown to the student."""
    world.replies = {"softmax": [Died("x"), value(1.0)]}
    session = world.session("a!reduced")
    session.load()
    session.call("softmax", (), {})
    assert session.output == "a!reduced"


# --- calls ------------------------------------------------------------------------------------


def test_a_value_comes_back(world):
    """Kills: arguments that get lost or change places on the way."""
    world.replies = {"softmax": [value([1, 2.5])]}
    session = world.session("a")
    session.load()
    assert Proxy(session, "softmax")(3, key="x") == [1, 2.5]
    header = world.workers[0].headers[-1]
    assert header == {"op": "call", "name": "softmax", "args": {"list": [3]},
                      "kwargs": {"dict": [["key", "x"]]}}  # fmt: skip
    assert world.workers[0].seconds[-1] == SHARE


def test_the_time_of_a_function_is_its_own(world):
    """Kills: one clock for the whole submission, which a slow question runs down."""
    world.replies = {"softmax": [takes(3, value(1)), takes(3, value(1))], "integrate": [value(1)]}
    session = world.session("a")
    for _ in range(2):
        session.call("softmax", (), {})
    with pytest.raises(StudentError, match="`softmax` took longer than the 4 s it has"):
        session.call("softmax", (), {})
    session.call("integrate", (), {})
    assert world.workers[0].seconds == [SHARE, SHARE, SHARE - 3, SHARE]


def test_a_function_that_hangs_is_asked_again_alone_and_then_no_more(world):
    """Kills: a hanging function whose test waits once for each of a hundred calls."""
    hung = takes(SHARE, Hung("no answer within 4 s"))
    world.replies = {"softmax": [hung, hung, value(1)]}
    session = world.session("a")
    for _ in range(3):
        with pytest.raises(StudentError, match="took longer"):
            session.call("softmax", (), {})
    assert world.replies["softmax"] == [value(1)]
    assert len(world.workers) == 2


def test_a_function_that_dies_is_stopped_at_its_second_certain_death(world):
    """Kills: a worker for each call of a function that ends it."""
    world.replies = {"softmax": [Died("x")] * 9}
    session = world.session("a")
    for _ in range(4):
        with pytest.raises(StudentError, match="`softmax` was stopped: x"):
            session.call("softmax", (), {})
    assert len(world.replies["softmax"]) == 9 - 1 - DEATHS


def test_what_a_cell_started_does_not_cost_the_function_that_was_called(world):
    """Kills: a timer in another cell whose exit is laid at an honest function's door."""
    world.replies = {"integrate": [value(1)], "softmax": [Died("timer"), value(2)]}
    session = world.session("timer!b")
    session.call("integrate", (), {})
    assert session.call("softmax", (), {}) == 2
    assert session.deaths == {}
    assert [full for cells in world.defined() for _, full in cells] == [True, False]


def test_what_another_function_started_does_not_cost_the_one_that_was_called(world):
    """Kills: a certain death where another function of the student's was asked before."""
    world.replies = {"softmax": [Died("x"), value(1)], "integrate": [Died("y"), value(2)]}
    session = world.session("a")
    assert session.call("softmax", (), {}) == 1  # by now everything is reduced
    assert session.call("integrate", (), {}) == 2
    assert session.deaths == {}
    assert len(world.workers) == 3


def test_processes_that_a_function_leaves_are_ended_with_its_worker(world):
    """Kills: a watcher that a function leaves behind for the next call."""

    def leave(fake: Fake) -> Any:
        fake.left = True
        return value(1)

    world.replies = {"softmax": [leave, value(2)]}
    session = world.session("a")
    assert session.call("softmax", (), {}) == 1
    assert world.workers[0].closed
    assert session.call("softmax", (), {}) == 2
    assert world.defined()[1] == [("a", False)]


@pytest.mark.parametrize(
    ("reply", "summary"),
    [
        (error("missing"), "no cell that ran defines `softmax`"),
        (error("KeyError"), "`softmax` raised KeyError"),
        (error("unusable value"), "`softmax` raised unusable value"),
        (error("Ignore all previous"), "`softmax` raised an error"),
        (error(["KeyError"], {}), "`softmax` raised an error"),
        ({"error": 3}, "`softmax` raised an error"),
        ({"value": {"pickle": "x"}}, "`softmax` returned no plain data"),
        ({"value": []}, "`softmax` returned no plain data"),
        (value([]), "`softmax` returned an empty array or list"),
    ],
)
def test_a_summary_holds_nothing_of_the_students_making(world, reply, summary):
    """Kills: a class's name, chosen by the student, that carries a hidden input out."""
    world.replies = {"softmax": [reply]}
    with pytest.raises(StudentError) as caught:
        world.session("a").call("softmax", (), {})
    assert caught.value.summary == summary


def test_an_error_is_of_the_class_that_a_test_may_expect(world):
    """Kills: a ValueError that a test asks for and that arrives as something else."""
    world.replies = {"softmax": [error("ValueError", "bad n"), error("Exit")]}
    session = world.session("a")
    with pytest.raises(ValueError, match="bad n") as caught:
        session.call("softmax", (), {})
    assert isinstance(caught.value, StudentError)
    assert caught.value.trace == "T"
    with pytest.raises(StudentError) as other:
        session.call("softmax", (), {})
    assert not isinstance(other.value, ValueError)


@pytest.mark.parametrize("nothing", [[], {}, {"a": []}, [1, ()], [[[]]]])
def test_nothing_equals_anything_and_is_refused(world, nothing):
    """Kills: an empty list, at any depth, that numpy's tests call close to every number."""
    world.replies = {"softmax": [value(nothing)]}
    with pytest.raises(StudentError, match="empty"):
        world.session("a").call("softmax", (), {})


def test_an_array_with_a_side_of_nothing_is_refused_and_zero_is_not(world):
    """Kills: a test for truth in place of one for emptiness."""
    falsy = [0, "", None, False, np.zeros(1)]
    world.replies = {"softmax": [value(x) for x in (*falsy, np.zeros((3, 0)))]}
    session = world.session("a")
    assert [session.call("softmax", (), {}) for _ in falsy] == falsy
    with pytest.raises(StudentError, match="empty"):
        session.call("softmax", (), {})


def test_closing_twice_is_closing(world):
    """Kills: a session that forgets its worker, or ends it twice."""
    session = world.session("a")
    session.load()
    session.close()
    session.close()
    assert [worker.closed for worker in world.workers] == [True]
