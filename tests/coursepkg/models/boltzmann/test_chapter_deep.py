"""Equations of chapter 8 that are statements about deep machines and not the code of one function.

And the lecture's printed forms, which fail.
"""

import math

import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close

from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, bits, gaussian


def log_given(machine, v, h):
    """log p(v | h), (V, H): each visible unit a coin, in a slow product."""
    rows = []
    for one in v:
        p = torch.sigmoid(machine.b + h @ machine.W.T)
        rows.append(torch.where(one == 1, p, 1 - p).log().sum(1))
    return torch.stack(rows)


# belief networks


@pytest.mark.equation("dbn-complementary")
def test_the_machines_own_prior_makes_the_posterior_a_product():
    """Bayes' rule by enumeration. Kills: the normaliser of p(v | h) left out, another prior."""
    machine, v, h = binary(4, 3, seed=1, scale=3.0), bits(4), bits(3)
    own = -machine.hidden_free_energy(h)
    other = torch.linspace(-1, 1, len(h)) ** 2
    p = torch.sigmoid(machine.c + v @ machine.W)
    product = torch.stack([torch.where(one == 1, p, 1 - p).prod(1) for one in h], 1)
    assert_close(torch.softmax(log_given(machine, v, h) + own, 1), product)
    for prior in (other, 0 * other):
        posterior = torch.softmax(log_given(machine, v, h) + prior, 1)
        marginal = posterior @ h
        factorised = torch.stack(
            [torch.where(one == 1, marginal, 1 - marginal).prod(1) for one in h], 1
        )
        assert (posterior - factorised).abs().max() > 0.02


def test_explaining_away_makes_independent_causes_compete():
    """A wet lawn, and two rare causes: known rain makes the sprinkler less likely."""
    lawn = binary(1, 2, seed=0)
    with torch.no_grad():
        lawn.W.fill_(6.0)
        lawn.b.fill_(-5.0)
    h, wet = bits(2), torch.ones(1, 1)
    prior = torch.log(torch.tensor([0.9, 0.1]))[h.long()].sum(1)  # each cause on with 0.1
    posterior = torch.softmax(log_given(lawn, wet, h)[0] + prior, 0)
    rain = posterior[h[:, 0] == 1].sum()
    both = posterior[(h == 1).all(1)].sum()
    assert both / posterior[h[:, 1] == 1].sum() < 0.25 < 0.5 < rain


@pytest.mark.equation("dbn-ceiling")
def test_the_gain_of_a_new_layer_is_a_difference_of_two_divergences(generator):
    """By example, and by the average posterior. Kills: KL the other way round, a sign."""
    x, h = torch.bernoulli(torch.full((7, 5), 0.4), generator=generator), bits(3)
    for seed in range(10):
        first, second = binary(5, 3, seed=seed), binary(3, 4, seed=seed + 20, scale=0.3 * seed)
        log_p1 = torch.log_softmax(-first.hidden_free_energy(h), 0)
        log_p2 = torch.log_softmax(-second.free_energy(h), 0)
        q = torch.softmax((first.c + x @ first.W) @ h.T, 1)  # a product, normalised over h
        average = q.mean(0)
        kl = [(average * (average.log() - log_p)).sum() for log_p in (log_p1, log_p2)]
        gain = (q @ (log_p2 - log_p1)).mean()
        assert_close(gain, kl[0] - kl[1])
        assert gain < kl[0]
        assert_close((q @ (average.log() - log_p1)).mean(), kl[0])  # q̄ itself reaches the ceiling


def test_the_ceiling_holds_for_the_bound_and_not_for_the_likelihood(generator):
    """EM on the prior climbs above it, since q is no longer the posterior."""
    first, v, h = binary(5, 3, seed=2, scale=2.0), bits(5), bits(3)
    weight = torch.softmax(torch.randn(len(v), generator=generator), 0)
    log_p1 = torch.log_softmax(-first.hidden_free_energy(h), 0).detach()
    given = log_given(first, v, h).detach()
    average = weight @ torch.softmax(given + log_p1, 1)
    ceiling = (average * (average.log() - log_p1)).sum()
    log_prior = log_p1
    for _ in range(200):
        log_prior = (weight @ torch.softmax(given + log_prior, 1)).log()
    likelihood = [weight @ torch.logsumexp(given + prior, 1) for prior in (log_p1, log_prior)]
    assert likelihood[1] - likelihood[0] > ceiling + 0.02


@pytest.mark.equation("dbn-conditionals")
def test_the_printed_column_is_another_law():
    """Erratum 001, DBN conditionals: a column of W in place of a row.

    Machines of unequal layers refuse it; equal ones run, and disagree with their own energy.
    Kills: the column, which no shape betrays.
    """
    machine, v, h = binary(3, 3, seed=4), bits(3), bits(3)
    energies = torch.stack([machine.energy(v, one.expand(len(v), -1)) for one in h], 1)
    truth = torch.softmax(-energies, 0).T @ v  # P(v_i = 1 | h), (H, 3)
    assert_close(torch.sigmoid(machine.b + h @ machine.W.T), truth)
    assert_close(DBN([machine]).machines[0].visible_mean(h), truth)
    assert (torch.sigmoid(machine.b + h @ machine.W) - truth).abs().max() > 0.1
    uneven = binary(4, 3, seed=4)
    with pytest.raises(RuntimeError):
        bits(3) @ uneven.W


@pytest.mark.equation("dbn-gaussian")
def test_the_printed_transpose_is_not_the_mean_of_real_visible_units():
    """Erratum 001, real visibles: W h, not Wᵀ h; σ² is a variance, not a precision."""
    machine, h = gaussian(3, 3, seed=5), bits(3)
    x = torch.linspace(-30, 30, 24_001)
    for one in h:
        natural = machine.b + machine.W @ one
        for i in range(3):
            density = torch.exp(-x.square() / (2 * machine.sigma**2) + natural[i] * x)
            density = density / density.sum()
            mean = (density * x).sum()
            assert_close(mean, machine.visible_mean(one[None])[0, i])
            assert_close((density * x.square()).sum() - mean**2, torch.tensor(machine.sigma**2))
    printed = machine.sigma**2 * (machine.b + h @ machine.W)
    assert (printed - machine.visible_mean(h)).abs().max() > 0.1


@pytest.mark.parametrize("sigma", [0.25, 1.3])
def test_a_binary_machine_may_have_the_prior_of_real_visible_units(sigma):
    """So greedy training can start level there too: one hidden unit for each pair of units.

    p(h) is e to a quadratic in h; a unit with weights ±w, cosh(w/2) = e^(|J|/2), makes a coupling.
    """
    machine, h = gaussian(4, 3, seed=5, sigma=sigma), bits(3)
    J = sigma**2 * machine.W.T @ machine.W
    pairs = [(0, 1), (0, 2), (1, 2)]
    top = binary(3, len(pairs), scale=0.0)
    with torch.no_grad():
        top.b.copy_(machine.c + sigma**2 * (machine.b @ machine.W) + J.diagonal() / 2)
        for k, (i, j) in enumerate(pairs):
            top.W[i, k] = 2 * torch.acosh(torch.exp(J[i, j].abs() / 2))
            top.W[j, k] = top.W[i, k] * J[i, j].sign()
            top.c[k] = -(top.W[i, k] + top.W[j, k]) / 2
            for one in (i, j):
                top.b[one] -= softplus(top.c[k] + top.W[one, k]) - softplus(top.c[k])
    assert {-1, 1} == {J[i, j].sign().item() for i, j in pairs}, "vacuous: couplings of one sign"
    prior = -machine.hidden_free_energy(h) - machine.log_z()
    assert_close(-top.free_energy(h) - top.log_z(), prior)
    assert prior.max() - prior.min() > 0.3, "vacuous: a uniform prior"


# deep Boltzmann machines


def deep(sizes=(3, 3, 2), *, scale=1.3):
    dbm = DBM(sizes, generator=seeded(6), scale=scale)
    with torch.no_grad():
        dbm.machine.b.copy_(torch.linspace(-1.2, -0.4, len(dbm.machine.b)))
        dbm.machine.c.copy_(torch.linspace(0.5, -0.8, len(dbm.machine.c)))
    return dbm


@pytest.mark.equation("dbm-two-constants")
def test_log_p_has_a_constant_for_all_images_and_one_for_each():
    """Z_v is that of the machine between h¹ and h² with moved biases. Kills: b_0 in both, one Z."""
    dbm, v = deep(), bits(3)
    (W_1, W_2), (b_0, b_1, b_2) = dbm.weights, dbm.biases
    log_joint = torch.stack([
        -dbm.energy([v, h_1.expand(len(v), -1), h_2.expand(len(v), -1)])
        for h_1 in bits(3) for h_2 in bits(2)
    ])  # fmt: skip
    log_p = torch.logsumexp(log_joint, 0) - torch.logsumexp(log_joint.flatten(), 0)
    for one, value in zip(v, log_p, strict=True):
        above = binary(3, 2, seed=0)
        with torch.no_grad():
            above.W.copy_(W_2)
            above.b.copy_(b_1 + one @ W_1)
            above.c.copy_(b_2)
        assert_close(one @ b_0 + above.log_z() - dbm.log_z(), value)


def test_without_biases_a_quiet_state_is_a_fair_coin():
    """Erratum 001: the printed energy has no biases, so that units at rest are fair coins."""
    dbm = deep()
    with torch.no_grad():
        dbm.machine.b.zero_()
        dbm.machine.c.zero_()
    rest = [torch.zeros(1, size) for size in dbm.sizes]
    assert dbm.energy(rest).item() == pytest.approx(0)
    for p in dbm.layer_probs(rest):
        assert_close(p, torch.full_like(p, 0.5))
    assert (deep().layer_probs(rest)[0] - 0.5).abs().min() > 0.05


def fork(s, *, tilt=0.0, sweeps=500):
    """Two explanations that exclude each other, on one fair coin v that does not interfere."""
    dbm = DBM((1, 2, 1), generator=seeded(0), scale=0.0, sweeps=sweeps)
    with torch.no_grad():
        dbm.weights[1].copy_(torch.tensor([[s], [-s]]))
        dbm.biases[1].copy_(torch.tensor([-s / 2, s / 2]))
        dbm.biases[2].fill_(tilt)
    return dbm


def lost(dbm):
    """log p(v) - bound; p(v) = 1/2 whatever the rest."""
    v = torch.zeros(1, 1)
    return (-math.log(2) + dbm.variational_free_energy(v) + dbm.log_z()).item()


@pytest.mark.equation("dbm-saddle")
@pytest.mark.parametrize(("s", "forks"), [(1.0, False), (2.7, False), (3.0, True), (6.0, True)])
def test_mean_field_forks_where_the_weights_exceed_the_root_of_eight(s, forks):
    """Kills: s/2 for s/4 inside, tanh u for tanh u/2, a threshold of 2 or 4."""
    mu_1, mu_2 = fork(s, tilt=1e-9).mean_field(torch.zeros(1, 1))
    u = torch.logit(mu_2).squeeze()
    assert_close(u, s * torch.tanh(s / 4 * torch.tanh(u / 2)), atol=1e-5, rtol=1e-5)
    assert_close(mu_1.sum(), torch.tensor(1.0))
    assert (u.abs().item() > 0.5) is forks


@pytest.mark.equation("dbm-saddle")
def test_what_is_lost_at_the_saddle_and_on_a_branch():
    """2 log cosh(s/4) in the middle, log 2 on a branch of strong weights, less below the fork."""
    for s in (1.0, 5.0, 10.0):
        assert lost(fork(s)) == pytest.approx(2 * math.log(math.cosh(s / 4)))
    assert lost(fork(12.0, tilt=1e-9)) == pytest.approx(math.log(2), abs=0.02)
    assert lost(fork(5.0, tilt=1e-9)) < lost(fork(5.0))
