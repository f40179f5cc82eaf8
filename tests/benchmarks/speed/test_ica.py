"""The race of ICA: both ends have the same likelihood, and the ratio is of the peer to us."""

import json

import pytest
import torch

from benchmarks.speed import ica as ica_speed
from coursepkg.data.patches import whiten
from coursepkg.models.autoencoders.ica import amari_distance
from coursepkg.models.autoencoders.priors import Sech
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def white(n: int = 3000) -> torch.Tensor:
    return whiten(
        Sech().sample(n, 4, generator=seeded(0)) @ torch.randn(4, 4, generator=seeded(1))
    ).z


def test_the_peers_matrix_gets_the_best_lengths_and_keeps_its_directions():
    """Kills: rows of FastICA taken as they are, whose likelihood nobody chose."""
    z = white()
    _, model = ica_speed.theirs(z)
    s = model.sources(z)
    torch.testing.assert_close((model.prior.score(s) * s).mean(0), -torch.ones(4))
    directions = model.W / model.W.norm(dim=1, keepdim=True)
    torch.testing.assert_close(directions @ directions.T, torch.eye(4), atol=1e-6, rtol=0)
    best = ica_speed.mean_log_prob(model, z)
    for factor in (0.95, 1.05):
        model.W *= factor
        assert ica_speed.mean_log_prob(model, z) < best
        model.W /= factor


def test_we_stop_at_the_level_and_not_before():
    """Kills: a race to another likelihood; one that counts what is not there."""
    z = white()
    _, peer = ica_speed.theirs(z)
    level = ica_speed.mean_log_prob(peer, z)
    seconds, model = ica_speed.ours(z, level=level - 0.001, epochs=40)
    assert ica_speed.mean_log_prob(model, z) >= level - 0.001
    assert seconds > 0
    assert amari_distance(model.W, torch.linalg.inv(peer.W)) < 0.05
    with pytest.raises(RuntimeError, match="level: expected"):
        ica_speed.ours(z, level=level + 1, epochs=2)


def test_the_ratio_is_of_the_peer_to_us(tmp_path, monkeypatch):
    """Kills: a ratio the other way round, the slowest run for the fastest."""
    model = ica_speed.empty(torch.zeros(9, 3, dtype=torch.float32))
    theirs = iter([6.0, 5.0, 7.0])
    ours = iter([3.0, 2.0, 4.0])
    monkeypatch.setattr(ica_speed, "theirs", lambda z: (next(theirs), model))
    monkeypatch.setattr(ica_speed, "ours", lambda z, **_: (next(ours), model))
    done = invoke(ica_speed.main, 3, "--patches", 200, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "ica_speed.json").read_text())["rows"]
    assert (row["theirs"], row["ours"], row["ratio"]) == (5.0, 2.0, 2.5)
    assert (row["components"], row["patches"]) == (3, 200)
    assert row["their_level"] == row["our_level"]
