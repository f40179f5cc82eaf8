import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.nets.conv import CausalConv1d
from coursepkg.nets.mlp import MLP, WindowMLP

K, D, L = 3, 6, 2


@pytest.fixture
def net(generator):
    return WindowMLP(L, 5, K, generator=generator)


@pytest.fixture
def x(generator):
    return torch.randint(K, (7, D), generator=generator)


@pytest.mark.equation("window-mlp")
def test_logits_are_the_perceptron_of_the_last_pixels(net, x):
    """A slow loop. Kills: window reversed, shifted by none or by two, zeros before the start."""
    V, c, W, b = net.first.weight, net.first.bias, net.last.weight, net.last.bias
    log_p = ARM(net, dim=D, levels=K).log_prob(x)
    for i, row in enumerate(x.tolist()):
        expected = torch.zeros(())
        for d in range(D):
            h = c
            for lag in range(1, L + 1):
                h = h + V[:, lag - 1] * (row[d - lag] / (K - 1) if lag <= d else -1)
            o = W @ h.relu() + b
            assert_close(net(x)[i, d], o)
            expected = expected + (o[row[d]].exp() / o.exp().sum()).log()
        assert_close(log_p[i], expected)


def test_sees_its_window_and_no_more(net, x):
    """Kills: seeing the present (logits d move with x_d), a window that is one short."""
    changes = torch.zeros(D, D)
    for d in range(D):
        other = x.clone()
        other[:, d] = (x[:, d] + 1) % K
        changes[:, d] = (net(other) - net(x)).abs().amax((0, 2))
    lag = torch.arange(D)[:, None] - torch.arange(D)
    assert torch.equal(changes > 0, (lag >= 1) & (lag <= L))


def test_first_layer_is_a_strict_causal_convolution(net, x, generator):
    """On the same padded numbers: one filter bank slid over the raster."""
    conv = CausalConv1d(1, 5, L, strict=True, generator=generator)
    conv.conv.weight.data = net.first.weight.data.flip(-1)[:, None]
    conv.conv.bias.data = net.first.bias.data
    padded = torch.cat([-torch.ones(len(x), L), x / (K - 1)], dim=1)
    h = conv(padded[:, None]).mT[:, L:].relu()
    assert_close(net.last(h), net(x))


def test_same_generator_same_weights():
    a, b, c = (WindowMLP(L, 5, K, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a.first.weight, b.first.weight)
    assert not torch.equal(a.first.weight, c.first.weight)


@pytest.mark.parametrize(("window", "hidden", "levels"), [(0, 5, 3), (2, 0, 3), (2, 5, 1)])
def test_impossible_parameters_are_refused(window, hidden, levels, generator):
    with pytest.raises(ValueError, match="expected window >= 1"):
        WindowMLP(window, hidden, levels, generator=generator)


@pytest.mark.equation("mlp")
@pytest.mark.parametrize("widths", [[3, 1], [3, 5, 1], [3, 5, 4, 2]])
def test_the_perceptron_is_its_layers_by_hand(widths, generator):
    """A slow loop. Kills: a nonlinearity after the last layer, none between, layers reversed."""
    net = MLP(widths, generator=generator)
    shapes = [tuple(layer.weight.shape) for layer in net.layers]
    assert shapes == list(zip(widths[1:], widths[:-1], strict=True))
    with torch.no_grad():
        for layer in net.layers:
            layer.bias.normal_(generator=generator)
    for row in torch.randn(6, 3, generator=generator):
        h = row
        for layer in net.layers[:-1]:
            u = layer.weight @ h + layer.bias
            h = u / (1 + torch.exp(-u))
        out = net.layers[-1]
        assert_close(net(row[None])[0], out.weight @ h + out.bias)


def test_the_nonlinearity_can_be_chosen(generator):
    """Kills: an argument that is dropped."""
    net = MLP([3, 5, 2], activation=torch.sigmoid, generator=generator)
    first, last = net.layers
    x = torch.randn(4, 3, generator=generator)
    assert_close(net(x), last(torch.sigmoid(first(x))))


def test_two_widths_are_a_linear_map(generator):
    net = MLP([3, 2], generator=generator)
    x = torch.randn(2, 4, 3, generator=generator)
    assert_close(net(x[0] + x[1]) - net(x[0]) - net(x[1]), -net(torch.zeros(4, 3)))


def test_a_perceptron_repeats_with_its_generator():
    a, b, c = (MLP([2, 3, 1], generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    x = torch.ones(1, 2)
    assert torch.equal(a(x), b(x))
    assert not torch.equal(a(x), c(x))
    c.load_state_dict(a.state_dict())
    assert torch.equal(a(x), c(x))


@pytest.mark.parametrize("widths", [[], [3], [3, 0, 1], [0, 2]])
def test_impossible_widths_are_refused(widths, generator):
    with pytest.raises(ValueError, match=r"widths: expected at least two sizes >= 1, got"):
        MLP(widths, generator=generator)
