import json

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import partition_growth
from coursepkg.enumeration import log_sum_exp


def test_the_estimate_stands_beside_the_sum_and_has_none_where_it_is_too_long(
    tmp_path, monkeypatch
):
    """Kills: a sum beyond the limit, a difference of the wrong sign, an error that is not one."""
    monkeypatch.setattr(partition_growth, "LARGEST_SUM", 4)
    monkeypatch.setattr(partition_growth, "TEMPERATURES", 100)
    monkeypatch.setattr(partition_growth, "VISIBLE", 10)
    app = typer.Typer()
    app.command()(partition_growth.main)
    result = CliRunner().invoke(app, ["3", "6", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "partition_growth.json").read_text())
    assert written["provenance"]["threads"] == 1
    small, large = written["rows"]
    assert (small["M"], large["M"], small["temperatures"]) == (3, 6, 100)
    assert large["sum_seconds"] is None is large["off"]
    assert 0 < abs(small["off"]) < 6 * small["ais_error"]
    assert small["sum_seconds"] > 0


def test_the_machine_is_as_hard_as_its_weights(monkeypatch):
    """Fields have mean zero at the middle, so that Z is no foregone conclusion."""
    monkeypatch.setattr(partition_growth, "VISIBLE", 8)
    torch.set_default_dtype(torch.float64)
    rbm = partition_growth.machine(3)
    assert rbm.W.shape == (8, 3)
    middle = torch.full((1, 3), 0.5)
    torch.testing.assert_close(rbm.visible_probs(middle), torch.full((1, 8), 0.5))
    torch.testing.assert_close(rbm.hidden_probs(torch.full((1, 8), 0.5)), torch.full((1, 3), 0.5))
    by_v = log_sum_exp(lambda v: -rbm.free_energy(v), 8, like=rbm.W)
    assert rbm.log_z().item() == pytest.approx(by_v.item())
    assert rbm.W.std() > 0.2
