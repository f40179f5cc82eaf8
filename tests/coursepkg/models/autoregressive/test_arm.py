import itertools
from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.nets.conv import CausalCNN
from coursepkg.nets.mlp import WindowMLP
from tests.oracles import state_index, states
from tests.statistics import assert_probs

K, D = 3, 4


@pytest.fixture(params=["convolution", "window"])
def arm(request, generator):
    """Random weights, large enough for a law far from uniform."""
    if request.param == "window":
        net = WindowMLP(2, 8, K, generator=generator)
    else:
        net = CausalCNN(
            dim=D, levels=K, embedding=3, channels=8, window=3, blocks=(1,), dropout=0.3,
            generator=generator,
        )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.8 * torch.randn(parameter.shape, generator=generator))
    return ARM(net, dim=D, levels=K).eval()


def first(n):
    """The mask of a beginning: n variables known."""
    return torch.arange(D) < n


def law(arm):
    return arm.log_prob(states(K, D)).exp().detach()


@pytest.mark.equation("arm-normalised")
def test_probabilities_of_all_images_sum_to_one(arm):
    """Kills: softmax over positions, a network that sees the present."""
    assert_close(law(arm).sum(), torch.tensor(1.0))
    assert law(arm).max() > 5 / K**D  # far from uniform, for which anything sums to one


@pytest.mark.equation("arm-normalised")
def test_any_conditionals_that_sum_to_one_will_do(generator):
    """A table of conditionals for each past, with zeros, and no network."""
    tables = [torch.rand(K**d, K, generator=generator) for d in range(D)]
    tables[2][0] = torch.tensor([0.0, 0.0, 1.0])
    tables = [table / table.sum(-1, keepdim=True) for table in tables]

    class Tables(nn.Module):
        def forward(self, x):
            rows = [table[state_index(x[:, :d], K)] for d, table in enumerate(tables)]
            return torch.stack(rows, dim=1).log()

    assert_close(law(ARM(Tables(), dim=D, levels=K)).sum(), torch.tensor(1.0))


@pytest.mark.equation("arm-log-likelihood")
def test_log_prob_is_the_sum_over_pixels_of_the_chosen_level(arm, generator):
    """The slide's double sum, as a loop. Kills: mean instead of sum over pixels."""
    x = torch.randint(K, (5, D), generator=generator)
    theta = arm.net(x).softmax(-1)
    expected = torch.zeros(5)
    for n in range(5):
        for d in range(D):
            for level in range(K):
                expected[n] += (x[n, d] == level) * theta[n, d, level].log()
    assert_close(arm.log_prob(x), expected)


@pytest.mark.equation("softmax-gradient")
def test_gradient_in_the_logits_is_what_was_said_minus_what_came(generator):
    """Autograd through `log_prob`. Kills: softmax over positions, logits scored as they are."""
    logits = (3 * torch.randn(D, K, generator=generator)).requires_grad_()
    free = ARM(nn.Identity(), dim=D, levels=K)
    free.net.forward = lambda x: logits.expand(len(x), D, K)
    theta = (logits.exp() / logits.exp().sum(-1, keepdim=True)).detach()
    for x in states(K, D):
        (gradient,) = torch.autograd.grad(-free.log_prob(x[None]).sum(), logits)
        came = torch.tensor([[float(level == x[d]) for level in range(K)] for d in range(D)])
        assert_close(gradient, theta - came)
    assert theta.min() < 0.1  # far from uniform


@pytest.mark.equation("arm-factorisation")
def test_network_conditionals_are_those_of_the_joint(arm):
    """Enumeration: the joint's own p(x_d | x_{<d}), summed over the future, is the network's."""
    p = law(arm).view((K,) * D)
    x = states(K, D)
    claimed = arm.net(x).softmax(-1)
    for d in range(D):
        joint = p.reshape(K**d, K, -1).sum(-1)  # of x_{<d} and x_d
        true = joint / joint.sum(-1, keepdim=True)
        past = state_index(x[:, :d], K)
        assert_close(claimed[:, d], true[past])


def test_a_network_that_sees_the_present_is_no_model(generator):
    """The guard of the test above: the probabilities of a leaking network do not sum to one."""

    class Leak(nn.Module):
        def forward(self, x):
            return 3 * nn.functional.one_hot(x, K).double()

    total = law(ARM(Leak(), dim=D, levels=K)).sum()
    assert total > 10


def test_loss_is_minus_log_prob_with_dropout_off(arm, generator):
    x = states(K, D)
    assert_close(arm.loss(x, generator=generator), -arm.log_prob(x))


def test_loss_is_torch_cross_entropy_summed_over_pixels(arm, generator):
    """A peer, number for number."""
    x = states(K, D)
    peer = nn.functional.cross_entropy(arm.net(x).mT, x, reduction="none").sum(-1)
    assert_close(arm.loss(x, generator=generator), peer)


def test_loss_draws_its_dropout_from_the_generator(generator):
    net = CausalCNN(
        dim=D, levels=K, embedding=3, channels=8, window=3, blocks=(1,), dropout=0.5,
        generator=generator,
    )  # fmt: skip
    arm, x = ARM(net, dim=D, levels=K), states(K, D)
    a, b, c = (arm.loss(x, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_samples_follow_the_enumerated_law(arm, generator):
    """Kills: drawing x_d from the conditional of another position."""
    draws = arm.sample(60_000, generator=generator)
    assert_probs(state_index(draws, K), law(arm), detects=0.1)


@pytest.mark.equation("arm-sampling")
def test_completions_follow_the_enumerated_conditional(arm, generator):
    """Kills: off by one in the number of known variables."""
    x = torch.tensor([1, 2, 0, 0]).expand(20_000, D)
    draws = arm.complete(x, first(2), generator=generator)
    p = law(arm).view((K,) * D)[1, 2]
    assert (draws[:, :2] == x[:, :2]).all()
    assert_probs(state_index(draws[:, 2:], K), (p / p.sum()).flatten(), detects=0.1)
    assert torch.equal(arm.complete(x, first(D), generator=generator), x)


@pytest.mark.equation("arm-sampling")
def test_every_image_may_have_a_beginning_of_its_own(arm, generator):
    """Three, none or one variable known, in one batch. Kills: the mask of the first for all."""
    x = torch.tensor([1, 2, 0, 0]).expand(30_000, D)
    sizes = torch.tensor([3, 0, 1]).repeat(10_000)
    known = torch.arange(D) < sizes[:, None]
    draws = arm.complete(x, known, generator=generator)
    assert torch.equal(draws[known], x[known])
    for size, detects in ((0, 0.25), (1, 0.17), (3, 0.12)):
        p = law(arm).view((K,) * D)[tuple(x[0, :size].tolist())].flatten()
        rows = draws[sizes == size, size:]
        assert_probs(state_index(rows, K), p / p.sum(), detects=detects)


def test_a_hole_is_no_beginning(arm, generator):
    """Kills: a hole completed in silence, without what is known behind it."""
    x, hole = states(K, D)[:2], torch.tensor([True, False, True, False])
    for known in (hole, torch.stack([first(2), hole])):
        with pytest.raises(ValueError, match=r"known: expected a beginning.*complete_by_gibbs"):
            arm.complete(x, known, generator=generator)


@pytest.mark.equation("arm-full-conditional")
def test_full_conditional_is_that_of_the_enumerated_joint(arm):
    """Kills: the left-to-right conditional in its place, an unnormalised joint."""
    x = states(K, D)
    p = law(arm).view((K,) * D)
    for d in range(D):
        others = [range(K)] * D
        expected = torch.empty(len(x), K)
        for i, row in enumerate(x.tolist()):
            column = torch.stack([p[*row[:d], level, *row[d + 1 :]] for level in others[d]])
            expected[i] = column / column.sum()
        assert_close(arm.log_conditional(x, d).exp(), expected)
        if d < D - 1:  # it differs from the left-to-right conditional, or the test shows nothing
            assert (expected - arm.net(x).softmax(-1)[:, d]).abs().max() > 0.05


@pytest.mark.parametrize("arm", ["window"], indirect=True)
def test_filled_gaps_follow_the_enumerated_conditional(arm, generator):
    """The gap x_1, x_3 given x_2, x_4. Kills: no sweeps (ignores the right), known pixels moved."""
    x = torch.tensor([2, 1, 2, 0]).expand(20_000, D)
    missing = torch.tensor([True, False, True, False])
    p = law(arm).view((K,) * D)[:, 1, :, 0]
    expected = (p / p.sum()).flatten()
    draws = arm.complete_by_gibbs(x, ~missing, sweeps=8, generator=generator)
    assert (draws[:, ~missing] == x[:, ~missing]).all()
    assert_probs(state_index(draws[:, missing], K), expected, detects=0.1)
    start = arm.complete_by_gibbs(x, ~missing, sweeps=0, generator=generator)
    with pytest.raises(AssertionError, match="L1 distance"):
        assert_probs(state_index(start[:, missing], K), expected, detects=0.1)
    each = (~missing).repeat(len(x), 1)
    each[1] = True
    draws = arm.complete_by_gibbs(x[:2], each[:2], sweeps=1, generator=generator)
    assert torch.equal(draws[each[:2]], x[:2][each[:2]])


def test_inputs_are_left_alone(arm, generator):
    x = states(K, D)
    before = x.clone()
    arm.complete(x, first(1), generator=generator)
    arm.complete_by_gibbs(x, first(0), sweeps=1, generator=generator)
    arm.log_conditional(x, 2)
    assert torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_state_dict_round_trip_and_dtypes(arm, generator, dtype):
    x = states(K, D)
    arm.to(dtype)
    value = arm.log_prob(x)
    assert value.dtype == dtype
    weights = {k: v.clone() for k, v in arm.state_dict().items()}
    for parameter in arm.parameters():
        parameter.data.zero_()
    arm.load_state_dict(weights)
    assert torch.equal(arm.log_prob(x), value)


def test_same_generator_same_samples(arm):
    a, b, c = (arm.sample(50, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.equation("arm-waste")
@pytest.mark.parametrize("used", [1, 2])
def test_levels_that_never_occur_cost_minus_log_of_the_mass_left(arm, used, generator):
    """q is a model of its own, with the other logits at -inf. Kills: the mass for its log."""
    x = torch.randint(used, (20, D), generator=generator)

    class Possible(nn.Module):
        def forward(self, x):
            return arm.net(x).masked_fill(torch.arange(K) >= used, -torch.inf)

    q = ARM(Possible(), dim=D, levels=K)
    r = arm.net(x).softmax(-1)[..., used:].sum(-1)
    waste = -(1 - r).log().sum(-1)
    assert_close(-arm.log_prob(x), -q.log_prob(x) + waste)
    assert waste.min() > 0.1


@pytest.mark.equation("arm-kl")
def test_divergence_is_a_sum_over_pixels(arm, generator):
    """Enumeration; q's conditionals are the network's. Kills: pasts of q, KL the other way."""
    x, q = states(K, D), law(arm)
    p = torch.rand(K**D, generator=generator)
    p = p / p.sum()
    terms = torch.zeros(D)
    for d in range(D):
        past = p.reshape(K**d, -1).sum(-1)
        next_p = p.reshape(K**d, K, -1).sum(-1) / past[:, None]
        next_q = arm.net(x[:: K ** (D - d)]).softmax(-1)[:, d].detach()
        terms[d] = past @ (next_p * (next_p / next_q).log()).sum(-1)
    assert_close(terms.sum(), (p * (p / q).log()).sum())
    assert terms.min() > 0.01


@pytest.mark.equation("arm-orders")
def test_conditionals_counted_in_any_order_give_back_the_data(generator):
    """A chain that sees the whole past, fitted in each of the 4! orders. Kills: a short past."""
    x = torch.randint(K, (60, D), generator=generator)
    x[:, 3] = (x[:, 0] + x[:, 1]) % K  # which a chain of a shorter past cannot say
    frequency = torch.bincount(state_index(x, K), minlength=K**D) / len(x)
    for order in map(list, itertools.permutations(range(D))):
        chain = MarkovChain(D - 1, dim=D, levels=K, smoothing=0).fit(x[:, order])
        assert_close(chain.log_prob(states(K, D)[:, order]).exp(), frequency)


@pytest.mark.equation("arm-orders")
def test_regressions_in_any_order_give_the_same_normal_law(generator):
    """Each conditional by its own regression. Kills: a variance that the past does not reduce."""
    factor = torch.randn(D, D, generator=generator)
    covariance, x = factor @ factor.T + 0.1 * torch.eye(D), torch.randn(5, D, generator=generator)
    joint = MultivariateNormal(torch.zeros(D), covariance).log_prob(x)
    for order in map(list, itertools.permutations(range(D))):
        total = torch.zeros(5)
        for d, place in enumerate(order):
            past = order[:d]
            weights = torch.linalg.solve(covariance[past][:, past], covariance[past, place])
            variance = covariance[place, place] - weights @ covariance[past, place]
            total += Normal(x[:, past] @ weights, variance.sqrt()).log_prob(x[:, place])
        assert_close(total, joint)


@pytest.mark.equation("arm-dag")
def test_seven_node_graph_is_a_chain_rule_with_fewer_parents(generator):
    """From the product alone: which of its past each variable depends on. Kills: another parent."""
    tables = [torch.rand((2,) * n, generator=generator) for n in (1, 1, 1, 4, 3, 2, 3)]
    tables = [table / table.sum(-1, keepdim=True) for table in tables]
    p = torch.einsum("a,b,c,abcd,ace,df,deg->abcdefg", *tables)
    assert_close(p.sum(), torch.tensor(1.0))
    parents = [(), (), (), (1, 2, 3), (1, 3), (4,), (4, 5)]
    for d, of in enumerate(parents):
        joint = p.sum(tuple(range(d + 1, 7))) if d < 6 else p
        conditional = joint / joint.sum(-1, keepdim=True)
        moves = [bool((conditional.diff(dim=i).abs() > 1e-6).any()) for i in range(d)]
        assert moves == [i + 1 in of for i in range(d)]
    assert sum(2 ** len(of) for of in parents) == 21


def test_errors_say_what_was_expected(arm, generator):
    x = states(K, D)
    for complete in (arm.complete, partial(arm.complete_by_gibbs, sweeps=1)):
        with pytest.raises(TypeError, match="known: expected a bool tensor, got"):
            complete(x, torch.ones(D), generator=generator)
        with pytest.raises(ValueError, match=r"known: expected shape \(4,\) or \(81, 4\), got"):
            complete(x, torch.ones(3, dtype=torch.bool), generator=generator)
    with pytest.raises(ValueError, match=r"levels 0\.\.2"):
        arm.log_prob(x + 1)
    with pytest.raises(ValueError, match=r"expected shape \(B, 4\)"):
        arm.log_prob(x[:, :3])
    with pytest.raises(ValueError, match="at least one example"):
        arm.log_prob(x[:0])
    with pytest.raises(ValueError, match=r"net: expected logits \(81, 4, 4\), got \(81, 4, 3\)"):
        ARM(arm.net, dim=D, levels=K + 1).log_prob(x)
    with pytest.raises(ValueError, match="expected dim >= 1"):
        ARM(arm.net, dim=0, levels=K)
