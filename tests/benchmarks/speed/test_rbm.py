"""The race against scikit-learn's machine."""

import json

import numpy as np
import pytest
import torch

from benchmarks.speed import rbm as rbm_speed
from coursepkg.data.digits import binarise, load_split
from tests.benchmarks.invoke import invoke


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
