"""Two stacks: what each sees, their layer written out, and no blind spot."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.causality import dependence, receptive_field
from coursepkg.nets.gated import GatedLayer, GatedPixelCNN, above, beside, gate
from tests.coursepkg.nets.causal import check_seeds

ROWS, COLUMNS, K = 4, 6, 3
D = ROWS * COLUMNS


def perturbed(module, generator):
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return module.eval()


def make(generator, **sizes):
    net = GatedPixelCNN(**{"shape": (ROWS, COLUMNS), "levels": K, "embedding": 2, "channels": 4,
                           "window": 3, "layers": 2, "generator": generator, **sizes})  # fmt: skip
    return perturbed(net, generator)


@pytest.mark.equation("gated-unit")
def test_a_gate_lets_the_first_half_through_by_the_second():
    """A number by hand: tanh(1) σ(-2). Kills: halves exchanged, channels in turns."""
    x = torch.tensor([[1.0, 0.5, -2.0, 3.0]])
    assert_close(gate(x), torch.tensor([[0.761594 * 0.119203, 0.462117 * 0.952574]]),
                 atol=1e-6, rtol=0)  # fmt: skip
    assert_close(gate(x[..., None], 1)[..., 0], gate(x, -1))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("half", [above, beside])
def test_half_windows_are_sums_over_rows_above_or_over_the_left(generator, size, strict, half):
    """A slow loop. Kills: a row or column too many, a window read from the wrong end."""
    layer, r = half(2, 3, size, strict=strict, generator=generator), size // 2
    x, w = torch.randn(2, 2, ROWS, COLUMNS, generator=generator), layer.conv.weight
    least = 1 if strict else 0
    up, left = (range(least, r + 1), range(-r, r + 1)) if half is above else (
        range(1), range(least, r + 1))  # fmt: skip
    for i, j in itertools.product(range(ROWS), range(COLUMNS)):
        expected = layer.conv.bias.expand(2, 3)
        for u, v in itertools.product(up, left):
            a, b = i - u, j - v
            if a >= 0 and 0 <= b < COLUMNS:
                row = w.shape[2] - 1 - (u - least if half is above else 0)
                column = r - v if half is above else w.shape[3] - 1 - (v - least)
                expected = expected + x[:, :, a, b] @ w[:, :, row, column].T
        assert_close(layer(x)[:, :, i, j], expected)
        assert_close(layer.row(x, i)[:, :, j], expected)
        if half is beside:
            assert_close(layer.at(x, i, j), expected)


@pytest.mark.equation("gated-stacks")
@pytest.mark.parametrize("strict", [True, False])
def test_a_layer_is_its_equations(generator, strict):
    """v' = [v +] gate(V), h' = [h +] A z with z = gate(H + B V), skip S z; shifts by a condition.

    Kills: h that hears gated v, a residual path around a strict layer, shifts exchanged.
    """
    layer = perturbed(GatedLayer(4, 4, 3, strict=strict, conditions=2, dropout=0.0,
                                 generator=generator), generator)  # fmt: skip
    v, h = torch.randn(2, 3, 4, ROWS, COLUMNS, generator=generator)
    c = torch.randn(3, 2, generator=generator)
    shift = c @ layer.given.weight.T
    V = layer.up(v) + shift[:, :8, None, None]
    H = layer.left(h) + shift[:, 8:, None, None]

    def pointwise(linear, x):
        return torch.einsum("oc,bchw->bohw", linear.weight, x) + linear.bias[:, None, None]

    z = gate(H + pointwise(layer.hears, V))
    found = layer(v, h, c)
    assert_close(found[0], gate(V) + (0 if strict else v))
    assert_close(found[1], pointwise(layer.out, z) + (0 if strict else h))
    assert_close(found[2], pointwise(layer.skip, z))


def test_there_is_no_blind_spot(generator):
    """Every pixel before, none after, from five layers on. Kills: v that h does not hear."""
    net = make(generator, layers=6)
    slope = dependence(net, dim=D, levels=K, generator=generator)
    assert torch.equal(slope > 1e-12, torch.ones(D, D).tril(-1).bool())


def test_the_vertical_stack_sees_rows_above_only_and_grows_by_one_a_layer(generator):
    """Kills: v that knows its own row, features out of turn."""
    net = make(generator)
    x = torch.randn(4, D, K, generator=generator).softmax(-1).requires_grad_()
    i, j = 3, 2
    for number, (v, h, _) in enumerate(net.features(x)):
        seen = receptive_field(v[:, :, i, j], x, generator=generator).view(ROWS, COLUMNS) > 0
        wide = range(max(j - 1 - number, 0), j + 2 + number)
        assert seen[:i].any(1).nonzero().flatten().tolist() == list(range(i - 1 - number, i))
        assert seen.any(0).nonzero().flatten().tolist() == list(wide)
        assert not seen[i:].any()
        seen = receptive_field(h[:, :, i, j], x, generator=generator).view(ROWS, COLUMNS) > 0
        assert seen[i].nonzero().flatten().tolist() == list(range(max(j - 1 - number, 0), j))


def test_logits_read_the_last_h_and_all_skips(generator):
    """Kills: the skip of one layer only, a head without the places' biases, h left out."""
    net, x = make(generator), torch.randint(K, (3, D), generator=generator)
    found = net.features(x)
    total = found[-1][1]
    for _, _, skip in found:
        total = total + skip
    logits = torch.einsum("bchw,kc->bhwk", total.clamp_min(0), net.head.weight) + net.head.bias
    assert_close(net(x), (logits + net.bias).reshape(3, D, K))


def test_places_enter_both_stacks_after_the_first_layer(generator):
    """Kills: places of one stack only, or in every layer."""
    net, x = make(generator, layers=1), torch.randint(K, (3, D), generator=generator)
    image = net.embed.weight[x].view(3, ROWS, COLUMNS, 2).permute(0, 3, 1, 2)
    v, h, _ = net.layers[0](image, image, None)
    first, second = net.features(x)
    assert_close(first[0], v + net.place[0])
    assert_close(first[1], h + net.place[1])
    for found, expected in zip(second, net.layers[1](first[0], first[1], None), strict=True):
        assert_close(found, expected)


def test_every_layer_hears_the_condition(generator):
    """One layer at a time, each example its own. Kills: a layer that forgets it, one for all."""
    net, x = make(generator, conditions=2), torch.randint(K, (2, D), generator=generator)
    c = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    assert_close(net(x, c)[1:], net(x[1:], c[1:]))
    assert_close(net(x), net(x, 0 * c))
    kept = [layer.given.weight.detach().clone() for layer in net.layers]
    for one in range(3):
        for number, layer in enumerate(net.layers):
            layer.given.weight.data.copy_(kept[number] * (number == one))
        moved = (net(x, c) - net(x, 0 * c)).abs().amax(-1)
        assert (moved > 1e-6).double().mean() > 0.5


def test_known_start_is_said_whatever_the_past(generator):
    net, log_p = make(generator), torch.randn(D, K, generator=generator).log_softmax(-1)
    net.start_from(log_p)
    x = torch.randint(K, (6, D), generator=generator)
    assert_close(net(x), log_p.expand(6, D, K))


@pytest.mark.parametrize("part", ["layers", "dropout"])
def test_each_dropout_acts_in_training_only(generator, part):
    net, x = make(generator, dropout=0.5), torch.zeros(1, D, dtype=torch.int64)
    assert torch.equal(net(x), net(x))
    getattr(net, part).train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


@pytest.mark.parametrize("stack", [0, 1])
def test_each_stack_has_a_dropout_of_its_own(generator, stack):
    """The other stack is 0, of which nothing can be dropped. Kills: one stack without dropout."""
    layer = GatedLayer(4, 4, 3, strict=False, conditions=0, dropout=0.5, generator=generator)
    stacks = torch.zeros(2, 1, 4, 5, 5)
    stacks[stack] = torch.randn(1, 4, 5, 5, generator=generator)
    with torch.random.fork_rng():
        once, again = (layer(*stacks, None)[2] for _ in range(2))
    assert not torch.equal(once, again)


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(
        lambda g: GatedPixelCNN(
            (ROWS, COLUMNS),
            levels=K,
            embedding=2,
            channels=4,
            window=3,
            layers=1,
            conditions=2,
            generator=g,
        )
    )


def test_windows_without_a_centre_are_refused(generator):
    """Kills: an even window; a first window of one place, which sees nothing."""
    for window in (1, 2, 4):
        with pytest.raises(ValueError, match=f"size: expected an odd number >= 3, got {window}"):
            make(generator, window=window)
    with pytest.raises(ValueError, match="size: expected an odd number >= 1, got 2"):
        make(generator, size=2)
