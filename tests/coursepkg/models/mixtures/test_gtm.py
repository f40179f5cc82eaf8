"""The latent grid against sums over its grid, the M step's optimality, and a surface it knows."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal
from torch.testing import assert_close

from coursepkg.models.mixtures.em import em
from coursepkg.models.mixtures.gtm import GTM
from tests.statistics import assert_mean


def bent(n, generator):
    """A curved sheet in space, x = (z_1, 0.7 z_2, z_1² / 2) and a little noise; z is uniform.

    The three spreads differ, so that the plane of the start is the plane of z.
    """
    z = 2 * torch.rand(n, 2, generator=generator) - 1
    sheet = torch.stack([z[:, 0], 0.7 * z[:, 1], z[:, 0] ** 2 / 2], dim=1)
    return z, sheet + 0.05 * torch.randn(n, 3, generator=generator)


@pytest.fixture
def fitted(generator):
    z, x = bent(400, generator)
    return GTM(side=8, bumps=3, dim=3, strength=1e-3).fit(x), z, x


@pytest.mark.equation("latent-marginal")
@pytest.mark.equation("latent-grid")
def test_density_is_the_sum_over_the_grid(fitted):
    """A loop over z with torch.distributions. Kills: σ for σ², a weight forgotten, the maximum."""
    model, _, x = fitted
    p = torch.zeros(5)
    for z in range(64):
        noise = MultivariateNormal(model.features[z] @ model.W, model.variance * torch.eye(3))
        p += noise.log_prob(x[:5]).exp() / 64
    torch.testing.assert_close(model.log_prob(x[:5]), p.log())


@pytest.mark.equation("latent-marginal")
def test_the_sum_over_the_grid_tends_to_the_integral():
    """A flat sheet, x = (a z_1, b z_2) + noise, whose integral over the square is a closed form.

    Kills: a grid of another square, a weight that is not p(z_j).
    """
    x, reach, sigma = torch.tensor([[0.3, -0.2], [1.0, 0.5], [1.4, 0.0]]), (1.2, 0.6), 0.3
    ends = [Normal(0.0, sigma).cdf(x + side * torch.tensor(reach)) for side in (1, -1)]
    exact = ((ends[0] - ends[1]) / (2 * torch.tensor(reach))).prod(1)
    off = []
    for side in (10, 40):
        model = GTM(side=side, bumps=1, dim=2, strength=1.0)
        model.W[-2:] = torch.tensor(reach).diag()  # the last two features are z itself
        model.variance.fill_(sigma**2)
        off.append((model.log_prob(x).exp() / exact - 1).abs().max().item())
    assert off[1] < off[0] / 3
    assert off[1] < 0.1


@pytest.mark.equation("latent-grid-m-step")
@pytest.mark.parametrize("strength", [1e-3, 40.0])
def test_m_step_solves_the_weighted_ridge_regression(strength, fitted, generator):
    """Slow sums, and autograd on F + log p(W): in W at the old σ², then in σ².

    Kills: λ without σ², Σ r for Φ, the noise about the old W, ND without D.
    """
    model, _, x = fitted
    model.strength = strength
    r = torch.randn(len(x), 64, generator=generator).softmax(1)
    model.variance.mul_(1.7)
    old, Phi = model.variance.clone(), model.features
    model.m_step(x, r)
    left = sum(r[:, j].sum() * torch.outer(Phi[j], Phi[j]) for j in range(64))
    left = left + strength * old * torch.eye(Phi.shape[1])
    right = sum(torch.outer(Phi[j], r[:, j] @ x) for j in range(64))
    assert_close(left @ model.W, right)
    away = sum(r[:, j] @ (x - Phi[j] @ model.W).square().sum(1) for j in range(64))
    assert_close(model.variance, away / x.numel())

    def objective(W, variance):
        squares = torch.cdist(x, Phi @ W).square()
        log_p = -squares / (2 * variance) - 1.5 * variance.log()
        return (r * log_p).sum() - strength / 2 * W.square().sum()

    slope = torch.autograd.functional.jacobian(lambda W: objective(W, old), model.W)
    assert slope.abs().max() < 1e-9 * len(x) / old
    slope = torch.autograd.functional.jacobian(lambda v: objective(model.W, v), model.variance)
    assert abs(slope.item()) < 1e-9 * len(x) / model.variance


def test_every_half_step_climbs(generator):
    """Kills: an M step of another objective, the prior's sign."""
    _, x = bent(200, generator)
    model = GTM(side=6, bumps=3, dim=3, strength=0.5, steps=30, tolerance=0.0).fit(x)
    climb = model.trace.flatten()
    assert (climb.diff() > -1e-12).all()
    assert climb[-1] - climb[0] > 0.5
    more = em(model, x, steps=1)
    assert more[0, 0] >= climb[-1] - 1e-12


@pytest.mark.equation("latent-embedding")
def test_embedding_is_the_posterior_mean_and_finds_the_sheet(fitted):
    """Against the sum over the grid, and the true coordinates up to sign and stretch."""
    model, z, x = fitted
    log_joint = model.log_joint(x)
    posterior = (log_joint - log_joint.logsumexp(1, keepdim=True)).exp()
    found = model.embed(x)
    slow = sum(posterior[:, k, None] * model.grid[k] for k in range(64))
    torch.testing.assert_close(found, slow)
    correlation = np.corrcoef(found.T, z.T)[:2, 2:]
    assert np.abs(correlation).max(1).min() > 0.95
    assert np.abs(correlation).min() < 0.3


def test_fit_starts_from_the_plane_and_bends_it(generator):
    """Kills: rows for columns of Vt, a start far from the data."""
    _, x = bent(300, generator)
    model = GTM(side=8, bumps=3, dim=3, strength=1e-3)
    model._start_from_plane(x)
    centred = model.means - x.mean(0)
    _, s, Vt = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    assert (centred @ Vt[2]).abs().max() < 1e-6
    reach = (centred @ Vt[:2].T).amax(0)
    torch.testing.assert_close(reach, 2 * s[:2] / math.sqrt(300), rtol=1e-6, atol=1e-6)
    flat = em(model, x, steps=1)[0, 0]
    model.fit(x)
    assert model.log_prob(x).mean() > flat + 0.3


def test_samples_lie_about_the_surface(fitted, generator):
    """Mean of squares against the mixture's. Kills: variance for std, one z for all."""
    model, _, _ = fitted
    x = model.sample(40_000, generator=generator)
    second = model.means.square().mean(0) + model.variance
    for d in range(3):
        assert_mean(x[:, d], model.means[:, d].mean().item(), detects=0.1)
        assert_mean(x[:, d].square(), second[d].item(), detects=0.1)
    nearest = torch.cdist(x, model.means).amin(1)
    assert nearest.square().mean() < 4 * model.variance


def test_noise_has_a_floor_and_a_hopeless_fit_is_refused():
    """Data on grid points would give σ = 0 and a likelihood without end."""
    corners = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    model = GTM(side=2, bumps=2, dim=2, strength=1e-9, steps=500, tolerance=0.0)
    model.fit(corners.repeat(5, 1))
    assert model.variance >= 0.99e-6
    with pytest.raises(ValueError, match="expected examples that differ, got 4 that do not"):
        model.fit(torch.ones(4, 2))
    with pytest.raises(ValueError, match="expected examples that differ"):
        model.fit(torch.ones(1, 2))


@pytest.mark.parametrize("name", ["side", "bumps", "dim", "strength"])
def test_impossible_sizes_are_refused(name):
    sizes = {"side": 3, "bumps": 2, "dim": 2, "strength": 1.0, name: 0}
    with pytest.raises(ValueError, match=f"{name}: expected a finite number > 0, got 0"):
        GTM(**sizes)


def test_a_variance_that_single_precision_cannot_say_is_refused():
    """Kills: an infinite variance, and one of 0, without a word."""
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(0)).float()
    for scale in (1e25, 1e-30):
        with pytest.raises(ValueError, match="variance: expected a finite number > 0"):
            GTM(side=2, bumps=2, dim=2, strength=1.0).float().fit(scale * x)
