"""Spins against sums over all their states, and against the machine of zeros and ones."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.spins import SpinRBM, log_2_cosh
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, bits, index, joint, spins
from tests.statistics import assert_probs

VALUES = (-1.0, 1.0)


def signs(n):
    return 2 * bits(n) - 1


@pytest.mark.equation("rbm-spin-energy")
def test_energy_is_the_sum_of_a_slow_loop():
    """All pairs. Kills: β inside E, a sign (the slide's +Σ S W σ)."""
    rbm = spins(3, 2, beta=0.3)
    v, h = signs(3).repeat_interleave(4, 0), signs(2).repeat(8, 1)
    W, b, c = rbm.W, rbm.b, rbm.c
    expected = [
        -sum(b[i] * v[n, i] for i in range(3))
        - sum(c[j] * h[n, j] for j in range(2))
        - sum(v[n, i] * W[i, j] * h[n, j] for i in range(3) for j in range(2))
        for n in range(32)
    ]
    assert_close(rbm.energy(v, h), torch.stack(expected))


def test_free_energies_sum_one_layer_out():
    """Kills: β missing once, log cosh without its 2, F of physics (divided by β)."""
    rbm, v, h = spins(), signs(4), signs(3)
    energies = torch.stack([rbm.energy(v, h[j].expand(len(v), -1)) for j in range(len(h))])
    assert_close(rbm.free_energy(v), -torch.logsumexp(-0.7 * energies, 0))
    assert_close(rbm.hidden_free_energy(h), -torch.logsumexp(-0.7 * energies, 1))


@pytest.mark.equation("rbm-spin-energy")
@pytest.mark.parametrize("beta", [0.7, 2.0])
def test_conditionals_and_means_come_from_the_joint_law(beta):
    """Kills: σ(βx) for σ(2βx), a mean of 0 and 1."""
    rbm = spins(beta=beta)
    v, h, p = joint(rbm, VALUES)
    given_v, given_h = p / p.sum(1, keepdim=True), (p / p.sum(0)).T
    assert_close(rbm.hidden_mean(v), given_v @ h)
    assert_close(rbm.visible_mean(h), given_h @ v)
    assert_close(rbm.hidden_probs(v), given_v @ (h > 0).double())
    assert_close(rbm.visible_probs(h), given_h @ (v > 0).double())


@pytest.mark.equation("rbm-spin-energy")
@pytest.mark.parametrize(("D", "M"), [(4, 3), (3, 4)])
def test_log_z_sums_over_both_layers(D, M):
    """And the law divides by it. Kills: β in the law and not in Z."""
    rbm, v, h = spins(D, M), signs(D), signs(M)
    assert_close(Normalised(rbm).log_prob(v), joint(rbm, VALUES)[2].sum(1).log())
    energies = torch.stack([rbm.energy(v, h[j].expand(len(v), -1)) for j in range(len(h))])
    assert_close(rbm.log_z(), torch.logsumexp(-0.7 * energies.flatten(), 0))


def test_draws_follow_the_joint_law(generator):
    """Kills: zeros and ones for -1 and +1, β forgotten in a draw."""
    rbm = spins()
    v, h, p = joint(rbm, VALUES)
    drawn = rbm.sample(40_000, generator=generator)
    assert_probs(index(drawn, VALUES), p.sum(1), detects=0.08)
    drawn = rbm.sample_hidden(v[3].expand(40_000, -1), generator=generator)
    assert_probs(index(drawn, VALUES), p[3] / p[3].sum(), detects=0.08)
    drawn = rbm.sample_visible(h[3].expand(40_000, -1), generator=generator)
    assert_probs(index(drawn, VALUES), p[:, 3] / p[:, 3].sum(), detects=0.08)


@pytest.mark.equation("rbm-spin-link")
@pytest.mark.parametrize("beta", [0.4, 1.0, 2.5])
def test_the_link_keeps_the_joint_law_both_ways(beta):
    """Kills: β forgotten, 2W for 4W, a sum over the wrong index, a sign."""
    rbm = spins(beta=beta)
    there = rbm.to_binary()
    assert_close(joint(there)[2], joint(rbm, VALUES)[2])
    back = SpinRBM.from_binary(there, beta=beta)
    assert back.beta == beta
    for one, other in zip(rbm.parameters(), back.parameters(), strict=True):
        assert_close(one, other)
    zeros_and_ones = binary(5, 2)
    away = SpinRBM.from_binary(zeros_and_ones, beta=beta)
    assert_close(joint(away, VALUES)[2], joint(zeros_and_ones)[2])


@pytest.mark.equation("rbm-spin-link")
def test_log_z_differs_by_the_energy_of_all_spins_down():
    """log Z of spins = log Z of zeros and ones + β (Σ W - Σ b - Σ c)."""
    rbm = spins()
    down = -rbm.beta * rbm.energy(-torch.ones(1, 4), -torch.ones(1, 3))[0]
    assert_close(rbm.log_z(), rbm.to_binary().log_z() + down)
    v = bits(4)
    log_p = Normalised(rbm.to_binary()).log_prob(v)
    assert_close(Normalised(rbm).log_prob(2 * v - 1), log_p)


def test_the_link_keeps_single_precision():
    rbm = spins().float()
    assert rbm.to_binary().W.dtype == torch.float32
    assert SpinRBM.from_binary(binary().float()).W.dtype == torch.float32


def test_log_2_cosh_does_not_overflow():
    x = torch.tensor([-1e4, -0.3, 0.0, 2.0, 1e4])
    assert_close(log_2_cosh(x)[1:4], torch.log(2 * torch.cosh(x[1:4])))
    assert_close(log_2_cosh(x)[[0, 4]], torch.tensor([1e4, 1e4]))


def test_other_values_than_spins_are_refused():
    rbm = spins(3, 2)
    with pytest.raises(ValueError, match=r"x: expected -1 and \+1, got 2 others, such as 0"):
        rbm.free_energy(torch.tensor([[0.0, 1, 0]]))
    with pytest.raises(ValueError, match=r"h: expected -1 and \+1"):
        rbm.energy(torch.ones(1, 3), torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"v: expected shape"):
        rbm.energy(torch.ones(1, 2), torch.ones(1, 2))
    for beta in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="beta: expected a finite number > 0"):
            SpinRBM(2, 2, generator=seeded(0), beta=beta)


def test_weights_that_are_not_finite_and_endless_sums_are_refused():
    rbm = spins()
    with torch.no_grad():
        rbm.c[0] = torch.nan
    with pytest.raises(ValueError, match="c: expected finite weights"):
        rbm.log_z()
    with pytest.raises(ValueError, match=r"at most 2\^22"):
        SpinRBM(23, 23, generator=seeded(0)).log_z()
