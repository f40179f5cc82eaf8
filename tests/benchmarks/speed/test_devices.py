"""One process beside two: what is timed, and the arithmetic for more."""

import json

import pytest
import torch
from lightning_fabric import Fabric

from benchmarks.speed import devices
from tests.benchmarks.invoke import invoke


def test_arithmetic_of_more_processes():
    """A step of 3 ms an example and 0.1 s beside; 0.2 s an exchange. Kills: 1/P of all, no ring."""
    alone, half = 0.003 * 200 + 0.1, 0.003 * 100 + 0.1
    for P, expected in ((1, 0.7), (2, 0.3 + 0.1 + 0.2), (4, 0.15 + 0.1 + 0.3)):
        found = devices.predicted(P, alone=alone, half=half, exchange=0.2)
        assert found == pytest.approx(expected)
    many = devices.predicted(10**9, alone=alone, half=half, exchange=0.2)
    assert many == pytest.approx(0.1 + 0.4), "never below what is not shared"


def test_a_step_is_one_of_the_fastest_epoch(monkeypatch, float32):
    """Five steps an epoch, on a clock that we wind. Kills: the first epoch's start, the mean."""
    clock = iter([0.0, 50.0, 60.0, 90.0])
    monkeypatch.setattr(devices.time, "perf_counter", lambda: next(clock, 100.0))
    x = torch.zeros(45, 64, dtype=torch.int64)
    monkeypatch.setattr(devices, "fit", lambda model, x, *, monitor, epochs, **_: type(
        "History", (), {"monitored": [monitor(model) for _ in range(epochs)]}))  # fmt: skip
    found = devices.step_seconds(Fabric(devices=1, accelerator="cpu"), "perceptron", x, 10, 4, True)
    assert found == pytest.approx(10.0 / 5)


def test_the_gain_is_alone_over_together(tmp_path, monkeypatch, float32):
    """Kills: the ratio upside down, settings confused, a slow round that counts."""
    table = {(1, 200): 4.0, (1, 100): 2.5, (2, 200): 3.0}
    asked = []

    def launched(processes, work, *given):
        if work is devices.exchange_seconds:
            return 0.5
        asked.append(processes)
        return table[processes, given[2]] * (2 if len(asked) == 1 else 1)

    monkeypatch.setattr(devices, "launched", launched)
    done = invoke(devices.main, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "devices.json").read_text())["rows"]
    assert [row["net"] for row in rows] == ["convolutions", "perceptron"]
    assert rows[1]["weights"] > 10 * rows[0]["weights"]
    for row in rows:
        assert (row["alone"], row["half"], row["together"], row["exchange"]) == (4, 2.5, 3, 0.5)
        assert row["gain"] == pytest.approx(4 / 3)
        assert row["predicted"]["2"] == pytest.approx(1.5 + 1.0 + 0.5)


@pytest.mark.slow
def test_quick_runs_both_on_two_processes(tmp_path, float32):
    done = invoke(devices.main, "--quick", "--epochs", "2", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    for row in json.loads((tmp_path / "devices.json").read_text())["rows"]:
        assert min(row[key] for key in ("alone", "half", "together", "exchange")) > 0
