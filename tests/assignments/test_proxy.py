"""What becomes of a call when the worker answers, errs, hangs or dies: no question pays another's.

The sandbox is replaced by one that does what a cell's text says: ``die``, ``hang``, ``raise``,
``leave`` (a process running), and what a function's list of replies says.
"""

import math
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

MASTER = replace(read_master(TINY), seconds=12.0)  # two functions: 4 s each, and 6 s for the cells
SHARE, CELLS = 4.0, 6.0


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

    def session(self, *cells: str, deadline: float = math.inf) -> Session:
        return Session(Isolation("none"), Path("nowhere"), MASTER, list(cells), deadline=deadline)

    def defined(self) -> list[list[tuple[str, bool]]]:
        """What each worker ran, cells or statements, and whether in full."""
        return [[(h["source"].split(";")[h["only"]] if h["only"] is not None else h["source"],
                  h["full"]) for h in w.headers if h["op"] == "cell"]
                for w in self.workers]  # fmt: skip

    def times(self, number: int = 0) -> list[float]:
        """The seconds that a worker was given for each thing that a student wrote."""
        worker = self.workers[number]
        both = zip(worker.headers, worker.seconds, strict=True)
        return [seconds for header, seconds in both if header["op"] != "compare"]


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
        if header["op"] == "compare":
            return {"value": [1, 0, "x"]}, b""
        if header["op"] == "cell":
            statements, only = header["source"].split(";"), header["only"]
            if only is not None and only >= len(statements):
                header["only"] = -1  # of no account for `World.defined`
                return {"value": False}, b""
            source = header["source"] if only is None else statements[only]
            return self.cell(source if header["full"] else source.partition("!")[2])
        reply = self.world.replies[header["name"]].pop(0)
        if callable(reply):
            reply = reply(self)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, tuple) else (reply, b"")

    def cell(self, source: str) -> tuple[Any, bytes]:
        """Text before a ``!`` is done only in full; ``;`` stands between statements."""
        self.printed += source.encode()
        if "die" in source:
            raise Died("it ended its process")
        if "hang" in source:
            self.world.clock.now += self.seconds[-1]
            raise Hung("no answer within 4 s")
        if "slow" in source:
            self.world.clock.now += min(3.0, self.seconds[-1])
            if self.seconds[-1] < 3:
                raise Hung("no answer within 3 s")
        self.left = self.left or "leave" in source
        if "raise" in source:
            return {"error": {"kind": "KeyError", "message": "m" * 999}}, b""
        return {"value": True}, b""

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


def test_of_a_cell_that_ends_the_worker_one_statement_is_left_out_and_all_else_is_run(world):
    """Kills: lambdas and computed constants, of this cell and of others, that are lost with it."""
    session = world.session("a", "b;die;c", "d")
    session.load()
    assert [[source for source, _ in ran] for ran in world.defined()] == [
        ["a", "b;die;c"],
        ["a", "b", "die"],
        ["a", "b", "c", "c", "d"],
    ]
    assert all(full for ran in world.defined() for _, full in ran)
    assert session.problems == [
        "a cell was stopped: it ended its process (the cell that begins 'b;die;c')"
    ]
    assert [worker.closed for worker in world.workers] == [True, True, False]
    assert session.changed == {0, 1}


def test_a_notebook_full_of_such_cells_has_an_end(world):
    """Kills: a worker for each of a thousand cells; the cells above them lost, too."""
    session = world.session("a!b", *["die"] * 100)
    session.load()
    assert len(world.workers) == RELOADS + 1
    assert world.defined()[-1] == [("a!b", False), *[("die", False)] * 3]
    assert session.problems[-1] == (
        f"gave up after {RELOADS} workers: of the cells from number 5 on, nothing was run, "
        "and of those before it only imports, functions and constants"
    )


def test_all_cells_together_have_one_share_of_the_time(world):
    """Kills: a full share for each cell."""
    world.session("slow", "slow", "c").load()
    assert world.times() == [CELLS, 3.0, 0.5]


def test_a_cell_that_is_out_of_time_is_run_in_part_and_the_student_learns_of_the_share(world):
    """Kills: "no answer within 0 s"; a demo whose time the cells below it have to pay."""
    session = world.session("a", "hang;b", "c")
    session.load()
    assert world.times(1) == [CELLS, 3.0]
    assert world.times(2) == [CELLS, 3.0, 3.0, CELLS]
    where = "(the cell that begins 'hang;b')"
    assert session.problems == [
        f"a cell was stopped: all cells together may take 6 s, and 6 s were gone {where}",
        f"a cell was stopped: it alone may take 3 s, and 3 s were gone {where}",
    ]


def test_when_no_cell_alone_took_the_time_the_rest_is_only_defined(world):
    """Kills: a worker for each of the slow cells at a notebook's end, and answers lost to them."""
    session = world.session("slow!a", "slow!b", "slow!c", "d!e")
    session.budget = 7.0
    session.load()
    assert world.defined() == [
        [("slow!a", True), ("slow!b", True), ("slow!c", True)],
        [("slow!a", True), ("slow!b", True), ("slow!c", False), ("d!e", False)],
    ]
    assert session.problems == [
        "a cell was stopped: all cells together may take 7 s, and 7 s were gone "
        "(the cell that begins 'slow!c')"
    ]


def test_processes_that_a_cell_leaves_are_ended_with_its_worker(world):
    """Kills: a process in the background that watches the tests' calls."""
    session = world.session("a", "leave;b")
    session.load()
    assert [worker.closed for worker in world.workers] == [True, True, False]
    assert "it left processes running" in session.problems[0]
    assert world.defined()[-1] == [("a", True), ("b", True), ("b", True)]
    assert not world.workers[-1].left


def test_when_its_time_is_up_a_submission_is_told_so_at_each_call(world):
    """Kills: a submission without an end; a batch that stops with it."""
    session = world.session("slow", deadline=2.0)
    session.load()
    session.close()
    for _ in range(2):
        with pytest.raises(StudentError, match="the submission used up the 36 s that it has"):
            session.call("softmax", (), {})
    assert len(world.workers) == 1


def test_a_cell_that_raises_is_told_once_and_briefly(world):
    """Kills: a problem that is repeated for each worker; a message of a megabyte."""
    session = world.session("raise;b", "die")
    session.load()
    assert session.problems[0] == (
        f"a cell raised KeyError: {'m' * 300} (the cell that begins 'raise;b')"
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
    assert world.times() == [CELLS, SHARE]


def test_the_time_of_a_function_is_its_own(world):
    """Kills: one clock for the whole submission, which a slow question runs down."""
    world.replies = {"softmax": [takes(3, value(1)), takes(3, value(1))], "integrate": [value(1)]}
    session = world.session("a")
    for _ in range(2):
        session.call("softmax", (), {})
    with pytest.raises(StudentError, match="`softmax` took longer than the 4 s it has"):
        session.call("softmax", (), {})
    session.call("integrate", (), {})
    assert world.times() == [CELLS, SHARE, SHARE - 3, SHARE]


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


def test_what_a_reduced_worker_lacks_is_there_in_a_whole_one(world):
    """Kills: a lambda, or a computed constant, that another question's timeout takes away."""
    world.replies = {
        "integrate": [Died("x"), value(1)],
        "softmax": [error("NameError", "LOG_2PI"), value(2), value(3)],
    }
    session = world.session("LOG_2PI!b")
    assert session.call("integrate", (), {}) == 1
    assert session.call("softmax", (), {}) == 2
    assert session.call("softmax", (), {}) == 3
    assert [full for cells in world.defined() for _, full in cells] == [True, False, True]


def test_another_error_in_a_reduced_worker_is_the_students_own(world):
    """Kills: a whole worker more for each error that a test asks for."""
    world.replies = {"integrate": [Died("x"), value(1)], "softmax": [error("ValueError")]}
    session = world.session("a")
    session.call("integrate", (), {})
    with pytest.raises(ValueError, match="m"):
        session.call("softmax", (), {})
    assert len(world.workers) == 2


def test_what_a_whole_worker_lacks_too_is_an_error_and_no_endless_search(world):
    """Kills: a misspelt name that is looked for until the time is up."""
    world.replies = {"softmax": [Died("x"), error("missing"), error("NameError")]}
    session = world.session("a")
    with pytest.raises(StudentError, match="`softmax` raised NameError"):
        session.call("softmax", (), {})
    assert len(world.workers) == 3
    assert session.deaths == {}


def test_a_function_that_ends_a_whole_worker_of_its_own_is_stopped(world):
    """Kills: three workers for each call of a function that hangs and uses a constant."""
    hung = takes(SHARE, Hung("no answer within 4 s"))
    world.replies = {"softmax": [hung, error("NameError"), hung]}
    session = world.session("a")
    for _ in range(2):
        with pytest.raises(StudentError, match="`softmax` took longer than the 4 s it has"):
            session.call("softmax", (), {})
    assert len(world.workers) == 3


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
