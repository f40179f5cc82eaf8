import json

import pytest
import torch

from benchmarks.studies import lattice
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_a_small_glued_grid_is_near_its_exact_energy():
    """Within six standard errors over the chains. Kills: an energy of the whole grid."""
    row = lattice.physics(4, 0.3, steps=400, generator=seeded(1))
    assert abs(row["energy"] - row["exact"]) < 6 * row["energy_error"]
    assert row["energy_error"] < 0.05
    assert -1.2 < row["exact"] < -0.5


def test_half_of_the_chains_start_with_all_spins_up(monkeypatch):
    """Kills: all starts alike."""
    starts = []

    def first(kernel, x, **_):
        starts.append(x)
        raise InterruptedError

    monkeypatch.setattr(lattice, "run", first)
    with pytest.raises(InterruptedError):
        lattice.physics(4, 0.3, steps=4, generator=seeded(0))
    up = starts[0].double().mean(1) == 1
    assert torch.equal(up, torch.arange(16) % 2 == 1)


def test_the_command_writes_a_row_for_each_grid_and_temperature(tmp_path, monkeypatch):
    monkeypatch.setattr(lattice, "BETAS", (0.3,))
    result = invoke(lattice.main, "--steps", 10, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    small, large = json.loads((tmp_path / "lattice.json").read_text())["rows"]
    assert (small["side"], large["side"]) == (8, 32)
    assert small["kind"] == large["kind"] == "physics"
    assert small["exact"] is not None
    assert large["exact"] is None
