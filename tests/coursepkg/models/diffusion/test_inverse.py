"""Inverse problems: closed forms for Gaussian data, a grid for mixtures."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from coursepkg.models.diffusion import (
    Measurement,
    MixtureGuess,
    NoiseChain,
    ancestral,
    betas_of,
    moment_guided,
    multistep,
    replacement,
    signal_at,
    spread_guided,
)
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import normal, slope, three
from tests.statistics import assert_mean

SCALE = torch.tensor([[0.9, 0.0, 0.0], [0.5, 0.6, 0.0], [-0.2, 0.3, 0.4]], dtype=torch.float64)
MEAN = torch.tensor([0.4, -0.3, 0.1], dtype=torch.float64)
SEEN = Measurement(torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.2, -1.0]], dtype=torch.float64), 0.3)
Y = torch.tensor([0.9, 0.2], dtype=torch.float64)
LEVELS = torch.tensor([-6.0, -2.0, 0.0, 2.0, 6.0], dtype=torch.float64)


def gaussian() -> GaussianMixture:
    return normal(MEAN, SCALE)


def conditioned() -> tuple[Tensor, Tensor]:
    """Mean and covariance of x given y, from those of (x, y) jointly."""
    S, A = SCALE @ SCALE.T, SEEN.A
    cross, of_y = S @ A.T, A @ S @ A.T + SEEN.noise**2 * torch.eye(2)
    mean = MEAN + cross @ torch.linalg.solve(of_y, Y - A @ MEAN)
    return mean, S - cross @ torch.linalg.solve(of_y, cross.T)


def places() -> Tensor:
    return torch.randn(5, 3, generator=seeded(0), dtype=torch.float64)


@pytest.mark.equation("mixture-posterior")
def test_posterior_of_one_normal_law():
    """Kills: C without noise, a gain of the wrong side, the prior's covariance kept."""
    mean, covariance = conditioned()
    found = SEEN.posterior(gaussian(), Y)
    torch.testing.assert_close(found.means[0], mean)
    torch.testing.assert_close(found.covariances[0], covariance)


@pytest.mark.equation("mixture-posterior")
def test_posterior_of_a_mixture_is_bayes():
    """log p(x | y) - log p(x) - log p(y | x) is one number for all x.   Kills: weights kept."""
    law = three()
    seen = Measurement(torch.tensor([[1.0, -0.5]], dtype=torch.float64), 0.4)
    y = torch.tensor([0.7], dtype=torch.float64)
    before = law.means.clone()
    posterior = seen.posterior(law, y)
    x = 2 * torch.randn(9, 2, generator=seeded(1), dtype=torch.float64)
    fit = MultivariateNormal(x @ seen.A.T, 0.16 * torch.eye(1).double()).log_prob(y)
    evidence = law.log_prob(x) + fit - posterior.log_prob(x)
    torch.testing.assert_close(evidence, evidence.mean().expand(9))
    assert torch.equal(law.means, before)


@pytest.mark.equation("second-tweedie")
def test_covariance_of_a_guess():
    """Cov[x | z] on a grid is (σ² / α) ∂x̂/∂z.   Kills: σ² / α², σ / α."""
    law = three()
    guess = MixtureGuess(law)
    side = torch.linspace(-5, 5, 501, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)
    z = torch.tensor([0.3, -0.5], dtype=torch.float64)
    for level in (-1.0, 0.5):
        log_snr = torch.tensor([level], dtype=torch.float64)
        alpha, sigma = (v[0, 0] for v in signal_at(log_snr))
        r = (law.log_prob(x) - ((z - alpha * x) / sigma).square().sum(1) / 2).softmax(0)
        away = x - r @ x
        expected = (r[:, None] * away).T @ away
        J = slope(lambda at, v=log_snr: guess(at[None], v)[0], z).detach()
        torch.testing.assert_close(sigma**2 / alpha * J, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.equation("measurement-step")
def test_moments_make_guidance_exact_for_normal_data():
    """The guess is the posterior's.   Kills: α for σ² / α, C without τ², a wrong sign."""
    law = gaussian()
    exact = MixtureGuess(SEEN.posterior(law, Y))
    found = moment_guided(MixtureGuess(law), SEEN, Y)(places(), LEVELS)
    torch.testing.assert_close(found, exact(places(), LEVELS))


@pytest.mark.equation("measurement-step")
@pytest.mark.parametrize("spread", [0.0, 0.7, 1.0])
def test_spread_is_the_gradient_that_it_says(spread):
    """x̂ + σ²/α ∇_z log N(y; A x̂(z), C), C held.   Kills: spread σ, C⁻¹ twice."""
    law, alpha_sigma = three(3), signal_at(LEVELS)
    guess = MixtureGuess(law)
    found = spread_guided(guess, SEEN, Y, spread=spread)(places(), LEVELS)
    for i, z in enumerate(places()):
        alpha, sigma = (v[i, 0] for v in alpha_sigma)
        C = 0.09 * torch.eye(2) + spread * sigma**2 * SEEN.A @ SEEN.A.T

        def log_p(at: Tensor, i: int = i, C: Tensor = C) -> Tensor:
            x = guess(at[None], LEVELS[i : i + 1])[0]
            return MultivariateNormal(SEEN.A @ x, C).log_prob(Y)

        expected = guess(z[None], LEVELS[i : i + 1])[0] + sigma**2 / alpha * slope(log_p, z)
        torch.testing.assert_close(found[i], expected.detach())


@pytest.mark.equation("measurement-step")
def test_a_spread_of_one_is_right_for_standard_normal_data():
    """Kills: a spread of α²."""
    law = normal(torch.zeros(3), torch.eye(3))
    exact = MixtureGuess(SEEN.posterior(law, Y))
    found = spread_guided(MixtureGuess(law), SEEN, Y, spread=1.0)(places(), LEVELS)
    torch.testing.assert_close(found, exact(places(), LEVELS))


@pytest.mark.parametrize("solver", [multistep, ancestral], ids=lambda s: s.__name__)
def test_draws_have_the_moments_of_the_posterior(solver):
    """P(a right one fails) <= 6e-6 in all; finds 0.12 of a deviation, 0.2 of a variance.

    Kills: guidance that only some solvers heed.
    """
    guided = moment_guided(MixtureGuess(gaussian()), SEEN, Y)
    z = torch.randn(8000, 3, generator=seeded(1), dtype=torch.float64)
    levels = torch.linspace(-8, 9, 301, dtype=torch.float64)
    noise = {"generator": seeded(2)} if solver is ancestral else {}
    x = solver(guided, z, levels=levels, **noise)
    mean, covariance = conditioned()
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(covariance), (x - mean).T, upper=False
    )
    for row in white:
        assert_mean(row, 0.0, detects=0.12)
        assert_mean(row.square(), 1.0, detects=0.2)


def test_measurements_are_drawn_as_they_say():
    """P(a right one fails) <= 2e-6.   Kills: noise τ², A transposed."""
    x = torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64).expand(20_000, 3)
    y = SEEN.draw(x, generator=seeded(0))
    assert_mean(y[:, 1], 1.4, detects=0.03)
    assert_mean((y[:, 0] - 2.0).square(), 0.09, detects=0.02)


X = torch.tensor([2.0, 9.0, 9.0], dtype=torch.float64)
KNOWN = torch.tensor([True, False, False])


def mean_of_replacement(levels: Tensor) -> Tensor:
    """By the chain's posterior, step by step: the guess is linear, and so are means; (1, 3)."""
    guess, chain = MixtureGuess(gaussian()), NoiseChain(betas_of(levels.flip(0)))
    mean = torch.zeros(1, 3, dtype=torch.float64)
    for t in range(chain.T, 1, -1):
        mean = torch.where(KNOWN, chain.signal(torch.tensor([t]), mean).alpha * X, mean)
        middle = guess(mean, chain.log_snr[t - 1 : t])
        mean = chain.posterior(middle, mean, torch.tensor([t])).mean
    return torch.where(KNOWN, chain.signal(torch.tensor([1]), mean).alpha * X, mean)


def test_replacement_keeps_what_is_known_and_tells_the_rest():
    """Four coarse steps; P(a right one fails) <= 4e-6.

    Kills: the mask inverted, the unknown never told, the known at another level or not given back.
    """
    levels = torch.tensor([-6.0, -2.0, 0.0, 1.0, 2.0], dtype=torch.float64)
    z = torch.randn(20_000, 3, generator=seeded(3), dtype=torch.float64)
    inputs = {"x": X, "known": KNOWN, "levels": levels}
    found = replacement(MixtureGuess(gaussian()), z, **inputs, generator=seeded(4))
    expected = mean_of_replacement(levels)[0]
    for values, mean in zip(found.T, expected.tolist(), strict=True):
        assert_mean(values, mean, detects=0.08)
    noise = signal_at(levels[-1:]).sigma.square().item()
    assert_mean((found[:, 0] - expected[0]).square(), noise, detects=0.03)
    again = replacement(MixtureGuess(gaussian()), z, **inputs, generator=seeded(4))
    assert torch.equal(found, again)


def test_many_steps_of_replacement_do_not_make_it_right():
    """The mean of x_2 is not its regression on x_1.   Kills: a cure that the text denies."""
    right = -0.3 + 0.5 / 0.9 * 1.6
    for steps in (100, 1000):
        levels = torch.linspace(-8, 12, steps + 1, dtype=torch.float64)
        assert right - mean_of_replacement(levels)[0, 1].item() > 0.2


def test_impossible_measurements_are_refused():
    """Kills: no noise, a spread below zero, y of another length."""
    with pytest.raises(ValueError, match="noise"):
        Measurement(SEEN.A, 0.0)
    with pytest.raises(ValueError, match=r"^A: "):
        Measurement(torch.zeros(2, 2, 2), 1.0)
    with pytest.raises(ValueError, match="spread"):
        spread_guided(MixtureGuess(gaussian()), SEEN, Y, spread=-1.0)
    with pytest.raises(ValueError, match=r"^y: "):
        SEEN.posterior(gaussian(), torch.zeros(3).double())
    for y in (Y[:1], Y[None], Y * torch.nan):
        for guided in (partial(spread_guided, spread=1.0), moment_guided):
            with pytest.raises(ValueError, match=r"^y: "):
                guided(MixtureGuess(gaussian()), SEEN, y)


def test_impossible_masks_are_refused():
    """Kills: a mask of numbers, one value for all, NaN."""
    inputs = {"x": X, "known": KNOWN, "levels": LEVELS}
    for bad, error in (
        ({"known": KNOWN.double()}, TypeError), ({"known": KNOWN[:1]}, ValueError),
        ({"x": X[:1]}, ValueError), ({"x": X * torch.nan}, ValueError),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{next(iter(bad))}: "):
            replacement(MixtureGuess(gaussian()), places(), **inputs | bad, generator=seeded(0))


def test_no_graph_is_kept():
    """Kills: memory that grows with the steps."""
    z = places().requires_grad_()
    inputs = {"x": X.clone().requires_grad_(), "known": KNOWN, "levels": LEVELS}
    drawn = replacement(MixtureGuess(gaussian()), z, **inputs, generator=seeded(0))
    assert not drawn.requires_grad


def test_a_posterior_in_single_precision():
    """Of a law that is flat by 1e-4. Kills: its covariance formed in float32, off by a half."""
    law = normal(MEAN, torch.tensor([[1.0, 0.0, 0.0], [1.0, 1e-4, 0.0], [0.3, 0.2, 1e-3]])).float()
    exact = SEEN.posterior(normal(law.means[0].double(), law.scale_tril[0].double()), Y)
    found = SEEN.posterior(law, Y)
    torch.testing.assert_close(found.scale_tril.double(), exact.scale_tril, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(found.means.double(), exact.means, rtol=1e-5, atol=1e-6)


def test_noise_too_little_to_tell_rows_apart_is_refused():
    """One row twice. Kills: torch's own words about a matrix that is not positive definite."""
    twice = Measurement(torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.5, 0.0]]), 1e-12)
    with pytest.raises(ValueError, match="noise: expected more of it, got 1e-12: singular"):
        twice.posterior(gaussian(), Y)
