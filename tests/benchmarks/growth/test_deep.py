"""What `benchmarks.deep` measures is what it says; the seconds themselves are not tested."""

import json

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import deep


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(deep, "REPEATS", 1)
    monkeypatch.setattr(deep, "LEAST", 1e-4)
    monkeypatch.setattr(deep, "WIDE", 10)


def test_a_row_for_each_question(tmp_path, quick):
    """Kills: a width timed twice, one axis under the name of the other."""
    app = typer.Typer()
    app.command()(deep.main)
    arguments = ["--sums", "4", "--widths", "5", "--depths", "1", "--depths", "3"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "deep.json").read_text())["rows"]
    found = [(row["what"], row["against"], row["n"]) for row in rows]
    passes = ("mean field", "Gibbs", "bound")
    asked = (("width", 5), ("depth", 1), ("depth", 3))
    assert found == [("log Z", "width", 4)] + [(what, *at) for at in asked for what in passes]
    assert all(row["seconds"] > 0 for row in rows)


def test_both_towers_have_the_layers_that_are_named():
    assert deep.deep_machine([7, 5, 3]).sizes == [64, 7, 5, 3]
    shapes = [tuple(machine.W.shape) for machine in deep.belief_network([7, 5, 3]).machines]
    assert shapes == [(64, 7), (7, 5), (5, 3)]


def test_a_sum_over_more_states_takes_longer():
    """2^4 against 2^14 terms, a thousand times as many. Kills: timing the construction, a cache."""
    few, many = (deep.seconds(deep.deep_machine([M, M]).log_z) for M in (4, 14))
    assert many > 5 * few


def test_seconds_are_of_one_call(monkeypatch):
    """Kills: the time of all calls together, work that runs with gradients."""
    clock = iter(range(10**6))
    monkeypatch.setattr(deep.time, "process_time", lambda: float(next(clock)))
    monkeypatch.setattr(deep, "LEAST", 1.0)
    grads = []
    assert deep.seconds(lambda: grads.append(torch.is_grad_enabled())) == pytest.approx(1)
    assert not any(grads)
