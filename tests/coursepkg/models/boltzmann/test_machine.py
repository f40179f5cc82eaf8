"""The Boltzmann machine against sums over all states, and what it can and cannot learn."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.models.boltzmann.machine import BoltzmannMachine
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import SystematicGibbs
from coursepkg.samplers.run import run
from coursepkg.training import fit
from tests.oracles import state_index, states
from tests.statistics import assert_probs


def machine(visible=3, hidden=2, *, seed=0):
    made = BoltzmannMachine(visible, hidden, generator=seeded(seed), scale=0.8)
    with torch.no_grad():
        made.b.copy_(0.8 * torch.randn(len(made.b), generator=seeded(seed + 1)))
    return made


def bits(D):
    return states(2, D).double()


def weights(made):
    """exp(-E) of every state of all units, (2^(D + M),)."""
    return torch.exp(-made.energy(bits(len(made.b)))).detach()


def parity():
    """The four vectors of three bits with an even number of ones."""
    return torch.tensor([[0.0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.equation("boltzmann-energy")
def test_energy_counts_each_pair_once():
    """A loop over pairs. Kills vᵀRv with a full R, where each pair counts twice."""
    made, s = machine(), bits(5)
    expected = [
        -sum(made.R[i, j] * row[i] * row[j] for i, j in itertools.combinations(range(5), 2))
        - sum(made.b[i] * row[i] for i in range(5))
        for row in s
    ]
    assert_close(made.energy(s), torch.stack(expected))
    assert_close(made.R, made.R.T)
    assert not made.R.diagonal().any()


def test_numbers_below_the_diagonal_count_for_nothing():
    made, s = machine(), bits(5)
    before = made.energy(s)
    with torch.no_grad():
        made.U.add_(torch.ones(5, 5).tril())
    assert_close(made.energy(s), before)


@pytest.mark.equation("boltzmann-conditional")
def test_a_unit_given_all_others_is_a_ratio_of_two_weights():
    """Enumeration. Kills: half the couplings, the unit's own value among its conditions."""
    made, s = machine(), bits(5)
    for i in range(5):
        on, off = s.clone(), s.clone()
        on[:, i], off[:, i] = 1, 0
        w_on, w_off = torch.exp(-made.energy(on)), torch.exp(-made.energy(off))
        assert_close(made.conditional_probs(s)[:, i], w_on / (w_on + w_off))


def test_free_energy_sums_the_hidden_units_out():
    made = machine()
    expected = -weights(made).view(8, 4).sum(1).log()
    assert_close(made.free_energy(bits(3)), expected)
    alone = machine(3, 0)
    assert_close(alone.free_energy(bits(3)), alone.energy(bits(3)))


def test_log_z_sums_over_all_units():
    made = machine()
    assert_close(made.log_z().detach(), weights(made).sum().log())


def test_draws_follow_the_law_of_the_visible_units(generator):
    made = machine()
    drawn = made.sample(40_000, generator=generator)
    p = weights(made).view(8, 4).sum(1)
    assert_probs(state_index(drawn.long(), 2), p / p.sum(), detects=0.08)


def test_gibbs_sampling_of_all_units_comes_home_to_the_joint_law(generator):
    """Kills: a conditional that looks at the wrong row, probabilities for draws."""
    made = machine()
    x = torch.ones(40_000, 5)
    draws = run(SystematicGibbs(made.draw_conditional), x, steps=25, thin=25, generator=generator)
    p = weights(made)
    assert_probs(state_index(draws.x[0].long(), 2), p / p.sum(), detects=0.12)


def descend(made, x, *, steps, step_size):
    """Gradient steps on the exact -log p(x), all examples at once; the loss before each."""
    optimizer = torch.optim.SGD(made.parameters(), lr=step_size)
    return fit(ExactLikelihood(made), x, epochs=steps, batch_size=len(x), optimizer=optimizer,
               generator=seeded(0), progress=False).train  # fmt: skip


@pytest.mark.equation("boltzmann-gradient")
def test_the_slope_is_a_difference_of_how_often_two_units_are_on_together():
    """One step against sums over states. Kills: a sign, a joint law for one given v."""
    made, x = machine(), torch.tensor([[1.0, 0, 1], [0, 1, 1], [1, 1, 1]])
    s, p = bits(5), weights(made) / weights(made).sum()
    given = torch.zeros(32)
    for v in x:
        same = (s[:, :3] == v).all(1)
        given += p * same / p[same].sum() / len(x)
    upper = torch.ones(5, 5).triu(1)
    slope = torch.einsum("s,si,sj->ij", given - p, s, s) * upper
    U, b = made.U.detach().clone(), made.b.detach().clone()
    (first,) = descend(made, x, steps=1, step_size=0.3)
    assert_close(made.U.detach(), U + 0.3 * slope)
    assert_close(made.b.detach(), b + 0.3 * (given - p) @ s)
    rows = state_index(x.long(), 2)
    assert first == pytest.approx(-p.view(8, 4).sum(1)[rows].log().mean().item())


def test_visible_units_alone_cannot_make_parity_of_three_bits():
    """Any two of its bits look like fair coins, so the best fit is the uniform law: 3 log 2."""
    made = machine(3, 0)
    descend(made, parity(), steps=300, step_size=1.0)
    nll = -Normalised(made).log_prob(parity()).mean().item()
    assert nll == pytest.approx(3 * math.log(2), abs=1e-4)


def test_one_hidden_unit_makes_it():
    """With strength K the odd vectors get a share of e^-K: log p reaches -2 log 2 in the limit.

    The energy of n ones is 0, K, 0, K for n = 0, 1, 2, 3, but for the log 2 of a fair hidden unit.
    """
    made, K = machine(3, 1), 25.0
    with torch.no_grad():
        made.b.copy_(torch.tensor([-K, -K, -K, -4 * K]))
        made.U.copy_(torch.tensor([[-2 * K] * 3 + [4 * K]] * 4).triu(1))
    assert_close(Normalised(made).log_prob(parity()), torch.full((4,), -2 * math.log(2)))
    made = BoltzmannMachine(3, 1, generator=seeded(2), scale=1.0)
    history = descend(made, parity(), steps=500, step_size=1.0)
    assert 2 * math.log(2) < history[-1] < 1.7 < history[0]


def test_impossible_input_is_refused():
    made = machine()
    for call, word in (
        (lambda: BoltzmannMachine(0, generator=seeded(0)), "visible >= 1"),
        (lambda: BoltzmannMachine(2, -1, generator=seeded(0)), "hidden: expected an integer >= 0"),
        (lambda: BoltzmannMachine(2, scale=-1.0, generator=seeded(0)), "scale >= 0"),
        (lambda: made.energy(torch.zeros(1, 3)), "s: expected shape"),
        (lambda: made.free_energy(torch.full((1, 3), 0.5)), "x: expected zeros and ones"),
        (BoltzmannMachine(23, generator=seeded(0)).log_z, r"at most 2\^22"),
        (lambda: BoltzmannMachine(23, generator=seeded(0)).sample(1, generator=seeded(0)), "2.22"),
        (lambda: BoltzmannMachine(1, 23, generator=seeded(0)).free_energy(torch.ones(1, 1)),
         r"at most 2\^22"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=word):
            call()
    with torch.no_grad():
        made.U[0, 1] = torch.nan
    with pytest.raises(ValueError, match="U: expected finite weights, got 1"):
        made.log_z()
