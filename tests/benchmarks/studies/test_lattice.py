import json

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import lattice
from coursepkg.rng import seeded


def test_table_and_matrix_agree_where_both_are_measured():
    """Kills: a cost of something else. Two ways to the same log Z."""
    for height, width in ((2, 2), (2, 4), (3, 3)):
        table, matrix = (lattice.cost(kind, height, width) for kind in ("table", "matrix"))
        assert table["log_z"] == pytest.approx(matrix["log_z"])
        assert table["sites"] == matrix["sites"] == height * width


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


def test_the_command_writes_all_kinds_of_rows(tmp_path, monkeypatch):
    shapes = {"table": [(2, 2)], "matrix": [(2, 2), (3, 3)], "sweep": [(4, 4)]}
    monkeypatch.setattr(lattice, "SHAPES", shapes)
    monkeypatch.setattr(lattice, "BETAS", (0.3,))
    app = typer.Typer()
    app.command()(lattice.main)
    result = CliRunner().invoke(app, ["--steps", "10", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "lattice.json").read_text())
    kinds = [row["kind"] for row in written["rows"]]
    assert kinds == ["table", "matrix", "matrix", "sweep", "physics", "physics"]
    assert all(row["seconds"] > 0 for row in written["rows"] if "seconds" in row)
    small, large = written["rows"][-2:]
    assert small["exact"] is not None
    assert large["exact"] is None
