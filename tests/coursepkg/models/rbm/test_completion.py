import pytest
import torch

from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.completion import complete, completion_log_prob, completion_probs
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.samplers.run import run
from tests.statistics import assert_probs

D, M = 5, 3
V = binary_states(D, like=torch.zeros(1))


@pytest.fixture
def rbm(generator):
    machine = RBM(D, M, generator=generator, scale=1.5)
    with torch.no_grad():
        machine.b += torch.randn(D, generator=generator)
        machine.c += torch.randn(M, generator=generator)
    return machine


@pytest.mark.equation("rbm-completion")
def test_completions_are_conditional_probabilities_by_counting_states(rbm):
    """For all masks and all images, from p(v) alone.

    Kills: unknown units read, known ones summed out, the hidden bias or the volume of the unknown
    units left out.
    """
    p = (-rbm.free_energy(V)).softmax(0)
    for mask in V.bool():
        agrees = ((V[:, None] == V[None]) | ~mask).all(-1).to(p)  # (32 given, 32)
        given = agrees * p
        expected = given @ V / given.sum(1, keepdim=True)
        found = completion_probs(rbm, V, mask.expand(len(V), D))
        torch.testing.assert_close(found[:, ~mask], expected[:, ~mask])


@pytest.mark.equation("rbm-missing")
def test_missing_units_need_no_log_z(rbm):
    """All masks that show something, all images, from p(v) alone.

    Kills: log Z of one side, the known and the missing swapped, a unit left out of the sum.
    """
    p = (-rbm.free_energy(V)).softmax(0)
    for mask in V.bool()[1:]:
        agrees = ((V[:, None] == V[None]) | ~mask).all(-1).to(p)
        expected = (p / (agrees @ p)).log().detach()
        torch.testing.assert_close(completion_log_prob(rbm, V, mask), expected)
    with pytest.raises(ValueError, match="hide everything"):
        completion_log_prob(rbm, V, torch.zeros(D, dtype=torch.bool))


@pytest.mark.equation("rbm-one-missing")
def test_one_missing_unit_needs_two_free_energies(rbm):
    """Against p(v) of all states. Kills: the sign, and the other unit's bias."""
    minus_E = (V[:, None] @ rbm.W @ V[:8, 2:].T)[:, 0] + (V @ rbm.b)[:, None] + V[:8, 2:] @ rbm.c
    p = minus_E.exp().sum(1)  # (32,), not divided by Z
    for i in range(D):
        off, on = V.clone(), V.clone()
        off[:, i], on[:, i] = 0, 1
        row = 2 ** (D - 1 - i)  # what switching unit i on adds to a state's number
        switched_on = torch.arange(32) + row * (1 - V[:, i]).long()
        expected = p[switched_on] / (p[switched_on] + p[switched_on - row])
        odds = rbm.free_energy(off) - rbm.free_energy(on)
        torch.testing.assert_close(torch.sigmoid(odds), expected)
        known = torch.ones(len(V), D, dtype=torch.bool)
        known[:, i] = False
        torch.testing.assert_close(completion_probs(rbm, V, known)[:, i], expected.detach())


@pytest.mark.parametrize("each", [False, True])
def test_draws_follow_the_enumerated_law_given_the_known_units(rbm, generator, each):
    """From p(v) alone, all missing units at once. Kills: units drawn by themselves, h from p(h)."""
    with torch.no_grad():  # v_2 and v_4 hang together by h_1
        rbm.W[1::2, 0], rbm.b[1::2], rbm.c[0] = 5.0, -2.5, -5.0
    known = torch.tensor([True, False, True, False, False])
    x = torch.tensor([1.0, 1, 0, 1, 1]).expand(40_000, D)
    p = (-rbm.free_energy(V)).softmax(0).detach()
    law = p[(V[:, 0] == 1) & (V[:, 2] == 0)]
    law = law / law.sum()
    mask = known.repeat(len(x), 1) if each else known
    drawn = complete(rbm, x, mask, generator=generator)
    assert torch.equal(drawn[:, known], x[:, known])
    place = torch.tensor([4, 2, 1])
    assert_probs((drawn[:, ~known].long() * place).sum(1), law, detects=0.08)
    probs = completion_probs(rbm, x[:1], known)[0, ~known]
    alone = torch.where(binary_states(3, like=probs) == 1, probs, 1 - probs).prod(1)
    assert (alone - law).abs().sum() > 0.2, "vacuous: the missing units are independent"


def test_one_mask_for_all_is_the_mask_of_each(rbm):
    known = torch.tensor([True, False, True, False, False])
    each = known.expand(32, D)
    assert torch.equal(completion_probs(rbm, V, known), completion_probs(rbm, V, each))


def test_block_gibbs_with_known_units_agrees(rbm, generator):
    """4,000 chains of 40 steps; the last states are independent draws. Power: 0.06."""
    known = torch.tensor([True, False, True, False, False])
    x = torch.tensor([[1.0, 0, 0, 0, 1]]).expand(4000, D)
    drawn = run(BlockGibbs(rbm, known), x, steps=1, burn_in=40, generator=generator).x[-1]
    assert torch.equal(drawn[:, known], x[:, known])
    expected = completion_probs(rbm, x[:1], known[None])[0, ~known]
    error = (drawn[:, ~known].mean(0) - expected).abs()
    assert (error < 4.9 * 0.5 / 4000**0.5).all()


def test_single_precision_and_a_state_dict(rbm):
    known = V.flip(1).bool()
    low = completion_probs(rbm.float(), V.float(), known)
    again = RBM(D, M, generator=torch.Generator()).float()
    again.load_state_dict(rbm.state_dict())
    assert low.dtype == torch.float32
    assert torch.equal(completion_probs(again, V.float(), known), low)
    torch.testing.assert_close(completion_probs(rbm.double(), V, known).float(), low)


def test_what_is_no_mask_and_no_image_is_refused(rbm):
    with pytest.raises(TypeError, match="known: expected a bool tensor"):
        completion_probs(rbm, V, torch.ones(32, D))
    with pytest.raises(ValueError, match=r"known: expected shape \(5,\) or \(32, 5\)"):
        completion_probs(rbm, V, torch.ones(4, dtype=torch.bool))
    with pytest.raises(ValueError, match="zeros and ones"):
        completion_probs(rbm, V + 0.5, V.bool())
    wide = RBM(2, 23, generator=torch.Generator())
    with pytest.raises(ValueError, match="at most"):
        completion_probs(wide, V[:1, :2], V[:1, :2].bool())
