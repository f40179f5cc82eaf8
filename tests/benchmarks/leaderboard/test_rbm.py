"""The board of the binarised digits, and the race against scikit-learn."""

import json

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import leaderboard, rbm_speed
from benchmarks.entries import rbm as entries
from benchmarks.entry import Entry
from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.enumeration import Normalised
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.rbm.binary import RBM
from coursepkg.rng import seeded
from coursepkg.samplers.weighting import Estimate


def invoke(function, *arguments):
    app = typer.Typer()
    app.command()(function)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def float32():
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(torch.float64)


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


def test_binary_families_get_zeros_and_ones_and_the_others_levels(monkeypatch):
    """Kills: the grey levels given to a machine of zeros and ones; one binarised part of three."""
    seen = {}

    def entry(name):
        def fit(split, generator, quick):
            seen[name] = split
            return LogisticAutoregression(dim=64)

        return Entry(name, fit)

    monkeypatch.setitem(leaderboard.FAMILIES, "ones", (entry("ones"),))
    monkeypatch.setattr(leaderboard, "BINARY", {"ones"})
    assert invoke(leaderboard.main, "--quick", "--only", "ones").exit_code == 0
    for part, levels in zip(seen["ones"], load_split(), strict=True):
        assert torch.equal(part, binarise(levels))
    monkeypatch.setitem(leaderboard.FAMILIES, "levels", (entry("levels"),))
    invoke(leaderboard.main, "--quick", "--only", "levels")
    assert all(map(torch.equal, seen["levels"], load_split()))


def test_a_free_energy_is_scored_with_the_estimate_of_its_entry():
    """Kills: log Z subtracted, its error lost, an estimate of another model."""
    split = Split(*map(binarise, load_split()))
    rbm = RBM(64, 3, generator=seeded(0), scale=0.5)
    given = []

    def log_z(model, parts, generator):
        given.append((model, parts))
        return Estimate(10.0, 0.25)

    row = leaderboard.run(Entry("x", lambda *_: rbm, log_z=log_z), split, quick=True)
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
    assert leaderboard.count(Normalised(rbm)) == leaderboard.count(rbm) == 18 + 6 + 3
    assert leaderboard.count(LogisticAutoregression(dim=4)) == 4
    trees = TreeAutoregression(dim=2, trees=1, generator=seeded(0))
    trees.fit(torch.tensor([[1.0, 1.0], [1.0, 0.0]]))  # two stumps of one leaf: nothing to split on
    assert leaderboard.count(trees) == 2


def test_the_translated_machine_is_the_peers():
    """scikit-learn's own free energy. Kills: W transposed, the biases exchanged."""
    x = binarise(load_split().train)[:200]
    peer = rbm_speed._peer(5, epochs=3).fit(x.numpy())
    rbm = rbm_speed.translated(peer)
    theirs = torch.from_numpy(np.asarray(peer._free_energy(x.numpy()), dtype=float))
    torch.testing.assert_close(rbm.free_energy(x).detach(), theirs)


@pytest.mark.slow
def test_speed_and_scores_are_written(tmp_path):
    result = invoke(rbm_speed.main, 3, "--epochs", 20, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    epoch, score = json.loads((tmp_path / "rbm_speed.json").read_text())["rows"]
    assert epoch["hidden"] == 3
    for ours, ratio in (("ours", "ratio"), ("centred", "centred_ratio")):
        assert epoch[ratio] == pytest.approx(epoch[ours] / epoch["theirs"])
        assert epoch[ours] > 0
    assert 15 < score["exact"] < 30


def test_score_samples_is_a_pseudo_likelihood():
    """Its mean over draws is Σ_i log p(x_i | all others), of which it draws one term at a time.

    Kills: one draw reused a hundred times, a sign, the exact value of another machine.
    """
    split = load_split()
    x, test = binarise(split.train).float(), binarise(split.test).float()
    row = rbm_speed.scores(x, test, epochs=2)
    rbm = rbm_speed.translated(rbm_speed._peer(rbm_speed.SCORED, epochs=2).fit(x.numpy()))
    v, total = test.double(), 0.0
    for i in range(64):
        flipped = v.clone()
        flipped[:, i] = 1 - v[:, i]
        gain = rbm.free_energy(flipped) - rbm.free_energy(v)
        total -= torch.nn.functional.logsigmoid(gain).mean().item()
    assert 0 < row["pseudo_error"] < 0.5
    assert row["pseudo"] == pytest.approx(total, abs=5 * row["pseudo_error"])
    exact = (rbm.free_energy(v).mean() + rbm.log_z()).item()
    assert row["exact"] == pytest.approx(exact, abs=1e-3)
