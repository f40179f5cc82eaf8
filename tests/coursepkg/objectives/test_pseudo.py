"""Pseudo-likelihood and ratio matching against conditionals read from the table of all states."""

import pytest
import torch

from coursepkg.objectives.pseudo import (
    BinaryConditional,
    PseudoLikelihood,
    RatioMatching,
    log_odds,
)
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import GibbsState, SystematicGibbs
from tests.coursepkg.objectives.laws import (
    SPACE,
    Pairs,
    assert_recovers,
    probabilities,
)
from tests.oracles import state_index
from tests.statistics import assert_probs


def conditionals(model):
    """P(x_d | the others) for every state and d, (16, 4): sums over the table, no energies."""
    table = probabilities(model).view(2, 2, 2, 2)
    return torch.stack([(table / table.sum(d, keepdim=True)).flatten() for d in range(4)], dim=1)


def test_log_odds_are_those_of_the_neighbours_in_the_table():
    """Kills: the sign, the wrong unit flipped, rows and units exchanged."""
    model = Pairs()
    p = conditionals(model)
    torch.testing.assert_close(log_odds(model, SPACE).detach(), (p / (1 - p)).log())


@pytest.mark.equation("pseudo-likelihood")
def test_pseudo_likelihood_is_the_sum_of_the_conditionals(generator):
    """Kills: a mean for the sum, the chance of the other value."""
    model = Pairs()
    loss = PseudoLikelihood(model).loss(SPACE, generator=generator)
    torch.testing.assert_close(loss, -conditionals(model).log().sum(1))


@pytest.mark.equation("ratio-matching")
def test_ratio_matching_is_the_squared_chance_of_the_wrong_value(generator):
    """Also as the text's 1 / (1 + p(x) / p(x^d)), squared. Kills: no square, the right value."""
    model = Pairs()
    loss = RatioMatching(model).loss(SPACE, generator=generator)
    torch.testing.assert_close(loss, (1 - conditionals(model)).square().sum(1))
    p = probabilities(model)
    for s, x in enumerate(SPACE):
        total = 0.0
        for d in range(4):
            y = x.clone()
            y[d] = 1 - y[d]
            total += (1 / (1 + p[s] / p[state_index(y, 2).long()])) ** 2
        assert loss[s].item() == pytest.approx(total.item())


@pytest.mark.parametrize("objective", [PseudoLikelihood, RatioMatching])
def test_recovers_the_parameters_that_made_the_population(objective, generator):
    """Consistency, with no noise at all: the whole population is the data."""
    truth, learner = Pairs(seed=0), objective(Pairs(seed=7, scale=0.5))
    p = probabilities(truth)
    assert_recovers(learner, lambda: p @ learner.loss(SPACE, generator=generator), truth)


@pytest.mark.parametrize("objective", [PseudoLikelihood, RatioMatching])
def test_normalisers_do_not_enter(objective, generator):
    """A constant in the energy changes nothing; log Z is never asked for."""

    class Shifted(Pairs):
        log_z = None

        def free_energy(self, x):
            return super().free_energy(x) + 1000

    plain, shifted = (objective(m).loss(SPACE, generator=generator) for m in (Pairs(), Shifted()))
    torch.testing.assert_close(plain, shifted)


@pytest.mark.parametrize("objective", [PseudoLikelihood, RatioMatching])
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (torch.tensor([[0.0, 1.0, 0.5, 1.0]]), "0.5"),
        (torch.tensor([[-1.0, 1.0, 1.0, 1.0]]), "-1"),
        (torch.zeros(0, 4), "at least one"),
        (torch.zeros(2, 4, dtype=torch.int64), "floating"),
    ],
)
def test_other_values_than_zero_and_one_are_refused(objective, bad, word, generator):
    with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
        objective(Pairs()).loss(bad, generator=generator)
    assert word in str(caught.value)


def test_the_conditional_draws_from_the_table():
    """Every unit from every state. Kills: on and off exchanged, the old value looked at."""
    model = Pairs()
    conditional, p = BinaryConditional(lambda x: -model.free_energy(x)), conditionals(model)
    for s in (0, 5, 14):
        for d in range(4):
            x = SPACE[s].expand(20_000, 4)
            drawn = conditional(d, x, generator=seeded(s))
            on = p[s, d] if SPACE[s, d] == 1 else 1 - p[s, d]
            assert_probs(drawn.long(), torch.stack([1 - on, on]), detects=0.12)


def test_gibbs_sweeps_with_it_leave_the_law_as_it_is(generator):
    model = Pairs()
    law = probabilities(model)
    x = SPACE[torch.multinomial(law, 50_000, replacement=True, generator=generator)]
    kernel = SystematicGibbs(BinaryConditional(lambda x: -model.free_energy(x)))
    state, info = kernel.step(GibbsState(x), generator=generator)
    assert info.moved.double().mean() > 0.3
    assert_probs(state_index(state.x, 2).long(), law, detects=0.08)
