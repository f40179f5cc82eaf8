"""MADE: its masks against all paths, and one perceptron in any order."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.causality import dependence
from coursepkg.nets.made import MADE, InOrder
from tests.coursepkg.nets.causal import check_seeds
from tests.oracles import state_index, states

D, K = 4, 3
ORDERS = [torch.tensor(order) for order in itertools.permutations(range(D))]


def make(generator, hidden=(9, 8), **sizes):
    net = MADE(**{"dim": D, "levels": K, "hidden": hidden, "generator": generator, **sizes})
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.5)
    return net.eval()


def paths(masks):
    """Number of paths from each input to each logit: the product of the matrices."""
    total = torch.eye(D * K)
    for mask in masks:
        total = mask.double() @ total
    return total.view(D, K, D, K)


@pytest.mark.equation("made-masks")
@pytest.mark.parametrize("hidden", [(6,), (9, 8), (3, 7, 4)])
def test_every_path_goes_from_earlier_to_later_and_all_such_pairs_have_one(generator, hidden):
    """In all 4! orders. Kills: < for <= and back, the order for its ranks, a degree left out."""
    for order in ORDERS:
        count = paths(make(generator, hidden).masks(order))
        rank = {int(d): r for r, d in enumerate(order)}
        for d, e in itertools.product(range(D), repeat=2):
            assert (count[d, :, e] > 0).all() == (count[d, :, e] > 0).any() == (rank[e] < rank[d])


@pytest.mark.equation("made-masks")
@pytest.mark.parametrize("hidden", [(6,), (9, 8), (3, 7, 4)])
def test_every_edge_that_ranks_and_degrees_allow_stands(generator, hidden):
    """The degree of a unit is the highest rank or degree that it reads; all degrees occur.

    Kills: edges too few, between equals or neighbours only, which still leave a path.
    """
    for order in ORDERS:
        ranks = torch.tensor([order.tolist().index(d) + 1 for d in range(D) for _ in range(K)])
        below, (*masks, last) = ranks, make(generator, hidden).masks(order)
        for mask in masks:
            degrees = (mask * below).amax(1)
            assert degrees.unique().tolist() == [1, 2, 3]
            assert torch.equal(mask, below <= degrees[:, None])
            below = degrees
        assert torch.equal(last, below < ranks[:, None])


def test_it_is_a_perceptron_with_holes(generator):
    """A slow loop over the edges. Kills: a missing bias, ReLU at the end, a mask on the bias."""
    net, x = make(generator), torch.randint(K, (3, D), generator=generator)
    order = torch.tensor([2, 0, 3, 1])
    h = torch.zeros(3, D * K)
    for n, d in itertools.product(range(3), range(D)):
        h[n, d * K + x[n, d]] = 1
    for number, (layer, mask) in enumerate(zip(net.layers, net.masks(order), strict=True)):
        out = torch.zeros(3, len(mask))
        for o, i in itertools.product(*map(range, mask.shape)):
            out[:, o] += layer.weight[o, i].item() * h[:, i] * bool(mask[o, i])
        out += layer.bias.detach()
        h = out.clamp_min(0) if number < len(net.layers) - 1 else out
    assert_close(net(x, order).detach(), h.view(3, D, K))


def test_without_an_order_they_come_as_they_are(generator):
    net, x = make(generator), torch.randint(K, (3, D), generator=generator)
    assert torch.equal(net(x), net(x, torch.arange(D)))
    assert not torch.equal(net(x), net(x, torch.arange(D).flip(0)))


def test_in_order_it_is_a_network_of_the_reordered_variables(generator):
    """Logits of y = x[:, o] in every order, and their law by enumeration.

    Kills: the order where its inverse belongs, logits left in the old order.
    """
    net, x = make(generator), states(K, D)
    for order in ORDERS[1::5]:
        y, logits = x[:, order], net(x, order)
        for i, d in enumerate(order.tolist()):
            assert_close(InOrder(net, order)(y)[:, i], logits[:, d])
        p = ARM(InOrder(net, order), dim=D, levels=K).log_prob(y).exp()
        assert_close(p.sum(), torch.tensor(1.0))
        slope = dependence(InOrder(net, order), dim=D, levels=K, generator=generator)
        assert torch.equal(slope > 0, torch.ones(D, D).tril(-1).bool())
        assert len(state_index(y, K).unique()) == K**D


def test_orders_share_the_weights(generator):
    """Kills: a copy of the network, which would be trained for itself."""
    net = make(generator)
    a, b = InOrder(net, ORDERS[3]), InOrder(net, ORDERS[4])
    assert a.net is b.net is net
    order = ORDERS[3].clone()
    held = InOrder(net, order)
    order.zero_()
    assert torch.equal(held.order, ORDERS[3])


def test_one_variable_has_a_bias_and_no_past(generator):
    """D = 1. Kills: a degree modulo 0."""
    net = make(generator, dim=1)
    x = torch.arange(K)[:, None]
    assert_close(net(x), net.layers[-1].bias.expand(K, 1, K))


def test_dropout_acts_in_training_only(generator):
    net, x = make(generator, dropout=0.5), torch.zeros(1, D, dtype=torch.int64)
    assert torch.equal(net(x), net(x))
    net.train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(lambda g: MADE(dim=D, levels=K, hidden=[5], generator=g))


@pytest.mark.parametrize("sizes", [{"dim": 0}, {"levels": 1}, {"hidden": ()}, {"hidden": (3, 0)}])
def test_impossible_sizes_are_refused(sizes, generator):
    with pytest.raises(ValueError, match="expected dim >= 1, levels >= 2 and hidden widths"):
        make(generator, **sizes)


def test_what_is_no_permutation_is_refused(generator):
    net = make(generator)
    for bad in ([0, 1, 2, 2], [1, 2, 3, 4], [0, 1, 2]):
        with pytest.raises(ValueError, match=r"order: expected a permutation of 0\.\.3, got"):
            net(torch.zeros(1, D, dtype=torch.int64), torch.tensor(bad))
    with pytest.raises(ValueError, match="order: expected a permutation"):
        InOrder(net, torch.tensor([1, 1]))
    with pytest.raises(TypeError, match="order: expected an int64 tensor"):
        InOrder(net, torch.rand(4, generator=generator))
