import pytest

from benchmarks import timing


def test_the_fastest_run_counts(monkeypatch):
    """On a clock that we wind. Kills: the last run, the mean, the sum."""
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    assert timing.fastest(lambda: None) == pytest.approx(1.0)
