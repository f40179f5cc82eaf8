import pytest
import torch

from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.completion import complete
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.samplers.run import run

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
        found = complete(rbm, V, mask.expand(len(V), D))
        torch.testing.assert_close(found[:, ~mask], expected[:, ~mask])


@pytest.mark.equation("rbm-one-missing")
def test_one_missing_unit_needs_two_free_energies(rbm):
    """Kills: the sign, and the other unit's bias."""
    for i in range(D):
        off, on = V.clone(), V.clone()
        off[:, i], on[:, i] = 0, 1
        odds = rbm.free_energy(off) - rbm.free_energy(on)
        known = torch.ones(len(V), D, dtype=torch.bool)
        known[:, i] = False
        torch.testing.assert_close(complete(rbm, V, known)[:, i], torch.sigmoid(odds))


def test_block_gibbs_with_known_units_agrees(rbm, generator):
    """4,000 chains of 40 steps; the last states are independent draws. Power: 0.06."""
    known = torch.tensor([True, False, True, False, False])
    x = torch.tensor([[1.0, 0, 0, 0, 1]]).expand(4000, D)
    drawn = run(BlockGibbs(rbm, known), x, steps=1, burn_in=40, generator=generator).x[-1]
    assert torch.equal(drawn[:, known], x[:, known])
    expected = complete(rbm, x[:1], known[None])[0, ~known]
    error = (drawn[:, ~known].mean(0) - expected).abs()
    assert (error < 4.9 * 0.5 / 4000**0.5).all()


def test_single_precision_and_a_state_dict(rbm):
    known = V.flip(1).bool()
    low = complete(rbm.float(), V.float(), known)
    again = RBM(D, M, generator=torch.Generator()).float()
    again.load_state_dict(rbm.state_dict())
    assert low.dtype == torch.float32
    assert torch.equal(complete(again, V.float(), known), low)
    torch.testing.assert_close(complete(rbm.double(), V, known).float(), low)


def test_what_is_no_mask_and_no_image_is_refused(rbm):
    for known in (torch.ones(32, D), torch.ones(D, dtype=torch.bool)):
        with pytest.raises(ValueError, match="known: expected bool"):
            complete(rbm, V, known)
    with pytest.raises(ValueError, match="zeros and ones"):
        complete(rbm, V + 0.5, V.bool())
    wide = RBM(2, 23, generator=torch.Generator())
    with pytest.raises(ValueError, match="at most"):
        complete(wide, V[:1, :2], V[:1, :2].bool())
