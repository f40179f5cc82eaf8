"""Counts by hand, and the shares of draws of the ring against its own law."""

import math

import pytest
import torch

from coursepkg import rng
from coursepkg.data import eight_gaussians
from coursepkg.evaluation.samples import mode_shares, modes_covered
from tests.statistics import assert_probs

MEANS = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]])


def test_shares_by_hand():
    """Of ten samples. Kills: a sample counted twice, a share of those that hit, < for <=."""
    samples = torch.tensor([[0.0, 2.0], [1.0, 0.0], [2.0, 0.0], [3.0, 2.0], [9.0, 9.0]]).repeat(
        2, 1
    )
    assert mode_shares(samples, MEANS, radius=2.0).tolist() == pytest.approx([0.4, 0.4, 0.0])
    radii = torch.tensor([0.5, 2.0, 10.0])
    assert mode_shares(samples, MEANS, radius=radii).tolist() == pytest.approx([0.0, 0.4, 0.2])
    assert modes_covered(samples, MEANS, radius=2.0) == 2
    assert modes_covered(samples, MEANS, radius=2.0, least=0.4) == 2
    assert modes_covered(samples, MEANS, radius=2.0, least=0.41) == 0


def test_draws_of_the_ring_reach_each_mode_as_often():
    """1 - exp(-9/2) of a round law lies within 3 σ. Kills: a radius that is squared, or a half."""
    law = eight_gaussians()
    x = law.sample(20_000, generator=rng.seeded(1))
    shares = mode_shares(x, law.means, radius=3 * law.scales)
    # hills nearly touch: of what is beyond 3 σ of one, a little is within 3 σ of a neighbour
    p = (1 - math.exp(-4.5)) / 8
    assert (shares - p).abs().max() < 6 * math.sqrt(p / 20_000) + 0.001
    assert modes_covered(x, law.means, radius=1.5) == 8
    nearest = torch.cdist(x, law.means).argmin(1)
    assert_probs(nearest, torch.full((8,), 1 / 8), detects=0.1)
    assert modes_covered(x[nearest < 3], law.means, radius=1.5) == 3


def test_bad_input_is_refused():
    x = torch.zeros(4, 2)
    for radius in (0.0, -1.0, math.nan, torch.ones(2)):
        with pytest.raises(ValueError, match="radius: expected one or 3 numbers > 0"):
            mode_shares(x, MEANS, radius=radius)
    with pytest.raises(ValueError, match=r"means: expected shape \(B, 1\)"):
        mode_shares(torch.zeros(4, 1), MEANS, radius=1.0)
    for least in (0.0, 1.1):
        with pytest.raises(ValueError, match="least: expected 0 < least <= 1"):
            modes_covered(x, MEANS, radius=1.0, least=least)


@pytest.mark.parametrize("scale", [1e-25, 1e-20, 1e20, 1e25])
def test_modes_in_other_units(scale):
    """Kills: distances of float32 that are all infinite, or all 0."""
    x = torch.randn(20, 2, generator=rng.seeded(1))
    expected = mode_shares(x, MEANS, radius=1.0)
    found = mode_shares((scale * x).float(), (scale * MEANS).float(), radius=scale)
    torch.testing.assert_close(found, expected)
