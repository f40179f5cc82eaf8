"""Flow matching: fields known in closed form, the continuity equation, straightness."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.flows import (
    Continuous,
    FlowMatching,
    Reflow,
    matching_loss,
    straightness,
)
from coursepkg.rng import seeded
from tests.statistics import assert_cdf, assert_mean

MEAN, SCALE = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.5])


class Known(nn.Module):
    """The field for data N(m, s²), whose x_t ~ N(t m, (1 - t)² + t² s²) has the variance below."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(MEAN.clone())

    def forward(self, x, t):
        t = t[:, None]
        variance = (1 - t) ** 2 + t**2 * SCALE**2
        return self.mean + (t * SCALE**2 - (1 - t)) / variance * (x - t * self.mean)


def towards_normal(s):
    """The field on the line for data N(0, s²)."""

    def field(x, t):
        t = t[:, None]
        return (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2) * x

    return field


PLACES, BLUR = torch.tensor([-2.0, 1.0]), 0.4


class TwoPlaces(nn.Module):
    """The field on the line for data that are N(±, 0.4²) around two places."""

    def forward(self, x, t):
        t = t[:, None]
        variance, away = (1 - t) ** 2 + t**2 * BLUR**2, x - t * PLACES
        share = (-(away**2) / (2 * variance)).softmax(1)
        towards = PLACES + (t * BLUR**2 - (1 - t)) / variance * away
        return (share * towards).sum(1, keepdim=True)


def at_two_places(n, seed=4):
    """Data of `TwoPlaces`, (n, 1)."""
    which = torch.randint(2, (n, 1), generator=seeded(seed))
    return PLACES[which] + BLUR * torch.randn(n, 1, generator=seeded(seed + 1))


def two_places_density(x, t):
    """Of x_t, for data at two places: (B, 1) -> (B,)."""
    t = t[:, None]
    scale = ((1 - t) ** 2 + t**2 * BLUR**2).sqrt()
    return Normal(t * PLACES, scale).log_prob(x).exp().mean(1)


class Constant(nn.Module):
    def forward(self, x, t):
        return torch.ones_like(x) * torch.tensor([2.0, -1.0])


def data(n: int) -> torch.Tensor:
    return MEAN + SCALE * torch.randn(n, 2, generator=seeded(5))


def test_the_known_field_makes_the_law_of_the_data():
    """log p against the normal's, exact and estimated; draws. Kills: time that runs backwards."""
    model, law = FlowMatching(Known(), dim=2, steps=60), Normal(MEAN, SCALE)
    x = data(4)
    exact = law.log_prob(x).sum(1)
    found = model.log_prob_estimate(x, generator=seeded(0)).detach()
    assert_close(found, exact, atol=1e-4, rtol=0)  # of a diagonal field signs make no noise
    with torch.no_grad():
        drawn = model.sample(20_000, generator=seeded(1))
    assert_cdf(drawn[:, 0], Normal(1.0, 0.5).cdf, detects=0.06)
    assert_cdf(drawn[:, 1], Normal(-2.0, 1.5).cdf, detects=0.06)


def normal_density(x, t):
    """Of x_t, for data N(m, s²): (B, 2) -> (B,)."""
    variance = (1 - t[:, None]) ** 2 + t[:, None] ** 2 * SCALE**2
    return Normal(t[:, None] * MEAN, variance.sqrt()).log_prob(x).sum(1).exp()


@pytest.mark.equation("continuity")
@pytest.mark.parametrize(
    ("density", "field", "x"),
    [(normal_density, Known(), [[0.3, -0.4]]), (normal_density, Known(), [[1.5, 1.0]]),
     (two_places_density, TwoPlaces(), [[0.2]]), (two_places_density, TwoPlaces(), [[-1.0]])],
)  # fmt: skip
def test_the_mean_velocity_obeys_the_continuity_equation(density, field, x):
    """∂p/∂t + div(p v) = 0 for x_t, by autograd, on the line and in the plane.

    Kills: a field that is not the mean velocity.
    """
    x = torch.tensor(x)
    for t in (torch.tensor([0.2]), torch.tensor([0.6]), torch.tensor([0.9])):
        rate = torch.autograd.functional.jacobian(lambda s: density(x, s), t).flatten()
        flux = torch.autograd.functional.jacobian(
            lambda y, t=t: density(y, t)[:, None] * field(y, t), x
        )
        assert_close(rate, -flux[0, :, 0].trace().reshape(1))
        assert rate.abs() > 1e-6


@pytest.mark.equation("mean-velocity")
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_the_mean_velocity_is_the_mean_over_lines_through_a_place(t):
    """By quadrature over the data's end of the lines through x. Kills: x_0 - x_1."""
    x_1 = torch.linspace(-8, 8, 40_001)
    for x in (-1.0, 0.3, 2.0):
        x_0 = (x - t * x_1) / (1 - t)
        weight = Normal(PLACES, BLUR).log_prob(x_1[:, None]).exp().mean(1)
        weight = weight * Normal(0.0, 1.0).log_prob(x_0).exp()
        mean = (weight * (x_1 - x_0)).sum() / weight.sum()
        found = TwoPlaces()(torch.tensor([[x]]), torch.tensor([t]))
        assert_close(found.squeeze(), mean)


@pytest.mark.equation("mean-velocity")
def test_flow_matching_carries_noise_to_the_data_of_its_lines():
    """Draws and densities of the flow of that field. Kills: time that runs backwards."""
    model = FlowMatching(TwoPlaces(), dim=1, steps=80)
    x = torch.tensor([[-2.1], [-0.5], [1.3]])
    found = model.log_prob_estimate(x, generator=seeded(0)).detach()
    assert_close(found.exp(), two_places_density(x, torch.ones(1)), atol=1e-4, rtol=0)
    drawn = model.sample(20_000, generator=seeded(1))[:, 0]
    assert_cdf(drawn, lambda x: Normal(PLACES, BLUR).cdf(x[:, None]).mean(1), detects=0.06)


@pytest.mark.equation("flow-matching-loss")
@pytest.mark.parametrize("field", [Known(), TwoPlaces()])
def test_the_loss_is_the_distance_to_the_mean_velocity_and_a_rest(field):
    """Example by example the difference of two losses has this mean. Kills: a mean of variables."""
    squares = []

    def off(x, t):
        away = 0.3 * x.cos() * t[:, None] - 0.2
        squares.append(away.square().sum(1))
        return field(x, t) + away

    x_1 = data(100_000) if isinstance(field, Known) else at_two_places(100_000)
    x_0 = torch.randn(x_1.shape, generator=seeded(8))
    with torch.no_grad():
        loss, least = (
            matching_loss(v, x_0, x_1, generator=seeded(3)) for v in (off, field)
        )  # the same times
    assert_mean(loss - least - squares[0], 0.0, detects=0.04)
    assert least.mean() > 0.5, "the rest is not zero"


@pytest.mark.equation("normal-field")
@pytest.mark.parametrize("s", [0.3, 1.0, 2.0])
def test_the_field_of_normal_data_and_its_paths(s):
    """The path's derivative is the field, its end s x_0; the field is the regression's line.

    Kills: the sign of 1 - t, a variance without squares.
    """
    field, x_0 = towards_normal(s), torch.tensor([[-1.3], [0.4]])
    for t in (0.0, 0.3, 0.5, 1.0):
        x_t, velocity = torch.autograd.functional.jvp(
            lambda r: ((1 - r) ** 2 + r**2 * s**2).sqrt() * x_0, torch.tensor(t), torch.tensor(1.0)
        )
        assert_close(field(x_t, torch.full((2,), t)), velocity)
    end, log_det = Continuous(field, dim=1, steps=200).encode(s * x_0)
    assert_close(end, x_0, atol=1e-5, rtol=0)
    assert_close(log_det, torch.full((2,), -math.log(s)), atol=1e-5, rtol=0)
    noise, draws = torch.randn(2, 200_000, 1, generator=seeded(0))
    x_t, gone = 0.6 * noise + 0.4 * s * draws, s * draws - noise
    slope = (x_t * gone).mean() / x_t.square().mean()
    assert_close(field(torch.ones(1, 1), torch.tensor([0.4])).squeeze(), slope, atol=0.02, rtol=0)


@pytest.mark.equation("rectified-cost")
@pytest.mark.parametrize("field", [Known(), TwoPlaces()])
def test_pairs_of_a_flow_are_no_farther_apart_than_random_ones(field):
    """Three means, in order; the first gap is the straightness. Kills: pairs shuffled."""
    x_1 = data(20_000) if isinstance(field, Known) else at_two_places(20_000)
    x_0 = torch.randn(x_1.shape, generator=seeded(8))
    D = x_1.shape[1]
    model = FlowMatching(field, dim=D, steps=40)
    pairs = model.pairs(20_000, generator=seeded(0))
    t = ((torch.arange(20_000) + 0.5) / 20_000)[torch.randperm(20_000, generator=seeded(2))]
    x_t = (1 - t)[:, None] * x_0 + t[:, None] * x_1
    with torch.no_grad():
        middle = field(x_t, t).square().sum(1)
    ours = (pairs[:, 1] - pairs[:, 0]).square().sum(1)
    random = (x_1 - x_0).square().sum(1)
    means = [each.mean().item() for each in (ours, middle, random)]
    noise = [6 * each.std().item() / 20_000**0.5 for each in (ours, middle, random)]
    assert means[0] + noise[0] < means[1] - noise[1]
    assert means[1] + noise[1] < means[2] - noise[2]
    with torch.no_grad():
        bend = straightness(model.flow, pairs[:4000, 0], points=40)
    error = noise[0] + noise[1] + 6 * bend.std().item() / 4000**0.5
    assert bend.mean().item() == pytest.approx(means[1] - means[0], abs=error)
    assert bend.mean() > error, "vacuous: straight"
    if isinstance(field, Known):
        assert means[0] == pytest.approx(
            (MEAN.square() + (SCALE - 1) ** 2).sum().item(), abs=noise[0]
        )


@pytest.mark.equation("straightness")
def test_straightness_of_normal_data():
    """On the line, for s = 1: 2 - π/2, times x_0². Kills: the chord backwards, a sum over times."""
    z = torch.tensor([[1.0], [-2.0]])
    found = straightness(Continuous(towards_normal(1.0), dim=1, steps=1), z, points=200)
    assert_close(found, (2 - math.pi / 2) * z[:, 0] ** 2, atol=1e-3, rtol=0)


@pytest.mark.equation("mean-velocity")
def test_the_regression_is_least_at_the_mean_velocity():
    """The gradient at the known field is zero, and not beside it. Kills: x_0 - x_1, t swapped."""
    field, x = Known(), data(100_000)
    model = FlowMatching(field, dim=2, steps=2)
    per_example = model.loss(x, generator=seeded(2))
    assert per_example.shape == (100_000,)
    (slope,) = torch.autograd.grad(per_example.mean(), field.mean)
    assert slope.abs().max() < 0.05
    with torch.no_grad():
        field.mean.add_(0.5)
    (slope,) = torch.autograd.grad(model.loss(x, generator=seeded(2)).mean(), field.mean)
    assert (slope > 0.2).all()


def test_the_loss_is_the_squared_error_on_the_straight_path():
    """Of one pair, with time drawn uniformly: E (v - (x_1 - x_0))² in closed form.

    The field is v = x: the error is x_0 + t d - d with d = x_1 - x_0. Kills: a mean of variables.
    """

    class Itself(nn.Module):
        def forward(self, x, t):
            return x

    x_0, x_1 = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 1.0])
    many = (x_0.expand(40_000, 2), x_1.expand(40_000, 2))
    found = matching_loss(Itself(), *many, generator=seeded(0))
    t = (torch.arange(1000) + 0.5)[:, None] / 1000
    expected = (x_0 + t * (x_1 - x_0) - (x_1 - x_0)).square().sum(1).mean().item()
    assert_mean(found, expected, detects=0.1)


def test_pairs_are_noise_and_what_becomes_of_it():
    """Kills: the order swapped, another noise."""
    model = FlowMatching(Known(), dim=2, steps=60)
    pairs = model.pairs(2000, generator=seeded(0))
    assert pairs.shape == (2000, 2, 2)
    assert not pairs.requires_grad
    assert_close(pairs[:, 1], MEAN + SCALE * pairs[:, 0], atol=1e-3, rtol=0)
    assert_cdf(pairs[:, 0, 0], Normal(0, 1).cdf, detects=0.2)


@pytest.mark.equation("straightness")
def test_straightness_is_zero_for_a_constant_field_only():
    """A constant field by hand, and a circle's by quadrature. Kills: a path of noise."""
    z = torch.randn(3, 2, generator=seeded(0))
    straight = straightness(Continuous(Constant(), dim=2, steps=1), z, points=4)
    assert_close(straight, torch.zeros(3), atol=1e-12, rtol=0)

    class Turn(nn.Module):
        def forward(self, x, t):
            return torch.stack([-x[:, 1], x[:, 0]], dim=1)

    found = straightness(Continuous(Turn(), dim=2, steps=1), z[:1], points=200)
    # ‖v‖² - ‖chord‖² with ‖v‖ = r, ‖chord‖ = 2 r sin(1/2), since ∫ v = chord
    r = z[0].norm()
    assert_close(found[0], r**2 * (1 - 4 * torch.tensor(0.5).sin() ** 2), rtol=1e-3, atol=0)


def test_pairs_that_a_flow_made_have_a_straighter_field():
    """Data N(m, s²) in one step: the field of x_1 = m + s x_0 along straight pairs is exact.

    Least squares on the known flow's pairs finds the straight field. Kills: pairs shuffled.
    """
    pairs = FlowMatching(Known(), dim=2, steps=40).pairs(4000, generator=seeded(0))

    class Straight(nn.Module):
        """v = m + (s - 1) x_0 with x_0 = (x - t m) / (1 - t + t s): constant along a path."""

        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.zeros(2))

        def forward(self, x, t):
            t = t[:, None]
            return MEAN + self.by + (SCALE - 1) * (x - t * MEAN) / (1 - t + t * SCALE)

    model = Reflow(Straight(), dim=2)
    loss = model.loss(pairs, generator=seeded(1))
    assert loss.shape == (4000,)
    assert loss.max() < 1e-5, "the pairs' own straight field has no error"
    crossed = torch.stack([pairs[:, 0], pairs[:, 1].roll(1, 0)], 1)
    assert model.loss(crossed, generator=seeded(1)).mean() > 1
    z = torch.randn(50, 2, generator=seeded(2))
    before = straightness(Continuous(Known(), dim=2, steps=1), z, points=10).mean()
    after = straightness(Continuous(model.field, dim=2, steps=1), z, points=10).mean()
    assert after < 1e-6 < 0.01 < before


def test_wrong_shapes_are_refused():
    model = FlowMatching(Known(), dim=2, steps=2)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 2\)"):
        model.loss(torch.zeros(3, 3), generator=seeded(0))
    ends = torch.zeros(3, 2), torch.ones(3, 2)
    with pytest.raises(ValueError, match=r"field, x_0, x_1: expected equal shapes, got"):
        matching_loss(lambda x, t: x[:, :1], *ends, generator=seeded(0))
    with pytest.raises(ValueError, match=r"got \[\(3, 2\), \(1, 2\), \(3, 2\)\]"):
        matching_loss(Known(), ends[0][:1], ends[1], generator=seeded(0))
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 2, 2\)"):
        Reflow(Known(), dim=2).loss(torch.zeros(3, 2), generator=seeded(0))
