"""The study of chains of latent variables."""

import json

import pytest
import torch

from benchmarks.leaderboard.entries.vae import plain
from benchmarks.studies import hierarchy
from coursepkg.data.digits import Split, load_split
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.fixture
def few() -> Split:
    split = load_split()
    return Split(split.train[:100], split.valid[:20], split.test[:10])


def test_one_level_is_the_vae_of_the_other_studies(float32, few):
    """The same numbers after training. Kills: another recipe, another order of the draws."""
    chain = hierarchy.trained(few, (16,), epochs=1, generator=seeded(3))
    vae = plain(few, latent=16, epochs=1, generator=seeded(3))
    for one, other in zip(chain.parameters(), vae.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not chain.training


def test_what_is_measured_adds_up(float32, few):
    """Of an untrained chain, then a moved one. Kills: levels mixed up, a sign, training mode."""
    model = hierarchy.chain(few, (2, 3), generator=seeded(0)).eval()
    start = hierarchy.measured(model, few.valid)
    assert start["rates"] == [pytest.approx(0, abs=1e-6)] * 2
    with torch.no_grad():
        for p in model.posteriors[0].parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=seeded(1)))
    found = hierarchy.measured(model, few.valid)
    assert found["rates"][0] > 0.01
    assert found["rates"][1] == pytest.approx(0, abs=1e-6)
    assert found["elbo"] == pytest.approx(found["distortion"] + sum(found["rates"]))
    one = nats(model, few.valid, generator=seeded(5), draws=64)
    assert found["elbo"] == pytest.approx(one.value, abs=6 * one.error_draws + 1e-3)
    many = nats(ImportanceBound(model, 64), few.valid, generator=seeded(0))
    assert found["bound"] == pytest.approx(many.value)


@pytest.mark.slow
def test_each_chain_has_its_rows(tmp_path, float32, monkeypatch, few):
    """Kills: a row that says another number of levels, seeds that are the same."""
    monkeypatch.setattr(hierarchy, "load_split", lambda: few)
    result = invoke(hierarchy.main, "--seeds", 2, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "hierarchy.json").read_text())["rows"]
    assert [(row["levels"], row["seed"]) for row in rows] == [
        (n, s) for n in (1, 2) for s in (0, 1)
    ]
    assert all(len(row["rates"]) == row["levels"] for row in rows)
    assert len({row["bound"] for row in rows}) == 4
