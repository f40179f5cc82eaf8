"""The forward chain, step by step and in one."""

import math

import mpmath
import pytest
import torch
from torch.distributions import Normal

from coursepkg.models.diffusion import NoiseChain, betas_of, cosine_betas, linear_betas
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

BETA = torch.tensor([0.1, 0.3, 0.2, 0.6], dtype=torch.float64)


def steps(t: int, n: int = 1) -> torch.Tensor:
    return torch.full((n,), t)


@pytest.mark.equation("alpha-bar")
def test_many_steps_are_one():
    """Mean and variance by recursion.   Kills: ᾱ without its product, or off by one."""
    chain, scale, variance = NoiseChain(BETA), 1.0, 0.0
    for t, beta in enumerate(BETA.tolist(), 1):
        scale, variance = math.sqrt(1 - beta) * scale, (1 - beta) * variance + beta
        signal = chain.signal(steps(t), torch.zeros(1, dtype=torch.float64))
        assert signal.alpha.item() == pytest.approx(scale, rel=1e-12)
        assert signal.sigma.item() ** 2 == pytest.approx(variance, rel=1e-12)
        assert chain.log_snr[t - 1].item() == pytest.approx(math.log(scale**2 / variance))


@pytest.mark.equation("diffusion-kernel")
def test_the_steps_have_that_law():
    """P(a right chain fails) <= 1e-6; finds 0.02 in the distribution.

    Kills: β in place of √β, √(1 - β) without its root, ᾱ of another t.
    """
    chain, n = NoiseChain(BETA), 80_000
    x = torch.full((n, 1), 1.5, dtype=torch.float64)
    z, g = x, seeded(0)
    for t in (1, 2, 3):
        z = chain(z, steps(t, n), generator=g)
    alpha_bar = 0.9 * 0.7 * 0.8
    law = Normal(math.sqrt(alpha_bar) * 1.5, math.sqrt(1 - alpha_bar))
    assert_cdf(z[:, 0], law.cdf, detects=0.02)
    at_once, eps = chain.noisy(x, steps(3, n), generator=g)
    assert_cdf(at_once[:, 0], law.cdf, detects=0.02)
    torch.testing.assert_close(at_once, math.sqrt(alpha_bar) * x + math.sqrt(1 - alpha_bar) * eps)


@pytest.mark.equation("forward-posterior")
def test_the_posterior_is_bayes():
    """q(z_{t-1} | z_t, x) on a grid.   Kills: coefficients exchanged, β_t as its variance."""
    chain, x, z = NoiseChain(BETA), 0.7, -0.4
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    for t in (2, 3, 4):
        before, beta = chain.alpha_bar[t - 2], BETA[t - 1]
        log_p = Normal(before.sqrt() * x, (1 - before).sqrt()).log_prob(grid) + Normal(
            (1 - beta).sqrt() * grid, beta.sqrt()
        ).log_prob(torch.tensor(z, dtype=torch.float64))
        p = log_p.softmax(0)
        mean = (p * grid).sum()
        std = (p * (grid - mean).square()).sum().sqrt()
        row = torch.tensor([[x]], dtype=torch.float64)
        law = chain.posterior(row, torch.full_like(row, z), steps(t))
        torch.testing.assert_close(law.mean[0, 0], mean)
        torch.testing.assert_close(law.std[0, 0], std)


@pytest.mark.equation("forward-step")
@pytest.mark.parametrize("t", [1, 2, 3, 4])
def test_one_step_forward(t):
    """P(a right chain fails) <= 1e-6; finds 0.02 in the distribution.

    Kills: β of another step, β for √β, the shrinking forgotten.
    """
    n, beta = 80_000, BETA[t - 1].item()
    z = torch.full((n, 1), -0.9, dtype=torch.float64)
    after = NoiseChain(BETA)(z, steps(t, n), generator=seeded(t))
    law = Normal(math.sqrt(1 - beta) * -0.9, math.sqrt(beta))
    assert_cdf(after[:, 0], law.cdf, detects=0.02)


@pytest.mark.equation("mean-prediction")
def test_the_mean_by_the_noise():
    """m_t of the picture that a guess of ε says, at every t.

    Kills: β_t for ᾱ_t, a root lost.
    """
    chain, g = NoiseChain(BETA), seeded(0)
    for t in (2, 3, 4):
        z, eps = torch.randn(2, 5, 3, generator=g, dtype=torch.float64)
        beta, alpha_bar = BETA[t - 1], (1 - BETA[:t]).prod()
        x = (z - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
        expected = (z - beta / (1 - alpha_bar).sqrt() * eps) / (1 - beta).sqrt()
        torch.testing.assert_close(chain.posterior(x, z, steps(t, 5)).mean, expected)


def test_levels_make_a_chain_and_come_back():
    """Kills: β of the wrong ratio, the first step forgotten."""
    log_snr = torch.tensor([4.0, 1.0, -0.5, -6.0], dtype=torch.float64)
    torch.testing.assert_close(NoiseChain(betas_of(log_snr)).log_snr, log_snr)
    for bad in (log_snr.flip(0), log_snr[:0], torch.tensor([torch.inf, 0.0]), log_snr[None],
                torch.tensor([1.0, torch.nan])):  # fmt: skip
        with pytest.raises(ValueError, match="falling"):
            betas_of(bad)


def test_levels_in_single_precision_make_the_same_chain():
    """Kills: 1 - ᾱ_1 of a clear level, rounded in the caller's type."""
    levels = torch.tensor([16.0, 2.0, -9.0], dtype=torch.float32)
    torch.testing.assert_close(betas_of(levels), betas_of(levels.double()))


def test_a_chain_is_not_cast_with_its_model():
    """Kills: β of few, long steps in single precision, of which 1 - β keeps three digits."""
    levels = torch.tensor([16.0, -9.0], dtype=torch.float64)
    model = torch.nn.Sequential(NoiseChain(betas_of(levels))).float()
    torch.testing.assert_close(model[0].log_snr, levels)
    model.double()
    torch.testing.assert_close(model[0].log_snr, levels)


def test_chains_that_end_in_rounding_are_refused():
    """Kills: ᾱ of exactly 0, or a step that does nothing."""
    for beta in ([1 - 1e-16] * 25, [0.1, 1e-17]):
        with pytest.raises(ValueError, match="falls and stays above 0"):
            NoiseChain(torch.tensor(beta, dtype=torch.float64))


def test_impossible_schedules_are_refused():
    """Kills: half a step, an offset from before the beginning."""
    for betas in (linear_betas, cosine_betas):
        with pytest.raises(TypeError, match=r"^T: expected an integer"):
            betas(2.5)
        with pytest.raises(ValueError, match=r"^T: "):
            betas(0)
    with pytest.raises(ValueError, match="offset"):
        cosine_betas(4, offset=-1.0)


def test_every_row_has_its_own_step():
    """Kills: one t, or one x, spread over all rows."""
    chain, x, g = NoiseChain(BETA), torch.zeros(3, 2), seeded(0)
    for call in (
        lambda: chain.noisy(x, steps(2), generator=g),
        lambda: chain(x, steps(2), generator=g),
        lambda: chain.posterior(x, x, steps(2)),
        lambda: chain.signal(steps(2, 4), x),
    ):
        with pytest.raises(ValueError, match="one a row"):
            call()
    with pytest.raises(ValueError, match="shape of z"):
        chain.posterior(x[:1], x, steps(2, 3))


def test_schedules_end_in_noise():
    """Kills: a schedule whose ᾱ_T stays away from 0, such as β_t = 1 / (t + 1)²."""
    for betas in (linear_betas(1000), cosine_betas(1000)):
        chain = NoiseChain(betas)
        assert chain.T == 1000
        assert chain.alpha_bar[-1] < 1e-4
        assert chain.alpha_bar[0] > 0.999
    slow = NoiseChain(1 / (torch.arange(1, 1001).double() + 1).square())
    assert slow.alpha_bar[-1].item() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("beta", [[], [0.5, 0.0], [1.0], [0.3, math.nan], [[0.1]]], ids=str)
def test_impossible_variances_are_refused(beta):
    """Kills: a β outside (0, 1) taken."""
    with pytest.raises(ValueError, match="numbers inside"):
        NoiseChain(torch.tensor(beta))


@pytest.mark.parametrize("t", [0, 5, -1])
def test_a_step_outside_the_chain_is_refused(t):
    """Kills: t = 0 read as the last, as an index would be."""
    chain, x = NoiseChain(BETA), torch.zeros(1, 1)
    for call in (
        lambda: chain.noisy(x, steps(t), generator=seeded(0)),
        lambda: chain(x, steps(t), generator=seeded(0)),
        lambda: chain.posterior(x, x, steps(t)),
    ):
        with pytest.raises(ValueError, match="from 1 to 4"):
            call()
    with pytest.raises(ValueError, match=r"2\.\.T"):
        chain.posterior(x, x, steps(1))
    with pytest.raises(ValueError, match="integers"):
        chain.noisy(x, torch.tensor([1.0]), generator=seeded(0))


def test_schedules_of_many_small_steps_do_not_cancel():
    """In 40 digits. Kills: 1 - ᾱ_t / ᾱ_{t-1}, of which little is left for a million steps."""
    T = 10**6
    beta = cosine_betas(T)
    with mpmath.workdps(40):
        a, b = ((mpmath.mpf(t) / T + mpmath.mpf(0.008)) / (1 + mpmath.mpf(0.008)) for t in (0, 1))
        expected = 1 - (mpmath.cos(b * mpmath.pi / 2) / mpmath.cos(a * mpmath.pi / 2)) ** 2
    assert beta[0].item() == pytest.approx(float(expected), rel=1e-11, abs=0)
    first, second = betas_of(torch.tensor([60.0, 50.0])).tolist()  # ᾱ rounds to 1
    assert first == pytest.approx(math.exp(-60), rel=1e-12, abs=0)
    assert second == pytest.approx(math.exp(-50) - math.exp(-60), rel=1e-12, abs=0)


def test_very_little_noise():
    """In 40 digits. Kills: the logit of ᾱ, which rounds to 1; 1 - ᾱ for the noise's variance."""
    beta = torch.tensor([1e-18, 1e-14, 1e-9])
    chain = NoiseChain(beta)
    with mpmath.workdps(40):
        alpha_bar, expected = mpmath.mpf(1), []
        for each in beta.tolist():
            alpha_bar *= 1 - mpmath.mpf(each)
            expected.append((float(mpmath.log(alpha_bar / (1 - alpha_bar))), float(1 - alpha_bar)))
    log_snr, left = torch.tensor(expected).T
    torch.testing.assert_close(chain.log_snr, log_snr, rtol=1e-12, atol=0)
    sigma = chain.signal(torch.tensor([1, 2, 3]), torch.zeros(3, 1)).sigma
    torch.testing.assert_close(sigma[:, 0].square(), left, rtol=1e-12, atol=0)
    std = chain.posterior(torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor([2])).std.item()
    assert std**2 == pytest.approx(1e-18, rel=1e-3, abs=0)  # β_2 (1 - ᾱ_1) / (1 - ᾱ_2)
