"""The best discriminator against a search; the value against JSD, by enumeration and quadrature."""

import math

import pytest
import torch
from torch.distributions import Normal

from coursepkg import rng
from coursepkg.models.gan import (
    game_value,
    jensen_shannon,
    optimal_discriminator,
    optimal_score,
)


def laws(K: int = 7, pairs: int = 20):
    """Uniform on the simplex: exponentials, divided by their sum."""
    p, q = -torch.rand(2, pairs, K, generator=rng.seeded(1)).log()
    return p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)


def slow_value(p, q, d) -> float:
    """Σ p log d + Σ q log(1 - d), term by term, where there is a term."""
    rows = zip(p.tolist(), q.tolist(), d.tolist(), strict=True)
    return sum(
        (a * math.log(c) if a else 0) + (b * math.log(1 - c) if b else 0) for a, b, c in rows
    )


@pytest.mark.equation("gan-value")
def test_the_value_is_a_sum_of_logarithms():
    """A loop over probabilities. Kills: p and q exchanged, a sign, log d for log(1 - d)."""
    p, q = laws()
    d = torch.rand(p.shape, generator=rng.seeded(2))
    expected = [slow_value(*row) for row in zip(p, q, d, strict=True)]
    assert game_value(p, q, torch.logit(d)).tolist() == pytest.approx(expected)


@pytest.mark.equation("optimal-discriminator")
def test_no_other_discriminator_does_better():
    """V is concave in each score: flat at d*, and less elsewhere. Kills: q / (p + q), p / q."""
    p, q = laws()
    best = torch.logit(optimal_discriminator(p, q)).requires_grad_()
    value = game_value(p, q, best)
    (slope,) = torch.autograd.grad(value.sum(), best)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-9, rtol=0)
    torch.testing.assert_close(optimal_score(p.log(), q.log()), best.detach())
    for seed in range(50):
        other = 3 * torch.randn(p.shape, generator=rng.seeded(seed))
        assert (game_value(p, q, other) < value).all()


@pytest.mark.equation("gan-jsd")
def test_the_value_there_is_two_jsd_minus_log_4_on_finite_sets():
    """Enumeration; the JSD as a mutual information, H(m) - ½H(p) - ½H(q).

    Kills: a half, log 2 for log 4, a KL between the laws themselves.
    """
    p, q = laws()
    of_m, of_p, of_q = (torch.special.entr(law).sum(-1) for law in ((p + q) / 2, p, q))
    expected = of_m - of_p / 2 - of_q / 2
    torch.testing.assert_close(jensen_shannon(p, q), expected)
    value = game_value(p, q, optimal_score(p.log(), q.log()))
    torch.testing.assert_close(value, 2 * expected - math.log(4))
    assert expected.min() > 0.01, "vacuous: equal laws"


@pytest.mark.equation("gan-jsd")
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0, 8.0])
def test_the_value_there_is_two_jsd_minus_log_4_for_normal_laws(shift):
    """Quadrature of densities N(0, 1) and N(shift, 0.7²), the JSD from its integrals.

    Kills: a probability clamped where the densities fade.
    """
    x = torch.linspace(-12, 20, 64_001)
    laws = Normal(0.0, 1.0), Normal(shift, 0.7)
    h = x[1] - x[0]
    p, q = (law.log_prob(x).exp() * h for law in laws)
    m = (p + q) / 2
    jsd = (torch.xlogy(p, p / m).nansum() + torch.xlogy(q, q / m).nansum()) / 2
    score = optimal_score(*(law.log_prob(x) for law in laws))
    value = game_value(p, q, score)
    assert value.item() == pytest.approx(2 * jsd.item() - math.log(4), abs=1e-9)
    torch.testing.assert_close(torch.sigmoid(score), optimal_discriminator(p, q))


def test_ends_of_the_range():
    """0 for equal laws, log 2 for laws apart, however far. Kills: NaN where a law is 0."""
    p, q = torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.0, 0.5, 0.5])
    assert jensen_shannon(p, p).item() == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(p, q).item() == pytest.approx(math.log(2))
    assert game_value(p, q, optimal_score(p.log(), q.log())).item() == 0
    half = optimal_discriminator(p, torch.tensor([0.5, 0.0, 0.0, 0.5]))
    torch.testing.assert_close(half, torch.tensor([0.5, 1.0, 0.5, 0.0]))


def test_smoothing_scales_the_answer():
    """Kills: smoothing of the wrong side."""
    p, q = laws()
    found = optimal_discriminator(p, q, real_target=0.9)
    torch.testing.assert_close(found, 0.9 * optimal_discriminator(p, q))


def test_large_densities_in_single_precision():
    """p = q: a half. Kills: p + q, which overflows."""
    p = torch.tensor([3e38, 1e-45, 0.0], dtype=torch.float32)
    found = optimal_discriminator(p, p)
    assert found.dtype == torch.float32
    assert found.tolist() == [0.5, 0.5, 0.5]
