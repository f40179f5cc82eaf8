"""The races of writing: both write, and the ratio is naive over memory."""

import json

import pytest

from benchmarks.speed import writing
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_the_ratios_are_of_the_slow_to_the_quick(tmp_path, monkeypatch, float32):
    """Kills: a ratio the other way round, a slow round that counts, passes of one seed."""
    for name, value in (("LENGTH", 4), ("TEXTS", 2), ("TARGET", (32, 1))):
        monkeypatch.setattr(writing, name, value)
    seconds = iter([9.0, 9.0, 2.0, 30.0, *[1.0, 2.0, 3.0, 6.0]])
    monkeypatch.setattr(writing, "fastest", lambda work, **_: (work(), next(seconds))[1])
    done = invoke(writing.main, "--rounds", "2", "--steps", "2", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    memory, guess = json.loads((tmp_path / "writing_speed.json").read_text())["rows"]
    assert (memory["memory"], memory["naive"]) == (2.0, pytest.approx(4.5))
    assert (guess["ahead"], guess["plain"]) == (2.0, pytest.approx(2.0))
    assert 0 < guess["kept"] <= 1
    assert 120 / (writing.AHEAD + 1) <= guess["passes"] <= 120
