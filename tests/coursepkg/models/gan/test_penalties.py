"""Slopes against central differences and a closed form; prices by hand; where they are measured."""

import math

import pytest
import torch
from torch import nn

from coursepkg import rng
from coursepkg.models.gan import R1Penalty, R2Penalty, UnitSlope, squared_slopes
from coursepkg.nets import MLP
from tests.statistics import assert_cdf


class Quadratic(nn.Module):
    """D(x) = a ‖x‖² / 2, whose slope is a x."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        return self.a * x.flatten(1).square().sum(1) / 2


def test_slopes_of_a_quadratic_and_their_gradient():
    """‖a x‖² and 2 a ‖x‖². Kills: no graph to the critic, a sum over the batch, the root."""
    critic, x = Quadratic(), torch.randn(5, 2, 3, generator=rng.seeded(1))
    found = squared_slopes(critic, x)
    size = x.flatten(1).square().sum(1)
    torch.testing.assert_close(found.detach(), 9 * size)
    (slope,) = torch.autograd.grad(found.sum(), critic.a)
    torch.testing.assert_close(slope, 6 * size.sum())


def test_slopes_of_a_network_are_central_differences():
    """Without a graph of the caller's, too. Kills: a gradient that no_grad switches off."""
    critic, x = MLP([3, 8, 1], generator=rng.seeded(2)), torch.randn(4, 3, generator=rng.seeded(3))
    step, expected = 1e-5, torch.zeros(4)
    before = x.clone()
    with torch.no_grad():
        for move in step * torch.eye(3):
            expected += ((critic(x + move) - critic(x - move))[:, 0] / (2 * step)) ** 2
        found = squared_slopes(lambda u: critic(u)[:, 0], x)
    torch.testing.assert_close(found.detach(), expected, rtol=1e-6, atol=1e-9)
    assert torch.equal(x, before)
    assert not x.requires_grad


@pytest.mark.equation("slope-penalties")
def test_prices_by_hand():
    """Kills: the half, the root, 1 that is not subtracted, a slope of 0 whose root is NaN."""
    squares = torch.tensor([0.0, 1.0, 4.0], requires_grad=True)
    torch.testing.assert_close(R1Penalty(3.0).price(squares), torch.tensor([0.0, 1.5, 6.0]))
    torch.testing.assert_close(R2Penalty(1.0).price(squares), torch.tensor([0.0, 0.5, 2.0]))
    unit = UnitSlope().price(squares)
    torch.testing.assert_close(unit, torch.tensor([10.0, 0.0, 10.0]))
    (slope,) = torch.autograd.grad(unit.sum(), squares)
    assert slope.isfinite().all()


@pytest.mark.equation("slope-penalties")
def test_where_each_penalty_looks(generator):
    """Kills: R1 at the samples, R2 at the data, places between other pairs, one u for all."""
    real = torch.randn(20_000, 2, 1, generator=generator)
    fake = real + 1 + torch.rand(20_000, 2, 1, generator=generator)
    assert torch.equal(R1Penalty(1.0).points(real, fake, generator=generator), real)
    assert torch.equal(R2Penalty(1.0).points(real, fake, generator=generator), fake)
    between = UnitSlope().points(real, fake, generator=generator)
    share = ((between - real) / (fake - real)).flatten(1)
    torch.testing.assert_close(share[:, 0], share[:, 1])
    assert_cdf(share[:, 0], lambda u: u.clamp(0, 1), detects=0.05)


@pytest.mark.parametrize("penalty", [R1Penalty, R2Penalty, UnitSlope])
@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan])
def test_impossible_weights_are_refused(penalty, weight):
    with pytest.raises(ValueError, match="weight: expected a finite number > 0"):
        penalty(weight)
