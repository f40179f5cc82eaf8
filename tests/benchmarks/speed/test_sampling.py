"""The race of sampling with memory against sampling without."""

import json

import pytest
import torch

from benchmarks.speed import sampling
from coursepkg.models.autoregressive.cached import CachedARM
from tests.benchmarks.invoke import invoke


def test_every_network_that_takes_steps_has_its_row(tmp_path, monkeypatch, float32):
    """Kills: a ratio upside down, a network that is not raced."""
    monkeypatch.setattr(sampling, "networks", lambda: {"NADE": all_networks["NADE"]})
    result = invoke(sampling.main, "--batch", 2, "--repeats", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "sampling_speed.json").read_text())["rows"]
    assert row["ratio"] == pytest.approx(row["naive"] / row["cached"])
    assert len(all_networks) == 6


def test_a_race_of_different_draws_is_refused(monkeypatch):
    """Kills: a cache that is fast because it draws something else."""

    def wrong(self, x, known, *, generator):
        return torch.zeros_like(x)

    monkeypatch.setattr(CachedARM, "left_to_right", wrong)
    with pytest.raises(ValueError, match="NADE: expected equal draws, got"):
        sampling.race("NADE", all_networks["NADE"].double(), batch=3, repeats=1)


all_networks = sampling.networks()
