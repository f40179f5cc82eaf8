"""Lines of the board that are chains: of a denoiser, and of the codes of a generator."""

import json

import pytest
import torch

from benchmarks.leaderboard.__main__ import main
from benchmarks.leaderboard.entries import gsn, ppgn
from coursepkg.data.digits import LEVELS, load_split
from coursepkg.models.chains import Redraw
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("family", [gsn, ppgn])
def test_a_quick_board_prints_a_dash_and_measures(family, tmp_path):
    """Kills: nats of what has no density, samples on another scale."""
    name = family.__name__.rpartition(".")[2]
    result = invoke(main, "--only", name, "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / f"leaderboard-{name}.json").read_text())["rows"]
    assert [row["family"] for row in rows] == [entry.family for entry in family.ENTRIES]
    assert {row["sign"] for row in rows} == {"—"}
    assert all(row["nats"] is None and row["measures"]["mmd2"]["value"] < 1 for row in rows)
    assert all(row["parameters"] > 0 for row in rows)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("family", [gsn, ppgn])
def test_draws_are_levels(family):
    """All of 0..16, whole numbers. Kills: pixels from 0 to 1, a label for all."""
    model = family.ENTRIES[0].fit(load_split(), seeded(0), True)
    x = family.ENTRIES[0].draw(model, 40, seeded(1))
    assert x.shape == (40, 64)
    assert x.min() >= 0
    assert 2 < x.max() <= LEVELS - 1
    assert torch.equal(x.float().round(), x.float())
    assert not torch.equal(x, family.ENTRIES[0].draw(model, 40, seeded(2)))


def test_a_denoiser_starts_at_the_shares_of_the_levels():
    """What all is redrawn says nothing, so that the guess is each pixel's own shares."""
    split = load_split()
    law = gsn.denoiser(split, Redraw(1.0, levels=LEVELS), hidden=8, generator=seeded(0)).eval()
    p = law.logits(split.valid[:2]).softmax(-1).detach()
    for d in (0, 20):
        counts = torch.bincount(split.train[:, d], minlength=LEVELS) + 0.5
        torch.testing.assert_close(p[0, d], counts / counts.sum(), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(p[0, d], p[1, d])


@pytest.mark.usefixtures("float32")
def test_walks_and_strengths_are_those_of_their_lines():
    """Kills: one setting under two names."""
    assert [entry.fit.keywords["walk"] for entry in gsn.ENTRIES] == [1, 3]
    for entry in ppgn.ENTRIES:
        model = entry.fit(load_split(), seeded(0), True)
        assert entry.family == f"PPGN, condition × {model.strength:.0f}"
