"""Real visible units against quadrature, and against the mixture that they are."""

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import bits, gaussian, index
from tests.statistics import assert_cdf, assert_probs


def plane(side=14.0, points=500):
    """Midpoints of a grid over a square, and the area of a cell."""
    x = (torch.arange(points) + 0.5) * (2 * side / points) - side
    return torch.cartesian_prod(x, x), (2 * side / points) ** 2


@pytest.mark.equation("rbm-gaussian-energy")
@pytest.mark.parametrize("sigma", [0.6, 1.7])
def test_energy_is_the_sum_of_a_slow_loop(sigma):
    """All h. Kills: σ for σ², the factor 1/2, a sign."""
    rbm, v, h = gaussian(2, 3, sigma=sigma), torch.randn(8, 2, generator=seeded(1)), bits(3)
    W, b, c = rbm.W, rbm.b, rbm.c
    expected = [
        sum(v[n, i] ** 2 / (2 * sigma**2) - b[i] * v[n, i] for i in range(2))
        - sum(c[j] * h[n, j] for j in range(3))
        - sum(v[n, i] * W[i, j] * h[n, j] for i in range(2) for j in range(3))
        for n in range(8)
    ]
    assert_close(rbm.energy(v, h), torch.stack(expected))


def test_free_energy_sums_the_hidden_units_out():
    rbm, h = gaussian(), bits(3)
    v = torch.randn(5, 2, generator=seeded(1))
    energies = torch.stack([rbm.energy(v, h[j].expand(5, -1)) for j in range(8)])
    assert_close(rbm.free_energy(v), -torch.logsumexp(-energies, 0))
    on = torch.softmax(-energies, 0).T @ h
    assert_close(rbm.hidden_probs(v), on)
    assert_close(rbm.hidden_mean(v), on)


@pytest.mark.equation("rbm-gaussian-log-z")
@pytest.mark.parametrize("sigma", [0.6, 1.3])
def test_log_z_is_the_integral(sigma):
    """Quadrature over the plane. Kills: 2πσ for 2πσ², the volume of one dimension, σ² lost."""
    rbm = gaussian(sigma=sigma)
    v, cell = plane()
    integral = torch.exp(-rbm.free_energy(v)).sum() * cell
    assert_close(rbm.log_z(), integral.log())


@pytest.mark.equation("rbm-gaussian-log-z")
def test_it_is_a_mixture_of_normals_with_one_component_for_each_h():
    """Weights p(h), means σ²(b + Wh), variance σ². Kills: one of the two σ² missing."""
    rbm, h = gaussian(), bits(3)
    v = torch.randn(6, 2, generator=seeded(1))
    weights = torch.softmax(-rbm.hidden_free_energy(h), 0)
    parts = Normal(rbm.visible_mean(h), 0.6).log_prob(v[:, None]).sum(-1)
    expected = torch.logsumexp(weights.log() + parts, 1)
    assert_close(Normalised(rbm).log_prob(v), expected)


def test_visible_units_given_h_have_the_slope_of_the_energy():
    """The mean is where ∂E/∂v = 0, the precision its second derivative."""
    rbm, h = gaussian(), bits(3)
    v = rbm.visible_mean(h).detach().requires_grad_()
    slope = torch.autograd.grad(rbm.energy(v, h).sum(), v)[0]
    assert_close(slope, torch.zeros_like(v))


def test_draws_are_normal_around_their_mean(generator):
    """Kills: variance for standard deviation, noise of scale 1."""
    rbm = gaussian()
    h = torch.tensor([1.0, 0, 1]).expand(30_000, -1)
    drawn = rbm.sample_visible(h, generator=generator)
    for i in range(2):
        assert_cdf(drawn[:, i], Normal(rbm.visible_mean(h)[0, i].item(), 0.6).cdf, detects=0.04)
    v = torch.tensor([0.5, -1.0])
    drawn = rbm.sample_hidden(v.expand(40_000, -1), generator=generator)
    energies = rbm.energy(v.expand(8, -1), bits(3)).detach()
    assert_probs(index(drawn), torch.softmax(-energies, 0), detects=0.08)


def test_exact_draws_follow_the_density(generator):
    """On the line, where the distribution function of the mixture is known."""
    rbm, h = gaussian(1, 3), bits(3)
    weights = torch.softmax(-rbm.hidden_free_energy(h), 0).detach()
    means = rbm.visible_mean(h).detach()[:, 0]
    drawn = rbm.sample(30_000, generator=generator)[:, 0]
    assert_cdf(drawn, lambda x: Normal(means, 0.6).cdf(x[:, None]) @ weights, detects=0.04)


def test_impossible_input_is_refused():
    rbm = gaussian()
    with pytest.raises(ValueError, match=r"x: expected finite numbers, got 1 NaN"):
        rbm.free_energy(torch.tensor([[0.0, torch.nan]]))
    with pytest.raises(TypeError, match="floating"):
        rbm.free_energy(torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="h: expected zeros and ones"):
        rbm.energy(torch.zeros(1, 2), torch.full((1, 3), 0.5))
    with pytest.raises(ValueError, match="v: expected shape"):
        rbm.energy(torch.zeros(1, 3), torch.ones(1, 3))
    with pytest.raises(ValueError, match="sigma: expected a finite number > 0, got 0"):
        GaussianRBM(2, 2, generator=seeded(0), sigma=0.0)
    with pytest.raises(ValueError, match=r"at most 2\^22"):
        GaussianRBM(2, 23, generator=seeded(0)).log_z()
    with torch.no_grad():
        rbm.W[0, 0] = torch.inf
    with pytest.raises(ValueError, match="W: expected finite weights"):
        rbm.log_z()
