"""Flow maps of normal data, in closed form: jumps, restarts, Euler's method."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.few_steps import EndAverage, EulerAverage, Jumps, Restarts, jump
from coursepkg.models.flows import Continuous, FlowMatching, rk4
from coursepkg.rng import seeded
from tests.coursepkg.models.few_steps.normal import (
    MEAN,
    SCALE,
    AverageVelocity,
    ToEnd,
    Velocity,
    data,
    place,
)
from tests.statistics import assert_cdf

X = torch.tensor([[0.3, -1.0], [-2.0, 0.5]])


def at(t, n=2):
    return torch.full((n,), t)


@pytest.mark.equation("average-velocity")
@pytest.mark.equation("flow-map")
@pytest.mark.parametrize(("t", "r"), [(0.0, 1.0), (0.2, 0.7), (0.5, 1.0), (0.9, 0.1)])
def test_a_jump_goes_where_the_solver_goes(t, r):
    """Against Runge–Kutta and a mean over the path. Kills: r - t turned round, t for r."""
    velocity = Continuous(Velocity(), dim=2, steps=1).velocity
    found = jump(AverageVelocity(), X, at(t), at(r))
    assert_close(found, rk4(velocity, X, start=t, end=r, steps=200), atol=1e-8, rtol=0)
    times = t + (r - t) * (torch.arange(2000) + 0.5) / 2000
    path = [Velocity()(place(X, at(t), s.expand(2)), s.expand(2)) for s in times]
    assert_close(AverageVelocity()(X, at(t), at(r)), torch.stack(path).mean(0), atol=1e-6, rtol=0)


@pytest.mark.equation("flow-map")
def test_two_jumps_are_one():
    half = jump(AverageVelocity(), X, at(0.1), at(0.6))
    there = jump(AverageVelocity(), half, at(0.6), at(0.9))
    assert_close(there, jump(AverageVelocity(), X, at(0.1), at(0.9)))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_jumps_of_the_right_map_are_exact_in_any_number(steps):
    """Kills: a step left out, times from 1 to 0."""
    found = Jumps(AverageVelocity(), dim=2, steps=steps).decode(X)
    assert_close(found, MEAN + SCALE * X)
    x = Jumps(AverageVelocity(), dim=2, steps=steps).sample(20_000, generator=seeded(0))
    assert not x.requires_grad
    for d in range(2):
        assert_cdf(x[:, d], Normal(MEAN[d], SCALE[d]).cdf, detects=0.06)


@pytest.mark.equation("one-euler-step")
def test_one_euler_step_lands_on_the_mean():
    """Whatever the noise. Kills: the velocity at the end of the step."""
    found = Jumps(EulerAverage(Velocity()), dim=2, steps=1).decode(X)
    assert_close(found, MEAN.expand(2, 2))


@pytest.mark.equation("euler-normal")
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 64])
def test_eulers_spread_is_a_product(steps):
    """The linear map by hand. Kills: the time of the end of each step."""
    a = torch.ones(2)
    for n in range(steps):
        t = n / steps
        v = (1 - t) ** 2 + t**2 * SCALE**2
        a = a * (1 + (t * SCALE**2 - (1 - t)) / v / steps)
    found = Jumps(EulerAverage(Velocity()), dim=2, steps=steps).decode(X)
    assert_close(found, MEAN + a * X)
    assert 0.5 / steps < (a - SCALE).abs().max() < 3 / steps, "an error of order h"


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_restarts_of_the_right_map_keep_the_law(steps):
    """And forget the noise they began with. Kills: (1 - t) and t swapped, the old noise again."""
    model = Restarts(EndAverage(ToEnd()), dim=2, steps=steps)
    x = model.sample(20_000, generator=seeded(0))
    for d in range(2):
        assert_cdf(x[:, d], Normal(MEAN[d], SCALE[d]).cdf, detects=0.06)
    first = model.base.sample(20_000, generator=seeded(0))
    correlation = torch.corrcoef(torch.stack([x[:, 0], first[:, 0]]))[0, 1]
    remembered = 1.0
    for step in range(1, steps):  # Cov(x̂, what it was) shrinks in each restart
        t = torch.tensor(step / steps)
        remembered *= (t * SCALE[0] / ((1 - t) ** 2 + t**2 * SCALE[0] ** 2).sqrt()).item()
    assert correlation.item() == pytest.approx(remembered, abs=0.05)
    assert torch.equal(x, model.sample(20_000, generator=seeded(0)))


def test_pairs_of_a_flow_need_one_step():
    """What rectified flow leaves for normal data is straight: Euler's one step is exact."""

    class Straight(nn.Module):
        def forward(self, x, t):
            start = (x - t[:, None] * MEAN) / (1 - t[:, None] + t[:, None] * SCALE)
            return MEAN + (SCALE - 1) * start

    pairs = FlowMatching(Velocity(), dim=2, steps=60).pairs(50, generator=seeded(0))
    found = Jumps(EulerAverage(Straight()), dim=2, steps=1).decode(pairs[:, 0])
    assert_close(found, pairs[:, 1], atol=1e-5, rtol=0)


def test_bad_input_is_refused():
    for make in (Jumps, Restarts):
        with pytest.raises(ValueError, match="steps: expected a finite number > 0, got 0"):
            make(AverageVelocity(), dim=2, steps=0)
        with pytest.raises(ValueError, match="dim: expected a finite number > 0, got 0"):
            make(AverageVelocity(), dim=0, steps=1)
    with pytest.raises(ValueError, match=r"r: expected 1, the only end that it knows, got 0\.5"):
        Jumps(EndAverage(ToEnd()), dim=2, steps=2).decode(data(3))
    with pytest.raises(ValueError, match=r"average: expected shape \(2, 2\) as x, got \(2, 1\)"):
        jump(lambda x, t, r: x[:, :1], X, at(0.0), at(1.0))
    for t, r in ((at(0.0)[:, None], at(1.0)), (at(0.0), at(1.0, 1)), (torch.tensor(0.0), at(1.0))):
        with pytest.raises(
            ValueError, match=r"times: expected shape \(2,\), one for each row of x"
        ):
            jump(AverageVelocity(), X, t, r)
    for x in (torch.zeros(4), torch.zeros(4, 7)):
        with pytest.raises(ValueError, match=r"x: expected shape \(B, 2\)"):
            Jumps(EulerAverage(lambda x, t: x), dim=2, steps=2).decode(x)
    with pytest.raises(ValueError, match="finite"):
        Jumps(AverageVelocity(), dim=2, steps=1).decode(torch.full((1, 2), torch.nan))
