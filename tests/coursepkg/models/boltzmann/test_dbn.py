"""Deep belief networks against their joint law, written out as a product of conditionals."""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.enumeration import NormalisedBound
from coursepkg.models.boltzmann.dbn import DBN, classifier, greedy, rbm_of, transposed
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.learning import Enumeration, train
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, bits, gaussian, index
from tests.statistics import assert_mean, assert_probs

SIZES = (4, 3, 2, 3)


def network(sizes=SIZES, *, scale=1.2):
    machines = [binary(D, M, seed=7 * k, scale=scale) for k, (D, M) in enumerate(pairwise(sizes))]
    return DBN(machines)


def bernoulli(x, p):
    """log Π p^x (1 - p)^(1 - x)."""
    return torch.where(x == 1, p, 1 - p).log().sum(-1)


def down(machine, lower, upper):
    """log p(lower | upper), from the weights."""
    return bernoulli(lower, 1 / (1 + torch.exp(-(machine.b + upper @ machine.W.T))))


def up(machine, lower, upper):
    """log q(upper | lower), from the weights."""
    return bernoulli(upper, 1 / (1 + torch.exp(-(machine.c + lower @ machine.W))))


def log_joint(dbn, layers, *, bottom=down):
    """log p(v, h¹, …, h^(L-1)) + log Z of the top: one conditional a layer, the top's by energy."""
    *directed, top = dbn.machines
    total = torch.zeros(len(layers[0]))
    for k, machine in enumerate(directed):
        total = total + (bottom if k == 0 else down)(machine, layers[k], layers[k + 1])
    h = bits(len(top.c))
    energies = torch.stack([top.energy(layers[-1], h_j.expand(len(total), -1)) for h_j in h])
    return total + torch.logsumexp(-energies, 0)


def log_recognition(dbn, layers):
    """log q(h¹, …, h^(L-1) | v)."""
    pairs = zip(dbn.machines, layers[:-1], layers[1:], strict=False)
    return sum((up(*pair) for pair in pairs), torch.zeros(len(layers[0])))


def hidden_states(dbn):
    """All (h¹, …, h^(L-1)), as one tensor each, (S, M_k); none of them if L = 1."""
    sizes = [len(m.b) for m in dbn.machines][1:]
    if not sizes:
        return []
    return bits(sum(sizes)).split(sizes, dim=1)


def enumerate_all(dbn, x):
    """Tables (N, S) of log joint and log q over all h¹, …, h^(L-1)."""
    hidden = hidden_states(dbn)
    S = len(hidden[0]) if hidden else 1
    rows = [x.repeat_interleave(S, dim=0), *(h.repeat(len(x), 1) for h in hidden)]
    return log_joint(dbn, rows).view(-1, S), log_recognition(dbn, rows).view(-1, S)


def exact_log_p(dbn, x):
    return enumerate_all(dbn, x)[0].logsumexp(1) - dbn.log_z()


def exact_bound(dbn, x):
    """E_q[log p̃ - log q], (N,)."""
    p, q = enumerate_all(dbn, x)
    return (q.exp() * (p - q)).sum(1)


@pytest.mark.equation("dbn-joint")
def test_the_product_of_conditionals_is_a_law_with_the_constant_of_the_top():
    for sizes in ((4, 3), (4, 3, 2), SIZES):
        dbn = network(sizes)
        p = exact_log_p(dbn, bits(4)).exp()
        assert_close(p.sum(), torch.tensor(1.0))
        assert p.max() / p.min() > 3, "vacuous: the law is nearly uniform"


@pytest.mark.equation("dbn-joint")
@pytest.mark.equation("dbn-conditionals")
def test_draws_follow_the_marginal_of_the_joint(generator):
    """Equal layers too, where a column of W fits as well as a row.

    Kills: the top's v left out of the pass down, recognition weights on that pass, no chain.
    """
    for sizes in ((4, 3), (4, 4, 4), SIZES):
        dbn = network(sizes)
        draws = dbn.sample(60_000, generator=generator, steps=40)
        assert_probs(index(draws), exact_log_p(dbn, bits(4)).exp().detach(), detects=0.06)


def test_a_chain_of_no_length_is_no_draw(generator):
    """The chain starts far from the law, so that the test above can see it."""
    dbn = network((4, 3))
    start = DBN([rbm_of(torch.zeros(4, 3), dbn.machines[0].b, torch.zeros(3))])
    gap = exact_log_p(start, bits(4)).exp() - exact_log_p(dbn, bits(4)).exp()
    assert gap.abs().sum() > 0.2


@pytest.mark.equation("dbn-conditionals")
def test_upward_draws_each_layer_given_the_one_below(generator):
    """Kills: a layer drawn from v, means for draws."""
    dbn, v = network(), torch.tensor([[1.0, 0, 1, 1]])
    layers = dbn.upward(v.expand(60_000, -1), generator=generator)
    assert [h.shape[1] for h in layers] == [3, 2, 3]
    all_layers = bits(8).split([3, 2, 3], dim=1)
    expected = log_recognition(dbn, [v.expand(256, -1), *all_layers])
    code = index(torch.cat(layers, dim=1))
    assert_probs(code, expected.exp().detach(), detects=0.2)


@pytest.mark.equation("dbn-bound")
@pytest.mark.parametrize("sizes", [(4, 3), (4, 3, 2), SIZES, (4, 2, 3, 1, 2)])
def test_each_draw_of_the_bound_is_log_joint_minus_log_q(sizes):
    """By the layers' conditionals. Kills: a sign, F and G exchanged, a lost layer."""
    dbn, g = network(sizes), seeded(5)
    layers = [bits(4)]
    for machine in dbn.machines[:-1]:
        layers.append(machine.sample_hidden(layers[-1], generator=g))
    expected = log_joint(dbn, layers) - log_recognition(dbn, layers)
    assert_close(dbn.unnormalised_log_weight(bits(4), generator=seeded(5)), expected)


@pytest.mark.equation("dbn-bound")
def test_the_mean_of_the_draws_is_a_bound_and_the_gap_is_the_kl(generator):
    """By enumeration, and by draws. Kills: a bound above log p, one draw for all examples."""
    for sizes in ((4, 3, 2), SIZES, (4, 2, 3, 1, 2)):
        p, q = enumerate_all(network(sizes), bits(4))
        assert ((q.exp() * (p - q)).sum(1) < p.logsumexp(1)).all()
    dbn, x = network(), bits(4)
    p, q = enumerate_all(dbn, x)
    bound, log_p = exact_bound(dbn, x), p.logsumexp(1)
    posterior = p - log_p[:, None]
    assert_close(log_p - bound, (q.exp() * (q - posterior)).sum(1))
    draws = dbn.unnormalised_log_weight(x[5].expand(40_000, -1), generator=generator).detach()
    assert_mean(draws, bound[5].item(), detects=0.15)
    assert log_p[5] - bound[5] > 0.1, "vacuous: the bound is tight"


@pytest.mark.equation("dbn-bound")
def test_weights_are_unbiased_for_p(generator):
    """By enumeration. Kills: q of another layer, a sign of G or F."""
    dbn, x = network(scale=0.8), bits(4)[5:6]
    p_tilde = enumerate_all(dbn, x)[0].logsumexp(1).exp().item()
    log_w = dbn.unnormalised_log_weight(x.expand(60_000, -1), generator=generator)
    assert_mean(log_w.detach().exp(), p_tilde, detects=0.25 * p_tilde)
    assert math.log(p_tilde) - exact_bound(dbn, x).item() > 0.1, "vacuous: the bound is tight"


@pytest.mark.equation("dbn-greedy")
def test_with_the_machine_upside_down_on_top_the_bound_is_the_machine_itself():
    """Whatever is drawn. Kills: W not transposed, the biases not exchanged."""
    below, x = binary(4, 3), bits(4)
    dbn = DBN([below, transposed(below)])
    for seed in range(3):
        assert_close(dbn.unnormalised_log_weight(x, generator=seeded(seed)), -below.free_energy(x))
    assert_close(dbn.log_z(), below.log_z())


@pytest.mark.equation("dbn-greedy")
def test_the_bound_gains_what_the_new_layer_gains_on_its_own_data():
    """Exact gradient on every h¹ from q: the bound rises, by E_q log p_new(h¹) - log p_old(h¹)."""
    below, x = binary(4, 3, scale=1.5), bits(4)[[1, 3, 7, 12, 15]]
    top = transposed(below)
    old, before = DBN([below, transposed(below)]), exact_bound(DBN([below, top]), x) - top.log_z()
    h = below.sample_hidden(x.repeat(400, 1), generator=seeded(2))
    train(
        top,
        h,
        negative=Enumeration(),
        epochs=60,
        batch_size=2000,
        step_size=0.5,
        generator=seeded(3),
    )
    after = exact_bound(DBN([below, top]), x) - top.log_z()
    assert (after - before).mean() > 0.01
    assert (after < exact_log_p(DBN([below, top]), x)).all()
    assert_close(before, -below.free_energy(x) - below.log_z())  # level with the first machine
    states = hidden_states(old)[0]
    gain = (-top.free_energy(states) - top.log_z()) - (
        -old.machines[1].free_energy(states) - old.log_z()
    )
    q = enumerate_all(old, x)[1].exp()
    assert_close(after - before, q @ gain)


@pytest.mark.equation("dbn-greedy")
def test_greedy_trains_each_machine_on_draws_of_the_trained_one_below(generator):
    """Saturated units make draws certain. Kills: v to all, h before training, means for draws."""
    machines, seen = [RBM(2, 3, generator=generator), RBM(3, 1, generator=generator)], []

    def learn(machine, x):
        seen.append(x)
        with torch.no_grad():
            machine.c.copy_(torch.tensor([60.0, -60.0, 60.0])[: len(machine.c)])

    dbn = greedy(machines, x := bits(2), train=learn, generator=generator)
    assert_close(seen, [x, torch.tensor([[1.0, 0, 1]]).expand(4, -1)])
    assert list(dbn.machines) == machines
    fair = RBM(2, 500, generator=generator, scale=0.0)
    greedy([fair, RBM(500, 1, generator=generator)], x, train=lambda _, x: seen.append(x),
           generator=generator)  # fmt: skip
    assert set(seen[-1].unique().tolist()) == {0, 1}


def test_greedy_with_the_real_thing_raises_the_bound(generator):
    """Two layers by exact gradients on data of three patterns: nearly log 3."""
    x = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]).repeat(20, 1)
    learn = partial(train, negative=Enumeration(), epochs=200, batch_size=60, step_size=1.0,
                    generator=generator)  # fmt: skip
    machines = [RBM(4, 3, generator=generator), RBM(3, 3, generator=generator)]
    dbn = NormalisedBound(greedy(machines, x, train=learn, generator=generator))
    mean = dbn.log_weight(x.repeat(20, 1), generator=generator).mean().item()
    assert -math.log(3) - 0.5 < mean < -math.log(3)


@pytest.mark.equation("dbn-gaussian")
def test_real_visible_units_are_normal_given_the_layer_above():
    """By torch.distributions. Kills: σ for σ², a bottom that is not normal."""
    bottom, top = gaussian(2, 3, sigma=0.6), binary(3, 2, seed=4)
    dbn, x = DBN([bottom, top]), torch.randn(6, 2, generator=seeded(1))

    def normal(machine, v, h):
        mean = 0.36 * (machine.b + h @ machine.W.T)
        return torch.distributions.Normal(mean, 0.6).log_prob(v).sum(-1)

    h = bottom.sample_hidden(x, generator=seeded(5))
    expected = log_joint(dbn, [x, h], bottom=normal) - up(bottom, x, h)
    assert_close(dbn.unnormalised_log_weight(x, generator=seeded(5)), expected)
    draws = dbn.sample(40_000, generator=seeded(6), steps=30)
    states = bits(3)
    weight = torch.softmax(-top.free_energy(states), 0).detach()
    means = (0.36 * (bottom.b + states @ bottom.W.T)).detach()
    for i in range(2):
        assert_mean(draws[:, i], (weight @ means[:, i]).item(), detects=0.06)
        second = (weight @ means[:, i].square()).item() + 0.36
        assert_mean(draws[:, i].square(), second, detects=0.15)


def test_one_machine_is_a_restricted_machine():
    rbm, x = binary(4, 3), bits(4)
    dbn = DBN([rbm])
    assert_close(dbn.unnormalised_log_weight(x, generator=seeded(0)), -rbm.free_energy(x))
    assert_close(dbn.log_z(), rbm.log_z())


@pytest.mark.equation("dbn-bound")
def test_normalised_bound_subtracts_the_exact_constant():
    """Kills: the constant of the bottom machine, a plus."""
    dbn, x = network(), bits(4)
    log_w = dbn.unnormalised_log_weight(x, generator=seeded(5))
    bound = NormalisedBound(dbn).log_weight(x, generator=seeded(5))
    assert_close(bound, log_w - dbn.machines[-1].log_z())


def test_sparse_machines_stay_sparse_in_a_network(generator):
    """Kills: the mask forgotten upside down, links that grow in training."""
    mask = torch.ones(4, 3)
    mask[0, 1] = mask[2, 0] = 0
    below = binary(4, 3, mask=mask)
    top = transposed(below)
    assert torch.equal(top.mask, mask.T)
    learn = partial(train, negative=Enumeration(), epochs=5, batch_size=8, step_size=0.1,
                    generator=generator)  # fmt: skip
    dbn = greedy([below, top], bits(4), train=learn, generator=generator)
    for machine in dbn.machines:
        assert (machine.W == 0).sum() == 2
    off, on = torch.tensor([[0.0, 1, 1, 0], [1, 1, 1, 0]])
    change = dbn.machines[0].hidden_probs(on) - dbn.machines[0].hidden_probs(off)
    assert (change == 0).tolist() == [False, True, False]


def test_a_machine_of_given_weights_owns_copies(generator):
    W, b, c = torch.randn(3, 2, generator=generator), torch.ones(3), torch.zeros(2)
    rbm = rbm_of(W, b, c)
    assert_close([rbm.W, rbm.b, rbm.c], [nn.Parameter(p) for p in (W, b, c)])
    kept = W.clone()
    W += 1
    assert_close(rbm.W.detach(), kept)
    assert rbm_of(W.float(), b.float(), c.float()).W.dtype == torch.float32


def test_classifier_starts_as_the_upward_pass(generator):
    """Slow formula. Kills: visible biases, W as stored by nn.Linear, shared memory, another law."""
    dbn, x = network(), bits(4)
    mlp = classifier(dbn, 5, generator=generator)
    h = x
    for machine in dbn.machines:
        h = 1 / (1 + torch.exp(-(machine.c + h @ machine.W)))
    last = mlp.layers[-1]
    assert last.weight.shape == (5, 3)
    assert_close(mlp(x), h @ last.weight.T + last.bias)
    before = dbn.machines[0].W.clone()
    mlp(x).sum().backward()
    with torch.no_grad():
        for p in mlp.parameters():
            p.sub_(p.grad, alpha=0.1)
    assert torch.equal(dbn.machines[0].W, before)
    other = classifier(dbn, 5, generator=generator).layers[-1]
    assert not torch.equal(other.weight, last.weight)


def test_state_dict_round_trip():
    dbn, copy = (
        network(),
        DBN([RBM(D, M, generator=seeded(9)) for D, M in ((4, 3), (3, 2), (2, 3))]),
    )
    copy.load_state_dict(dbn.state_dict())
    x = bits(4)
    assert torch.equal(
        copy.unnormalised_log_weight(x, generator=seeded(1)),
        dbn.unnormalised_log_weight(x, generator=seeded(1)),
    )


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        (lambda: [], "at least one"),
        (lambda: [binary(4, 3), binary(2, 2)], "number 2 to be an RBM with 3 visible"),
        (lambda: [binary(4, 2), gaussian(2, 3)], "got GaussianRBM"),
    ],
)
def test_machines_that_do_not_fit_are_refused(machines, message):
    with pytest.raises(ValueError, match=message):
        DBN(machines())


def test_bad_calls_are_refused(generator):
    dbn = network()
    for say in (dbn.unnormalised_log_weight, dbn.upward):
        with pytest.raises(ValueError, match="zeros and ones"):
            say(torch.full((2, 4), 0.5), generator=generator)
        with pytest.raises(ValueError, match=r"shape \(B, 4\)"):
            say(torch.zeros(2, 3), generator=generator)
    for n, steps in ((0, 5), (5, 0)):
        with pytest.raises(ValueError, match="> 0"):
            dbn.sample(n, generator=generator, steps=steps)
    large = DBN([RBM(30, 25, generator=generator)])
    with pytest.raises(ValueError, match="states to enumerate"):
        NormalisedBound(large)
