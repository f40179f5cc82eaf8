"""The coin against enumeration of all sequences, quadrature over θ, and scipy's laws."""

import itertools
import math

import mpmath
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from coursepkg.bayes.coin import BetaBernoulli, count_heads, log_binomial, log_likelihood
from tests.oracles import states
from tests.statistics import assert_cdf

PRIORS = [(1.0, 1.0), (2.0, 5.0), (0.5, 0.5)]
COUNTS = [(0, 0), (0, 4), (4, 4), (2, 4), (7, 10)]  # (k, n)


def density(belief, theta):
    return belief.log_prob(torch.tensor(theta)).exp().item()


def integral(f):
    """Over θ = sin²(φ) in (0, 1), which removes the poles that a, b < 1 have at the ends."""
    value, error = quad(
        lambda phi: f(math.sin(phi) ** 2) * 2 * math.sin(phi) * math.cos(phi),
        0, math.pi / 2, epsabs=1e-12, epsrel=1e-12,
    )  # fmt: skip
    assert error < 1e-10
    return value


def test_k_of_the_sequence_in_the_sources_is_seven():
    assert count_heads("HHHHHHHTTT") == 7


def test_a_sequence_with_other_letters_is_refused():
    with pytest.raises(ValueError, match="only H and T, got 'HHX'"):
        count_heads("HHX")


@pytest.mark.equation("binomial-likelihood")
def test_count_likelihood_is_the_sum_over_its_sequences():
    """All orders of the tosses. Kills: a likelihood of k that forgets the number of orders."""
    n = 6
    tosses = states(2, n)
    heads = tosses.sum(1)
    for theta, k in itertools.product((0.0, 0.3, 0.5, 0.9, 1.0), range(n + 1)):
        p_sequence = torch.where(tosses == 1, theta, 1 - theta).prod(1)[heads == k]
        ours = log_likelihood(torch.tensor(theta), k, n).exp()
        torch.testing.assert_close(p_sequence, ours.expand_as(p_sequence))
        p_count = math.exp(log_binomial(n, k)) * ours.item()
        assert p_count == pytest.approx(p_sequence.sum().item(), rel=1e-12)


def test_likelihood_at_the_ends_has_no_nan():
    """Kills: k * log(θ), which is 0 · (-inf) for a coin that cannot fall on heads."""
    ends = torch.tensor([0.0, 1.0])
    assert log_likelihood(ends, 0, 3).tolist() == [0.0, -math.inf]
    assert log_likelihood(ends, 3, 3).tolist() == [-math.inf, 0.0]


@pytest.mark.equation("bayes-theorem")
@pytest.mark.equation("coin-posterior")
@pytest.mark.parametrize(("a", "b"), PRIORS)
@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_posterior_is_likelihood_times_prior_over_their_integral(a, b, k, n):
    """Kills: an evidence or a posterior of another prior, or of other counts."""
    prior = BetaBernoulli(a, b)
    posterior = prior.posterior(k, n)

    def joint(theta):
        return theta**k * (1 - theta) ** (n - k) * density(prior, theta)

    p_data = integral(joint)
    assert math.exp(prior.log_evidence_sequence(k, n)) == pytest.approx(p_data, rel=1e-9)
    for theta in (0.1, 0.5, 0.7, 0.9):
        assert density(posterior, theta) == pytest.approx(joint(theta) / p_data, rel=1e-9)


def test_printed_posterior_needs_the_uniform_prior():
    """Errata 002 L53: ∝ θ^k (1-θ)^(n-k) holds under Beta(1, 1), and under no other prior here."""
    k, n = 7, 10
    printed = stats.beta(k + 1, n - k + 1)
    for (a, b), agrees in zip(PRIORS, (True, False, False), strict=True):
        here = density(BetaBernoulli(a, b).posterior(k, n), 0.5)
        assert (abs(here - printed.pdf(0.5)) < 1e-9) == agrees


def test_tosses_one_by_one_or_all_at_once_give_one_posterior():
    """Kills: tails that are counted as n instead of n - k."""
    belief = BetaBernoulli(2.0, 3.0)
    for toss in "HHHHHHHTTT":
        belief = belief.posterior(int(toss == "H"), 1)
    assert belief == BetaBernoulli(2.0, 3.0).posterior(7, 10) == BetaBernoulli(9.0, 6.0)


@pytest.mark.parametrize(("a", "b"), PRIORS)
def test_log_prob_is_scipys_beta(a, b):
    theta = torch.tensor([1e-6, 0.2, 0.5, 0.99])
    expected = torch.from_numpy(stats.beta(a, b).logpdf(theta.numpy()))
    torch.testing.assert_close(BetaBernoulli(a, b).log_prob(theta), expected)


def test_uniform_density_is_one_at_the_ends_too():
    assert BetaBernoulli().log_prob(torch.tensor([0.0, 1.0])).tolist() == [0.0, 0.0]


@pytest.mark.equation("coin-mode")
@pytest.mark.parametrize(
    ("a", "b"), [(8.0, 4.0), (1.0, 3.0), (3.0, 1.0), (1.5, 1.5), (1.0, 1.01), (700.0, 300.0)]
)
def test_mode_is_the_highest_point(a, b):
    """Kills: the mean a / (a + b), a - 1 over a + b - 1, and no mode at an end."""
    belief = BetaBernoulli(a, b)
    theta = torch.linspace(0, 1, 100_001)
    assert belief.mode() == pytest.approx(theta[belief.log_prob(theta).argmax()].item(), abs=1e-5)


@pytest.mark.equation("coin-mode")
@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5)])
def test_mode_is_refused_where_there_is_none(a, b):
    with pytest.raises(ValueError, match=f"got a={a}, b={b}"):
        BetaBernoulli(a, b).mode()


@pytest.mark.equation("coin-evidence")
@pytest.mark.parametrize(("a", "b"), PRIORS)
def test_evidence_is_the_integral_over_theta_and_sums_to_one(a, b):
    """Kills: B(a, b) that is not divided by, and the binomial coefficient in the wrong place."""
    prior, n = BetaBernoulli(a, b), 5
    heads = states(2, n).sum(1).tolist()
    for k in range(n + 1):
        expected = integral(lambda t, k=k: t**k * (1 - t) ** (n - k) * density(prior, t))
        assert math.exp(prior.log_evidence_sequence(k, n)) == pytest.approx(expected, rel=1e-9)
    over_sequences = math.fsum(math.exp(prior.log_evidence_sequence(k, n)) for k in heads)
    over_counts = math.fsum(math.exp(prior.log_evidence_count(k, n)) for k in range(n + 1))
    assert over_sequences == pytest.approx(1, abs=1e-12)
    assert over_counts == pytest.approx(1, abs=1e-12)


@pytest.mark.equation("coin-evidence")
@pytest.mark.parametrize(("a", "b"), PRIORS)
def test_evidence_of_the_count_is_scipys_beta_binomial(a, b):
    expected = stats.betabinom(10, a, b).logpmf(range(11))
    ours = [BetaBernoulli(a, b).log_evidence_count(k, 10) for k in range(11)]
    assert ours == pytest.approx(expected.tolist(), rel=1e-9)


def test_under_the_uniform_prior_every_count_is_equally_probable():
    for k in range(11):
        assert BetaBernoulli().log_evidence_count(k, 10) == pytest.approx(-math.log(11))


@pytest.mark.equation("coin-predictive")
@pytest.mark.parametrize(("a", "b"), PRIORS)
@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_predictive_is_the_mean_of_theta_and_the_ratio_of_two_evidences(a, b, k, n):
    """p(H | D) = p(D, H) / p(D). Kills: prediction with the mode, (a - 1) / (a + b - 2)."""
    prior = BetaBernoulli(a, b)
    ratio = math.exp(prior.log_evidence_sequence(k + 1, n + 1) - prior.log_evidence_sequence(k, n))
    posterior = prior.posterior(k, n)
    assert posterior.predictive() == pytest.approx((a + k) / (a + b + n), rel=1e-12)
    assert posterior.predictive() == pytest.approx(ratio, rel=1e-12)
    average = integral(lambda theta: theta * density(posterior, theta))
    assert posterior.predictive() == pytest.approx(average, rel=1e-9)


@pytest.mark.equation("evidence-chain")
@pytest.mark.parametrize(("a", "b"), PRIORS)
def test_evidence_is_the_product_of_the_predictions(a, b):
    """All sequences of six. Kills: tails that are not learnt, a bet made after the toss."""
    for tosses in states(2, 6).tolist():
        prior = belief = BetaBernoulli(a, b)
        log_p = 0.0
        for heads in tosses:
            p_heads = belief.predictive()
            log_p += math.log(p_heads if heads else 1 - p_heads)
            belief = belief.posterior(heads, 1)
        assert log_p == pytest.approx(prior.log_evidence_sequence(sum(tosses), 6), rel=1e-12)


@pytest.mark.equation("coin-bayes-factor")
def test_bayes_factor_of_the_fair_coin_is_both_forms_for_every_count():
    """Against the integral of the open theory. Kills: n for n + 1, a power of 2 too many."""
    for n in range(12):
        for k in range(n + 1):
            p_open = integral(lambda t, k=k, n=n: t**k * (1 - t) ** (n - k))
            factor = 2.0**-n / math.exp(BetaBernoulli().log_evidence_sequence(k, n))
            assert factor == pytest.approx(2.0**-n / p_open, rel=1e-9)
            assert factor == pytest.approx((n + 1) * math.comb(n, k) * 2.0**-n, rel=1e-9)


def test_ten_tosses_with_seven_heads_speak_for_the_fair_coin_and_a_hundred_against():
    for n, expected in ((10, 1.289), (100, 0.00234)):
        k = 7 * n // 10
        fair = n * math.log(0.5)
        factor = math.exp(fair - BetaBernoulli().log_evidence_sequence(k, n))
        assert factor == pytest.approx((n + 1) * math.comb(n, k) / 2**n, rel=1e-9)
        assert factor == pytest.approx(expected, rel=1e-3)


def test_quantile_inverts_the_distribution_function():
    u = torch.tensor([0.0, 0.05, 0.5, 0.95, 1.0])
    theta = BetaBernoulli(8.0, 4.0).quantile(u)
    torch.testing.assert_close(torch.from_numpy(stats.beta(8, 4).cdf(theta.numpy())), u)


def test_samples_have_the_posterior_law(generator):
    """Kills: a and b exchanged in the sampler (a KS distance of 0.7)."""
    theta = BetaBernoulli(8.0, 4.0).sample(20_000, generator=generator)
    assert_cdf(theta, lambda t: torch.from_numpy(stats.beta(8, 4).cdf(t.numpy())), detects=0.05)


def test_same_generator_same_samples():
    draws = [
        BetaBernoulli().sample(3, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_float32_in_float32_out():
    theta = torch.tensor([0.5], dtype=torch.float32)
    belief = BetaBernoulli(8.0, 4.0)
    assert belief.log_prob(theta).dtype == belief.quantile(theta).dtype == torch.float32


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_impossible_priors_are_refused(a, b):
    with pytest.raises(ValueError, match="expected a finite number > 0"):
        BetaBernoulli(a, b)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k, n):
    for f in (
        log_binomial,
        BetaBernoulli().posterior,
        BetaBernoulli().log_evidence_sequence,
        BetaBernoulli().log_evidence_count,
    ):
        with pytest.raises(ValueError, match="0 <= k <= n"):
            f(*((n, k) if f is log_binomial else (k, n)))


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_theta_outside_the_unit_interval_is_refused(bad):
    theta = torch.tensor([0.5, bad])
    for f in (BetaBernoulli().log_prob, BetaBernoulli().quantile):
        with pytest.raises(ValueError, match=r"numbers in \[0, 1\]"):
            f(theta)
    with pytest.raises(ValueError, match=r"numbers in \[0, 1\]"):
        log_likelihood(theta, 1, 2)


@pytest.mark.equation("coin-mode-logit")
@pytest.mark.parametrize(("a", "b"), [(8.0, 4.0), (0.5, 2.0), (1.0, 1.0), (30.0, 20.0)])
def test_in_log_odds_the_mode_is_where_the_mean_was(a, b):
    """The density of u = log θ/(1-θ) has the factor dθ/du = θ(1-θ), hence another top."""
    belief = BetaBernoulli(a, b)
    u = torch.linspace(-40, 40, 400_001)
    theta = torch.sigmoid(u)
    log_density = belief.log_prob(theta) + theta.log() + torch.log1p(-theta)
    assert torch.trapezoid(log_density.exp(), u).item() == pytest.approx(1, abs=1e-6)
    assert theta[log_density.argmax()].item() == pytest.approx(a / (a + b), abs=1e-4)
    assert belief.predictive() == pytest.approx(a / (a + b))


@pytest.mark.parametrize("strength", [0.5, 1e3, 1e6, 1e12])
def test_evidence_of_a_strong_belief_does_not_cancel(strength):
    """In 60 digits. Kills: the difference of two logarithms of 1e12 nats."""
    a, b, k, n = strength, 2 * strength, 7, 10
    with mpmath.workdps(60):
        expected = float(mpmath.log(mpmath.beta(a + k, b + n - k) / mpmath.beta(a, b)))
    assert BetaBernoulli(a, b).log_evidence_sequence(k, n) == pytest.approx(expected, rel=1e-13)


def test_a_strong_belief_in_single_precision():
    """In double precision of the same θ. Kills: two terms of 1e6 nats that cancel in float32."""
    belief, theta = BetaBernoulli(1e6, 1e6), torch.tensor([0.5, 0.5003]).float()
    found = belief.log_prob(theta)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), belief.log_prob(theta.double()), rtol=1e-6, atol=0)
    found = log_likelihood(theta, 500_000, 10**6)
    expected = log_likelihood(theta.double(), 500_000, 10**6)
    torch.testing.assert_close(found.double(), expected, rtol=1e-7, atol=0)


def test_a_thousand_million_tosses():
    """Stirling's series in 40 digits. Kills: a number of 300 million digits; a sum toss by toss."""
    n, k = 10**9, 4 * 10**8
    with mpmath.workdps(40):
        expected = mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)
        a, b = mpmath.mpf(10) ** 10, 2 * mpmath.mpf(10) ** 10
        log_beta = [
            mpmath.loggamma(x) + mpmath.loggamma(y) - mpmath.loggamma(x + y)
            for x, y in ((a + k, b + n - k), (a, b))
        ]
    assert log_binomial(n, k) == pytest.approx(float(expected), rel=1e-12)
    found = BetaBernoulli(1e10, 2e10).log_evidence_sequence(k, n)
    assert found == pytest.approx(float(log_beta[0] - log_beta[1]), rel=1e-9)
