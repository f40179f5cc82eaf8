"""Estimators against the exact law of their values: every sample of a small law is listed."""

import math
from dataclasses import dataclass

import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln

from coursepkg.bayes.coin import BetaBernoulli, log_likelihood
from coursepkg.bayes.information import kl
from coursepkg.data.toy import IsotropicMixture
from coursepkg.rng import seeded
from coursepkg.samplers import weighting
from coursepkg.samplers.transforms import quantile_discrete
from coursepkg.samplers.weighting import (
    RejectionSampler,
    effective_sample_size,
    importance_plain,
    importance_self_normalised,
    log_mean_error,
    log_mean_weight,
    monte_carlo,
)
from tests.oracles import states
from tests.statistics import assert_cdf, assert_mean, assert_probs

P = torch.tensor([0.2, 0.5, 0.3])
Q = torch.tensor([0.5, 0.3, 0.2])
F = torch.tensor([1.0, -2.0, 4.0])
MEAN = (P * F).sum().item()
LOG_W = (P / Q).log()


def every_sample(law, n):
    """All samples of size n, (3^n, n), and their probabilities."""
    x = states(3, n)
    return x, law[x].prod(1)


def every_count(law, n):
    """All (n_0, n_1, n_2) with sum n, (M, 3), and their multinomial probabilities."""
    counts = torch.tensor([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)])
    log_p = (counts * law.log()).sum(1) + math.lgamma(n + 1) - torch.lgamma(counts + 1.0).sum(1)
    return counts, log_p.exp()


@pytest.mark.equation("monte-carlo-mean")
@pytest.mark.equation("monte-carlo-error")
def test_mean_is_unbiased_and_its_variance_falls_as_one_over_n():
    """Kills: s / n, s² with n in place of n - 1, a sum for a mean."""
    variance = (P * (F - MEAN) ** 2).sum().item()
    for n in (2, 5):
        samples, probability = every_sample(P, n)
        values, errors = torch.tensor([monte_carlo(F[x]) for x in samples]).T
        assert (probability * values).sum().item() == pytest.approx(MEAN)
        spread = (probability * (values - MEAN) ** 2).sum().item()
        assert spread == pytest.approx(variance / n)
        assert (probability * errors**2).sum().item() == pytest.approx(variance / n)


def ever_leaves(theta, eps, start, end):
    """P(|heads/m - θ| >= ε for some m with start <= m <= end), by following all counts."""
    stayed = torch.zeros(end + 2)
    stayed[0] = 1
    k = torch.arange(end + 2)
    for m in range(1, end + 1):
        stayed = (1 - theta) * stayed + theta * torch.roll(stayed, 1)
        if m >= start:
            stayed[(k / m - theta).abs() >= eps - 1e-12] = 0
    return 1 - stayed.sum().item()


def hoeffding(m, eps):
    """At one time: P(|f̂ - μ| >= ε) <= 2 e^{-2mε²} for values in [0, 1]."""
    return 2 * math.exp(-2 * m * eps**2)


def after(n, eps):
    """At any time from n on: the right-hand side of the equation."""
    return 2 * math.exp(-2 * n * eps**2) / -math.expm1(-2 * eps**2)


@pytest.mark.equation("strong-law-bound")
@pytest.mark.parametrize("theta", [0.5, 0.7, 0.1])
def test_a_mean_that_has_settled_rarely_leaves_again(theta):
    """Exact probabilities up to m = 1500, below bounds that are themselves below one.

    Kills: the exponent or the factor of the bound at one time, the first term taken for the sum.
    """
    for eps, times in ((0.2, (60, 90, 120)), (0.15, (110, 160, 220))):
        exact = [ever_leaves(theta, eps, n, 1500) for n in times]
        assert all(e <= after(n, eps) < 1 for e, n in zip(exact, times, strict=True))
        assert exact[0] > 10 * exact[2] > 0, "vacuous: nothing falls, or nothing is left"
        assert ever_leaves(theta, eps, times[0], times[0]) < exact[0], "vacuous: later is nothing"
        terms = sum(hoeffding(m, eps) for m in range(times[0], 3000))
        assert after(times[0], eps) == pytest.approx(terms)
    for m in (1, 2, 5, 40):
        for k in range(1, m + 1):  # also where the bound at one time is nearly reached
            eps = k / m * max(theta, 1 - theta)
            assert ever_leaves(theta, eps, m, m) <= hoeffding(m, eps) + 1e-12


@pytest.mark.parametrize(
    "f", [torch.tensor([1.0]), torch.tensor([1.0, math.nan]), torch.zeros(2, 2)]
)
def test_a_mean_without_spread_or_number_is_refused(f):
    with pytest.raises(ValueError, match="expected"):
        monte_carlo(f)


@dataclass(frozen=True)
class Finite:
    """A law on 0..K-1 as a proposal."""

    p: torch.Tensor

    def sample(self, n, *, generator):
        return quantile_discrete(self.p, torch.rand(n, generator=generator))

    def log_prob(self, x):
        return self.p[x].log()


@pytest.mark.equation("rejection-law")
@pytest.mark.equation("rejection-acceptance")
def test_outcome_and_verdict_have_the_joint_law_of_the_text(generator):
    """P(x, kept) = p̃/M and P(x, thrown away) = q - p̃/M, for Z = 3. Kills: M or q forgotten."""
    Z, M = 3.0, 5.5
    sampler = RejectionSampler(lambda x: (Z * P[x]).log(), Finite(Q), math.log(M))
    x, kept = sampler.propose(200_000, generator=generator)
    joint = torch.cat([Q - Z * P / M, Z * P / M])
    assert joint[3:].sum().item() == pytest.approx(Z / M)
    assert_probs(x + 3 * kept, joint, detects=0.04)
    assert_probs(sampler.sample(100_000, generator=generator), P, detects=0.04)


@pytest.mark.equation("rejection-law")
@pytest.mark.equation("rejection-acceptance")
def test_coin_posterior_from_a_flat_proposal(generator):
    """The share kept is evidence over largest likelihood; the rest follows Beta(8, 4)."""
    k, n = 7, 10
    log_bound = log_likelihood(torch.tensor(k / n), k, n).item()
    sampler = RejectionSampler(
        lambda theta: log_likelihood(theta, k, n), BetaBernoulli(), log_bound
    )
    _, kept = sampler.propose(100_000, generator=generator)
    assert_mean(kept.double(), math.exp(betaln(8, 4) - log_bound), detects=0.02)
    draws = sampler.sample(40_000, generator=generator)
    assert draws.shape == (40_000,)
    assert_cdf(draws, lambda x: torch.from_numpy(stats.beta(8, 4).cdf(x.numpy())), detects=0.03)


def test_a_sampler_returns_as_many_as_it_was_asked_for(generator):
    """Kills: a last batch that is not cut, a first one taken for the whole."""
    rare = RejectionSampler(lambda x: LOG_W[x] + Q[x].log(), Finite(Q), math.log(50.0))
    for n in (1, 7, 3000):
        assert rare.sample(n, generator=generator).shape == (n,)
    with pytest.raises(ValueError, match="n: expected"):
        rare.sample(0, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_envelope_may_touch(dtype, generator):
    """Kills: < in place of <=, or no room for rounding: p = q and M = 1 touch everywhere."""
    law = IsotropicMixture(torch.zeros(1, 3, dtype=dtype), torch.ones(1, dtype=dtype),
                          torch.ones(1, dtype=dtype))  # fmt: skip
    sampler = RejectionSampler(lambda x: law.log_prob(x + 1e-12), law, 0.0)
    x, kept = sampler.propose(5000, generator=generator)
    assert x.dtype == dtype
    assert kept.double().mean() > 0.999


def test_a_broken_envelope_is_named(generator):
    """Kills: ratios above M that are silently taken as 1."""
    sampler = RejectionSampler(lambda x: P[x].log(), Finite(Q), math.log(1.4))
    with pytest.raises(ValueError, match=r"<= 0\.336.* got 0\.510.* at x = 1 .*min\(p̃, M q\)"):
        sampler.propose(100, generator=generator)
    with pytest.raises(ValueError, match="log_bound: expected"):
        sampler.sample(100, generator=generator)


@pytest.mark.parametrize(
    ("log_density", "message"),
    [
        (lambda x: torch.full(x.shape, math.nan), "got nan"),
        (lambda x: torch.full(x.shape, math.inf), "got inf"),
        (lambda x: torch.zeros(len(x), 1), r"shape \(9,\)"),
        (lambda _: torch.zeros(()), r"shape \(9,\)"),
    ],
)
def test_densities_that_are_none_are_refused(log_density, message, generator):
    sampler = RejectionSampler(log_density, Finite(Q), 5.0)
    with pytest.raises(ValueError, match=message):
        sampler.propose(9, generator=generator)


def test_a_density_that_is_zero_everywhere_does_not_hang(generator, monkeypatch):
    monkeypatch.setattr(weighting, "LIMIT", 5000)
    sampler = RejectionSampler(lambda x: torch.full(x.shape, -math.inf), Finite(Q), 0.0)
    with pytest.raises(RuntimeError, match="expected 3 draws within 5000 proposals, got 0"):
        sampler.sample(3, generator=generator)
    with pytest.raises(ValueError, match="log_bound: expected a finite number"):
        RejectionSampler(sampler.log_density, Finite(Q), math.nan)


@pytest.mark.equation("importance-plain")
@pytest.mark.equation("importance-variance")
@pytest.mark.parametrize(
    ("q", "f"), [(Q, F), (torch.tensor([0.6, 0.4, 0.0]), torch.tensor([1.0, -2.0, 0.0]))]
)
def test_plain_weighting_is_unbiased_and_has_the_variance_of_w_f(q, f):
    """Every sample of size 2 and 4; q is zero where f is, the second time.

    Kills: q/p for p/q, weights that are normalised after all, a variance of w for one of w f.
    """
    mean = (P * f).sum().item()
    variance = ((P * f) ** 2 / q)[q > 0].sum().item() - mean**2
    for n in (2, 4):
        samples, probability = every_sample(q, n)
        values, errors = torch.tensor([importance_plain(f[x], (P / q).log()[x])
                                       for x in samples[probability > 0]]).T  # fmt: skip
        probability = probability[probability > 0]
        assert (probability * values).sum().item() == pytest.approx(mean)
        assert (probability * (values - mean) ** 2).sum().item() == pytest.approx(variance / n)
        assert (probability * errors**2).sum().item() == pytest.approx(variance / n)


@pytest.mark.equation("importance-optimal")
def test_the_best_proposal_is_proportional_to_the_size_of_the_integrand():
    """No other of 2,000 proposals has less variance, for any of 20 laws and integrands.

    Kills: a mean of f for that of |f|, in the bound or in the best proposal.
    """
    noise = seeded(6)
    for _ in range(20):
        p, *rivals = torch.empty(2001, 4).exponential_(generator=noise)
        p, rivals = p / p.sum(), torch.stack(rivals)
        rivals = rivals / rivals.sum(1, keepdim=True)
        f = torch.randn(4, generator=noise)
        least = (p * f.abs()).sum() ** 2
        assert ((p * f) ** 2 / rivals).sum(1).min() > least
        best = p * f.abs() / (p * f.abs()).sum()
        torch.testing.assert_close(((p * f) ** 2 / best).sum(), least)
        x = torch.tensor([0, 3, 1])  # any draws will do: the value has no spread
        estimate = importance_plain(f.abs()[x], (p / best).log()[x])
        assert estimate.error == pytest.approx(0, abs=1e-12)
        assert estimate.value**2 == pytest.approx(least.item())


@pytest.mark.equation("importance-self-normalised")
def test_self_normalised_weighting_needs_no_constant_and_cannot_overflow():
    """Against the sums written out. Kills: a weight squared or not, a spread about zero."""
    x = quantile_discrete(Q, torch.rand(40, generator=seeded(2)))
    w = [(P / Q)[k].item() for k in x]
    value = sum(a * F[k].item() for a, k in zip(w, x, strict=True)) / sum(w)
    square = sum((a * (F[k].item() - value)) ** 2 for a, k in zip(w, x, strict=True))
    for constant in (0.0, 5000.0, -5000.0):
        estimate = importance_self_normalised(F[x], LOG_W[x] + constant)
        assert estimate.value == pytest.approx(value)
        assert estimate.error == pytest.approx(math.sqrt(square) / sum(w))


@pytest.mark.equation("importance-bias")
@pytest.mark.equation("importance-self-normalised")
def test_bias_and_variance_of_the_ratio_by_all_counts():
    """Exact moments at n = 60 and 120, for Z = 2.5. Kills: an unbiased ratio, Z for Z²."""
    Z = 2.5
    w = Z * P / Q
    for n in (60, 120):
        counts, probability = every_count(Q, n)
        assert probability.sum().item() == pytest.approx(1)
        share = counts * w / (counts * w).sum(1, keepdim=True)
        values = share @ F
        bias = (probability * values).sum().item() - MEAN
        predicted = -(Q * w**2 * (F - MEAN)).sum().item() / Z**2 / n
        assert abs(predicted) > 1e-3, "vacuous: no bias to see"
        assert bias == pytest.approx(predicted, rel=4 / n)
        variance = (probability * (values - MEAN) ** 2).sum().item()
        predicted = (Q * (w * (F - MEAN)) ** 2).sum().item() / Z**2 / n
        assert variance == pytest.approx(predicted, rel=6 / n)


@pytest.mark.equation("effective-sample-size")
def test_effective_sample_size_is_the_variance_that_weights_cost():
    """f = ±1 by fair coins, independent of the weights: every one of 2^7 outcomes is listed."""
    log_w = torch.randn(7, generator=seeded(3))
    signs = 2 * states(2, 7) - 1
    means = torch.tensor([importance_self_normalised(f.double(), log_w).value for f in signs])
    size = effective_sample_size(log_w)
    assert means.square().mean().item() == pytest.approx(1 / size)
    w = log_w.exp()
    variation = w.std(correction=0) / w.mean()
    assert size == pytest.approx(7 / (1 + variation.item() ** 2))
    assert size == pytest.approx((w.sum() ** 2 / w.square().sum()).item())


@pytest.mark.equation("effective-sample-size")
def test_effective_sample_size_counts_equal_weights():
    """Kills: Σ w² / (Σ w)², weights that overflow."""
    for k in (1, 3, 8):
        log_w = torch.full((8,), -math.inf)
        log_w[:k] = 900.0
        assert effective_sample_size(log_w) == pytest.approx(k)


@pytest.mark.equation("evidence-by-weights")
def test_mean_weight_is_unbiased_for_z_and_its_logarithm_lies_below():
    """Every sample of size 1 to 5, Z = 2.5. Kills: a sum for the mean, the mean of logarithms."""
    Z = 2.5
    for n in range(1, 6):
        samples, probability = every_sample(Q, n)
        log_z = torch.tensor([log_mean_weight(LOG_W[x] + math.log(Z)) for x in samples])
        assert (probability * log_z.exp()).sum().item() == pytest.approx(Z)
        assert (probability * log_z).sum().item() < math.log(Z) - 0.02
    even = log_mean_weight(torch.full((7,), math.log(Z)))
    assert even == pytest.approx(math.log(Z)), "equal weights reach the bound"


def proposal_of_width(sigma, D):
    return IsotropicMixture(torch.zeros(1, D), torch.tensor([sigma]))


@pytest.mark.equation("rejection-dimension")
@pytest.mark.parametrize(("sigma", "D"), [(1.3, 1), (1.3, 6), (2.0, 3)])
def test_rejection_dies_with_dimension_as_predicted(sigma, D, generator):
    """N(0, I) from N(0, σ² I): M = σ^D is reached at the origin and exceeded nowhere else."""
    target, proposal = proposal_of_width(1.0, D), proposal_of_width(sigma, D)
    log_bound = D * math.log(sigma)
    at_zero = (target.log_prob(torch.zeros(1, D)) - proposal.log_prob(torch.zeros(1, D))).item()
    assert at_zero == pytest.approx(log_bound), "no smaller M will do"
    sampler = RejectionSampler(target.log_prob, proposal, log_bound)
    _, kept = sampler.propose(200_000, generator=generator)
    assert_mean(kept.double(), sigma**-D, detects=0.02)


@pytest.mark.equation("importance-dimension")
def test_the_effective_share_dies_with_dimension_as_predicted(generator):
    """Quadrature on the line for σ on both sides of 1, a grid in the plane, draws in D = 4."""
    for sigma in (0.8, 1.3, 3.0):
        p, q = stats.norm(0, 1), stats.norm(0, sigma)
        squares, _ = quad(lambda x, p=p, q=q: p.pdf(x) ** 2 / q.pdf(x), -14, 14)
        assert 1 / squares == pytest.approx(effective_share(sigma, 1))
    line = torch.linspace(-9, 9, 361)
    plane = torch.cartesian_prod(line, line)
    target, proposal = proposal_of_width(1.0, 2), proposal_of_width(1.3, 2)
    log_w = target.log_prob(plane) - proposal.log_prob(plane)
    squares = ((target.log_prob(plane) + log_w).exp() * 0.05**2).sum().item()
    assert 1 / squares == pytest.approx(effective_share(1.3, 2))
    target, proposal = proposal_of_width(1.0, 4), proposal_of_width(1.3, 4)
    x = proposal.sample(200_000, generator=generator)
    log_w = target.log_prob(x) - proposal.log_prob(x)
    assert_mean((2 * log_w).exp(), 1 / effective_share(1.3, 4), detects=0.1)
    assert effective_sample_size(log_w) / 200_000 == pytest.approx(
        effective_share(1.3, 4), rel=0.03
    )


def effective_share(sigma, D):
    """The limit of n_eff / n for N(0, I) from N(0, σ² I)."""
    return (math.sqrt(2 * sigma**2 - 1) / sigma**2) ** D


@pytest.mark.equation("importance-kl")
def test_the_effective_share_is_at_most_e_to_minus_kl():
    """300 pairs of laws on 4 points, and one with equality. Kills: KL(q‖p) for KL(p‖q)."""
    noise = torch.empty(2, 300, 4).exponential_(generator=seeded(5))
    p, q = noise / noise.sum(-1, keepdim=True)
    share = 1 / (p**2 / q).sum(-1)
    assert (share <= torch.exp(-kl(p, q))).all()
    assert (share > torch.exp(-kl(q, p))).any(), "vacuous: both directions would do"
    even = torch.tensor([0.5, 0.5, 0.0, 0.0])  # constant weights where p is
    wide = torch.full((4,), 0.25)
    assert 1 / (even**2 / wide).sum() == pytest.approx(torch.exp(-kl(even, wide)).item())


def test_a_proposal_that_is_too_narrow_has_weights_without_variance():
    """σ² <= 1/2: E_q[w²] grows without end as the range of the integral does."""

    def second_moment(sigma, side):
        return quad(lambda x: stats.norm.pdf(x) ** 2 / stats.norm.pdf(x, scale=sigma), -side, side)[
            0
        ]

    assert second_moment(0.8, 9) == pytest.approx(second_moment(0.8, 6), rel=1e-3)
    assert second_moment(0.6, 9) > 100 * second_moment(0.6, 6)


@pytest.mark.parametrize(
    ("f", "log_w", "message"),
    [
        (torch.zeros(3), torch.full((3,), -math.inf), "not everywhere"),
        (torch.zeros(3), torch.tensor([0.0, math.nan, 0.0]), "finite"),
        (torch.zeros(3), torch.tensor([0.0, math.inf, 0.0]), "finite"),
        (torch.zeros(3), torch.zeros(2), r"the shape \(2,\)"),
        (torch.zeros(3), torch.zeros(3, 1), r"shape \(n,\)"),
        (torch.tensor([1.0, math.inf, 0.0]), torch.zeros(3), "finite"),
        (torch.zeros(1), torch.zeros(1), "at least 2"),
    ],
)
@pytest.mark.parametrize("estimate", [importance_plain, importance_self_normalised])
def test_weights_that_are_none_are_refused(estimate, f, log_w, message):
    with pytest.raises(ValueError, match=message):
        estimate(f, log_w)


@pytest.mark.parametrize("log_w", [torch.zeros(0), torch.zeros(3, dtype=torch.int64)])
@pytest.mark.parametrize("summary", [effective_sample_size, log_mean_weight])
def test_summaries_refuse_them_too(summary, log_w):
    with pytest.raises(ValueError, match="log_w: expected"):
        summary(log_w)


def test_the_error_of_a_log_is_the_relative_error_of_the_mean(generator):
    """Against `monte_carlo`, also where weights overflow. Kills: n for n - 1, no division by n."""
    log_w = torch.randn(40, generator=generator)
    mean = monte_carlo(log_w.exp())
    assert log_mean_error(log_w) == pytest.approx(mean.error / mean.value)
    assert log_mean_error(log_w + 5000) == pytest.approx(mean.error / mean.value)
    assert log_mean_error(torch.zeros(7)) == pytest.approx(0, abs=1e-15)
    assert log_mean_error(torch.tensor([0.0, -math.inf, -math.inf])) == pytest.approx(1)
    with pytest.raises(ValueError, match="log_w: expected at least 2 draws"):
        log_mean_error(torch.zeros(1))


def test_single_precision_is_averaged_in_double():
    """Kills: squares that overflow at 1e20, weights at e^100, sums that round."""
    f = torch.tensor([1e20, 2e20, 4e20], dtype=torch.float32)
    mean, error = weighting.monte_carlo(f)
    assert mean == pytest.approx(sum(f.tolist()) / 3, rel=1e-12)
    assert error == pytest.approx(1e20 * math.sqrt(7) / 3, rel=1e-6)
    f, log_w = torch.tensor([[1.0, 2.0], [100.0, 1.0]], dtype=torch.float32)
    assert weighting.importance_plain(f, log_w).value == pytest.approx(
        (math.exp(100) + 2 * math.e) / 2
    )
    with pytest.raises(
        ValueError, match="log_w: expected weights that can be written out, got 1000"
    ):
        weighting.importance_plain(f, torch.tensor([1000.0, 1.0]))
    log_w = torch.tensor([10000.0, 10000.3, 10001.1], dtype=torch.float32)
    exact = torch.logsumexp(log_w.double(), 0).item() - math.log(3)
    assert weighting.log_mean_weight(log_w) == pytest.approx(exact, rel=1e-15)
    shares = torch.softmax(log_w.double(), 0)
    assert weighting.effective_sample_size(log_w) == pytest.approx(
        1 / shares.square().sum().item(), rel=1e-15
    )


@pytest.mark.parametrize("spread", [1e-3, 1e-6, 1e-9])
def test_the_error_of_nearly_equal_weights(spread, generator):
    """It is their spread over √n. Kills: n over the effective number, less 1: what cancels."""
    log_w = spread * torch.randn(1000, generator=generator)
    expected = log_w.std().item() / math.sqrt(1000)
    assert weighting.log_mean_error(log_w) == pytest.approx(expected, rel=5 * spread + 1e-6)
    assert weighting.log_mean_error(torch.zeros(1000)) < 1e-15
    assert weighting.log_mean_error(torch.tensor([0.0, -1e4, -1e4])) == pytest.approx(1)


@pytest.mark.parametrize("n", [3, 49, 98, 103])
def test_equal_weights_are_worth_no_more_than_their_number(n):
    """From 1 to n. Kills: 49.00000000000001 draws of 49."""
    for log_w in (0.0, 1e5, -1e5, 0.1):
        assert effective_sample_size(torch.full((n,), log_w)) <= n
