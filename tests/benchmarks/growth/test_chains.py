"""The chain whose steps the table counts is the one of the right denoiser."""

import pytest
import torch

from benchmarks.growth.tables import chains
from coursepkg.enumeration import table_states
from coursepkg.models.chains import Redraw, corruption_table, right_denoiser
from coursepkg.rng import seeded
from coursepkg.samplers import stationary
from tests.statistics import assert_probs

D = 4


def two_hills(x):
    heads, n = x.sum(1), x.shape[1]
    return sum(r**heads * (1 - r) ** (n - heads) / 2 for r in (0.75, 0.25))


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_the_denoiser_is_the_posterior(share):
    """Enumeration and Bayes. Kills: hills by x̃'s own rate, the coin's kept chance for s."""
    x = table_states([2] * D)
    p, C = two_hills(x), corruption_table(Redraw(share, levels=2), x, x)
    assert p.sum().item() == pytest.approx(1)
    made, n = chains.TwoHills(D, share), 40_000
    for i in (0, 1, 5, 15):
        drawn = made.sample(n, condition=x[i].expand(n, D), generator=seeded(i))
        cell = (drawn[:, None] == x).all(-1).int().argmax(1)
        assert_probs(cell, right_denoiser(p, C)[i], detects=0.12)


def test_steps_are_counted_by_the_autocorrelation_of_the_hill(monkeypatch):
    """Against the matrix: 1 + 2 Σ of the correlations under the stationary law.

    Kills: seconds for steps, the mean of x for the hill, one chain only.
    """
    monkeypatch.setattr(chains, "STEPS", 1000)
    x = table_states([2] * 3)
    p, C = two_hills(x), corruption_table(Redraw(0.3, levels=2), x, x)
    T = C @ right_denoiser(p, C)
    torch.testing.assert_close(stationary(T), p)
    side = (2 * x - 1).sum(1).sign().to(p)
    rho, power = [], torch.eye(8).to(p)
    for _ in range(400):
        rho.append((p * side * (power @ side)).sum().item())
        power = power @ T
    row = chains.cost(0.3, 3)
    assert row["steps"] == pytest.approx(2 * sum(rho) - 1, rel=0.05)
    assert row["seconds"] > 0
    assert row["moves"] > 1000
