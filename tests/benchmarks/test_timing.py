import subprocess
import sys

import pytest

from benchmarks import timing


def test_the_fastest_run_counts(monkeypatch):
    """On a clock that we wind. Kills: the last run, the mean, the sum."""
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    assert timing.fastest(lambda: None) == pytest.approx(1.0)


def test_seconds_are_of_one_call(monkeypatch):
    """A clock that ticks once a look, and work that looks. Kills: the time of all calls together.

    Runs of 1, 2, 4 and 8 calls take 2, 3, 5 and 9 seconds; then two more of 8.
    """
    clock, calls = iter(range(10**6)), []
    monkeypatch.setattr(timing.time, "process_time", lambda: float(next(clock)))
    work = lambda: calls.append(next(clock))  # ruff: ignore[lambda-assignment]
    assert timing.fastest(work, repeats=2, least=9.0) == pytest.approx(9 / 8)
    assert len(calls) == 1 + 2 + 4 + 8 + 2 * 8


FAULTS = """
import resource, sys
from benchmarks.timing import keep_memory
if "keep" in sys.argv:
    keep_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
b"x" * (20 << 20)
before = faults()
for _ in range(10):
    b"x" * (20 << 20)
print((faults() - before) // 10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_that_is_kept_is_not_fetched_anew():
    """Kills: a threshold that is not set. A block of 20 MiB has 5,120 pages, or 10 huge ones."""
    fetched = [
        int(
            subprocess.run(
                [sys.executable, "-c", FAULTS, word], capture_output=True, check=True
            ).stdout
        )
        for word in ("", "keep")
    ]
    assert fetched[0] >= 10
    assert fetched[1] == 0
