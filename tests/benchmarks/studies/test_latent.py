"""Latent diffusion beside that of pixels: what is counted, coded and drawn."""

import json

import pytest
import torch
from torch import nn

from benchmarks.gallery.judge import images
from benchmarks.studies import latent
from coursepkg.data.mnist import load_mnist
from coursepkg.models.diffusion import signal_at
from coursepkg.rng import global_state_from, seeded
from tests.benchmarks.invoke import invoke


@pytest.fixture(scope="module")
def stage():
    torch.set_default_dtype(torch.float32)
    made = latent.first_stage(load_mnist().train[:200])
    torch.set_default_dtype(torch.float64)
    return made


def test_codes_are_standardised_and_come_back_as_reconstructions(stage):
    """Kills: a deviation that is not undone, a mean added twice, codes of one image for all."""
    x = load_mnist().train[:200]
    z = stage.encode(x)
    torch.testing.assert_close(z.mean(0), torch.zeros(24).float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std(0), torch.ones(24).float())
    with torch.no_grad():
        expected = 2 * stage.vae.reconstruct(x[:5]) / 255 - 1
    torch.testing.assert_close(stage.decode(z[:5]), expected, atol=1e-4, rtol=0)
    assert (stage.decode(z) - images(x)).square().mean() < 0.2  # paper for ink would be 4


def test_operations_of_a_linear_map_are_two_a_weight():
    """Kills: one operation for a multiplication and an addition, a batch in place of one."""

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            with global_state_from(seeded(0)):
                self.net = nn.Linear(7, 3, bias=False)

        def forward(self, z, log_snr, condition):
            return self.net(z)

    assert latent.operations(Linear(), torch.zeros(1, 7)) == 2 * 7 * 3


def test_the_network_of_codes_heeds_all_that_it_is_told():
    """Kills: a condition or a level that is not passed on."""
    net = latent.code_network(4)
    nn.init.constant_(net.net.last[1].weight, 0.1)
    z, level, c = torch.ones(1, 4), torch.ones(1), torch.eye(10)[:1]
    here = net(z, level, c)
    assert here.shape == (1, 4)
    for other in (net(2 * z, level, c), net(z, 2 * level, c), net(z, level, 0 * c)):
        assert (other - here).abs().max() > 1e-6


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_draws_of_a_network_that_knows_the_answer(weight):
    """w times what is told. Kills: w and 1 - w exchanged, the condition of another row."""

    class Paints(nn.Module):
        def forward(self, z, log_snr, condition):
            return signal_at(log_snr).velocity(z, condition[:, :4])

    told = torch.eye(10)[torch.arange(20) % 10]
    z = latent.drawn(Paints(), 4, told, weight, generator=seeded(0))
    assert (z - weight * told[:, :4]).abs().max() < 1e-9


@pytest.mark.slow
def test_both_are_trained_and_scored(tmp_path, float32):
    """Kills: unequal budgets, the first stage counted twice, a row left out, work done again."""
    done = invoke(latent.main, 1, "--seeds", 1, "--size", 40, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "latent.json").read_text())["rows"]
    assert [row["model"] for row in rows[:3]] == ["real", "there_and_back", "prior"]
    cost = rows[-1]["operations_of_a_pass"]
    trained = [row for row in rows if "budget" in row]
    assert {row["model"] for row in trained} == {"pixels", "codes"}
    for row in trained:
        spent = row["passes"] * cost[row["model"]]
        spent += row["first_stage_counted"] * rows[-1]["operations_of_the_first_stage"]
        assert abs(spent - cost["pixels"]) <= cost[row["model"]] / 2
        assert row["frechet"] > 0
        assert 0 <= row["read"] <= 1
    before = (tmp_path / "latent.json").read_text()
    again = invoke(latent.main, 1, "--seeds", 1, "--size", 40, "--out", tmp_path)
    assert again.exit_code == 0, again.output
    assert "pixels" not in again.output
    assert (tmp_path / "latent.json").read_text() == before
