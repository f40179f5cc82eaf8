"""The exact flow towards a list of points, against lines that were drawn."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.few_steps import EulerAverage, Jumps, TowardsPoints
from coursepkg.models.flows import Continuous
from coursepkg.rng import seeded

POINTS = torch.tensor([[1.0, 0.0], [-1.0, 2.0], [3.0, 1.0]])


@pytest.mark.equation("finite-guess")
@pytest.mark.parametrize("t", [0.0, 0.3, 0.7])
def test_the_velocity_is_a_mean_over_lines(t):
    """Bayes' rule by a loop over the points. Kills: t y and y, one square of 1 - t."""
    x, field = torch.tensor([[0.2, 0.4], [1.5, -0.3]]), TowardsPoints(POINTS)
    for place, found in zip(x, field(x, torch.full((2,), t)), strict=True):
        noise = [(place - t * y) / (1 - t) for y in POINTS]  # where each line began
        weight = torch.stack([(-(x_0**2).sum() / 2).exp() for x_0 in noise])
        lines = torch.stack([y - x_0 for y, x_0 in zip(POINTS, noise, strict=True)])
        assert_close(found, (weight[:, None] * lines).sum(0) / weight.sum())
    assert field(x, torch.full((2,), t)).std() > 0.1


@pytest.mark.equation("finite-guess")
def test_the_regression_finds_it():
    """Least squares on drawn lines near a place. Kills: the velocity times 1 - t."""
    g = seeded(0)
    x_1 = POINTS[torch.randint(3, (400_000,), generator=g)]
    x_0 = torch.randn(400_000, 2, generator=g)
    x_t, place = 0.5 * x_0 + 0.5 * x_1, torch.tensor([0.5, 0.5])
    near = (x_t - place).norm(dim=1) < 0.05
    mean = (x_1 - x_0)[near].mean(0)
    found = TowardsPoints(POINTS)(place[None], torch.tensor([0.5]))[0]
    error = (x_1 - x_0)[near].std(0) / near.sum().sqrt()
    assert ((mean - found).abs() < 5.5 * error + 0.05).all()
    assert near.sum() > 500


@pytest.mark.equation("one-euler-step")
def test_one_step_ends_at_the_mean_and_many_at_the_points():
    """Kills: other weights at the start, a path that stays between the points."""
    x_0, field = torch.randn(50, 2, generator=seeded(0)), TowardsPoints(POINTS)
    one = Jumps(EulerAverage(field), dim=2, steps=1).decode(x_0)
    assert_close(one, POINTS.mean(0).expand(50, 2))
    many = Jumps(EulerAverage(field), dim=2, steps=400).decode(x_0)
    assert torch.cdist(many, POINTS).min(1).values.max() < 0.01
    assert len(torch.cdist(many, POINTS).argmin(1).unique()) == 3
    path = Continuous(field, dim=2, steps=1)
    assert torch.isfinite(path.velocity(0.99, x_0)).all()


def test_times_and_points_are_checked():
    with pytest.raises(ValueError, match="t: expected times below 1, got 1: there x is data"):
        TowardsPoints(POINTS)(POINTS, torch.tensor([0.0, 1.0, 0.5]))
    with pytest.raises(ValueError, match=r"points: expected shape \(B, D\), got \(5,\)"):
        TowardsPoints(torch.ones(5))
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 2\), got \(3, 1\)"):
        TowardsPoints(POINTS).guess(torch.ones(3, 1), torch.zeros(3))
    with pytest.raises(TypeError, match="points: expected a floating-point tensor"):
        TowardsPoints(torch.ones(3, 2, dtype=torch.int64))


def test_points_are_copied():
    points = POINTS.clone()
    field = TowardsPoints(points)
    points.zero_()
    assert torch.equal(field.points, POINTS)
