"""The board of the binarised digits."""

import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks.leaderboard import __main__ as leaderboard
from benchmarks.leaderboard import scoring
from benchmarks.leaderboard.board import BINARISED, DIGITS, Entry, learned, learned_inside
from benchmarks.leaderboard.entries import rbm as entries
from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.enumeration import Normalised
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded
from coursepkg.samplers.weighting import Estimate
from tests.benchmarks.invoke import invoke


@pytest.fixture
def short_path(monkeypatch):
    monkeypatch.setattr(entries, "TEMPERATURES", 300)
    monkeypatch.setattr(entries, "CHAINS", 200)


@pytest.mark.slow
@pytest.mark.usefixtures("float32", "short_path")
def test_quick_board_marks_what_is_exact_and_what_is_estimated(tmp_path):
    result = invoke(leaderboard.main, "--only", "rbm", "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "zeros and ones" in result.output
    rows = json.loads((tmp_path / "leaderboard-rbm.json").read_text())["rows"]
    assert [row["family"] for row in rows] == [e.family for e in entries.ENTRIES]
    assert [row["sign"] for row in rows] == ["="] * 4 + ["≈"]
    assert [row["error_draws"] > 0 for row in rows] == [False] * 4 + [True]
    assert rows[3]["parameters"] == 64 * 5 + 64 + 5
    assert rows[4]["parameters"] == 64 * 50 + 64 + 50


def test_a_board_has_zeros_and_ones_or_levels():
    """Kills: the grey levels given to a machine of zeros and ones; one binarised part of three."""
    assert all(map(torch.equal, DIGITS.load(), load_split()))
    assert all(map(torch.equal, BINARISED.load(), map(binarise, load_split())))


def test_a_free_energy_is_scored_with_the_estimate_of_its_entry():
    """Kills: log Z subtracted, its error lost, an estimate of another model."""
    split = Split(*map(binarise, load_split()))
    rbm = RBM(64, 3, generator=seeded(0), scale=0.5)
    given = []

    def log_z(model, parts, generator):
        given.append((model, parts))
        return Estimate(10.0, 0.25)

    (row,) = scoring.run([Entry("x", lambda *_: rbm, log_z=log_z)], split, quick=True)
    assert given == [(rbm, split)]
    assert row["sign"] == "≈"
    assert row["nats"] == pytest.approx(rbm.free_energy(split.test).mean().item() + 10)
    assert row["error_draws"] == pytest.approx(0.25)


@pytest.mark.slow
def test_the_estimate_of_log_z_is_right(short_path):
    """Within five of its standard errors of the sum over states.

    Kills: a path that starts elsewhere, too few temperatures, a standard error of something else.
    """
    split = Split(*map(binarise, load_split()))
    rbm = entries._machine(split, 10, 20, step_size=0.2, generator=seeded(0))
    estimate = entries.log_z(rbm, split, seeded(1))
    truth = rbm.log_z().item()
    assert 0 < estimate.error < 0.05
    assert estimate.value == pytest.approx(truth, abs=5 * estimate.error)


def test_independent_pixels_are_their_shares():
    split = Split(*map(binarise, load_split()))
    model = entries.independent(split, seeded(0), False)
    p = (split.train.sum(0) + 0.5) / 1001
    expected = torch.where(split.valid == 1, p, 1 - p).log().sum(1)
    torch.testing.assert_close(model.log_prob(split.valid).detach(), expected)


def test_what_was_learned_is_counted():
    """Kills: log Z counted as learned, zeros below the diagonal too."""
    rbm = RBM(6, 3, generator=seeded(0))
    twice = SimpleNamespace(model=Normalised(rbm))
    assert learned_inside(twice) == learned_inside(Normalised(rbm)) == 18 + 6 + 3
    assert learned_inside(rbm) == learned(rbm) == 18 + 6 + 3
    assert learned(LogisticAutoregression(dim=4)) == 4
    trees = TreeAutoregression(dim=2, trees=1, generator=seeded(0))
    trees.fit(torch.tensor([[1.0, 1.0], [1.0, 0.0]]))  # two stumps of one leaf: nothing to split on
    assert learned(trees) == 2
    assert learned(object()) == 0
