"""The best of many is too good; what units, noise and mixing do to a score."""

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import log_ndtr
from scipy.stats import norm
from torch.distributions import (
    AffineTransform,
    Independent,
    LogNormal,
    Normal,
    TransformedDistribution,
)

from coursepkg.evaluation import best_of_many
from coursepkg.rng import seeded


@pytest.mark.equation("best-of-many")
@pytest.mark.parametrize("M", [1, 2, 3, 4, 10, 100, 1000])
def test_the_mean_of_the_largest(M):
    """Against the integral of y M φ(y) Φ(y)^(M-1). Kills: M - 1, a term of the integral."""
    c = best_of_many(M)
    largest, _ = quad(lambda y: y * M * norm.pdf(y) * norm.cdf(y) ** (M - 1), -12, 12, limit=200)
    assert c == pytest.approx(largest, abs=1e-8)
    assert c <= math.sqrt(2 * math.log(M))


@pytest.mark.equation("best-of-many")
def test_what_has_a_closed_form():
    """Kills: the mean of the largest |y|."""
    found = [best_of_many(M) for M in (1, 2, 3)]
    assert found == pytest.approx([0, 1 / math.sqrt(math.pi), 1.5 / math.sqrt(math.pi)], abs=1e-12)


@pytest.mark.equation("best-of-many")
@pytest.mark.parametrize(("M", "score", "scatter"), [(2, 80.0, 0.5), (7, -3.0, 2.0)])
def test_the_lowest_of_scores_is_too_low(M, score, scatter):
    """200,000 boards; at 5 standard errors, which chance passes in 1 case of 1.7 million.

    It would notice an error of c_M of 0.02. Kills: plus for minus, σ².
    """
    noise = torch.randn(200_000, M, generator=seeded(24), dtype=torch.float64)
    lowest = (score + scatter * noise).amin(1)
    error = lowest.std().item() / math.sqrt(len(lowest))
    assert abs(lowest.mean().item() - (score - best_of_many(M) * scatter)) < 5 * error


def test_shared_noise_is_no_luck():
    """Normal scores of correlation ρ: the factor falls by √(1 - ρ), and keeps its sign."""
    noise = torch.randn(100_000, 6, generator=seeded(3), dtype=torch.float64)
    scores = math.sqrt(0.75) * noise[:, :1] + math.sqrt(0.25) * noise[:, 1:]
    lowest = scores.amin(1)
    error = lowest.std().item() / math.sqrt(len(lowest))
    assert abs(lowest.mean().item() + 0.5 * best_of_many(5)) < 5 * error


def test_none_has_no_best():
    with pytest.raises(ValueError, match="expected at least 1 number, got 0"):
        best_of_many(0)


def rescaled(nats, a, D):
    """-log density of x / a, from that of x with D pixels."""
    return nats - D * math.log(a)


@pytest.mark.equation("density-units")
@pytest.mark.parametrize(("a", "D"), [(16.0, 64), (0.5, 3), (255.0, 1)])
def test_a_density_has_units(a, D):
    """Against torch's change of variables, for a skew law. Kills: 1, D + 1, a sign."""
    law = Independent(LogNormal(torch.zeros(D).double(), torch.full((D,), 0.7).double()), 1)
    scaled = TransformedDistribution(law, AffineTransform(0.0, 1 / a, event_dim=1))
    x = (0.7 * torch.randn(5, D, generator=seeded(2), dtype=torch.float64)).exp()
    torch.testing.assert_close(-scaled.log_prob(x / a), rescaled(-law.log_prob(x), a, D))


def mixed(p, r, share):
    """-log of the mixture of p, which has the share, and r, which has the rest."""
    return -(share * p + (1 - share) * r).log()


@pytest.mark.equation("hundredth")
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_mixture_loses_at_most_the_log_of_the_share(share):
    """For all x of random tables, with equality where the noise never goes. Kills: either share."""
    p, r = torch.rand(2, 1000, generator=seeded(1), dtype=torch.float64)
    r[::7] = 0
    p, r = p / p.sum(), r / r.sum()
    loss = mixed(p, r, share) + p.log()
    assert (loss <= -math.log(share) + 1e-12).all()
    torch.testing.assert_close(loss[::7], torch.full_like(loss[::7], -math.log(share)))
    assert mixed(p, r, share).neg().exp().sum().item() == pytest.approx(1)


def test_scores_under_normal_laws_have_the_units_of_the_axis():
    """One normal law by hand: in units half as long it has log 2 more nats."""
    metres, halves = Normal(0.0, 1.0), Normal(0.0, 2.0)
    x = torch.tensor(0.3)
    found = rescaled(-metres.log_prob(x), 0.5, 1)
    assert found.item() == pytest.approx(-halves.log_prob(2 * x).item(), rel=1e-6)


@pytest.mark.parametrize("M", [10**9, 10**15, 10**18, 10**30])
def test_the_best_of_very_many(M):
    """c_M from the law of the least P, of which the least is exponential. Kills: 1 - ndtr(u)^M.

    With P(y > u) = t / M and t ~ Exp(1), as good as exact for so many.
    """

    def place(t):
        return -brentq(lambda u: log_ndtr(u) - math.log(t / M), -40, 0)

    expected, _ = quad(lambda t: place(t) * math.exp(-t), 1e-12, 40, limit=500)
    assert best_of_many(M) == pytest.approx(expected, rel=1e-5)
