"""Equations of chapter 4 that are statements about chains and not the code of one function."""

import itertools
import math

import pytest
import torch

from coursepkg.samplers import finite
from coursepkg.samplers.diagnostics import ess_mean
from coursepkg.samplers.gibbs import GaussianConditional, SystematicGibbs, TableConditional
from coursepkg.samplers.hmc import HMC, leapfrog
from coursepkg.samplers.metropolis import MetropolisHastings
from coursepkg.samplers.run import GradientState, run
from tests.statistics import assert_cdf, assert_mean, assert_probs

P = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.2, 0.3, 0.5]])
F = torch.tensor([0.0, 1.0, 5.0])
PI = torch.linalg.matrix_power(P, 200)[0]
CENTRED = F - PI @ F
SPREAD = (PI @ CENTRED.square()).item()  # variance of f
# correlation of f(x_t) and f(x_{t+k}) under the stationary law
RHO = [
    ((PI * CENTRED) @ torch.linalg.matrix_power(P, k) @ CENTRED / SPREAD).item() for k in range(80)
]
TAU = 1 + 2 * sum(RHO[1:])


def paths(T, start):
    """Every path of T further states from `start`, and its probability, as a slow product."""
    for path in itertools.product(range(3), repeat=T):
        steps = itertools.pairwise((start, *path))
        yield path, math.prod(P[i, j].item() for i, j in steps)


@pytest.mark.equation("chain-step")
def test_laws_by_powers_are_sums_over_all_paths():
    """From a law that is no single state. Kills: columns for rows."""
    before = first = torch.tensor([0.2, 0.5, 0.3])
    for T in (1, 2, 3):
        law = torch.zeros(3)
        for start in range(3):
            for path, probability in paths(T, start):
                law[path[-1]] += first[start] * probability
        torch.testing.assert_close(first @ torch.linalg.matrix_power(P, T), law)
        torch.testing.assert_close(before @ P, law)
        before = law


@pytest.mark.equation("ergodic-mean")
def test_the_mean_along_a_chain_tends_to_the_mean_under_its_law(generator):
    """From a poor start, with a bias that falls as 1/T. Kills: a limit that keeps the start."""
    pi, law = finite.stationary(P), torch.eye(3)[2]
    power, bias = law, []
    total = torch.zeros(())
    for T in range(1, 2001):
        power = power @ P
        total = total + power @ F
        if T in {200, 2000}:
            bias.append((total / T - pi @ F).item())
    assert bias[0] / bias[1] == pytest.approx(10, rel=1e-6)
    path = finite.simulate(P, torch.full((2000,), 2), steps=500, generator=generator)
    means = F[path[1:]].mean(0)
    assert_mean(means - bias[0] * 200 / 500, (pi @ F).item(), detects=0.1)


@pytest.mark.equation("ergodic-mean")
@pytest.mark.parametrize("start", range(3))
def test_each_of_many_paths_tends_to_it_from_each_start(start, generator):
    """Six standard deviations of the exact variance. Kills: a mean over the chains only."""
    T = 4000
    path = finite.simulate(P, torch.full((300,), start), steps=T, generator=generator)
    off = (F[path[1:]].mean(0) - finite.stationary(P) @ F).abs()
    assert off.max() < 6 * math.sqrt(SPREAD * TAU / T)
    assert off.max() > math.sqrt(SPREAD * TAU / T)


@pytest.mark.equation("ergodic-mean")
@pytest.mark.parametrize("start", range(3))
def test_means_over_a_periodic_chain_tend_too(start, generator):
    """The ring's law never settles; its averages do."""
    ring = torch.eye(3).roll(1, dims=1)
    path = finite.simulate(ring, torch.tensor([start]), steps=3000, generator=generator)
    assert F[path[1:, 0]].mean().item() == pytest.approx(2.0)


@pytest.mark.equation("chain-error")
def test_the_variance_of_a_mean_is_the_sum_over_lags():
    """Enumeration of all 3^5 paths of a stationary chain. Kills: T - k for T, lags counted once."""
    for T in (2, 5):
        first = second = 0.0
        for start in range(3):
            for path, probability in paths(T - 1, start):
                mean = F[[start, *path]].mean().item()
                first += PI[start].item() * probability * mean
                second += PI[start].item() * probability * mean**2
        assert second - first**2 == pytest.approx(variance_of_mean(T))


def variance_of_mean(T):
    """Of T states of the stationary chain; lags from 80 on are 0 in double precision."""
    lags = T + 2 * sum((T - k) * RHO[k] for k in range(1, min(T, 80)))
    return SPREAD * lags / T**2


@pytest.mark.equation("chain-error")
def test_of_a_long_run_it_is_that_of_independent_draws_times_tau():
    """Off by less and less, like 1/T. Kills: lags counted once, a τ without its 1."""
    off = [variance_of_mean(T) / (SPREAD * TAU / T) - 1 for T in (1000, 10_000)]
    assert abs(off[0]) < 0.01
    assert off[0] / off[1] == pytest.approx(10, rel=1e-6)


# the ratio as it was printed

PROPOSAL = torch.tensor([0.6, 0.3, 0.1])
TARGET = torch.tensor([0.2, 0.3, 0.5])


@pytest.mark.equation("mh-inverted")
@pytest.mark.parametrize("seed", range(3))
def test_upside_down_a_local_proposal_samples_p_times_the_ratio_squared(seed):
    """q(j | i) = s_ij h_j with a symmetric s, the rest at rest: the ratio is h_j / h_i."""
    generator = torch.Generator().manual_seed(seed)
    s, h = torch.rand(4, 4, generator=generator), torch.rand(4, generator=generator) + 0.1
    s.fill_diagonal_(0)
    q, p = (s + s.T) / 8 * h, torch.rand(4, generator=generator) + 0.1
    flow = p[:, None] * q  # p(i) q(j | i)
    upside_down = (p * q) / (p * q).T  # p(j) q(j | i) over p(i) q(i | j)
    proposal = q + torch.diag(1 - q.sum(1))
    chain = finite.accept_or_stay(proposal, upside_down.nan_to_num(1).clamp_max(1))
    nu = finite.stationary(chain)
    away = flow > 0
    expected = p / p[:, None] * (q / q.T) ** 2  # ν(j) / ν(i)
    torch.testing.assert_close((nu / nu[:, None])[away], expected[away])
    assert (nu - p / p.sum()).abs().max() > 0.01


@pytest.mark.equation("mh-inverted")
def test_upside_down_an_independent_proposal_samples_p_times_q_squared():
    """Erratum 002, Metropolis–Hastings. Kills: p q, p / q², the target itself."""
    ratio = (TARGET * PROPOSAL) / (TARGET * PROPOSAL)[:, None]
    chain = finite.accept_or_stay(PROPOSAL.expand(3, 3), ratio.clamp_max(1))
    nu = TARGET * PROPOSAL**2
    torch.testing.assert_close(finite.stationary(chain), nu / nu.sum())
    assert finite.is_reversible(chain, nu / nu.sum())
    right = finite.metropolis_hastings(PROPOSAL.expand(3, 3), TARGET)
    torch.testing.assert_close(finite.stationary(right), TARGET)


def multiply(x, *, generator):
    return x * torch.exp(0.8 * torch.randn(x.shape, generator=generator))


def log_multiply(x_new, x):
    """The log-normal density, without what is constant."""
    return -x_new[:, 0].log() - (x_new / x).log().square()[:, 0] / (2 * 0.8**2)


@pytest.mark.equation("mh-inverted")
@pytest.mark.parametrize(
    ("log_q", "shape"),
    [
        (log_multiply, 4.0),
        (lambda x_new, x: 0 * x[:, 0], 3.0),
        (lambda x_new, x: log_multiply(x, x_new), 2.0),
    ],
    ids=["Hastings", "left out", "printed"],
)
def test_the_three_ratios_of_the_figure_keep_the_laws_that_it_draws(log_q, shape, generator):
    """On x³e⁻ˣ: exact draws of Gamma(4), Gamma(3) and Gamma(2) stay what they are."""
    kernel = MetropolisHastings(lambda x: 3 * x[:, 0].log() - x[:, 0], multiply, log_q)
    x = torch.empty(100_000, int(shape)).exponential_(generator=generator).sum(1, keepdim=True)
    draws = run(kernel, x, steps=1, generator=generator)
    assert draws.info.moved.double().mean() > 0.3
    gamma = torch.tensor(shape)
    assert_cdf(draws.x[0, :, 0], lambda x: torch.special.gammainc(gamma, x), detects=0.02)


# conditionals and their joint law


@pytest.mark.equation("two-conditionals")
def test_two_positive_conditionals_give_back_the_table(generator):
    """From every reference cell. Kills: a conditional given x_1 and not its reference."""
    table = torch.rand(3, 4, generator=generator) + 0.1
    table /= table.sum()
    of_x, of_y = table / table.sum(0), table / table.sum(1, keepdim=True)  # p(x|y), p(y|x)
    for x_0, y_0 in itertools.product(range(3), range(4)):
        ratio = of_x / of_x[x_0] * of_y[x_0] / of_y[x_0, y_0]
        torch.testing.assert_close(ratio / ratio.sum(), table)


@pytest.mark.equation("two-conditionals")
def test_zeros_do_no_harm_where_the_cells_hang_together():
    """A staircase: its conditionals have one law. Kills: positivity needed."""
    stairs = torch.tensor([[0.1, 0.2, 0.0], [0.0, 0.3, 0.1], [0.0, 0.0, 0.3]])
    places = stairs.flatten().nonzero().flatten()
    given_1 = stairs / stairs.sum(1, keepdim=True)  # p(x_2 | x_1)
    given_2 = stairs / stairs.sum(0)
    same_1 = (places // 3)[:, None] == places // 3
    same_2 = (places % 3)[:, None] == places % 3
    updates = torch.stack([same_2 * given_2.flatten()[places], same_1 * given_1.flatten()[places]])
    scan = updates.mean(0)
    torch.testing.assert_close(finite.stationary(scan), stairs.flatten()[places])


@pytest.mark.equation("two-conditionals")
def test_conditionals_that_are_not_positive_fix_nothing(generator):
    """Erratum 000: "copy" fits every (λ, 1 - λ), and Gibbs keeps whatever it began with."""
    copies = []
    for lam in (0.2, 0.9):
        table = torch.diag(torch.tensor([lam, 1 - lam]))
        x = torch.tensor([[0, 0], [1, 1]])
        kernel = SystematicGibbs(TableConditional(table))
        copies.append(run(kernel, x, steps=5, generator=generator).x)
        assert (copies[-1] == x).all()
    assert torch.equal(*copies)


@pytest.mark.equation("gibbs-rate")
@pytest.mark.parametrize("rho", [0.7, -0.9])
def test_correlations_fall_by_rho_squared_a_sweep(rho, generator):
    """Of 200,000 stationary chains, with their start. Kills: ρ^k for ρ^2k."""
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]])
    kernel = SystematicGibbs(GaussianConditional(torch.zeros(2), covariance))
    x = torch.randn(200_000, 2, generator=generator) @ torch.linalg.cholesky(covariance).T
    draws = run(kernel, x, steps=3, generator=generator).x
    for k in (1, 2, 3):
        assert_mean(x[:, 1] * draws[k - 1, :, 1], rho ** (2 * k), detects=0.04)


@pytest.mark.equation("gibbs-rate")
@pytest.mark.parametrize("rho", [0.5, -0.9])
def test_a_sweep_keeps_rho_squared_of_the_last_coordinate(rho, generator):
    """Kills: ρ for ρ², and τ upside down."""
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]])
    kernel = SystematicGibbs(GaussianConditional(torch.zeros(2), covariance))
    x = torch.tensor([[-7.0, 2.0]]).expand(40_000, 2)  # the first coordinate is forgotten
    one = run(kernel, x, steps=1, generator=generator).x[0]
    assert_mean(one[:, 1], 2 * rho**2, detects=0.06)
    exact = torch.randn(200, 2, generator=generator) @ torch.linalg.cholesky(covariance).T
    draws = run(kernel, exact, steps=1000, generator=generator).x
    time = 200_000 / ess_mean(draws)[1].item()
    assert time == pytest.approx((1 + rho**2) / (1 - rho**2), rel=0.1)


# pendulums

SIGMA, ETA = 1.3, 0.5


def oscillator(x):
    return GradientState(x, -x.square().sum(1) / (2 * SIGMA**2), -x / SIGMA**2)


@pytest.mark.equation("hmc-rotation")
@pytest.mark.parametrize("sigma", [0.4, 1.3, 5.0])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("L", [1, 2, 7, 40])
def test_the_mean_of_the_proposal_turns_by_the_cosine(sigma, share, L):
    """Exactly: momenta ±r cancel in pairs; η is up to 2σ. Kills: η for η², σ for σ², one turn."""
    eta = 2 * sigma * share

    def normal(x):
        return GradientState(x, -x.square().sum(1) / (2 * sigma**2), -x / sigma**2)

    half = torch.tensor([0.0, 0.3, 1.0, 4.0]).double()
    r = torch.cat([half, -half])[:, None]
    x = torch.full_like(r, 2.0)
    end, _ = leapfrog(normal, normal(x), r, step_size=eta, steps=L)
    omega = math.acos(1 - eta**2 / (2 * sigma**2))
    assert end.x.std() > 0.01 * sigma
    assert end.x.mean().item() == pytest.approx(2 * math.cos(L * omega), abs=1e-9)


@pytest.mark.equation("hmc-rotation")
def test_a_quarter_turn_is_refused_now_and_then(generator):
    """The proposal is free of x, the next state is not. Kills: "an independent draw"."""
    eta = math.sqrt(2)  # ω is a quarter turn
    kernel = HMC(lambda x: -x.square().sum(1) / 2, eta, 1, jitter=0.0)
    x = torch.randn(100_000, 1, generator=generator)
    draws = run(kernel, x, steps=1, generator=generator)
    moved = draws.info.moved[0].double()
    assert_mean(moved, 0.7837, detects=0.02)
    assert (draws.x[0] * x).mean() > 0.1


@pytest.mark.equation("hmc-jitter")
@pytest.mark.parametrize(("n_0", "s"), [(4, 2), (4, 3), (11, 5), (17, 0)])
@pytest.mark.parametrize("eta", [0.1, ETA, 2.2])
def test_drawn_lengths_average_the_cosines(n_0, s, eta):
    """Kills: s for 2s + 1 terms, a sine of the whole angle."""
    start = oscillator(torch.ones(1, 1))
    ends = [
        leapfrog(oscillator, start, torch.zeros(1, 1), step_size=eta, steps=n)
        for n in range(n_0 - s, n_0 + s + 1)
    ]
    mean = sum(end.x.item() for end, _ in ends) / len(ends)
    omega = math.acos(1 - eta**2 / (2 * SIGMA**2))
    kernel = math.sin((2 * s + 1) * omega / 2) / ((2 * s + 1) * math.sin(omega / 2))
    assert mean == pytest.approx(math.cos(n_0 * omega) * kernel, abs=1e-9)
    assert s == 0 or abs(kernel) < 1


@pytest.mark.equation("hmc-jitter")
def test_lengths_are_uniform(generator):
    """On 1, 2, 3. Kills: an upper end left out, a middle that is drawn more often."""
    kernel = HMC(lambda x: -x.square().sum(1) / 2, 0.2, 2, jitter=0.5)
    steps = run(kernel, torch.zeros(1, 1), steps=3000, generator=generator).info.steps[:, 0]
    assert_probs(steps - 1, torch.full((3,), 1 / 3), detects=0.21)


@pytest.mark.equation("hmc-jitter")
def test_hmc_with_jitter_has_that_correlation(generator):
    """With a small step, so that nearly all are accepted. Kills: jitter on one side only."""
    sigma, eta, n_0, s = 1.0, 0.2, 14, 7
    omega = math.acos(1 - eta**2 / (2 * sigma**2))
    kernel = math.sin((2 * s + 1) * omega / 2) / ((2 * s + 1) * math.sin(omega / 2))
    target = HMC(lambda x: -x.square().sum(1) / 2, eta, n_0, jitter=0.5)
    x = torch.randn(400, 1, generator=generator)
    draws = run(target, x, steps=300, generator=generator)
    assert draws.info.moved.double().mean() > 0.98
    x = draws.x[..., 0]
    assert (x[1:] * x[:-1]).mean().item() == pytest.approx(math.cos(n_0 * omega) * kernel, abs=0.05)
