"""Flow matching: fields known in closed form, the continuity equation, straightness."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.flows import Continuous, FlowMatching, Reflow, straightness
from coursepkg.models.flows.matching import matching_loss
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


def test_the_known_field_obeys_the_continuity_equation():
    """∂p/∂t + div(p v) = 0 for x_t, by autograd. Kills nothing here: it checks the truth itself."""
    field = Known()
    x, t = torch.tensor([[0.3, -0.4]]), torch.tensor([0.6])

    def density(x, t):
        variance = (1 - t[:, None]) ** 2 + t[:, None] ** 2 * SCALE**2
        return Normal(t[:, None] * MEAN, variance.sqrt()).log_prob(x).sum(1).exp()

    rate = torch.autograd.functional.jacobian(lambda s: density(x, s), t).flatten()
    flux = torch.autograd.functional.jacobian(lambda y: density(y, t)[:, None] * field(y, t), x)
    assert_close(rate, -flux[0, :, 0].trace().reshape(1))
    assert rate.abs() > 1e-3


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
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 2, 2\)"):
        Reflow(Known(), dim=2).loss(torch.zeros(3, 2), generator=seeded(0))
