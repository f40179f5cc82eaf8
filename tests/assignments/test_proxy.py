"""What becomes of a call when the worker answers, errs or dies: no question pays another's."""

import signal
from typing import Any

import numpy as np
import pytest

from assignments.grader.proxy import DEATHS, Proxy, StudentError
from assignments.grader.sandbox import Died, Hung
from tests.assignments.world import SHARE, Fake, World, error, takes, value


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_value_comes_back(world):
    """Kills: arguments that get lost or change places on the way."""
    world.replies = {"softmax": [value([1, 2.5])]}
    session = world.session("a")
    session.load()
    assert Proxy(session, "softmax")(3, key="x") == [1, 2.5]
    header = world.workers[0].headers[-1]
    assert header == {"op": "call", "name": "softmax", "args": {"list": [3]},
                      "kwargs": {"dict": [["key", "x"]]}, "seconds": SHARE}  # fmt: skip
    assert world.workers[0].seconds[-1] == SHARE + 1


def test_a_call_is_not_interrupted(world):
    """Kills: a sandbox that is left behind because the test's time was up while it started."""
    masks = []

    def look(_: Fake) -> Any:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return value(1)

    world.replies = {"softmax": [look, look]}
    ask = Proxy(world.session("a"), "softmax")
    ask()
    ask()
    assert [signal.SIGALRM in mask for mask in masks] == [True, True]
    assert signal.SIGALRM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_time_of_a_function_is_its_own(world):
    """Kills: one clock for the whole submission, which a slow question runs down."""
    late = takes(1, error("out of time"))
    world.replies = {"softmax": [takes(3, value(1)), late, value(1)], "integrate": [value(1)]}
    session = world.session("a")
    session.call("softmax", (), {})
    for _ in range(2):
        with pytest.raises(StudentError, match="`softmax` took longer than the 4 s it has") as told:
            session.call("softmax", (), {})
        assert told.value.summary == str(told.value)
    assert session.call("integrate", (), {}) == 1
    given = [h["seconds"] for h in world.workers[0].headers if h["op"] == "call"]
    assert given == [SHARE, SHARE - 3, SHARE]
    assert len(world.workers) == 1  # what was interrupted costs nobody a worker


def test_a_function_that_cannot_be_interrupted_is_not_asked_again(world):
    """Kills: a hanging function whose test waits once for each of a hundred calls."""
    hung = takes(SHARE, Hung("no answer within 4 s"))
    world.replies = {"softmax": [hung, value(1)], "integrate": [value(1)]}
    session = world.session("a")
    for _ in range(3):
        with pytest.raises(StudentError, match="took longer"):
            session.call("softmax", (), {})
    assert world.replies["softmax"]
    session.call("integrate", (), {})
    assert world.ran() == [["a"], ["a"]]


def test_a_function_that_dies_is_stopped_at_its_second_certain_death(world):
    """Kills: a worker for each call of a function that ends it; a reload of which no one hears."""
    world.replies = {"softmax": [Died("x")] * 9}
    session = world.session("a")
    for _ in range(4):
        with pytest.raises(StudentError, match="`softmax` was stopped: x"):
            session.call("softmax", (), {})
    assert len(world.replies["softmax"]) == 9 - 2 * DEATHS
    assert session.problems == ["a call of `softmax` ended the process; the cells were run again"]


def test_anothers_death_costs_no_lambda_and_no_constant(world):
    """Kills: a reduced worker where a whole one would do."""
    world.replies = {"integrate": [value(0), value(1)], "softmax": [Died("x"), value(2)]}
    session = world.session("LOG_2PI;def b")
    session.call("integrate", (), {})
    assert session.call("softmax", (), {}) == 2
    assert session.call("integrate", (), {}) == 1
    assert world.ran() == [["LOG_2PI", "def b"]] * 2
    assert (session.deaths, session.left["softmax"]) == ({}, SHARE)


def test_a_death_after_anothers_call_takes_no_time_and_counts_for_nothing(world):
    """Kills: a timer of another function's, charged to an honest one."""
    died = takes(3.5, Died("timer"))
    world.replies = {"integrate": [value(1)], "softmax": [died, takes(1, value(2))]}
    session = world.session("a")
    session.call("integrate", (), {})
    assert session.call("softmax", (), {}) == 2
    assert session.left["softmax"] == SHARE - 1


def test_what_a_cell_started_does_not_cost_the_function_that_was_called(world):
    """Kills: a timer in another cell whose exit is laid at an honest function's door."""
    world.replies = {"softmax": [Died("timer"), value(2), value(3)]}
    session = world.session("timer;def b")
    assert session.call("softmax", (), {}) == 2
    assert session.call("softmax", (), {}) == 3
    assert session.deaths == {}
    assert world.ran() == [["timer", "def b"], ["def b"]]


def test_what_a_reduced_worker_lacks_is_there_in_a_whole_one(world):
    """Kills: a wrong value, or an error, for want of what only a whole worker has run."""
    world.replies = {"softmax": [Died("x"), error("KeyError"), value(2)]}
    session = world.session("TABLE;def b")
    assert session.call("softmax", (), {}) == 2
    assert world.ran() == [["TABLE", "def b"], ["def b"], ["TABLE", "def b"]]


def test_what_a_whole_worker_does_not_know_either_is_an_error_and_no_endless_search(world):
    """Kills: a misspelt name that is looked for until the time is up."""
    world.replies = {"softmax": [Died("x"), error("missing"), error("NameError")],
                     "integrate": [Died("x"), error("ValueError"), Died("y")]}  # fmt: skip
    session = world.session("a")
    with pytest.raises(StudentError, match="`softmax` raised NameError"):
        session.call("softmax", (), {})
    assert len(world.workers) == 3
    session.close()
    with pytest.raises(ValueError, match="`integrate` raised ValueError"):
        session.call("integrate", (), {})
    assert len(world.workers) == 6
    assert session.deaths == {}


def test_a_reduced_worker_that_dies_is_started_as_a_reduced_one(world):
    """Kills: a whole worker in place of it, in which the timer ends the call once more."""
    world.replies = {"softmax": [Died("x"), value(1)]}
    session = world.session("a;def die;def c")
    assert session.call("softmax", (), {}) == 1
    assert world.ran()[-1] == ["def c"]


def test_processes_that_a_function_leaves_are_ended_with_its_worker(world):
    """Kills: a watcher that a function leaves behind for the next call, with or without a value."""

    def leave(reply: Any) -> Any:
        def answer(fake: Fake) -> Any:
            fake.left = True
            return reply

        return answer

    world.replies = {"softmax": [leave(value(1)), leave(error("KeyError")), value(2)]}
    session = world.session("a")
    assert session.call("softmax", (), {}) == 1
    assert world.workers[0].closed
    with pytest.raises(KeyError):
        session.call("softmax", (), {})
    assert session.call("softmax", (), {}) == 2
    assert world.ran() == [["a"]] * 3
    assert [worker.closed for worker in world.workers] == [True, True, False]


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
    world.replies = {
        "softmax": [
            {"error": error("Bad", "bad n")["error"] | {"base": "ValueError"}},
            error("Exit"),
        ]
    }
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
