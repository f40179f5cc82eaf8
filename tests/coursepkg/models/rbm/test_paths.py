"""The annealing path: at each β it is a machine of its own, whose log Z is known."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.rbm.paths import RBMPath
from coursepkg.samplers.annealed import annealed_importance, reverse_annealed_importance
from tests.coursepkg.models.rbm.machines import binary, bits, index, joint, transition
from tests.statistics import assert_probs

RATES = torch.tensor([0.2, 0.5, 0.7, 0.9])


def between(beta):
    """The machine at β, by its definition."""
    rbm = binary()
    with torch.no_grad():
        rbm.W.mul_(beta)
        rbm.c.mul_(beta)
        rbm.b.copy_((1 - beta) * RATES.logit() + beta * rbm.b)
    return rbm


@pytest.mark.equation("rbm-ais-path")
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_density_is_that_of_the_machine_between(beta):
    """Kills: β outside the softplus, a bias that is not mixed, 1 - β and β exchanged."""
    path = RBMPath(binary(), RATES)
    assert_close(path.log_density(bits(4), beta), -between(beta).free_energy(bits(4)).detach())


@pytest.mark.equation("rbm-ais-path")
def test_the_start_is_normalised_by_its_formula():
    """Kills: M log 2 forgotten, which shifts every estimate by 0.69 nats a hidden unit."""
    path = RBMPath(binary(), RATES)
    assert_close(path.log_z0().detach(), torch.logsumexp(path.log_density(bits(4), 0.0), 0))


def test_draws_start_at_the_given_rates(generator):
    drawn = RBMPath(binary(), RATES).start(40_000, generator=generator)
    on = bits(4)
    assert_probs(index(drawn), (on * RATES + (1 - on) * (1 - RATES)).prod(1), detects=0.08)
    half = RBMPath(binary()).start(40_000, generator=generator)
    assert_probs(index(half), torch.full((16,), 1 / 16), detects=0.08)


@pytest.mark.equation("rbm-ais-path")
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_a_step_is_block_gibbs_of_the_machine_between(beta, generator):
    """Its whole row. Kills: β missing in one direction, the target's kernel at every β."""
    path, rbm = RBMPath(binary(), RATES), between(beta)
    moved = path.step(bits(4)[6].expand(40_000, -1), beta, generator=generator)
    assert_probs(index(moved), transition(rbm)[6], detects=0.08)
    assert_close(joint(rbm)[2].sum(1) @ transition(rbm), joint(rbm)[2].sum(1))


def test_annealing_along_it_finds_log_z(generator):
    """Both ways, within five standard errors of the sum over all states."""
    rbm = binary(6, 5, scale=1.0)
    path, betas = RBMPath(rbm, torch.full((6,), 0.4)), torch.linspace(0, 1, 200)
    forward = annealed_importance(path, betas, chains=500, generator=generator)
    x = rbm.sample(500, generator=generator)
    back = reverse_annealed_importance(path, betas, x, generator=generator)
    for estimate in (forward, back):
        assert 0 < estimate.error < 0.03
        assert estimate.log_Z == pytest.approx(rbm.log_z().item(), abs=5 * estimate.error)


@pytest.mark.parametrize("rates", [torch.zeros(4), torch.ones(4), torch.full((3,), 0.5),
                                   torch.full((4,), torch.nan)])  # fmt: skip
def test_rates_that_shut_states_out_are_refused(rates):
    with pytest.raises(ValueError, match=r"rates: expected \(4,\) strictly between 0 and 1, got"):
        RBMPath(binary(), rates)
