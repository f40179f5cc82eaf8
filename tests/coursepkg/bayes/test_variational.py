"""Normal-gamma inference against quadrature in the plane, and two approximations against it."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Gamma, MultivariateNormal, Normal, kl_divergence

from coursepkg.bayes.variational import (
    MeanField,
    NormalGamma,
    bound_draws,
    mean_field,
    mean_field_bound,
    stochastic_vi,
)
from tests.statistics import assert_cdf, assert_mean

PRIOR = NormalGamma(mean=0.5, kappa=0.8, a=1.7, b=0.9)
X = torch.tensor([1.2, -0.3, 0.8, 2.1, 0.4])
MU = torch.linspace(-5, 6, 900)
LOG_TAU = torch.linspace(-7, 4, 900)
CELL = (MU[1] - MU[0]) * (LOG_TAU[1] - LOG_TAU[0])


def plane():
    """θ = (μ, τ) on a grid even in (μ, log τ), and the volume of each cell in (μ, τ)."""
    u = torch.cartesian_prod(MU, LOG_TAU)
    return torch.stack([u[:, 0], u[:, 1].exp()], 1), u[:, 1].exp() * CELL


def log_joint(theta):
    """Written from torch.distributions: log p(x | θ) + log p(θ)."""
    mu, tau = theta.unbind(1)
    likelihood = Normal(mu, tau**-0.5).log_prob(X[:, None]).sum(0)
    prior = Normal(PRIOR.mean, (PRIOR.kappa * tau) ** -0.5).log_prob(mu)
    return likelihood + prior + Gamma(PRIOR.a, PRIOR.b).log_prob(tau)


@pytest.mark.equation("normal-gamma-posterior")
@pytest.mark.equation("normal-gamma-evidence")
def test_posterior_and_evidence_are_the_normalised_joint():
    """Kills: N for N/2 in the shape, the distance of the means forgotten, a lost normaliser."""
    theta, volume = plane()
    evidence = (log_joint(theta).exp() * volume).sum().log().item()
    assert PRIOR.log_evidence(X) == pytest.approx(evidence, abs=1e-6)
    posterior = PRIOR.posterior(X)
    where = theta[::7777]
    torch.testing.assert_close(posterior.log_prob(where), log_joint(where) - evidence, atol=1e-5,
                               rtol=1e-6)  # fmt: skip


def test_observations_one_by_one_or_all_at_once_give_one_posterior():
    belief = PRIOR
    total = 0.0
    for i in range(len(X)):
        total += belief.log_evidence(X[i : i + 1])
        belief = belief.posterior(X[i : i + 1])
    whole = PRIOR.posterior(X)
    assert (belief.mean, belief.kappa, belief.a, belief.b) == pytest.approx((
        whole.mean,
        whole.kappa,
        whole.a,
        whole.b,
    ))
    assert total == pytest.approx(PRIOR.log_evidence(X))


def test_joint_in_log_tau_has_the_same_area():
    """Kills: the Jacobian log τ forgotten, the constant of the likelihood lost."""
    u = torch.cartesian_prod(MU, LOG_TAU)
    area = (PRIOR.log_joint(u, X).exp() * CELL).sum().log().item()
    assert area == pytest.approx(PRIOR.log_evidence(X), abs=1e-6)


@pytest.mark.equation("elbo")
@pytest.mark.parametrize("q", [MeanField(0.3, 0.2, 3.0, 2.0), MeanField(-0.3, 0.5, 2.2, 0.9)])
def test_bound_is_the_evidence_less_the_divergence(q):
    """By quadrature over the plane. Kills: any one of its six terms."""
    theta, volume = plane()
    log_q = q.log_prob(theta)
    mass = log_q.exp() * volume
    assert mass.sum().item() == pytest.approx(1, abs=1e-4)
    expected = (mass * (log_joint(theta) - log_q)).sum().item()
    assert mean_field_bound(q, PRIOR, X) == pytest.approx(expected, abs=2e-3)
    divergence = (mass * (log_q - PRIOR.posterior(X).log_prob(theta))).sum().item()
    assert divergence > 0.1, "vacuous"
    assert mean_field_bound(q, PRIOR, X) == pytest.approx(
        PRIOR.log_evidence(X) - divergence, abs=2e-3
    )


@pytest.mark.equation("mean-field")
@pytest.mark.equation("mean-field-normal-gamma")
def test_each_factor_is_the_exponential_of_the_mean_log_joint():
    """q(μ) ∝ exp E_q(τ)[log p(x, μ, τ)] and the other way round, on the grid."""
    q, _ = mean_field(PRIOR, X, steps=200)
    theta, _ = plane()
    joint = log_joint(theta).view(len(MU), len(LOG_TAU))
    tau = LOG_TAU.exp()
    q_tau = Gamma(q.a, q.b).log_prob(tau).exp() * tau * (LOG_TAU[1] - LOG_TAU[0])
    q_mu = Normal(q.mean, math.sqrt(q.variance)).log_prob(MU)
    expected = joint @ q_tau
    near = (MU - q.mean).abs() < 1
    found, wanted = q_mu[near], expected[near]
    torch.testing.assert_close(found - found[0], wanted - wanted[0], atol=1e-3, rtol=0)
    expected = (q_mu.exp() * (MU[1] - MU[0])) @ joint
    found = Gamma(q.a, q.b).log_prob(tau)
    middle = (tau > 0.2) & (tau < 4)
    found, wanted = found[middle], expected[middle]
    torch.testing.assert_close(found - found[0], wanted - wanted[0], atol=1e-3, rtol=0)


def test_climb_never_falls_stays_below_and_ends_at_the_top():
    """Kills: half of a term in b, a stale E[τ]; the end beats every neighbour."""
    q, trace = mean_field(PRIOR, X, steps=60)
    assert (np.diff(trace) > -1e-12).all()
    assert trace[0] < trace[-1] - 1e-4
    assert trace[-1] < PRIOR.log_evidence(X) - 1e-3
    best = mean_field_bound(q, PRIOR, X)
    for factor in (0.9, 1.1):
        for other in (
            MeanField(q.mean * factor, q.variance, q.a, q.b),
            MeanField(q.mean, q.variance * factor, q.a, q.b),
            MeanField(q.mean, q.variance, q.a * factor, q.b),
            MeanField(q.mean, q.variance, q.a, q.b * factor),
        ):
            assert mean_field_bound(other, PRIOR, X) < best - 1e-5


@pytest.mark.equation("mean-field")
def test_no_factor_beats_the_exponential_of_the_mean_log(generator):
    """Three unknowns of 2, 3 and 4 values, a drawn joint law, F by enumeration; each in turn.

    Kills: the logarithm of the mean for the mean of the logarithm, another factor's mean.
    """
    log_p = 2 * torch.randn(2, 3, 4, generator=generator)
    q = [torch.randn(size, generator=generator).softmax(0) for size in log_p.shape]

    def bound(*q):
        joint = q[0][:, None, None] * q[1][:, None] * q[2]
        return (joint * (log_p - joint.log())).sum()

    for i in range(3):
        others = [q[j].view([-1 if k == j else 1 for k in range(3)]) for j in range(3) if j != i]
        mean_log = (others[0] * others[1] * log_p).sum([j for j in range(3) if j != i])
        best = mean_log.softmax(0)
        for scale in (0.01, 1.0):
            for _ in range(50):
                noise = scale * torch.randn(len(best), generator=generator)
                rival = (best.log() + noise).softmax(0)
                rivals = [rival if j == i else q[j] for j in range(3)]
                assert bound(*rivals) <= bound(*[best if j == i else q[j] for j in range(3)])


@pytest.mark.equation("mean-field-too-narrow")
@pytest.mark.parametrize("correlated", [True, False])
def test_independent_factors_have_the_inverse_diagonal_of_the_precision(correlated, generator):
    """The divergence has no slope there, in three dimensions of unlike variances.

    Equality without correlation. Kills: the marginal variance, a deviation for a variance.
    """
    root = torch.randn(3, 3, generator=generator).tril() + 2 * torch.eye(3)
    sigma = root @ root.T if correlated else (root @ root.T).diagonal().diag()
    variance = 1 / torch.linalg.inv(sigma).diagonal()
    log_s = (variance.log() / 2).requires_grad_()
    mean = torch.zeros(3, requires_grad=True)
    q = MultivariateNormal(mean, log_s.exp().square().diag())
    divergence = kl_divergence(q, MultivariateNormal(torch.zeros(3), sigma))
    for slope in torch.autograd.grad(divergence, (mean, log_s)):
        torch.testing.assert_close(slope, torch.zeros(3))
    if correlated:
        assert (variance < sigma.diagonal() - 1e-3).all()
    else:
        torch.testing.assert_close(variance, sigma.diagonal())


@pytest.mark.equation("mean-field-too-narrow")
def test_a_climb_over_independent_factors_ends_too_narrow(generator):
    """Deviations 1 and 2 with ρ = 0.9. Kills: the marginal variance."""
    sigma = torch.tensor([[1.0, 1.8], [1.8, 4.0]])
    precision = torch.linalg.inv(sigma)
    q = stochastic_vi(
        lambda u: -((u @ precision) * u).sum(1) / 2,
        start=torch.tensor([1.0, -1.0]), steps=800, draws=8, step_size=0.05, generator=generator,
    )  # fmt: skip
    expected = (1 - 0.9**2) * sigma.diagonal()
    torch.testing.assert_close(q.std.square(), expected, rtol=0.1, atol=0)
    torch.testing.assert_close(q.mean, torch.zeros(2), rtol=0, atol=0.1)


@pytest.mark.equation("reparametrised-bound")
def test_draws_of_the_bound_have_its_mean_and_its_gradient(generator):
    """A Gaussian target, where both are closed forms. Kills: entropy lost, noise without std."""
    target_mean, target_std = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0])

    def target(u):
        return Normal(target_mean, target_std).log_prob(u).sum(1)

    mean = torch.tensor([0.7, -1.0], requires_grad=True)
    std = torch.tensor([0.8, 1.1], requires_grad=True)
    divergence = kl_divergence(Normal(mean, std), Normal(target_mean, target_std)).sum()
    exact = torch.autograd.grad(-divergence, (mean, std))
    draws = bound_draws(target, mean=mean, std=std, draws=20_000, generator=generator)
    assert draws.shape == (20_000,)
    assert_mean(draws.detach(), -divergence.item(), detects=0.3)
    found = torch.autograd.grad(draws.mean(), (mean, std))
    torch.testing.assert_close(found[0], exact[0], rtol=0, atol=0.1)
    torch.testing.assert_close(found[1], exact[1], rtol=0, atol=0.15)


def test_stochastic_climb_stays_below_the_evidence_and_comes_near(generator):
    """Kills: a descent, a step size that never falls, the Jacobian's sign."""
    q = stochastic_vi(
        lambda u: PRIOR.log_joint(u, X),
        start=torch.zeros(2), steps=1500, draws=16, step_size=0.03, generator=generator,
    )  # fmt: skip
    assert q.trace.shape == (1500,)
    assert not q.mean.requires_grad
    final = bound_draws(
        lambda u: PRIOR.log_joint(u, X),
        mean=q.mean, std=q.std, draws=20_000, generator=generator,
    )  # fmt: skip
    error = 5 * final.std().item() / math.sqrt(len(final))
    evidence = PRIOR.log_evidence(X)
    assert evidence - 0.15 < final.mean().item() < evidence + error
    assert q.trace[:20].mean() < evidence - 0.3


def test_a_bound_that_is_not_finite_stops_the_climb(generator):
    with pytest.raises(FloatingPointError, match="step 1: expected a finite bound, got nan"):
        stochastic_vi(
            lambda u: u.sum(1) * math.nan,
            start=torch.zeros(1), steps=3, draws=2, step_size=0.1, generator=generator,
        )  # fmt: skip


def test_samples_of_both_laws_have_the_right_margins(generator):
    """τ of each, μ of q, and μ given τ. Kills: scale for rate, variance for std, kappa lost."""
    posterior, q = PRIOR.posterior(X), MeanField(0.4, 0.3, 2.5, 1.5)
    exact, draws = (law.sample(40_000, generator=generator) for law in (posterior, q))
    standard = Normal(0.0, 1.0).cdf
    for law, theta in ((posterior, exact), (q, draws)):
        tau = (theta[:, 1] * law.b).contiguous()
        assert_cdf(tau, lambda t, a=law.a: torch.special.gammainc(torch.tensor(a), t), detects=0.04)
    z = (exact[:, 0] - posterior.mean) * (posterior.kappa * exact[:, 1]).sqrt()
    assert_cdf(z, standard, detects=0.04)
    assert_cdf((draws[:, 0] - q.mean) / math.sqrt(q.variance), standard, detects=0.04)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: NormalGamma(0, 0, 1, 1), "kappa"),
        (lambda: NormalGamma(0, 1, -1, 1), "a:"),
        (lambda: MeanField(0, 1, 1, math.nan), "b:"),
        (lambda: MeanField(0, 0, 1, 1), "variance"),
        (lambda: PRIOR.posterior(torch.tensor([])), "at least one"),
        (lambda: PRIOR.posterior(torch.tensor([math.inf])), "inf"),
        (lambda: PRIOR.log_prob(torch.tensor([[0.0, -1.0]])), "tau > 0"),
        (lambda: PRIOR.log_prob(torch.tensor([0.0, 1.0])), "shape"),
        (lambda: mean_field(PRIOR, X, steps=0), "steps"),
        (lambda: mean_field(PRIOR, torch.zeros(0), steps=1), "at least one"),
        (
            lambda: stochastic_vi(
                lambda u: u.sum(1), start=X, steps=1, draws=1, step_size=0, generator=None
            ),
            "step_size",
        ),
    ],
)
def test_impossible_requests_say_what_was_expected(call, word):
    with pytest.raises(ValueError, match=r"(?s)expected.*got") as caught:
        call()
    assert word in str(caught.value)


def test_single_precision_far_from_zero_is_summed_in_double(generator):
    """About 1e4, a spread of 0.01. Kills: a mean in single precision, 1e-3 off."""
    x = (1e4 + 0.01 * torch.randn(200, generator=generator)).float()
    prior = NormalGamma(1e4, 1e-3, 1.0, 1e-4)
    assert prior.posterior(x) == prior.posterior(x.double())
    assert mean_field(prior, x, steps=3)[1] == mean_field(prior, x.double(), steps=3)[1]


def test_densities_of_strong_beliefs_in_single_precision():
    """In double precision of the same θ. Kills: terms of 1e7 nats that cancel in float32."""
    theta = torch.tensor([[1e4, 1.0], [1e4, 1.001]]).float()
    for law in (NormalGamma(1e4, 1e6, 1e6, 1e6), MeanField(1e4, 1e-6, 1e6, 1e6)):
        found = law.log_prob(theta)
        assert found.dtype == torch.float32
        expected = law.log_prob(theta.double())
        torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)
