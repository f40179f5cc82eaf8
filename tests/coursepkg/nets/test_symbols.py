"""Networks of symbols and of two times: what they start at, what they read and in which order."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets import SpanMLP, SymbolMLP, SymbolUNet
from coursepkg.rng import seeded
from tests.conformance.case import perturbed

K, SHAPE = 5, (4, 6)
D = 24


def unet(**more):
    return SymbolUNet(
        SHAPE, levels=K, embedding=3, channels=4, hidden=8, generator=seeded(0), **more
    )


def mlp():
    return SymbolMLP(3, levels=2, hidden=8, blocks=1, generator=seeded(0))


def test_a_unet_starts_at_its_heads_bias_and_a_perceptron_at_equal_logits():
    """Kills: a start that is not the marginals."""
    net = unet()
    log_p = torch.randn(D, K, generator=seeded(1)).log_softmax(-1)
    net.head.start_from(log_p)
    z = torch.randint(K + 1, (7, D), generator=seeded(2))
    assert_close(net(z, torch.zeros(7)), log_p.flatten().expand(7, -1))
    assert_close(mlp()(torch.tensor([[0, 2, 1]]), torch.zeros(1)), torch.zeros(1, 6))


def test_levels_and_masks_start_where_they_say():
    """Levels from -1 to 1, the mask at 0. Kills: the mask as one more level."""
    weight = unet().embed.weight
    assert_close(weight[:-1, 0], torch.linspace(-1, 1, K))
    assert_close(weight[-1], torch.zeros(3))
    assert weight[:-1, 1:].abs().min() > 0


def test_pixels_stand_where_they_stood():
    """A changed symbol moves what is near it most, in the first layer only near it.

    Kills: channels and places exchanged.
    """
    net = perturbed(unet(), seeded(1), by=0.3).eval()
    z = torch.randint(K, (1, D), generator=seeded(2))
    read = []
    net.net.first.register_forward_hook(lambda module, inputs, result: read.append(inputs[0]))
    other = z.clone()
    other[0, 8] = (z[0, 8] + 1) % K  # row 1, column 2
    with torch.no_grad():
        net(z, torch.zeros(1)), net(other, torch.zeros(1))
    changed = (read[0] != read[1]).any(1)[0]
    assert changed.nonzero().tolist() == [[1, 2]]
    assert_close(read[0][0, 0], net.embed.weight[z[0], 0].view(SHAPE).detach())


def test_a_mask_is_marked_in_a_channel_of_its_own():
    net, read = unet(), []
    net.net.first.register_forward_hook(lambda module, inputs, result: read.append(inputs[0]))
    z = torch.randint(K + 1, (4, D), generator=seeded(2))
    with torch.no_grad():
        net(z, torch.zeros(4))
    assert torch.equal(read[0][:, -1].flatten(1), (z == K).double())


def test_noise_and_condition_are_heeded():
    """Kills: a condition that is not passed on."""
    net = perturbed(unet(conditions=2), seeded(1), by=0.3)
    z = torch.randint(K, (2, D), generator=seeded(2))
    plain = net(z, torch.zeros(2))
    assert not torch.allclose(plain, net(z, torch.ones(2)))
    assert not torch.allclose(plain, net(z, torch.zeros(2), torch.ones(2, 2)))
    assert_close(plain, net(z, torch.zeros(2), torch.zeros(2, 2)))
    assert plain.shape == (2, D * K)


def test_a_perceptron_reads_one_hots():
    """Its first layer by hand. Kills: a mask without a place of its own."""
    net, read = mlp(), []
    net.net.first.register_forward_hook(lambda module, inputs, result: read.append(inputs[0]))
    net(torch.tensor([[0, 2, 1]]), torch.zeros(1))
    assert read[0].tolist() == [[1, 0, 0, 0, 0, 1, 0, 1, 0]]


def test_two_times_as_sines():
    """t and r - t, periods 2, 1, ...  Kills: r for r - t, t twice."""
    net, read = SpanMLP(2, hidden=8, blocks=1, frequencies=2, generator=seeded(0)), []
    net.net.first.register_forward_hook(lambda module, inputs, result: read.append(inputs[0]))
    x, t, r = torch.tensor([[0.5, -1.0]]), torch.tensor([0.2]), torch.tensor([0.9])
    assert_close(net(x, t, r), torch.zeros(1, 2))
    angle = math.pi * torch.tensor([0.2, 0.4, 0.7, 1.4])
    assert_close(read[0], torch.cat([x[0], angle.sin(), angle.cos()])[None])


def test_odd_sides_are_refused():
    with pytest.raises(ValueError, match="even sides, got 3 and 4"):
        SymbolUNet((3, 4), levels=K, embedding=2, channels=2, hidden=8, generator=seeded(0))
