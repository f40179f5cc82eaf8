"""Orders, mixtures over orders, averaged conditionals and bits: against enumeration."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.autoregressive.orders import AveragedConditionals, Bits, Ensemble, Reordered
from coursepkg.nets.made import MADE, InOrder
from coursepkg.nets.nade import NADE
from coursepkg.rng import seeded
from tests.oracles import state_index, states
from tests.statistics import assert_mean, assert_probs

D, K = 4, 3
ORDER = torch.tensor([2, 0, 3, 1])


def nade(generator, levels=K, **sizes):
    net = NADE(dim=D, levels=levels, hidden=5, generator=generator, **sizes)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    return CachedARM(net, dim=D, levels=levels).eval()


def many(generator, orders=((0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0))):
    """One MADE in several orders."""
    made = MADE(dim=D, levels=K, hidden=[12], generator=generator)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    orders = [torch.tensor(order) for order in orders]
    return Ensemble([Reordered(ARM(InOrder(made, o), dim=D, levels=K), o) for o in orders])


def law(model, levels=K):
    return model.log_prob(states(levels, D)).exp().detach()


def test_a_reordered_model_has_its_conditionals_in_that_order(generator):
    """The joint's own p(x_{o_i} | x_{o_1}, ...), by sums, is the network's.

    Kills: the inverse order, which differs from the order.
    """
    model = nade(generator)
    p = law(Reordered(model, ORDER)).view((K,) * D)
    x = states(K, D)
    y = x[:, ORDER]
    claimed = model.net(y).softmax(-1)
    for i, d in enumerate(ORDER.tolist()):
        past = ORDER[: i + 1].tolist()
        rest = [e for e in range(D) if e not in past]
        joint = p.sum(rest, keepdim=True) if rest else p  # of x_{o_1}, ..., x_{o_i}
        conditional = (joint / joint.sum(d, keepdim=True)).expand((K,) * D).flatten()
        assert_close(conditional, claimed[:, i].gather(1, y[:, i, None])[:, 0].detach())
    assert (p.flatten() - law(model)).abs().max() > 1e-3, "vacuous: the order makes no difference"


def test_reordered_draws_and_losses_follow_its_law(generator):
    """Kills: draws left in the order of y, a loss of x as it stands."""
    model = Reordered(nade(generator), ORDER)
    drawn = model.sample(60_000, generator=generator)
    assert_probs(state_index(drawn, K), law(model), detects=0.1)
    x = states(K, D)
    assert_close(model.loss(x, generator=generator), -model.log_prob(x))


def test_a_beginning_is_one_in_the_order(generator):
    """Known are x_2 and x_0, here the first two. Kills: a mask in the order of x."""
    model, known = Reordered(nade(generator), ORDER), torch.tensor([True, False, True, False])
    x = torch.tensor([1, 0, 2, 0]).expand(20_000, D)
    drawn = model.complete(x, known, generator=generator)
    p = law(model).view((K,) * D)[1, :, 2, :].flatten()
    assert torch.equal(drawn[:, known], x[:, known])
    assert_probs(state_index(drawn[:, ~known], K), p / p.sum(), detects=0.1)
    with pytest.raises(ValueError, match="known: expected a beginning"):
        model.complete(x, torch.arange(D) < 2, generator=generator)
    each = torch.stack([known, torch.tensor([False, False, True, False])])
    drawn = model.complete(x[:2], each, generator=generator)
    assert torch.equal(drawn[each], x[:2][each])


def test_any_mask_is_a_beginning_of_some_order(generator):
    """One MADE, the known variables put first: all 16 masks, against enumeration.

    Kills: an order whose law is not the one that completes.
    """
    made = MADE(dim=D, levels=2, hidden=[9], generator=generator)
    x = torch.tensor([1, 0, 1, 1]).expand(8000, D)
    for known in map(torch.tensor, itertools.product([True, False], repeat=D)):
        order = (~known).int().argsort(stable=True)
        model = Reordered(ARM(InOrder(made, order), dim=D, levels=2), order)
        drawn = model.complete(x, known, generator=generator)
        agrees = (states(2, D)[:, known] == x[0, known]).all(1)
        p = law(model, 2) * agrees
        assert_probs(state_index(drawn, 2), p / p.sum(), detects=0.16)


@pytest.mark.equation("mixture-of-orders")
def test_an_ensemble_is_the_average_of_its_laws(generator):
    """Probabilities averaged, in closed form. Kills: log 1/n lost, logarithms averaged."""
    model = many(generator)
    each = torch.stack([law(member) for member in model.members])
    assert_close(law(model), each.mean(0))
    assert_close(law(model).sum(), torch.tensor(1.0))
    assert (each[0] - each[1]).abs().sum() > 0.1, "vacuous: the orders agree"
    best = each.log().max(0).values
    assert (law(model).log() >= best - math.log(3) - 1e-9).all()


@pytest.mark.equation("mixture-weights")
def test_a_mixture_weighs_its_members_by_how_they_have_predicted(generator):
    """Conditionals of the mixture, by sums over its law, are those of the formula.

    Kills: weights that stay at 1/n, or that have seen x_d itself.
    """
    nets = [nade(generator).net for _ in range(3)]
    p = law(Ensemble([ARM(net, dim=D, levels=K) for net in nets])).view((K,) * D)
    x = states(K, D)
    each = torch.stack([net(x).softmax(-1).gather(-1, x[..., None])[..., 0] for net in nets])
    for d in range(D):
        joint, past = (p.sum(list(range(n, D))) if n < D else p for n in (d + 1, d))
        exact = (joint / past[..., None]).reshape(-1, K)
        weights = each[:, :, :d].prod(2) / each[:, :, :d].prod(2).sum(0)
        found = (weights * each[:, :, d]).sum(0)
        before = state_index(x[:, :d], K) if d else torch.zeros(len(x), dtype=torch.int64)
        assert_close(found.detach(), exact[before, x[:, d]])


def test_ensemble_draws_follow_the_average(generator):
    """Kills: one member for the whole batch, or always the first."""
    model = many(generator)
    drawn = model.sample(100_000, generator=generator)
    assert_probs(state_index(drawn, K), law(model), detects=0.1)
    assert model.sample(1, generator=generator).shape == (1, D)


def test_the_loss_is_of_one_member_and_no_lower_on_average(generator):
    """Each draw is a member's; all come up equally often; Jensen.

    Kills: always the first member, a loss of the ensemble itself.
    """
    model, x = many(generator), states(K, D)[5:6]
    each = torch.stack([-member.log_prob(x) for member in model.members]).flatten().detach()
    assert len(each.unique()) == 3
    assert each.mean() > -model.log_prob(x).item()
    for o, member in enumerate(model.members):
        member.loss = lambda x, *, generator, o=o: each[o].expand(len(x))
    drawn = torch.cat([model.loss(x, generator=generator) for _ in range(4000)])
    for o in range(3):
        assert_mean((drawn == each[o]).double(), 1 / 3, detects=0.1)


def test_orders_of_one_network_share_its_weights(generator):
    """Kills: members that are copies."""
    model = many(generator)
    made = model.members[0].model.net.net
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in made.parameters())


def test_averaged_conditionals_are_averages(generator):
    """By enumeration. Kills: logits averaged, the sum, an average of joint laws."""
    nets = [nade(generator).net for _ in range(3)]
    average, x = AveragedConditionals(nets), states(K, D)
    model = ARM(average, dim=D, levels=K)
    assert_close(average(x).exp().sum(-1), torch.ones(len(x), D))
    conditionals = torch.stack([net(x).softmax(-1) for net in nets]).mean(0)
    chosen = conditionals.gather(-1, x[..., None])[..., 0]
    assert_close(model.log_prob(x).exp(), chosen.prod(1))
    assert_close(law(model).sum(), torch.tensor(1.0))
    mixture = Ensemble([ARM(net, dim=D, levels=K) for net in nets])
    assert (law(model) - law(mixture)).abs().max() > 1e-3, "vacuous: one network"


def test_bits_are_levels_that_are_real_numbers(generator):
    """Kills: 0 and 1 exchanged, integers drawn."""
    model = nade(generator, levels=2)
    bits, x = Bits(model), states(2, D)
    assert torch.equal(bits.log_prob(x.double()), model.log_prob(x))
    assert_close(bits.loss(x.double(), generator=generator), -model.log_prob(x))
    drawn = bits.sample(50, generator=seeded(1))
    assert drawn.dtype == torch.float64
    assert torch.equal(drawn.long(), model.sample(50, generator=seeded(1)))
    known = torch.arange(D) < 2
    filled = bits.complete(x.double(), known, generator=seeded(1))
    assert_close(filled, model.complete(x, known, generator=seeded(1)).double())  # of this dtype


def test_bits_complete_only_if_the_model_does(generator):
    """Kills: a promise that an ensemble cannot keep."""
    model = nade(generator, levels=2)
    assert hasattr(Bits(Reordered(model, ORDER)), "complete")
    assert not hasattr(Bits(Ensemble([model])), "complete")


def test_a_chain_may_be_a_member(generator):
    """Fitted models beside trained ones: sizes are all that must agree."""
    chain = MarkovChain(1, dim=D, levels=K, smoothing=1.0)
    model = Ensemble([nade(generator), chain])
    assert_close(law(model), (law(model.members[0]) + law(chain)) / 2)


def test_orders_are_kept_as_copies(generator):
    """Kills: an order that the caller can still change."""
    order = ORDER.clone()
    model = Reordered(nade(generator), order)
    order.copy_(torch.arange(D))
    assert torch.equal(model.order, ORDER)


def test_bad_parameters_are_refused(generator):
    model = nade(generator)
    for bad in ([0, 1, 2, 2], [0, 1, 2], [4, 1, 2, 3]):
        with pytest.raises(ValueError, match=r"order: expected a permutation of 0\.\.3, got"):
            Reordered(model, torch.tensor(bad))
    with pytest.raises(ValueError, match=r"members: expected models of one size, got sizes \[\]"):
        Ensemble([])
    with pytest.raises(ValueError, match="members: expected models of one size, got"):
        Ensemble([model, nade(generator, levels=2)])
    with pytest.raises(ValueError, match="nets: expected at least one network, got none"):
        AveragedConditionals([])
    with pytest.raises(ValueError, match="model: expected 2 levels, got 3"):
        Bits(model)


def test_levels_outside_are_refused(generator):
    for model in (Reordered(nade(generator), ORDER), many(generator)):
        with pytest.raises(ValueError, match=r"levels 0\.\.2"):
            model.log_prob(states(K, D) + 1)
        with pytest.raises(ValueError, match=r"levels 0\.\.2"):
            model.loss(states(K, D) + 1, generator=generator)
    bits = Bits(nade(generator, levels=2))
    with pytest.raises(ValueError, match="zeros and ones"):
        bits.log_prob(torch.full((2, D), 0.5))
    with pytest.raises(ValueError, match="zeros and ones"):
        bits.loss(torch.full((2, D), 2.0), generator=generator)
    with pytest.raises(ValueError, match="zeros and ones"):
        bits.complete(torch.full((2, D), 2.0), torch.arange(D) < 1, generator=generator)
