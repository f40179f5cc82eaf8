"""Mixture density networks, against torch's mixtures and sums."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from coursepkg.models.mixtures import MixtureDensityNetwork
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.statistics import assert_mean

M, D, C = 3, 2, 2


@pytest.fixture
def model(generator):
    net = MLP([C, 8, M * (1 + 2 * D)], generator=generator)
    with torch.no_grad():
        net.layers[-1].weight.mul_(6)
    return MixtureDensityNetwork(net, components=M, dim=D, conditions=C, floor=0.1)


def peer(model, c):
    """torch's mixture, from the network's numbers by hand."""
    out = model.net(c)
    pi, mu, s = out[:, :M], out[:, M : M + M * D], out[:, M + M * D :]
    sigma = 0.1 + (1 + s.exp()).log()
    normal = Independent(Normal(mu.reshape(-1, M, D), sigma.reshape(-1, M, D)), 1)
    return MixtureSameFamily(Categorical(logits=pi), normal)


@pytest.mark.equation("mixture-density-network")
def test_log_prob_is_that_of_torch(model, generator):
    """Kills: widths and means swapped, a variance for a deviation, weights that are not shares."""
    c = torch.randn(40, C, generator=generator)
    y = torch.randn(40, D, generator=generator)
    assert_close(model.log_prob(y, condition=c), peer(model, c).log_prob(y))
    assert_close(model.loss(y, condition=c, generator=generator), -peer(model, c).log_prob(y))


@pytest.mark.equation("least-squares-mean")
def test_the_mean_is_what_least_squares_finds(model, generator):
    """Zero slope of the expected square there, and torch's mean. Kills: the likeliest hill."""
    c = torch.randn(1, C, generator=generator)
    mean = model.mean(c)
    assert_close(mean, peer(model, c).mean)
    line = torch.linspace(-20, 20, 401)
    grid = torch.cartesian_prod(line, line)
    p = model.log_prob(grid, condition=c.expand(len(grid), C)).exp() * 0.1**2
    guess = mean.clone().requires_grad_()
    (slope,) = torch.autograd.grad((p.detach() * (grid - guess).square().sum(1)).sum(), guess)
    assert_close(slope, torch.zeros_like(slope), atol=1e-6, rtol=0)


def test_samples_have_the_mean_and_the_spread(model, generator):
    """Kills: the widths of another hill, the hill of another row."""
    c = torch.randn(2, C, generator=generator)
    n = 20_000
    drawn = model.sample(2 * n, condition=c.repeat_interleave(n, 0), generator=generator)
    for i in range(2):
        law, found = peer(model, c[i : i + 1]), drawn[i * n : (i + 1) * n]
        for d in range(D):
            assert_mean(found[:, d], law.mean[0, d].item(), detects=0.5)
            square = law.variance[0, d] + law.mean[0, d] ** 2
            assert_mean(found[:, d].square(), square.item(), detects=2.0)


def test_the_floor_keeps_the_density_finite():
    """Kills: a floor that is multiplied, or squared."""
    net = MLP([1, 3], generator=seeded(0))
    with torch.no_grad():
        net.layers[0].weight.zero_()
        net.layers[0].bias.copy_(torch.tensor([0.0, 0.0, -1000.0]))
    model = MixtureDensityNetwork(net, components=1, dim=1, conditions=1, floor=0.01)
    found = model.log_prob(torch.zeros(1, 1), condition=torch.ones(1, 1))
    assert found.item() == pytest.approx(-math.log(0.01 * math.sqrt(2 * math.pi)))


@pytest.mark.parametrize(
    ("y", "c", "message"),
    [
        (torch.zeros(3, 1), torch.zeros(3, C), r"expected shape \(B, 2\)"),
        (torch.zeros(3, D), torch.zeros(3, 1), r"condition: expected shape \(B, 2\)"),
        (torch.zeros(3, D), torch.zeros(4, C), "expected 3 rows, one an example, got 4"),
        (torch.full((3, D), math.nan), torch.zeros(3, C), "finite"),
    ],
)
def test_bad_input_is_refused(model, y, c, message):
    with pytest.raises(ValueError, match=message):
        model.log_prob(y, condition=c)
    with pytest.raises(ValueError, match="components: expected"):
        MixtureDensityNetwork(model.net, components=0, dim=1, conditions=1)
    with pytest.raises(ValueError, match="expected 5 rows"):
        model.sample(5, condition=torch.zeros(4, C), generator=seeded(0))
