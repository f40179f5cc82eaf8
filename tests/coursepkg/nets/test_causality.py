"""Causality by autograd: of every architecture, and of every mask that leaks."""

import pytest
import torch
from torch import nn

from coursepkg.nets.causality import check_causal, dependence, receptive_field
from coursepkg.nets.pixelcnn import PixelCNN
from tests.coursepkg.nets.causal import MAKE, SHAPE, D, K, causal


def by_changes(net, generator):
    """The truth, without a gradient: logits d move when the level of x_e is changed."""
    x = torch.randint(K, (6, D), generator=generator)
    before, moved = net(x), torch.zeros(D, D, dtype=torch.bool)
    for e in range(D):
        for shift in range(1, K):
            other = x.clone()
            other[:, e] = (x[:, e] + shift) % K
            moved[:, e] |= (net(other) - before).abs().amax((0, 2)) > 1e-12
    return moved


class Ahead(nn.Module):
    """The logits of the next variable, which may know this one."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).roll(-1, 1)


@pytest.mark.parametrize("name", MAKE)
def test_every_architecture_is_causal(name, generator):
    """Kills: a mask, a shift or an order that shows the present or the future."""
    check_causal(causal(name, generator), dim=D, levels=K, generator=generator)


@pytest.mark.parametrize("name", MAKE)
def test_the_gradient_finds_what_changes_find(name, generator):
    """Each pair of variables. Kills: a transposed matrix, a gradient that cancels or stops."""
    net = causal(name, generator)
    found = dependence(net, dim=D, levels=K, examples=30, generator=generator) > 1e-12
    assert torch.equal(found, by_changes(net, generator))
    assert found.sum() > D, "vacuous: hardly anything depends on anything"


@pytest.mark.parametrize("name", MAKE)
def test_a_network_that_is_one_ahead_is_caught(name, generator):
    """Kills: a check of what lies behind the present only."""
    net = Ahead(causal(name, generator))
    with pytest.raises(ValueError, match=r"net: expected logits d that depend .* got logits 0 that "
                                         r"move with variable 0 \(counted from 0; "):  # fmt: skip
        check_causal(net, dim=D, levels=K, generator=generator)


@pytest.mark.parametrize("place", range(4, 9))
def test_every_leaking_mask_is_caught(place, generator):
    """One place of the first window at or after its centre. Kills: a look at the centre only."""
    net = causal("PixelCNN", generator)
    net.first.mask.view(-1)[place] = True
    with pytest.raises(ValueError, match="got logits"):
        check_causal(net, dim=D, levels=K, generator=generator)


@pytest.mark.parametrize("place", range(5, 9))
def test_every_leak_of_a_later_mask_is_caught(place, generator):
    """The same in the last block."""
    net = causal("PixelCNN", generator)
    net.blocks[-1].mask.view(-1)[place] = True
    with pytest.raises(ValueError, match="got logits"):
        check_causal(net, dim=D, levels=K, generator=generator)


def test_dropout_is_off_while_we_look_and_on_afterwards(generator):
    """Kills: a check that draws from the global state, or leaves the network in eval mode."""
    net = PixelCNN(SHAPE, levels=K, embedding=3, channels=8, window=3, blocks=1, dropout=0.5,
                   generator=generator)  # fmt: skip
    check_causal(net, dim=D, levels=K, generator=generator)
    assert net.training
    assert net.dropout.training


def test_a_receptive_field_is_the_size_of_the_gradient(generator):
    """y = A x: the closed form Σ |r A|, summed over examples and channels. Kills: no channels."""
    A = torch.randn(2, 5, 3, generator=generator)  # (C', places, C)
    x = torch.randn(4, 5, 3, generator=generator, requires_grad=True)
    y = torch.einsum("npc,opc->no", x, A)
    r = torch.randn(2, generator=torch.Generator().manual_seed(3))
    expected = 4 * torch.einsum("o,opc->pc", r, A).abs().sum(1)
    found = receptive_field(y, x, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(found, expected)


def test_what_does_not_depend_has_no_field(generator):
    """Kills: an error of autograd where an output uses none of its inputs."""
    x = torch.randn(4, 5, 3, generator=generator, requires_grad=True)
    y = torch.randn(4, 2, generator=generator, requires_grad=True)
    assert torch.equal(receptive_field(y, x, generator=generator), torch.zeros(5))
    assert receptive_field(x[:, 2] ** 2, x, generator=generator).nonzero().tolist() == [[2]]


def test_channels_that_cancel_are_seen(generator):
    """y and -y: their sum does not move. Kills: the gradient of the plain sum."""
    x = torch.randn(4, 5, 3, generator=generator, requires_grad=True)
    y = torch.stack([x[:, 0, 0], -x[:, 0, 0]], dim=1)
    assert receptive_field(y, x, generator=generator)[0] > 0.1


def test_single_precision_networks_are_looked_at(generator):
    """Kills: inputs of the default dtype."""
    check_causal(causal("NADE", generator).float(), dim=D, levels=K, generator=generator)
