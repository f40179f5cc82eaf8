"""The line of diffusion: where its network starts, and what its training leaves out."""

import pytest
import torch

from benchmarks.leaderboard.entries.arm import independent
from benchmarks.leaderboard.entries.diffusion import LevelNet, continuous, given, stepwise
from coursepkg.data.digits import load_split
from coursepkg.evaluation import nats
from coursepkg.rng import seeded


def untrained() -> LevelNet:
    return LevelNet(load_split(), hidden=4, dropout=0.0, generator=seeded(0))


def test_untrained_it_is_the_independent_model(float32):
    """P(a right one fails) <= 6e-7.   Kills: another start, channels mixed with pixels."""
    x = load_split().test[:60]
    exact = nats(independent(load_split(), seeded(0), False), x).value
    bound = nats(given(untrained(), continuous), x, generator=seeded(1), draws=4)
    assert bound.value == pytest.approx(exact, abs=5 * bound.error_draws + 0.05)
    assert bound.error_draws < 1


def test_the_ends_move_no_weight(float32):
    """So that the integral may be trained alone.   Kills: a clearest level that is not clear."""
    net = untrained()
    with torch.no_grad():
        for weights, g in zip(net.parameters(), map(seeded, range(99)), strict=False):
            weights.add_(0.3 * torch.randn(weights.shape, generator=g))
    model, x = continuous(net), load_split().train[:20]
    model.ends(x, generator=seeded(2)).mean().backward()
    assert max(w.grad.abs().max() for w in net.parameters() if w.grad is not None) < 1e-6
    model.integrand(x, torch.full((20,), 0.5), generator=seeded(2)).mean().backward()
    assert max(w.grad.abs().max() for w in net.parameters() if w.grad is not None) > 1e-3


def test_a_look_at_one_of_ten_steps_is_unbiased(float32, monkeypatch):
    """Of terms that are known: all of them once.   P(a right one fails) <= 6e-7.

    Kills: a last part of other size that counts for ten, a first step that is left out or drawn.
    """
    model, x = stepwise(untrained(), steps=24), load_split().test[:1].expand(20_000, -1)
    monkeypatch.setattr(model, "prior_kl", lambda x: torch.zeros(len(x)))
    monkeypatch.setattr(model, "term", lambda x, t, generator: t.float() + 1000 * (t == 1))
    found = -model.elbo(x, generator=seeded(0))
    error = found.std() / len(x) ** 0.5
    assert (found.mean() - (1000 + 24 * 25 / 2)).abs() < 5 * error
    assert found.min() > 1000
