"""Masked convolutions as sums, their leaks refused, and the blind spot."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.causality import dependence, receptive_field
from coursepkg.nets.pixelcnn import MaskedConv2d, PixelCNN, raster_mask
from tests.coursepkg.nets.causal import check_seeds

ROWS, COLUMNS, K = 4, 6, 3
D = ROWS * COLUMNS


def make(generator, **sizes):
    net = PixelCNN(**{"shape": (ROWS, COLUMNS), "levels": K, "embedding": 2, "channels": 8,
                      "window": 3, "blocks": 5, "generator": generator, **sizes})  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return net.eval()


def test_masks_show_what_the_raster_has_passed():
    """Written down by hand. Kills: columns before rows, mask A and B exchanged."""
    a = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0] * 5, [0] * 5]
    assert torch.equal(raster_mask(5, strict=True), torch.tensor(a).bool())
    a[2][2] = 1
    assert torch.equal(raster_mask(5, strict=False), torch.tensor(a).bool())
    assert raster_mask(1, strict=False).tolist() == [[True]]


@pytest.mark.equation("masked-convolution")
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("strict", [True, False])
def test_a_masked_convolution_is_a_sum_over_what_the_mask_shows(generator, size, strict):
    """A slow loop. Kills: the mask not used, on the bias, transposed; a window off its centre."""
    layer = MaskedConv2d(2, 3, raster_mask(size, strict=strict), generator=generator)
    x, r = torch.randn(2, 2, ROWS, COLUMNS, generator=generator), size // 2
    for i, j in itertools.product(range(ROWS), range(COLUMNS)):
        expected = layer.conv.bias.expand(2, 3)
        for u, v in itertools.product(range(-r, r + 1), repeat=2):
            before = (u, v) < (0, 0) or (not strict and u == v == 0)
            if before and 0 <= i + u < ROWS and 0 <= j + v < COLUMNS:
                expected = (
                    expected + x[:, :, i + u, j + v] @ layer.conv.weight[:, :, u + r, v + r].T
                )
        assert_close(layer(x)[:, :, i, j], expected)
        assert_close(layer.at(layer.padded(x), i, j, layer.seen()), expected)


def test_weights_behind_the_mask_get_no_gradient(generator):
    layer = MaskedConv2d(1, 1, raster_mask(3, strict=True), generator=generator)
    layer(torch.randn(1, 1, 4, 4, generator=generator)).square().sum().backward()
    assert torch.equal(layer.conv.weight.grad[0, 0] != 0, raster_mask(3, strict=True))


def test_a_mask_of_ones_own_is_kept_as_a_copy(generator):
    """A window that looks up only. Kills: a mask that the caller can still change."""
    mask = torch.zeros(3, 3, dtype=torch.bool)
    mask[0, 1] = True
    layer = MaskedConv2d(1, 1, mask, generator=generator)
    mask.fill_(True)
    x = torch.randn(1, 1, 4, 4, generator=generator)
    above = torch.nn.functional.pad(x, (0, 0, 1, -1))
    assert_close(layer(x), layer.conv.bias + layer.conv.weight[0, 0, 0, 1] * above)


def test_bad_masks_are_refused(generator):
    """Kills: a leak that nobody sees; an even window, which has no centre."""
    for place in ((1, 2), (2, 0), (2, 2)):
        mask = raster_mask(3, strict=False)
        mask[place] = True
        leak = f"a leak at row {place[0]}, column {place[1]} of 3"
        with pytest.raises(ValueError, match=f"mask: expected nothing behind .* got {leak}"):
            MaskedConv2d(1, 1, mask, generator=generator)
    for shape in ((2, 2), (3, 5), (3,)):
        with pytest.raises(ValueError, match=r"mask: expected shape \(k, k\) with k odd, got"):
            MaskedConv2d(1, 1, torch.zeros(shape).bool(), generator=generator)
    for bad in (torch.zeros(3, 3), [[True]]):
        with pytest.raises(TypeError, match="mask: expected a bool tensor, got"):
            MaskedConv2d(1, 1, bad, generator=generator)
    for size in (0, 2, -1):
        with pytest.raises(ValueError, match="size: expected an odd number >= 1, got"):
            raster_mask(size, strict=True)
    with pytest.raises(ValueError, match="expected an odd number >= 1, got 4"):
        make(generator, window=4)
    with pytest.raises(ValueError, match="expected an odd number >= 1, got 2"):
        make(generator, size=2)


@pytest.mark.equation("blind-spot")
def test_the_blind_spot_is_a_wedge_above_to_the_right(generator):
    """By the gradient: r rows above, it sees no further right than r columns, however deep.

    Kills: masks A and B exchanged; a first layer of another size.
    """
    net = make(generator, blocks=7)
    slope = dependence(net, dim=D, levels=K, examples=30, generator=generator)
    blind = 0
    for d, e in itertools.product(range(D), repeat=2):
        (i, j), (u, v) = divmod(d, COLUMNS), divmod(e, COLUMNS)
        seen = v < j if u == i else u < i and v - j <= i - u
        assert (slope[d, e] > 0) == seen, (d, e)
        blind += e < d and not seen
    assert blind == 45


@pytest.mark.equation("blind-spot")
@pytest.mark.parametrize(("window", "size"), [(3, 5), (5, 3), (5, 5)])
def test_the_wedge_is_as_steep_as_the_largest_window_is_wide(generator, window, size):
    """Nothing beyond s columns to the right a row up, and something as far as that.

    Kills: a window that looks to the right in its own row.
    """
    net, s = make(generator, window=window, size=size, blocks=3), max(window, size) // 2
    slope = dependence(net, dim=D, levels=K, examples=30, generator=generator)
    steepest = 0.0
    for d, e in (slope > 0).nonzero().tolist():
        (i, j), (u, v) = divmod(d, COLUMNS), divmod(e, COLUMNS)
        assert v - j <= s * (i - u), (d, e)
        steepest = max(steepest, (v - j) / (i - u) if u < i else 0)
    assert steepest > s - 0.5, "vacuous: the bound is not approached"


def test_the_receptive_field_grows_layer_by_layer(generator):
    """From the features of each layer, without the blind spot's help: to the left by one a block.

    Kills: features of which one is missing or out of turn.
    """
    net = make(generator, blocks=2)
    x = torch.randn(20, D, K, generator=generator).softmax(-1).requires_grad_()
    i, j = 3, 4
    for number, features in enumerate(net.features(x)):
        seen = receptive_field(features[:, :, i, j], x, generator=generator).view(ROWS, COLUMNS)
        left = [v for v in range(COLUMNS) if seen[i, v] > 0]
        assert left == list(range(j - 1 - number, j))
        assert (seen.sum(1) > 0).nonzero().flatten().tolist() == list(range(i - 1 - number, i + 1))


def test_later_layers_see_their_own_place(generator):
    """Kills: mask A in all layers, which leaks nothing and sees as far, but is weaker."""
    net = make(generator, blocks=2)
    for block in net.blocks:
        h = torch.randn(1, block.conv.in_channels, ROWS, COLUMNS, generator=generator)
        h.requires_grad_()
        (slope,) = torch.autograd.grad(block(h)[..., 2, 2].sum(), h)
        assert (slope[..., 2, 2] != 0).all()


def test_it_is_norm_relu_convolution_and_a_path_around(generator):
    """The blocks written out. Kills: no residual path, another block's norm, a place left out."""
    net, x = make(generator, blocks=2), torch.randint(K, (3, D), generator=generator)
    image = net.embed.weight[x].view(3, ROWS, COLUMNS, 2).permute(0, 3, 1, 2)
    h = net.first(image) + net.place

    def active(h, norm):
        mean, var = h.mean(1, keepdim=True), h.var(1, unbiased=False, keepdim=True)
        scaled = (h - mean) / (var + 1e-5).sqrt()
        return (scaled * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp_min(0)

    for block, norm in zip(net.blocks, net.norms, strict=False):
        h = h + block(active(h, norm))
    logits = torch.einsum("bchw,kc->bhwk", active(h, net.norms[2]), net.head.weight)
    expected = logits + net.head.bias + net.bias
    assert_close(net(x), expected.reshape(3, D, K))


def test_the_condition_shifts_the_first_features(generator):
    """Kills: one condition for all, a condition that is lost; nothing said is 0."""
    net, x = make(generator, conditions=2), torch.randint(K, (2, D), generator=generator)
    c = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    assert_close(net(x, c)[1:], net(x[1:], c[1:]))
    shifts = net.features(x, c)[0] - net.features(x)[0]
    assert_close(shifts, (3 * net.given.weight.T)[..., None, None].expand_as(shifts))
    assert_close(net(x), net(x, 0 * c))


def test_known_start_is_said_whatever_the_past(generator):
    net, log_p = make(generator), torch.randn(D, K, generator=generator).log_softmax(-1)
    net.start_from(log_p)
    x = torch.randint(K, (6, D), generator=generator)
    assert_close(net(x), log_p.expand(6, D, K))


def test_dropout_acts_in_training_only(generator):
    net, x = make(generator, dropout=0.5), torch.zeros(1, D, dtype=torch.int64)
    assert torch.equal(net(x), net(x))
    net.train()
    with torch.random.fork_rng():
        assert not torch.equal(net(x), net(x))


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(
        lambda g: PixelCNN(
            (ROWS, COLUMNS),
            levels=K,
            embedding=2,
            channels=4,
            window=3,
            blocks=1,
            conditions=2,
            generator=g,
        )
    )
