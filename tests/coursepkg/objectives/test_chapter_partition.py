"""Statements of chapter 7 that no module computes, and slips that the book must not repeat."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.data.toy import Banana, IsotropicMixture, two_moons
from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.pseudo import PseudoLikelihood
from coursepkg.objectives.score import ExplicitScoreMatching
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import annealed_importance, reverse_annealed_importance
from coursepkg.samplers.bridge import optimal_bridge
from tests.conformance.case import square
from tests.statistics import assert_mean


@pytest.fixture
def path():
    """A machine with strong weights, so that neighbouring laws differ."""
    generator = seeded(0)
    rbm = RBM(6, 4, generator=generator, scale=2.5)
    with torch.no_grad():
        rbm.b.normal_(generator=generator)
        rbm.c.normal_(generator=generator)
    return RBMPath(rbm, torch.full((6,), 0.3))


class PerfectPath:
    """The same laws with a kernel that mixes in one step: an exact draw from p_β."""

    def __init__(self, path):
        self.path, self.v = path, binary_states(6, like=path.rates)
        self.log_z0, self.start, self.log_density = path.log_z0, path.start, path.log_density

    def step(self, x, beta, *, generator):
        p = torch.softmax(self.log_density(self.v, beta), dim=0)
        return self.v[torch.multinomial(p, len(x), replacement=True, generator=generator)]


def laws_on(path, betas):
    """log p_β over all states, (T + 1, 2^6), and log Z_β."""
    v = binary_states(6, like=path.rates)
    log_p = torch.stack([path.log_density(v, beta) for beta in betas])
    log_Z = log_p.logsumexp(1)
    return log_p - log_Z[:, None], log_Z


BETAS = torch.tensor([0.0, 0.1, 0.35, 0.6, 1.0])


@pytest.mark.equation("ais-gap")
def test_perfect_chains_lose_a_divergence_at_each_leap(path, generator):
    """Kills: the divergence the other way round, weights taken after the move."""
    log_p, log_Z = laws_on(path, BETAS.tolist())
    kl = (log_p[:-1].exp() * (log_p[:-1] - log_p[1:])).sum(1)
    other_way = (log_p[1:].exp() * (log_p[1:] - log_p[:-1])).sum(1)
    run = annealed_importance(PerfectPath(path), BETAS, chains=60_000, generator=generator)
    expected = (log_Z[-1] - log_Z[0] - kl.sum()).item()
    assert_mean(run.log_w, expected, detects=0.1)
    assert kl.sum() > 0.5
    assert (kl.sum() - other_way.sum()).abs() > 0.1, "vacuous: the direction makes no difference"
    assert_close(log_Z[0], path.log_z0())


@pytest.mark.equation("ais-gap")
def test_the_gap_falls_with_the_number_of_temperatures(path):
    """T KL → half the integral of a variance: twice the temperatures, half the gap."""
    gaps = {}
    for T in (200, 400):
        log_p, _ = laws_on(path, torch.linspace(0, 1, T + 1).tolist())
        gaps[T] = (log_p[:-1].exp() * (log_p[:-1] - log_p[1:])).sum().item()
    assert gaps[200] / gaps[400] == pytest.approx(2, rel=0.01)


def test_weighing_after_the_move_makes_z_too_large(path, generator):
    """The bug of the exercise: E[w] = Z_1/Z_0 Π (1 + χ²), E[log w] = log Z_1/Z_0 + Σ KL."""
    log_p, log_Z = laws_on(path, BETAS.tolist())
    chi2 = ((log_p[1:].exp() - log_p[:-1].exp()).square() / log_p[:-1].exp()).sum(1)
    kl = (log_p[1:].exp() * (log_p[1:] - log_p[:-1])).sum(1)
    perfect = PerfectPath(path)
    log_w = torch.zeros(60_000)
    for old, new in zip(BETAS[:-1].tolist(), BETAS[1:].tolist(), strict=True):
        x = perfect.step(log_w[:, None], new, generator=generator)
        log_w = log_w + path.log_density(x, new) - path.log_density(x, old)
    log_ratio = (log_Z[-1] - log_Z[0]).item()
    assert_mean(log_w, log_ratio + kl.sum().item(), detects=0.15)
    factor = (1 + chi2).prod().item()
    assert_mean((log_w - log_ratio).exp() / factor, 1.0, detects=0.3)
    assert factor > 1.5


@pytest.mark.equation("thermodynamic-integration")
def test_log_z_is_the_integral_of_a_mean_energy(path):
    """Gauss–Legendre in β, sums over states. Kills: the mean under one end, a lost sign."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    v = binary_states(6, like=path.rates)
    total = 0.0
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        h = 1e-5
        slope = (path.log_density(v, node + h) - path.log_density(v, node - h)) / (2 * h)
        total += weight * (torch.softmax(path.log_density(v, node), 0) @ slope).item()
    _, (first, last) = laws_on(path, [0.0, 1.0])
    assert total == pytest.approx((last - first).item(), abs=1e-6)
    assert abs(total) > 0.1


@pytest.mark.equation("fisher-divergence")
def test_score_matching_is_the_fisher_divergence_up_to_a_constant():
    """By quadrature, for two models: Kills a lost half, the sign of the divergence term."""
    points, volume = square(20, 500)
    truth = Banana(bend=0.3, width=1.5)
    mass = truth.log_prob(points).exp() * volume
    constant = 0.5 * (mass @ slope(truth, points).square().sum(1))
    for model in (Banana(bend=0.1, width=2.0), IsotropicMixture(torch.zeros(1, 2), torch.ones(1))):
        distance = 0.5 * (mass @ (slope(model, points) - slope(truth, points)).square().sum(1))
        J = ExplicitScoreMatching(Up(model)).loss(points, generator=seeded(0)).detach()
        assert_close(distance, mass @ J + constant, atol=2e-4, rtol=0)
        assert distance > 0.1


class Up:
    """A normalised law seen as an energy model."""

    def __init__(self, law):
        self.law = law

    def free_energy(self, x):
        return -self.law.log_prob(x)


def slope(law, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(law.log_prob(x).sum(), x)[0]


@pytest.mark.equation("score-matching")
def test_an_edge_breaks_score_matching():
    """The exercise: waiting times make it say λ = 0; the border term brings the truth back."""
    rate = 1.7
    x = torch.empty(100_000, 1).exponential_(rate, generator=seeded(0))

    class Exponential:
        def __init__(self, lam):
            self.lam = lam

        def free_energy(self, x):
            return self.lam * x.sum(1)

    def objective(lam):
        model = Exponential(torch.tensor(lam))
        value = ExplicitScoreMatching(Curved(model)).loss(x, generator=seeded(0)).mean().item()
        assert value == pytest.approx(lam**2 / 2)  # the score is -λ everywhere
        return value

    lams = [0.0, 0.5, 1.0, rate, 2.5]
    printed = [objective(lam) for lam in lams]
    assert printed.index(min(printed)) == 0
    for lam in lams:  # half the squared distance of the scores, by the border term and directly
        with_border = objective(lam) - lam * rate + rate**2 / 2
        assert with_border == pytest.approx((lam - rate) ** 2 / 2, abs=1e-9)


class Curved:
    """Adds a curvature of exactly zero, so that second derivatives exist."""

    def __init__(self, model):
        self.model = model

    def free_energy(self, x):
        return self.model.free_energy(x) + 0 * x.square().sum(1)


@pytest.mark.equation("tweedie")
@pytest.mark.parametrize("sigma", [0.3, 0.8, 2.0])
def test_the_best_denoiser_steps_uphill_on_the_blurred_density(sigma):
    """In the plane, each line by quadrature over x. Kills: σ for σ², downhill, the data's score."""
    means = torch.tensor([[-1.0, 0.5], [1.5, -0.5]])
    law = IsotropicMixture(means, torch.tensor([0.4, 0.6]), torch.tensor([0.3, 0.7]))
    blurred = IsotropicMixture(law.means, (law.scales**2 + sigma**2).sqrt(), law.weights)
    x, volume = square(5, 200)
    mass = law.log_prob(x).exp() * volume
    seen = torch.cartesian_prod(torch.linspace(-3, 3, 5), torch.linspace(-2, 2, 4))
    eps = (seen[:, None] - x) / sigma  # (20, 40,000, 2)
    forward = (-eps.square().sum(2) / 2).exp() / (2 * math.pi * sigma**2)  # p(x̃ | x)
    density = forward @ mass
    assert_close(density.log(), blurred.log_prob(seen), atol=1e-8, rtol=0)
    uphill = slope(blurred, seen)
    slopes = torch.einsum("n,bn,bnd->bd", mass, forward, -eps / sigma)  # of p(x̃ | x), summed
    assert_close(slopes / density[:, None], uphill, atol=1e-8, rtol=0)
    posterior = forward * mass / density[:, None]
    assert_close(torch.einsum("bn,bnd->bd", posterior, -eps / sigma), uphill, atol=1e-8, rtol=0)
    assert_close(posterior @ x, seen + sigma**2 * uphill, atol=1e-8, rtol=0)
    assert (posterior @ x - seen - sigma**2 * slope(law, seen)).abs().max() > 0.02


def test_tweedie_on_a_coin_is_a_hyperbolic_tangent():
    """The exercise."""
    seen, sigma = torch.linspace(-3, 3, 25), 0.7
    weights = torch.stack([Normal(s, sigma).log_prob(seen).exp() for s in (-1.0, 1.0)])
    mean = (weights[1] - weights[0]) / weights.sum(0)
    assert_close(mean, torch.tanh(seen / sigma**2))


def test_pseudo_likelihood_charges_a_shared_bit_to_nobody():
    """The exercise of the two copies: 2 H(ε) against log 2 + H(ε)."""
    for eps in (0.4, 0.1, 1e-3):

        class Copies:
            def free_energy(self, x, eps=eps):
                same = x[:, 0] == x[:, 1]
                return -torch.where(same, math.log((1 - eps) / 2), math.log(eps / 2))

        v = binary_states(2, like=torch.zeros(1))
        p = torch.exp(-Copies().free_energy(v))
        H = -eps * math.log(eps) - (1 - eps) * math.log(1 - eps)
        mean = p @ PseudoLikelihood(Copies()).loss(v, generator=seeded(0))
        assert mean.item() == pytest.approx(2 * H)
        assert (p @ -p.log()).item() == pytest.approx(math.log(2) + H)


@pytest.mark.equation("pseudo-likelihood")
def test_under_its_own_law_the_pseudo_likelihood_is_below_the_entropy(generator):
    """The same exercise: conditioning on more lowers an entropy. Kills: a bound the other way.

    On twenty machines; of a single image it is no bound, for either sign occurs.
    """
    gaps = []
    for _ in range(20):
        rbm = RBM(6, 4, generator=generator, scale=2.0)
        v = binary_states(6, like=rbm.W)
        log_p = -rbm.free_energy(v) - rbm.log_z()
        loss = PseudoLikelihood(rbm).loss(v, generator=generator)
        gaps.append((log_p.exp() @ (loss + log_p)).item())
        assert (loss + log_p).min() < 0 < (loss + log_p).max()
    assert max(gaps) < 0
    assert min(gaps) < -0.1
    with torch.no_grad():
        rbm.W.zero_()  # independent pixels
    log_p = -rbm.free_energy(v) - rbm.log_z()
    assert_close(PseudoLikelihood(rbm).loss(v, generator=generator), -log_p)


@pytest.mark.equation("nce-objective")
def test_with_much_noise_its_gradient_is_that_of_the_likelihood(generator):
    """The exercise: ∇F(x) - E_p[∇F] as ν grows, for a normalised model; exact means over states."""
    rbm = RBM(4, 2, generator=generator, scale=1.0)
    log_Z = rbm.log_z().item()
    q = IndependentBernoulli(torch.full((4,), 0.4))
    v = binary_states(4, like=rbm.W)
    (expected,) = torch.autograd.grad(rbm.free_energy(v[5:6]).sum() + rbm.log_z(), rbm.W)
    off = []
    for nu in (10, 1000, 100_000):
        G = NoiseContrastive(rbm, q, log_Z=log_Z).log_ratio(v)
        noise = nu * q.log_prob(v).exp() @ -torch.nn.functional.logsigmoid(math.log(nu) - G)
        loss = -torch.nn.functional.logsigmoid(G[5] - math.log(nu)) + noise
        (got,) = torch.autograd.grad(loss, rbm.W)
        off.append((got - expected).abs().max().item())
    assert off[0] > 10 * off[1] > 100 * off[2]
    assert off[2] < 1e-4 < expected.abs().max().item()


@pytest.mark.equation("bridge-optimal")
def test_the_optimal_bridge_is_logistic_regression_with_only_an_intercept(generator):
    """NCE with F and q fixed finds the same ratio from the same draws."""
    rbm = RBM(5, 3, generator=generator, scale=1.0)
    q = IndependentBernoulli(torch.full((5,), 0.5))
    x, y = rbm.sample(300, generator=generator), q.sample(600, generator=generator)
    with torch.no_grad():
        l_p, l_q = (-rbm.free_energy(z) - q.log_prob(z) for z in (x, y))
    zeta = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([zeta], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        log_nu = math.log(2)
        sigmoid = torch.nn.functional.logsigmoid
        loss = -sigmoid(l_p - zeta - log_nu).sum() - sigmoid(log_nu - l_q + zeta).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert zeta.item() == pytest.approx(optimal_bridge(l_p, l_q).value, abs=1e-6)
    assert zeta.item() == pytest.approx(rbm.log_z().item(), abs=0.3)


def test_a_path_with_a_cliff_has_fine_error_bars_and_a_wrong_answer(generator):
    """Log Z too low by log 20 with all weights equal; the way back, from true draws, objects."""
    rbm, D = RBM(50, 1, generator=generator), 50
    with torch.no_grad():
        rbm.W.fill_(6.0)
        rbm.c.fill_(math.log(19) + D * math.log(2) - D * math.log1p(math.exp(6)))
    truth, betas = rbm.log_z().item(), torch.linspace(0, 1, 301)
    assert truth == pytest.approx(math.log(20) + D * math.log(2))
    forward = annealed_importance(RBMPath(rbm), betas, chains=100, generator=generator)
    assert forward.ess > 95
    assert forward.error < 0.01
    assert forward.log_Z - truth == pytest.approx(-math.log(20), abs=0.1)
    exact = rbm.sample(400, generator=generator)
    back = reverse_annealed_importance(RBMPath(rbm), betas, exact, generator=generator)
    assert back.log_Z - forward.log_Z > 1.5


def test_score_matching_is_blind_to_the_weights_of_far_hills():
    """Its objective, exact by quadrature, hardly moves when a hill's weight is halved."""
    x = torch.linspace(-9, 9, 20_001)[:, None]
    loss = {}
    for half in (1.0, 4.0):
        means, scales = torch.tensor([[-half], [half]]), torch.full((2,), 0.75)
        truth = IsotropicMixture(means, scales, torch.tensor([0.7, 0.3]))
        mass = truth.log_prob(x).exp() * (x[1] - x[0])
        for weight in (0.7, 0.35):
            model = Up(IsotropicMixture(means, scales, torch.tensor([weight, 1 - weight])))
            J = ExplicitScoreMatching(model).loss(x, generator=seeded(0)).detach()
            loss[half, weight] = (mass @ J).item()
    near = loss[1.0, 0.35] - loss[1.0, 0.7]
    far = loss[4.0, 0.35] - loss[4.0, 0.7]
    assert near > 0.02
    assert 0 < far < 1e-4 * near


def test_positive_is_not_enough_for_a_law():
    """The caveat of 001: exp(-E) > 0 everywhere, and no normaliser, for E = log(1 + |x|)."""
    areas = []
    for side in (1e2, 1e4, 1e6):
        u = torch.linspace(0, math.log1p(side), 10_001)  # x = e^u - 1
        areas.append(2 * torch.trapezoid(torch.exp(u) / (1 + torch.expm1(u)), u).item())
    assert areas[1] - areas[0] == pytest.approx(2 * math.log(100), rel=1e-2)
    assert areas[2] - areas[1] == pytest.approx(2 * math.log(100), rel=1e-2)


def test_the_moons_have_the_entropy_that_the_page_prints():
    draws = two_moons().sample(20_000, generator=seeded(3))
    assert -two_moons().log_prob(draws).mean().item() == pytest.approx(2.40, abs=0.03)
