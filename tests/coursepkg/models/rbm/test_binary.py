"""The binary machine against sums over all its states, written from the energy."""

import math

import pytest
import torch
from sklearn.neural_network import BernoulliRBM
from sklearn.utils import check_random_state
from torch.nn.functional import logsigmoid
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, bits, index, joint
from tests.statistics import assert_probs


def test_without_links_the_start_has_the_rates_of_the_data():
    """By the enumerated law. Kills: rates for log odds, counts without the half examples."""
    x = torch.tensor([[1.0, 0, 1, 0], [1, 0, 0, 1], [1, 0, 0, 0]])
    rbm = binary()
    c = rbm.c.clone()
    with torch.no_grad():
        rbm.W.zero_()
    rbm.start_from(x)
    v, _, p = joint(rbm)
    assert_close(p.sum(1) @ v, torch.tensor([3.5, 0.5, 1.5, 1.5]) / 4)
    assert torch.equal(rbm.c, c)
    assert rbm.b.requires_grad


def test_a_start_refuses_what_the_units_cannot_be():
    rbm = binary()
    with pytest.raises(ValueError, match="x: expected zeros and ones"):
        rbm.start_from(torch.full((2, 4), 0.5))
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 4\)"):
        rbm.start_from(torch.ones(2, 3))


def test_rates_of_probabilities_and_of_nothing_else():
    probabilities = torch.tensor([[0.2, 1.0], [0.4, 0.0]])
    assert_close(marginal_rates(probabilities), torch.tensor([1.1, 1.5]) / 3)
    with pytest.raises(ValueError, match="expected values from 0 to 1, got -1 to 1"):
        marginal_rates(torch.tensor([[1.0, -1.0]]))


@pytest.mark.equation("rbm-energy")
def test_energy_is_the_sum_of_a_slow_loop():
    """Kills: a sign, the biases exchanged, W read by its other index."""
    rbm, g = binary(4, 3), seeded(3)
    v = torch.randint(2, (6, 4), generator=g).double()
    h = torch.randint(2, (6, 3), generator=g).double()
    W, b, c = (p.tolist() for p in (rbm.W, rbm.b, rbm.c))
    expected = [
        -sum(b[i] * v[n, i].item() for i in range(4))
        - sum(c[j] * h[n, j].item() for j in range(3))
        - sum(v[n, i].item() * W[i][j] * h[n, j].item() for i in range(4) for j in range(3))
        for n in range(6)
    ]
    assert_close(rbm.energy(v, h), torch.tensor(expected))


@pytest.mark.equation("rbm-energy")
@pytest.mark.equation("rbm-free-energy")
@pytest.mark.parametrize(("D", "M"), [(4, 3), (2, 5)])
def test_the_law_is_exponentials_of_minus_the_energy_over_their_sum(D, M):
    """By a plain sum over all pairs. Kills: a Z of one layer only, log Z added."""
    rbm, h = binary(D, M), bits(M)
    pairs = torch.stack([rbm.energy(bits(D), row.expand(2**D, -1)) for row in h], 1).neg().exp()
    p = pairs / pairs.sum()
    log_p = Normalised(rbm).log_prob(bits(D))
    assert_close(log_p, p.sum(1).log())
    assert_close(log_p, -rbm.free_energy(bits(D)) - pairs.sum().log())


@pytest.mark.equation("rbm-free-energy")
def test_free_energy_sums_the_hidden_units_out():
    """Kills: σ for softplus, the visible biases forgotten, a mean for a sum."""
    rbm, v, h = binary(), bits(4), bits(3)
    energies = torch.stack([rbm.energy(v, h[j].expand(len(v), -1)) for j in range(len(h))])
    assert_close(rbm.free_energy(v), -torch.logsumexp(-energies, 0))


def test_hidden_free_energy_sums_the_visible_units_out():
    rbm, v, h = binary(), bits(4), bits(3)
    energies = torch.stack([rbm.energy(v[i].expand(len(h), -1), h) for i in range(len(v))])
    assert_close(rbm.hidden_free_energy(h), -torch.logsumexp(-energies, 0))


@pytest.mark.equation("rbm-hidden-given-visible")
def test_hidden_units_given_v_are_the_joint_law_divided_by_its_sum():
    """Also that they are independent. Kills: the visible bias, the printed slips of the notes."""
    rbm = binary()
    v, h, p = joint(rbm)
    given_v = p / p.sum(1, keepdim=True)
    assert_close(rbm.hidden_probs(v), given_v @ h)
    assert_close(rbm.hidden_mean(v), rbm.hidden_probs(v))
    on = rbm.hidden_probs(v)[:, None]
    assert_close((on * h + (1 - on) * (1 - h)).prod(-1), given_v)


@pytest.mark.equation("rbm-visible-given-hidden")
def test_visible_units_given_h_are_the_joint_law_divided_by_its_sum():
    """Kills: σ(c_j + Σ_i w_ij v_i), as the notes print it for this direction too."""
    rbm = binary()
    v, h, p = joint(rbm)
    given_h = (p / p.sum(0)).T
    assert_close(rbm.visible_probs(h), given_h @ v)
    assert_close(rbm.visible_mean(h), rbm.visible_probs(h))
    on = rbm.visible_probs(h)[:, None]
    assert_close((on * v + (1 - on) * (1 - v)).prod(-1), given_h)


@pytest.mark.equation("rbm-log-z")
@pytest.mark.parametrize(("D", "M"), [(4, 3), (3, 4), (1, 5)])
def test_log_z_sums_over_both_layers(D, M):
    """Kills: E(x, h) in place of E(v, h), which gives one state of v instead of all."""
    rbm = binary(D, M)
    v, h = bits(D), bits(M)
    energies = torch.stack([rbm.energy(v, h[j].expand(len(v), -1)) for j in range(len(h))])
    assert_close(rbm.log_z(), torch.logsumexp(-energies.flatten(), 0))


def test_the_printed_log_z_is_a_constant():
    """Σ_{v,h} with E(x, h) inside: log p(x) = -D log 2 for every x, whatever the weights."""
    rbm, v, h = binary(), bits(4), bits(3)
    inner = torch.stack([rbm.energy(v, h[j].expand(len(v), -1)) for j in range(len(h))])
    printed = math.log(2**4) + torch.logsumexp(-inner, 0)
    assert_close(-rbm.free_energy(v) - printed, torch.full((16,), -4 * math.log(2)))
    assert Normalised(rbm).log_prob(v).std() > 0.3


@pytest.mark.parametrize(("D", "M"), [(60, 8), (8, 60)])
def test_only_the_smaller_layer_is_enumerated(D, M):
    """2^60 states would be refused. With W = 0 all units are independent: a closed form."""
    rbm = binary(D, M)
    with torch.no_grad():
        rbm.W.zero_()
    expected = torch.cat([rbm.b, rbm.c]).exp().log1p().sum()
    assert_close(rbm.log_z(), expected)


def test_exact_draws_follow_the_enumerated_law(generator):
    rbm = binary()
    _, _, p = joint(rbm)
    drawn = rbm.sample(40_000, generator=generator)
    assert_probs(index(drawn), p.sum(1), detects=0.08)


@pytest.mark.parametrize("layer", ["hidden", "visible"])
def test_units_are_drawn_with_their_probabilities(layer, generator):
    """The joint outcome. Kills: probabilities returned for draws, the other layer's bias."""
    rbm = binary()
    v, h, p = joint(rbm)
    if layer == "hidden":
        drawn = rbm.sample_hidden(v[5].expand(40_000, -1), generator=generator)
        expected = p[5] / p[5].sum()
    else:
        drawn = rbm.sample_visible(h[5].expand(40_000, -1), generator=generator)
        expected = p[:, 5] / p[:, 5].sum()
    assert not drawn.requires_grad
    assert_probs(index(drawn), expected, detects=0.08)


def test_a_sum_that_would_never_end_is_refused():
    rbm = RBM(30, 23, generator=seeded(0))
    for refused in (rbm.log_z, lambda: rbm.sample(1, generator=seeded(0))):
        with pytest.raises(ValueError, match=r"at most 2\^22.*got 8.39e\+06, 2 times"):
            refused()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["W", "b", "c"])
def test_weights_that_are_not_finite_are_refused(name, bad):
    rbm = binary()
    with torch.no_grad():
        getattr(rbm, name).view(-1)[1] = bad
    for refused in (rbm.log_z, lambda: rbm.sample(1, generator=seeded(0))):
        with pytest.raises(ValueError, match=rf"{name}: expected finite weights, got 1 NaN or inf"):
            refused()


def test_other_values_than_zeros_and_ones_are_refused():
    rbm, v, h = binary(), torch.ones(2, 4), torch.ones(2, 3)
    with pytest.raises(ValueError, match="h: expected zeros and ones, got 3 others"):
        rbm.energy(v, h * torch.tensor([[1.0], [0.5]]))
    with pytest.raises(ValueError, match="v: expected zeros and ones"):
        rbm.energy(-v, h)
    with pytest.raises(ValueError, match="x: expected zeros and ones"):
        rbm.free_energy(2 * v)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 4\)"):
        rbm.free_energy(h)


def test_scikit_learn_computes_the_same_numbers():
    """Its `transform` is P(h = 1 | v); its `score_samples` asks one pixel of a row, by free energy.

    Kills: a bias of the other layer, a sign, W for its transpose.
    """
    rbm, v, rows = binary(), bits(4), torch.arange(16)
    peer = BernoulliRBM(3, random_state=0)
    peer.components_ = rbm.W.detach().T.numpy()
    peer.intercept_visible_, peer.intercept_hidden_ = rbm.b.detach().numpy(), rbm.c.detach().numpy()
    assert_close(rbm.hidden_probs(v).detach(), torch.from_numpy(peer.transform(v.numpy())))
    asked = torch.from_numpy(check_random_state(0).randint(0, 4, 16))
    flipped = v.clone()
    flipped[rows, asked] = 1 - v[rows, asked]
    expected = 4 * logsigmoid(rbm.free_energy(flipped) - rbm.free_energy(v)).detach()
    assert_close(torch.from_numpy(peer.score_samples(v.numpy())), expected)
