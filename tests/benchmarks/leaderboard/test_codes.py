"""The entries whose decoder is autoregressive, or whose codes are whole numbers."""

import json

import pytest
import torch

from benchmarks.leaderboard.__main__ import main
from benchmarks.leaderboard.entries import pixelvae, vqvae
from benchmarks.provenance import RESULTS
from coursepkg.data.digits import load_split
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
@pytest.mark.parametrize("family", ["pixelvae", "vqvae"])
def test_both_are_bounds(family, tmp_path, float32):
    """Kills: = of a bound, noise where there is none, 128 weights that are none."""
    result = invoke(main, "--only", family, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / f"leaderboard-{family}.json").read_text())["rows"]
    assert {row["sign"] for row in rows} == {"≤"}
    assert all((row["error_draws"] > 0) == (family == "pixelvae") for row in rows)
    if family == "pixelvae":
        assert rows[1]["nats"] < rows[0]["nats"] + 0.1


@pytest.mark.slow
def test_the_rate_is_the_mean_divergence(float32):
    """Kills: the divergence of one latent variable, a rate in training mode."""
    split = load_split()
    law = pixelvae.one_weight(split, seeded(0), quick=True)
    law.eval()
    x = split.valid[:20]
    q = law.model.posterior(x, condition=torch.zeros(20, 7))
    truth = (q.mean.square() + q.std.square() - 1 - q.std.square().log()).sum(1).mean() / 2
    assert pixelvae.rate(law, x, generator=seeded(1)) == pytest.approx(truth.item(), rel=1e-4)


@pytest.mark.slow
def test_codes_of_the_vq_entry_form_a_grid(float32):
    """A pixel moves the codes near it only. Kills: channels and places exchanged."""
    model = vqvae.vqvae(load_split(), seeded(0), quick=True).autoencoder.eval()
    x = load_split().valid[:1]
    before = model.vectors(x)
    after = model.vectors(torch.where(torch.arange(64) == 0, 16 - x, x))
    moved = (before != after).any(-1)[0].view(4, 4)
    assert moved[:2, :2].any()
    assert not moved[2:].any()
    assert not moved[:, 2:].any()


def test_what_was_measured():
    """Kills: a result of another entry."""
    for family, most in (("pixelvae", 83.0), ("vqvae", 99.0)):
        rows = json.loads((RESULTS / f"leaderboard-{family}.json").read_text("utf8"))["rows"]
        assert rows[-1]["nats"] <= most
        assert all(row["sign"] == "≤" for row in rows)
