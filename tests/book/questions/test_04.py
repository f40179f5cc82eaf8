"""Answers to the questions of chapter 4, computed; for a choice, every option is tried."""

import math

import pytest
import torch

from coursepkg.data import IsotropicMixture
from coursepkg.samplers import (
    HMC,
    UnadjustedLangevin,
    finite,
    leapfrog,
    mcse_mean,
    rhat,
    run,
    unadjusted_covariance,
)
from coursepkg.samplers.run import GradientState
from tools.questions import marked, options

SWITCHES = torch.tensor([[0.4, 0.1], [0.2, 0.3]])  # the table of the chapter
STONES = torch.tensor([1.0, 3, 6, 3, 1, 0.3, 0.3, 1, 4, 8, 4, 1])


def the_one(label, *holds):
    """The text of the one option that holds; `holds` has one truth value an option, in order."""
    texts = options(label)
    assert len(texts) == len(holds)
    assert sum(holds) == 1
    return texts[holds.index(True)]


@pytest.mark.question("q-04-swap")
def test_a_swap_keeps_its_law_only_in_the_middle():
    """Kills: convergence from every start; no stationary law."""
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    law = finite.stationary(swap)
    torch.testing.assert_close(law, torch.tensor([0.5, 0.5]))
    starts = [torch.tensor([a, 1 - a]) for a in (0.0, 0.2, 0.7)]
    distances = [finite.total_variation(swap, start, steps=1000) for start in starts]
    tends = all(distance[-1] < 1e-3 for distance in distances)
    swaps_on = all(
        torch.allclose(start @ swap, start.flip(0)) and distance.min() > 0.1
        for start, distance in zip(starts, distances, strict=True)
    )
    nothing_to_tend_to = not torch.allclose(law @ swap, law)
    assert marked("q-04-swap") == the_one("q-04-swap", tends, swaps_on, nothing_to_tend_to)


@pytest.mark.question("q-04-hastings")
def test_the_acceptance_of_an_asymmetric_proposal():
    """The chain's move, over the proposal. Kills: the ratio upside down, q left out."""
    propose, target = torch.tensor([[0.2, 0.8], [0.2, 0.8]]), torch.tensor([1.0, 2.0])
    P = finite.metropolis_hastings(propose, target)
    assert finite.is_reversible(P, target / 3)
    assert marked("q-04-hastings") == pytest.approx(P[0, 1].item() / 0.8)


@pytest.mark.question("q-04-refused")
def test_the_present_state_counts_once_more():
    """On the stones: the law of each of the three lists against the target, exactly."""
    pi = STONES / STONES.sum()
    look = (torch.diag(torch.ones(11), 1) + torch.diag(torch.ones(11), -1)) / 2
    look[0, 0] = look[-1, -1] = 0.5
    P = finite.metropolis_hastings(look, STONES)
    moves = look * (pi / pi[:, None]).clamp_max(1)
    only_accepted = finite.stationary(moves / moves.sum(1, keepdim=True))
    repeated = finite.stationary(P)
    # a list with the proposal at each step, accepted or not, from states in the target's law
    proposals = pi @ look
    holds = [torch.allclose(law, pi, atol=1e-3) for law in (only_accepted, repeated, proposals)]
    assert marked("q-04-refused") == the_one("q-04-refused", *holds)


@pytest.mark.question("q-04-draws")
def test_correlations_that_halve_leave_a_third_of_the_draws():
    """A chain of two states whose correlations halve. Kills: lags counted once, the sum for τ."""
    P, f = torch.tensor([[0.75, 0.25], [0.25, 0.75]]), torch.tensor([-1.0, 1.0])
    rho = [(f @ torch.linalg.matrix_power(P, k) @ f).item() / 2 for k in range(60)]
    assert rho[:3] == pytest.approx([1, 0.5, 0.25])
    # the variance of the mean of T states in the stationary law, over that of one draw
    T = 3000
    lags = T + 2 * sum((T - k) * rho[k] for k in range(1, 60))
    assert marked("q-04-draws") == pytest.approx(T**2 / lags, abs=1)


def correlation(cells):
    """Of two switches, from the probabilities of 00, 01, 10 and 11."""
    one, two, both = cells[2] + cells[3], cells[1] + cells[3], cells[3]
    return ((both - one * two) / (one * (1 - one) * two * (1 - two)).sqrt()).item()


@pytest.mark.question("q-04-gibbs")
def test_both_switches_from_old_values_lose_the_joint_law():
    """Kills: the claim that a random choice of one of the two breaks the law."""
    cells = SWITCHES.flatten()
    given_1, given_2 = SWITCHES / SWITCHES.sum(1, keepdim=True), SWITCHES / SWITCHES.sum(0)
    both = torch.einsum("ej,if->ijef", given_2, given_1).reshape(4, 4)
    chains = [finite.systematic_gibbs(SWITCHES), finite.random_scan_gibbs(SWITCHES), both]
    loses = [not torch.allclose(cells @ chain, cells) for chain in chains]
    assert [f"{correlation(law):.2f}" for law in (cells, cells @ both)] == ["0.41", "0.07"]
    assert marked("q-04-gibbs") == the_one("q-04-gibbs", *loses)


@pytest.mark.question("q-04-langevin")
def test_the_variance_of_unadjusted_langevin(generator):
    """Closed form and a run of many chains. Kills: η for η/2, the target's own variance."""
    closed = unadjusted_covariance(torch.eye(1), step_size=0.4).item()
    assert marked("q-04-langevin") == pytest.approx(closed)
    kernel = UnadjustedLangevin(lambda x: -x.square().sum(1) / 2, 0.4)
    x = run(kernel, torch.zeros(40_000, 1), steps=40, thin=40, generator=generator).x
    assert x.var().item() == pytest.approx(closed, rel=5 * math.sqrt(2 / 40_000))


@pytest.mark.question("q-04-leapfrog")
def test_one_leapfrog_step_by_hand():
    """Kills: whole kicks, the sign of the energy error."""

    def normal(x):
        return GradientState(x, -x.square().sum(1) / 2, -x)

    x, r = torch.zeros(1, 1), torch.full((1, 1), 2.0)
    end, r_end = leapfrog(normal, normal(x), r, step_size=1.0, steps=1)
    rise = (end.x.square() + r_end.square() - x.square() - r.square()).item() / 2
    assert marked("q-04-leapfrog") == pytest.approx(math.exp(-rise), abs=0.005)


@pytest.mark.question("q-04-rhat")
def test_what_chains_on_one_hill_know(generator):
    """R-hat is at its best, the mean is far off, and no draw is on the other hill."""
    means, scales = torch.tensor([[-4.0, 0.0], [4.0, 0.0]]), torch.tensor([0.75, 0.75])
    hills = IsotropicMixture(means, scales, torch.tensor([0.7, 0.3]))
    x = torch.tensor([[-4.0, 0.0]]).expand(4, 2)
    draws = run(HMC(hills.log_prob, 0.3, 5), x, steps=1000, burn_in=50, generator=generator).x
    assert rhat(draws)[0] < 1.01
    by_chain, error = draws[..., 0].mean(0), mcse_mean(draws)[0]
    agree = bool((by_chain - by_chain.mean()).abs().max() < 5 * 2 * error)  # √4 for one of four
    near = bool((by_chain.mean() + 1.6).abs() < 5 * error)
    shared = bool((draws[..., 0] > 0).any())
    assert marked("q-04-rhat") == the_one("q-04-rhat", agree, near, shared)
