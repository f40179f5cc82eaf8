import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.conv import CausalCNN, CausalConv1d

B, C, D, K = 2, 3, 9, 4


def make_net(generator, *, blocks=(1, 2), dropout=0.0):
    return CausalCNN(
        dim=D, levels=K, embedding=2, channels=8, window=3, blocks=blocks, dropout=dropout,
        generator=generator,
    )  # fmt: skip


@pytest.mark.equation("causal-convolution")
@pytest.mark.parametrize("strict", [True, False])
def test_convolution_is_the_sum_over_the_past(generator, strict):
    """A slow loop. Kills: unshifted or doubly shifted input, and a window read the wrong way."""
    L = 4
    layer = CausalConv1d(C, 5, L, strict=strict, generator=generator)
    w, b = layer.conv.weight, layer.conv.bias
    x = torch.randn(B, C, D, generator=generator)
    for d in range(D):
        expected = b.expand(B, 5)
        for lag in range(1, L + 1) if strict else range(L):
            w_l = w[:, :, -lag] if strict else w[:, :, L - 1 - lag]
            if d - lag >= 0:
                expected = expected + x[:, :, d - lag] @ w_l.T
        assert_close(layer(x)[:, :, d], expected)


@pytest.mark.parametrize("strict", [True, False])
def test_jacobian_is_triangular(generator, strict):
    """Autograd: y_d moves with x_{d'} just where the window says, and d' = d only if not strict."""
    layer = CausalConv1d(1, 1, 4, strict=strict, generator=generator)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: layer(x[None, None])[0, 0], torch.randn(D, generator=generator)
    )
    lag = torch.arange(D)[:, None] - torch.arange(D)
    first = 1 if strict else 0
    assert torch.equal(jacobian != 0, (lag >= first) & (lag < first + 4))


def test_network_is_causal_and_sees_the_pixel_just_before(generator):
    """Through the embedded levels. Kills: a first layer that sees the present, or skips x_{d-1}."""
    net = make_net(generator)
    embedded = torch.randn(D, 2, generator=generator, requires_grad=True)
    net.embed = torch.nn.Identity()
    reach = torch.zeros(D, D)
    for d in range(D):
        (slope,) = torch.autograd.grad(net(embedded[None])[0, d].square().sum(), embedded)
        reach[d] = slope.abs().sum(-1)
    lag = torch.arange(D)[:, None] - torch.arange(D)
    assert torch.equal(reach > 0, (lag >= 1) & (lag <= 3 + 1))  # 3, and 1 more by the block of 2


def test_places_differ_before_any_pixel_is_seen(generator):
    """Kills: a position bias that is not used."""
    net = make_net(generator)
    with torch.no_grad():
        net.bias.copy_(torch.randn(D, K, generator=generator))
    blank = torch.zeros(1, D, dtype=torch.int64)
    before = net(blank)
    net.bias.data[5] += 1
    assert_close((net(blank) - before).abs().sum((0, 2)), 4.0 * torch.eye(D)[5])


def test_grey_level_is_there_from_the_start(generator):
    """Kills: levels that start as strangers, as in a table."""
    grey = make_net(generator).embed.weight[:, 0]
    assert_close(grey.diff(), torch.full((K - 1,), 2 / (K - 1)))


def test_known_start_is_said_whatever_the_past(generator):
    """Kills: a head that still adds to the bias."""
    net, log_p = make_net(generator), torch.randn(D, K, generator=generator).log_softmax(-1)
    net.start_from(log_p)
    x = torch.randint(K, (6, D), generator=generator)
    assert_close(net(x), log_p.expand(6, D, K))


def test_every_parameter_gets_a_gradient(generator):
    net = make_net(generator)
    x = torch.arange(2 * D).view(2, D) % K
    net(x).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("part", ["blocks", "last"])
def test_each_dropout_acts_in_training_only(generator, part):
    """With the other one off. Kills: dropout forgotten in the blocks or before the head."""
    net = make_net(generator, dropout=0.5)
    x = torch.zeros(1, D, dtype=torch.int64)
    net.eval()
    assert torch.equal(net(x), net(x))
    getattr(net, part).train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


def test_same_generator_same_weights_and_state_dict_round_trip():
    a, b, c = (make_net(torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    x = torch.arange(D)[None] % K
    assert torch.equal(a(x), b(x))
    assert not torch.equal(a(x), c(x))
    c.load_state_dict(a.state_dict())
    assert torch.equal(a(x), c(x))


def test_impossible_window_is_refused(generator):
    with pytest.raises(ValueError, match="expected a length >= 1, got 0"):
        CausalConv1d(1, 1, 0, strict=True, generator=generator)
