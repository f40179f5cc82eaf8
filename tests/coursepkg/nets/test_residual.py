"""Conditioners that start at zero: by hand, blind spots, dropout, times."""

import torch
from torch.testing import assert_close

from coursepkg.nets import ResidualCNN, ResidualMLP, TimedMLP
from coursepkg.rng import seeded


def shaken(net):
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=seeded(p.numel())), alpha=0.3)
    return net


def test_they_start_at_zero():
    """Kills: a last layer with PyTorch's start."""
    x = torch.randn(3, 16, generator=seeded(0))
    for net in (ResidualMLP(16, 5, hidden=4, blocks=2, generator=seeded(0)),
                ResidualCNN((1, 4, 4), 2, hidden=3, blocks=1, generator=seeded(0)),
                TimedMLP(16, hidden=4, blocks=1, generator=seeded(0))):  # fmt: skip
        args = (x, torch.rand(3, generator=seeded(1))) if isinstance(net, TimedMLP) else (x,)
        assert not net(*args).any()
        assert shaken(net)(*args).any()
        assert sum(p.abs().sum() > 0 for p in net.parameters()) > 4


def test_a_perceptron_is_its_equation():
    """h + W a(V a(h)), block by block. Kills: a lost identity path, a block left out."""
    net = shaken(ResidualMLP(3, 2, hidden=4, blocks=2, generator=seeded(0)))
    x = torch.randn(5, 3, generator=seeded(1))
    a = torch.nn.functional.silu
    h = net.first(x)
    for block in net.blocks:
        _, V, _, _, W = block
        h = h + a(a(h) @ V.weight.T + V.bias) @ W.weight.T + W.bias
    assert_close(net(x), a(h) @ net.last[1].weight.T + net.last[1].bias)
    assert len(net.blocks) == 2


def test_a_convolution_is_its_equation():
    """Kills: places without biases of their own, in the features or in the output."""
    net = shaken(ResidualCNN((2, 5, 4), 3, hidden=4, blocks=2, generator=seeded(0)))
    x = torch.randn(6, 40, generator=seeded(1))

    def conv(layer, h):
        return torch.nn.functional.conv2d(h, layer.weight, layer.bias, padding=1)

    a = torch.nn.functional.silu
    h = conv(net.first, x.view(6, 2, 5, 4)) + net.place
    for block in net.blocks:
        _, V, _, _, W = block
        h = h + conv(W, a(conv(V, a(h))))
    out = torch.einsum("oc,bchw->bohw", net.last[1].weight[..., 0, 0], a(h)) + net.bias
    assert_close(net(x), out.flatten(1))


def test_a_convolution_sees_its_neighbours_and_knows_its_place():
    """3×3 and one block: a pixel reaches 3 rows away, no farther. Kills: padding, places shared."""
    net = shaken(ResidualCNN((2, 9, 9), 3, hidden=4, blocks=1, generator=seeded(0)))
    x = torch.randn(1, 162, generator=seeded(1)).requires_grad_()
    out = net(x).view(3, 9, 9)
    (slope,) = torch.autograd.grad(out[:, 0, 4].sum(), x)
    seen = slope.view(2, 9, 9).abs().sum(0) > 0
    rows, columns = seen.nonzero().T
    assert (rows.max(), columns.min(), columns.max()) == (3, 1, 7)
    flat = net(torch.zeros(1, 162)).view(3, 9, 9)
    assert flat[:, 4, 4].sub(flat[:, 4, 5]).abs().min() > 1e-3
    assert_close(net(x.detach()), out.reshape(1, -1))


def test_dropout_is_there_in_training_only():
    """Kills: a probability that is not passed on."""
    net = shaken(ResidualMLP(3, 2, hidden=40, blocks=1, dropout=0.5, generator=seeded(0)))
    cnn = shaken(ResidualCNN((1, 3, 3), 2, hidden=9, blocks=1, dropout=0.5, generator=seeded(0)))
    for made, x in ((net, torch.ones(2, 3)), (cnn, torch.ones(2, 9))):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            assert not torch.equal(made.train()(x), made(x))
        assert torch.equal(made.eval()(x), made(x))


def test_a_timed_network_tells_all_times_from_0_to_1_apart():
    """Kills: period 1, in which t = 0 and t = 1 are the same; one time for all rows."""
    net = shaken(TimedMLP(2, hidden=5, blocks=1, frequencies=3, generator=seeded(0)))
    x, t = torch.zeros(3, 2), torch.tensor([0.0, 0.4, 1.0])
    out = net(x, t)
    assert torch.pdist(out).min() > 1e-3
    assert_close(out[1], net(x[:1], t[1:2])[0])
    angle = torch.pi * 0.4 * torch.tensor([1.0, 2.0, 3.0])
    place = torch.tensor([0.5, -2.0])
    features = torch.cat([place, angle.sin(), angle.cos()])[None]
    assert_close(net(place[None], t[1:2]), net.net(features))


def test_weights_repeat_with_the_generator():
    first, again, other = (
        ResidualMLP(3, 2, hidden=4, blocks=1, generator=seeded(s)).first.weight for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
