"""The transformer over pixels: causal, by steps, and from the marginals."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.causality import check_causal, dependence
from coursepkg.nets.levels import soft_levels
from coursepkg.nets.pixeltransformer import PixelTransformer
from tests.coursepkg.nets.causal import check_seeds

SHAPE, D, K = (2, 3), 6, 3


def make(generator, conditions=0):
    net = PixelTransformer(SHAPE, levels=K, width=8, heads=2, depth=2, conditions=conditions,
                           generator=generator)  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return net.eval()


def test_logits_see_all_that_stands_before_and_nothing_else(generator):
    """Kills: no shift, a shift by two, a mask left out."""
    net = make(generator)
    check_causal(net, dim=D, levels=K, generator=generator)
    seen = dependence(net, dim=D, levels=K, generator=generator) > 1e-6
    assert torch.equal(seen, torch.ones(D, D).tril(-1).bool())


@pytest.mark.parametrize("conditions", [0, 2])
def test_steps_are_the_pass(conditions, generator):
    """Kills: the place or the condition left out of a step, the first pixel's neighbour seen."""
    net, x = make(generator, conditions), torch.randint(K, (4, D), generator=generator)
    c = torch.randn(4, 2, generator=generator) if conditions else None
    memory = net.start(4, c)
    stepped = torch.stack([net.step(memory, x, d) for d in range(D)], 1)
    assert_close(stepped, net(x, c), rtol=1e-4, atol=1e-4)


def test_a_condition_of_zero_is_none_and_others_are_heard(generator):
    """Kills: a bias that tells, a condition that nobody hears."""
    net, x = make(generator, 2), torch.randint(K, (4, D), generator=generator)
    assert_close(net(x), net(x, torch.zeros(4, 2)))
    assert (net(x) - net(x, torch.ones(4, 2))).abs().amin((0, 2)).min() > 1e-4


def test_places_differ_by_row_and_by_column(generator):
    """Exchangeable without them. Kills: rows for columns on an image that is not square."""
    net = make(generator)
    place = net._place
    assert place.shape == (D, 8)
    assert_close(place[4], net.rows[1, 0] + net.columns[1])
    assert_close(place[2], net.rows[0, 0] + net.columns[2])


def test_other_images_and_conditions_that_nobody_hears_are_refused(generator):
    """Kills: two pixels for six by broadcasting, a condition of a network without."""
    net = make(generator)
    for x in (torch.zeros(2, 1), torch.zeros(2, 7), torch.zeros(2)):
        with pytest.raises(ValueError, match=r"^x: expected 6 pixels, got shape \(2"):
            net(x.long())
    with pytest.raises(ValueError, match=r"^condition: expected None, since the network has no"):
        net(torch.zeros(2, 6).long(), torch.ones(2, 3))


def test_it_starts_as_it_is_told(generator):
    """Kills: a head that is not silent."""
    net, x = make(generator), torch.randint(K, (4, D), generator=generator)
    log_p = torch.randn(D, K, generator=generator).log_softmax(-1)
    net.start_from(log_p)
    assert_close(net(x).log_softmax(-1), log_p.expand(4, D, K))


def test_soft_levels_pass_too(generator):
    net, x = make(generator), torch.randint(K, (4, D), generator=generator)
    assert_close(net(soft_levels(x, K)), net(x))


@pytest.mark.parametrize("part", ["dropout", "layers"])
def test_each_dropout_acts_in_training_only(part, generator):
    """With the other one off. Kills: dropout forgotten before the layers or in them."""
    net = PixelTransformer(SHAPE, levels=K, width=8, heads=2, depth=1, dropout=0.5,
                           generator=generator).eval()  # fmt: skip
    x = torch.randint(K, (4, D), generator=generator)
    assert torch.equal(net(x), net(x))
    getattr(net, part).train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


def test_all_weights_come_from_the_generator():
    check_seeds(lambda g: PixelTransformer(SHAPE, levels=K, width=8, heads=2, depth=1,
                                           conditions=2, generator=g))  # fmt: skip
