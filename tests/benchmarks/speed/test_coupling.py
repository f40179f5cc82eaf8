"""The race of coupling flows: all are densities of as many couplings, and the ratios are ratios."""

import json

import pytest
import torch

from benchmarks.speed import coupling
from coursepkg.rng import global_state_from, seeded
from tests.benchmarks.invoke import invoke

BOX = torch.cartesian_prod(torch.linspace(-9, 9, 181), torch.linspace(-9, 9, 181))

NEEDS_NORMFLOWS = pytest.mark.skipif(coupling.normflows is None, reason="it is optional")


@NEEDS_NORMFLOWS
@pytest.mark.parametrize("make", [coupling.flow_of, coupling.normflows_of])
def test_what_is_timed_is_a_density(make):
    """Kills: a log-determinant left out of the race; one coupling for eight."""
    with global_state_from(seeded(0)):
        flow = make(2)
    with torch.no_grad():
        mass = flow.log_prob(BOX).double().exp().sum().item() * 0.1**2
        shift = (flow.log_prob(BOX) + BOX.square().sum(1) / 2).std()
    assert mass == pytest.approx(1, abs=0.01)
    assert shift > 0.01, "vacuous: the standard normal law"
    hidden = [p for p in flow.parameters() if p.shape == (128, 128)]
    assert len(hidden) == coupling.COUPLINGS


@NEEDS_NORMFLOWS
def test_ratios_are_of_the_peers_to_ours(tmp_path, monkeypatch):
    """Kills: a ratio the other way round, peers confused, a slow round that counts."""
    seconds = iter([9.0, 9.0, 5.0, *8 * [2.0, 3.0, 6.0]])
    monkeypatch.setattr(coupling, "fastest", lambda work, **_: (work(), next(seconds))[1])
    done = invoke(coupling.main, "16", "--dim", "4", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "coupling_speed.json").read_text())["rows"]
    assert row == {"batch": 16, "dim": 4, "ours": 2.0, "zuko": 1.5, "normflows": 2.5}


def test_without_normflows_the_command_says_how_to_get_it(tmp_path, monkeypatch):
    """Kills: a traceback, or results without the peer."""
    monkeypatch.setattr(coupling, "normflows", None)
    with pytest.raises(SystemExit, match=r"normflows is not installed: pip install .*bench"):
        coupling.main([16], dim=4, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
