"""Block Gibbs against its own transition matrix, written from the joint table."""

import pytest
import torch

from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.samplers.run import run
from tests.coursepkg.models.rbm.machines import binary, bits, gaussian, index, joint, spins
from tests.coursepkg.models.rbm.machines import transition as matrix
from tests.statistics import assert_probs

SPIN = (-1.0, 1.0)


@pytest.mark.parametrize(("make", "values"), [(binary, (0.0, 1.0)), (spins, SPIN)])
def test_a_step_goes_as_its_matrix(make, values, generator):
    """Kills: means for draws, a step that never moves, v drawn from the old h twice."""
    rbm = make()
    v, _, p = joint(rbm, values)
    draws = run(BlockGibbs(rbm), v[6].expand(40_000, -1), steps=1, generator=generator)
    assert_probs(index(draws.x[0], values), matrix(rbm, values)[6], detects=0.08)
    assert 0.05 < draws.info.moved.double().mean() < 1
    torch.testing.assert_close(p.sum(1) @ matrix(rbm, values), p.sum(1))


def test_moved_says_which_chains_have_another_v(generator):
    rbm = binary()
    kernel = BlockGibbs(rbm)
    state = kernel.init(bits(4))
    after, info = kernel.step(state, generator=generator)
    assert torch.equal(info.moved, (after.x != state.x).any(1))
    assert len(set(info.moved.tolist())) == 2, "vacuous"


@pytest.mark.parametrize("each", [False, True])
def test_known_units_stay_and_the_others_follow_their_conditional_law(each, generator):
    """Exact draws of p(v | known) stay so, and chains from elsewhere come home to it.

    Kills: the mask inverted, known units redrawn and only shown as known.
    """
    rbm, known = binary(), torch.tensor([True, False, False, True])
    v, _, p = joint(rbm)
    fits = (v[:, 0] == 1) & (v[:, 3] == 0)
    law = p.sum(1) * fits / p.sum(1)[fits].sum()
    x = torch.tensor([1.0, 1, 1, 0]).expand(40_000, -1)
    mask = known.expand(len(x), -1) if each else known
    draws = run(BlockGibbs(rbm, mask), x, steps=30, thin=30, generator=generator)
    assert_probs(index(draws.x[0]), law, detects=0.08)


def test_each_chain_may_know_other_units(generator):
    rbm = binary()
    known = torch.tensor([[True, True, False, False], [False, False, True, True]])
    x = torch.tensor([[1.0, 0, 0, 0], [0.0, 0, 1, 0]])
    draws = run(BlockGibbs(rbm, known), x, steps=200, generator=generator)
    assert (draws.x[:, known] == x[known]).all()
    assert (draws.x.double().std(0)[~known] > 0).all()


def test_real_units_move_too(generator):
    rbm = gaussian()
    draws = run(BlockGibbs(rbm), torch.zeros(5, 2), steps=3, generator=generator)
    assert draws.info.moved.all()


def test_the_start_is_checked_and_copied(generator):
    rbm = binary()
    x = torch.ones(2, 4)
    state = BlockGibbs(rbm).init(x)
    assert state.x is not x
    for start, known, word in (
        (torch.full((2, 4), 0.5), None, "zeros and ones"),
        (torch.ones(4), None, "one row a chain"),
        (x, torch.ones(4), "known: expected a bool"),
        (x, torch.ones(3, 4, dtype=torch.bool), r"known: expected shape \(4,\) or \(2, 4\)"),
    ):
        with pytest.raises((ValueError, TypeError), match=word):
            BlockGibbs(rbm, known).init(start)
