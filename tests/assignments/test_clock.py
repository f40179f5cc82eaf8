"""How fast students' time goes: as fast as their code does, whatever else the machine does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assignments.grader import clock as module
from assignments.grader.clock import SLACK, TICK, Clock, schedule

Reading = tuple[float, dict[str, float], dict[str, float]]


def read(*readings: Reading) -> list[float]:
    """What the clock shows when the wall's shows so much, and each thread ran and waited so long.

    All begin with nothing.
    """
    walls = iter([0.0, *(wall for wall, _, _ in readings)])
    kept = iter([({}, {}), *((ran, waited) for _, ran, waited in readings)])

    def nanoseconds(_: int) -> tuple[Counter[str], Counter[str]]:
        ran, waited = ({k: int(1e9 * v) for k, v in what.items()} for what in next(kept))
        return Counter(ran), Counter(waited)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "schedule", nanoseconds)
        patch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(walls)))
        clock = Clock()
        return [clock.now() for _ in readings]


@pytest.mark.parametrize(
    ("ran", "waited", "used"),
    [
        ({"a": 8}, {}, 8),  # alone on its core
        ({"a": 4}, {"a": 4}, 4),  # shares it with another
        ({"a": 3}, {"a": 1}, 7),  # sleeps half of the time, and else shares it
        ({}, {}, 8),  # sleeps
        ({"a": 0.5}, {"a": 7.5}, 0.8),  # shares it with fifteen others: more than is forgiven
        ({"a": 8, "b": 8}, {}, 8),  # a pool on two cores
        ({"a": 2, "b": 2, "c": 2, "d": 2}, dict.fromkeys("abcd", 6), 8),  # a pool on one
    ],
)
def test_what_counts_is_the_time_in_which_the_code_had_a_processor_or_wanted_none(
    ran, waited, used
):
    """Kills: a busy machine that costs points; a sleep, or a pool, that costs less than it took."""
    assert read((8, ran, waited)) == [used]


@given(
    st.lists(
        st.tuples(
            st.floats(TICK * 2, 9),
            *2 * [st.dictionaries(st.sampled_from("abc"), st.floats(0, 99))],
        )
    )
)
def test_it_goes_on_and_no_slower_or_faster_than_the_bounds(steps):
    """Kills: time given back by a process that ends, or that hides; a clock that stands still."""
    wall, readings = 0.0, []
    for passed, ran, waited in steps:
        wall += passed
        readings.append((wall, ran, waited))
    shown = [0.0, *read(*readings)]
    for (passed, _, _), before, after in zip(steps, shown[:-1], shown[1:], strict=True):
        assert passed / SLACK <= after - before + 1e-9 <= passed + 2e-9


def test_each_thread_counts_from_where_it_was():
    """Kills: sums, in which one that ends takes back what another waited for in the meantime."""
    first = (4, {"a": 4}, {"b": 9})
    assert read(first, (8, {"c": 2}, {"c": 2}))[1] == read(first)[0] + 2
    assert read(first, (8, {"a": 6}, {"a": 2, "b": 9}))[1] == read(first)[0] + 2
    assert read(first, (8, {"c": 3}, {"b": 9, "c": 1, "d": 3}))[1] == read(first)[0] + 3


def test_a_moment_is_not_looked_at():
    """Kills: a look at all processes for each byte that comes."""
    assert read((1.0, {}, {}), (1.0 + TICK / 2, {"a": 99}, {})) == [1.0, 1.0]
    assert read((1.0, {}, {}), (1.0 + TICK / 2, {}, {}), (2.0, {}, {}))[1:] == [1.0, 2.0]


# --- what the kernel tells ------------------------------------------------------------------------


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def run(program: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-I", "-S", "-c", "import os, threading, time\n" + program]
        started.append(
            subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


SPIN = """
def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
"""
WORK = (
    SPIN
    + """
def work():
    spin(0.3)
    print("ready", flush=True)
    time.sleep(60)
"""
)


@pytest.mark.parametrize(
    ("program", "threads"),
    [
        ("work()", 1),
        ("threading.Thread(target=work).start(); time.sleep(60)", 2),
        ("time.sleep(60) if os.fork() or os.fork() else work()", 3),
        ("threading.Thread(target=lambda: time.sleep(60) if os.fork() else work()).start()\n"
         "time.sleep(60)", 3),
    ],
    ids=["itself", "a thread", "a grandchild", "a thread's child"],
)  # fmt: skip
def test_all_below_a_process_counts(start, program, threads):
    """Kills: a pool's children, or a thread's, that work unseen."""
    process = start(WORK + program)
    assert process.stdout.readline() == "ready\n"
    ran, waited = schedule(process.pid)
    assert len(ran) == len(waited) == threads
    assert 0.3 < ran.total() / 1e9 < 1.5


def test_what_is_gone_has_no_time(start):
    """Kills: an error, where a process ends between two looks."""
    process = start("")
    process.wait()
    assert schedule(process.pid) == ({}, {})


def test_a_kernel_that_does_not_say_counts_as_before(monkeypatch):
    """Kills: an error, or time without an end, where /proc has no schedstat."""
    monkeypatch.setattr(module, "_words", lambda _: [])
    clock, begun = Clock(), time.monotonic()
    time.sleep(0.1)
    assert 0.1 <= clock.now() <= time.monotonic() - begun + 0.1


HOG = "import os\nos.sched_setaffinity(0, [{core}])\nwhile True: pass"
LOOK = """
import os, sys
os.sched_setaffinity(0, [{core}])
sys.path.insert(0, {folder!r})
from clock import Clock
begun, clock, cpu = time.monotonic(), Clock(), time.process_time()
spin({spins})
time.sleep({sleeps})
used = clock.now()  # between the two looks at the wall
print(time.monotonic() - begun, time.process_time() - cpu, used)
"""


def look(start: Callable[..., subprocess.Popen[str]], hogs: int, **does: float) -> list[float]:
    """Seconds on the wall, of a processor and by the clock, beside hogs on the same core."""
    core = min(os.sched_getaffinity(0))
    for _ in range(hogs):
        start(HOG.format(core=core))
    folder = str(Path(module.__file__).parent)
    process = start(SPIN + LOOK.format(core=core, folder=folder, **does))
    return [float(word) for word in process.stdout.readline().split()]


def test_beside_hogs_work_costs_what_it_would_cost_without_them(start):
    """Kills: the time on the wall, which honest students paid for a machine with other work."""
    wall, cpu, used = look(start, 2, spins=0.5, sleeps=0)
    assert wall > 2 * cpu
    # Between its looks at the wall and at the kernel's table the process may have to wait, too.
    assert used == pytest.approx(max(cpu, wall / SLACK), abs=cpu / 2)


def test_a_sleep_costs_all_of_its_time(start):
    """Kills: processor time alone, by which a sleep without an end costs nothing."""
    wall, cpu, used = look(start, 0, spins=0, sleeps=0.5)
    assert cpu < 0.1
    assert used > 0.4  # but for what it waited when it woke up
    assert used <= wall
