"""Annealed importance sampling against the sum over all trajectories of a small chain."""

import math
from itertools import pairwise

import pytest
import torch

from coursepkg.data.toy import IsotropicMixture
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import (
    GeometricPath,
    annealed_importance,
    check_schedule,
    follow,
    reverse_annealed_importance,
)
from coursepkg.samplers.finite import metropolis_hastings
from coursepkg.samplers.hmc import HMC
from coursepkg.samplers.metropolis import RandomWalk
from coursepkg.samplers.weighting import effective_sample_size, monte_carlo
from tests.oracles import states
from tests.statistics import assert_cdf, assert_mean

START = torch.tensor([2.0, 1.0, 0.5])  # p̃_0, with Z_0 = 3.5
TARGET = torch.tensor([0.3, 4.0, 1.2])  # p̃_1, with Z_1 = 5.5
LOG_RATIO = math.log(5.5 / 3.5)
BETAS = torch.tensor([0.0, 0.2, 0.7, 1.0])
PROPOSAL = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])  # not symmetric


def bridged(beta):
    return START ** (1 - beta) * TARGET**beta


class AllTrajectories:
    """Every trajectory of three states, walked once, whatever the chance; the chance is recorded.

    Row: place on the trajectory, log-probability so far, then its four states.
    """

    def __init__(self, law):
        x = states(3, 4).double()
        first = (law / law.sum()).log()[x[:, :1].long()]
        self.x = torch.cat([torch.zeros(81, 1), first, x], dim=1)

    def log_z0(self):
        return START.sum().log()

    def start(self, n, *, generator):
        assert n == 81
        return self.x

    def state(self, x, ahead=0):
        return x.gather(1, 2 + ahead + x[:, :1].long())[:, 0].long()

    def log_density(self, x, beta):
        return bridged(beta).log()[self.state(x)]

    def step(self, x, beta, *, generator):
        P = metropolis_hastings(PROPOSAL, bridged(beta))
        log_p = x[:, 1] + P[self.state(x), self.state(x, ahead=1)].log()
        return torch.cat([x[:, :1] + 1, log_p[:, None], x[:, 2:]], dim=1)


@pytest.fixture
def forward():
    return annealed_importance(AllTrajectories(START), BETAS, chains=81, generator=seeded(0))


@pytest.fixture
def backward():
    path = AllTrajectories(TARGET)
    return reverse_annealed_importance(path, BETAS, path.x, generator=seeded(0))


@pytest.mark.equation("ais-weights")
def test_weights_are_the_products_of_the_text(forward):
    """A slow loop. Kills: a density at the wrong β, a weight taken after the move."""
    for log_w, row in zip(forward.log_w, forward.x, strict=True):
        x = row[2:].long()
        w = 1.0
        for t in range(1, 4):
            w *= bridged(BETAS[t])[x[t - 1]] / bridged(BETAS[t - 1])[x[t - 1]]
        assert log_w.exp().item() == pytest.approx(w.item())


@pytest.mark.equation("ais-unbiased")
def test_the_mean_weight_is_the_ratio_of_normalisers_exactly(forward):
    """Over all trajectories. Kills: a move at the old β, a schedule that skips its first step."""
    log_p = forward.x[:, 1]
    assert log_p.exp().sum().item() == pytest.approx(1)
    assert torch.logsumexp(log_p + forward.log_w, 0).item() == pytest.approx(LOG_RATIO)
    mean_of_log = (log_p.exp() * forward.log_w).sum().item()
    assert mean_of_log < LOG_RATIO - 0.05, "log Ẑ of one chain is too low on average"


@pytest.mark.equation("ais-unbiased")
@pytest.mark.parametrize("t", range(4))
def test_weighted_ends_have_the_means_of_the_law_reached(t):
    """E[w_t g(x_{t+1})] = Z_t/Z_0 E[g] for every t, and for the indicators g of all three states.

    Kills: a last move at the β just left, which leaves E[w] as it is.
    """
    path, pairs = AllTrajectories(START), list(pairwise(BETAS.tolist()))
    log_w, x = follow(path, path.x, pairs[:t], generator=seeded(0))
    each = (x[:, 1] + log_w).exp() / 3 ** (3 - t)  # so many trajectories go on from x_{t+1}
    ends = torch.zeros(3).index_add(0, path.state(x), each)
    torch.testing.assert_close(ends, bridged(BETAS[t]) / START.sum())


@pytest.mark.equation("reverse-ais")
def test_backwards_the_mean_of_the_inverse_is_exact(backward):
    """Kills: a move at the β just left, weights of the other sign."""
    for log_w, row in zip(backward.log_w, backward.x, strict=True):
        x, inverse = row[2:].long(), 1.0  # the first is x_T
        for t in range(3, 0, -1):
            inverse *= bridged(BETAS[t - 1])[x[3 - t]] / bridged(BETAS[t])[x[3 - t]]
        assert (-log_w).exp().item() == pytest.approx(inverse.item())
    log_p = backward.x[:, 1]
    assert log_p.exp().sum().item() == pytest.approx(1)
    assert torch.logsumexp(log_p - backward.log_w, 0).item() == pytest.approx(-LOG_RATIO)
    mean_of_log = (log_p.exp() * backward.log_w).sum().item()
    assert mean_of_log > LOG_RATIO + 0.05, "log Ẑ of one chain is too high on average"


def test_reversible_steps_make_the_two_runs_a_pair(forward, backward):
    """P(there) w = P(back) Z_1 / Z_0 for each trajectory: what `optimal_bridge` rests on."""
    there = forward.x[:, 1].exp().view(3, 3, 3, 3).sum(-1)  # the last move is not weighted
    back = backward.x[:, 1].exp().view(3, 3, 3, 3).sum(-1).permute(2, 1, 0)
    w = forward.log_w.exp().view(3, 3, 3, 3)[..., 0]
    torch.testing.assert_close(there * w, back * 5.5 / 3.5)
    same = backward.log_w.view(3, 3, 3, 3)[..., 0].permute(2, 1, 0)
    torch.testing.assert_close(same.exp(), w)


def test_estimates_and_errors_come_from_the_mean_weight(forward, backward):
    """Kills: the wrong log Z_0, n for n - 1, the error of w where that of log w is meant."""
    for run, sign in ((forward, 1), (backward, -1)):
        mean = monte_carlo((sign * run.log_w).exp())
        log_Z = math.log(3.5) + sign * math.log(mean.value)
        assert run.log_Z == pytest.approx(log_Z)
        assert run.error == pytest.approx(mean.error / mean.value)
        assert run.ess == pytest.approx(effective_sample_size(sign * run.log_w))


def gaussian_path(kernel, *, steps=1):
    """From N(1, I) to exp(-½ |x|² / 0.25) in the plane, Z_1 = ½ π: every p_β is a Gaussian."""
    base = IsotropicMixture(torch.ones(1, 2), torch.ones(1))
    return GeometricPath(base, lambda x: -2 * x.square().sum(1), kernel, steps=steps)


def hmc(log_density):
    return HMC(log_density, step_size=0.4, steps=3)


def between(beta):
    """Mean and standard deviation of p_β, by completing the square."""
    precision = (1 - beta) + beta * 4
    return (1 - beta) / precision, precision**-0.5


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_geometric_path_of_gaussians_is_a_path_of_gaussians(beta, generator):
    """Kills: β exchanged with 1 - β, a step at another β, a kernel that never moves."""
    path = gaussian_path(hmc, steps=2)
    mean, std = between(beta)
    x = mean + std * torch.randn(100_000, 2, generator=generator)
    normal = torch.distributions.Normal(mean, std)
    gap = path.log_density(x, beta) - normal.log_prob(x).sum(1)
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))
    moved = path.step(x, beta, generator=generator)
    assert (moved != x).any(1).double().mean() > 0.5
    assert_cdf(moved[:, 0], normal.cdf, detects=0.02)


@pytest.mark.equation("ais-unbiased")
@pytest.mark.parametrize(
    ("kernel", "steps", "T"), [(hmc, 1, 30), (lambda f: RandomWalk(f, step_size=0.8), 2, 60)]
)
def test_mean_weight_of_a_gaussian_path(kernel, steps, T, generator):
    """E[w] = Z_1 / Z_0 = π/2, forward; 2/π backwards from exact draws; E[w x²] = π/2 · 1/4."""
    path, betas = gaussian_path(kernel, steps=steps), torch.linspace(0, 1, T + 1)
    there = annealed_importance(path, betas, chains=10_000, generator=generator)
    assert_mean(there.log_w.exp(), math.pi / 2, detects=0.15)
    assert_mean(there.log_w.exp() * there.x[:, 0].square(), math.pi / 8, detects=0.08)
    x = torch.randn(10_000, 2, generator=generator) / 2
    back = reverse_annealed_importance(path, betas, x, generator=generator)
    assert_mean((-back.log_w).exp(), 2 / math.pi, detects=0.1)
    for run in (there, back):
        assert 0 < run.error < 0.02
        assert abs(run.log_Z - math.log(math.pi / 2)) < 5 * run.error  # 6e-7 by the normal law


def test_more_steps_are_more_moves(generator):
    path = gaussian_path(lambda f: RandomWalk(f, step_size=1e-6), steps=3)
    once = gaussian_path(lambda f: RandomWalk(f, step_size=1e-6))
    x = torch.zeros(4, 2)
    three = path.step(x, 0.5, generator=seeded(1))
    alone = seeded(1)
    for _ in range(3):
        x = once.step(x, 0.5, generator=alone)
    torch.testing.assert_close(three, x, rtol=0, atol=1e-9)
    assert (three != 0).any()


def test_weights_are_summed_in_double_precision():
    """A thousand single-precision differences telescope exactly. Kills: a float32 sum."""

    class Rising:
        def log_z0(self):
            return torch.zeros((), dtype=torch.float32)

        def start(self, n, *, generator):
            return torch.zeros(n, 1, dtype=torch.float32)

        def log_density(self, x, beta):
            return x[:, 0] + beta * 1234.567

        def step(self, x, beta, *, generator):
            return x

    betas = torch.linspace(0, 1, 1001)
    run = annealed_importance(Rising(), betas, chains=2, generator=seeded(0))
    assert (run.x.dtype, run.log_w.dtype) == (torch.float32, torch.float64)
    assert run.log_Z == torch.tensor(1234.567).float().item()
    assert run.error == 0


@pytest.mark.parametrize(
    ("betas", "word"),
    [
        (torch.tensor([0.1, 1.0]), "from 0.1 to 1"),
        (torch.tensor([0.0, 0.9]), "from 0 to 0.9"),
        (torch.tensor([0.0, 0.6, 0.5, 1.0]), "0.6 and then 0.5 at step 2"),
        (torch.tensor([0.0, 0.5, 0.5, 1.0]), "rises"),
        (torch.tensor([0.0, math.nan, 1.0]), "rises"),
        (torch.tensor([0.0]), "T >= 1"),
        (torch.zeros(2, 2), "shape"),
        (torch.tensor([0, 1]), "int64"),
    ],
)
def test_impossible_schedules_are_refused(betas, word):
    path = AllTrajectories(START)
    for call in (
        lambda: check_schedule(betas),
        lambda: annealed_importance(path, betas, chains=81, generator=seeded(0)),
        lambda: reverse_annealed_importance(path, betas, path.x, generator=seeded(0)),
    ):
        with pytest.raises(ValueError, match=r"betas: expected.*got") as caught:
            call()
        assert word in str(caught.value)


def test_one_chain_and_broken_densities_are_refused():
    path = AllTrajectories(START)
    with pytest.raises(ValueError, match="chains: expected at least 2"):
        annealed_importance(path, BETAS, chains=1, generator=seeded(0))
    with pytest.raises(ValueError, match="chains: expected at least 2"):
        reverse_annealed_importance(path, BETAS, path.x[:1], generator=seeded(0))
    path.log_density = lambda x, beta: torch.where(path.x[:, 2] == 1, math.nan, beta)
    with pytest.raises(ValueError, match=r"log_density: expected.*got NaN in 27 of 81.* 0 and 0.2"):
        annealed_importance(path, BETAS, chains=81, generator=seeded(0))
    with pytest.raises(ValueError, match=r"log_density: expected.*got NaN in 27 of 81.* 1 and 0.7"):
        reverse_annealed_importance(path, BETAS, path.x, generator=seeded(0))
