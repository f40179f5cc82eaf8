"""z = α x + σ ε, and what any one of its parts says of the others."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from coursepkg.models.diffusion import signal_at
from coursepkg.models.diffusion.signal import kl_to_noise
from coursepkg.rng import seeded

LEVELS = torch.tensor([-30.0, -3.0, 0.0, 2.0, 30.0], dtype=torch.float64)


@pytest.fixture
def parts() -> tuple[torch.Tensor, torch.Tensor]:
    g = seeded(0)
    return (
        torch.randn(5, 3, generator=g, dtype=torch.float64),
        torch.randn(5, 3, generator=g, dtype=torch.float64),
    )


def test_the_level_is_the_log_of_the_ratio_of_powers():
    """Kills: λ = log α / σ, or α and σ exchanged."""
    alpha, sigma = signal_at(LEVELS)
    torch.testing.assert_close((alpha / sigma).square().log()[:, 0], LEVELS)
    torch.testing.assert_close(alpha.square() + sigma.square(), torch.ones(5, 1).double())


@pytest.mark.equation("noise-prediction")
def test_each_part_gives_the_others(parts):
    """Kills: a sign, or α in place of σ, in any conversion."""
    x, eps = parts
    signal = signal_at(LEVELS[1:4].repeat(2)[:5])
    alpha, sigma = signal
    z = alpha * x + sigma * eps
    torch.testing.assert_close(signal.mix(x, eps), z)
    torch.testing.assert_close(signal.noise(z, x), eps)
    torch.testing.assert_close(signal.x_from_noise(z, eps), x)
    v = alpha * eps - sigma * x
    torch.testing.assert_close(signal.velocity(z, x), v)
    torch.testing.assert_close(signal.x_from_velocity(z, v), x)


def test_the_score_is_the_slope_of_the_log_density(parts):
    """Kills: σ in place of σ², or the sign."""
    x, eps = parts
    signal = signal_at(LEVELS[1:4].repeat(2)[:5])
    z = signal.mix(x, eps).requires_grad_()
    law = torch.distributions.Normal(signal.alpha * x, signal.sigma)
    (slope,) = torch.autograd.grad(law.log_prob(z).sum(), z)
    torch.testing.assert_close(signal.score(z, x), slope)
    torch.testing.assert_close(signal.score(z, x), -eps / signal.sigma)


def test_v_is_the_speed_along_the_circle(parts):
    """With α = cos φ and σ = sin φ, v = dz / dφ.   Kills: v with the sign of x exchanged."""
    x, eps = parts
    phi = torch.tensor([0.1, 0.4, 0.7, 1.0, 1.4], dtype=torch.float64)[:, None]
    _, speed = torch.autograd.functional.jvp(
        lambda p: p.cos() * x + p.sin() * eps, phi, torch.ones_like(phi)
    )
    log_snr = -2 * phi.tan().log()[:, 0]
    signal = signal_at(log_snr)
    torch.testing.assert_close(signal.velocity(signal.mix(x, eps), x), speed)


def test_what_is_left_at_the_noisiest_level(parts):
    """The KL of torch's own normal laws.   Kills: ½ forgotten, x for x², log α² for log σ²."""
    x, _ = parts
    levels = torch.tensor([-9.0, -3.0, 0.0, 2.0, 5.0], dtype=torch.float64)
    alpha, sigma = signal_at(levels)
    unit = Normal(torch.zeros(()).double(), torch.ones(()).double())
    expected = kl_divergence(Normal(alpha * x, sigma), unit).sum(1)
    torch.testing.assert_close(kl_to_noise(x, levels), expected)


def test_a_clear_end_costs_much_and_not_everything():
    """At λ = 18 in single precision ᾱ rounds to 1.   Kills: log(1 - ᾱ) = -inf."""
    x = torch.zeros(1, 2, dtype=torch.float32)
    found = kl_to_noise(x, torch.tensor([18.0], dtype=torch.float32))
    torch.testing.assert_close(found, torch.tensor([18.0 - 1.0], dtype=torch.float32))


def test_a_divergence_of_next_to_nothing():
    """α⁴ / 4 where x = 0. Kills: α² (x² - 1) - log σ², which cancels, below 0 in float32."""
    log_snr = torch.linspace(-30, -8, 45)
    for dtype in (torch.float32, torch.float64):
        found = kl_to_noise(torch.zeros(45, 1, dtype=dtype), log_snr)
        alpha_squared = torch.sigmoid(log_snr)
        expected = alpha_squared.square() * (1 / 4 + alpha_squared / 6)
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
