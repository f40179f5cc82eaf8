"""Layers against their formulas and torch's own, positions against theirs, the whole by parts."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.nets.attention import Rotary
from coursepkg.nets.transformer import (
    Causal,
    LearntPositions,
    LectureLayer,
    PostNormLayer,
    PreNormLayer,
    SinusoidalPositions,
    Transformer,
    gpt,
    rotary_transformer,
)
from tests.coursepkg.nets.causal import check_seeds

T, D, K = 5, 8, 4


def shaken(net, generator):
    """Double precision, and weights far from any symmetric start."""
    net = net.double()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator, dtype=p.dtype), alpha=0.3)
    return net.eval()


def draws(generator):
    return torch.randn(3, T, D, generator=generator, dtype=torch.float64)


def small(generator, **changes):
    sizes = {"symbols": K, "context": T, "width": D, "heads": 2, "depth": 2, **changes}
    return shaken(gpt(**sizes, generator=generator), generator)


@pytest.mark.equation("transformer-layer")
def test_the_lectures_layer_place_by_place(generator):
    """With keys and values of all s <= t. Kills: K and V of t alone, x or a not added, O(x)."""
    layer, x = shaken(LectureLayer(D, generator=generator), generator), draws(generator)
    q, k, v = layer.Q(x), layer.K(x), layer.V(x)
    for t in range(T):
        fits = torch.stack([(q[:, t] * k[:, s]).sum(1) / math.sqrt(D) for s in range(t + 1)])
        weights = fits.exp() / fits.exp().sum(0)
        a = sum(weights[s][:, None] * v[:, s] for s in range(t + 1)) + x[:, t]
        assert_close(layer(x)[:, t], layer.O(a) + a)


def peer(layer, *, first):
    """torch's layer with our weights; its dropout is 0."""
    with torch.random.fork_rng():
        theirs = nn.TransformerEncoderLayer(
            D, 2, 4 * D, 0.0, nn.GELU(approximate="tanh"), batch_first=True, norm_first=first,
            dtype=torch.float64,
        )  # fmt: skip
    ours = {
        "self_attn.in_proj_": layer.attend.project, "self_attn.out_proj.": layer.attend.out,
        "linear1.": layer.mlp[0], "linear2.": layer.mlp[2], "norm1.": layer.norm1,
        "norm2.": layer.norm2,
    }  # fmt: skip
    theirs.load_state_dict({
        name + part: getattr(module, part).detach()
        for name, module in ours.items() for part in ("weight", "bias")
    })  # fmt: skip
    return theirs


@pytest.mark.equation("pre-norm")
def test_the_pre_norm_layer_is_torchs(generator):
    """And the formula. Kills: a norm left out or on the sum, branches that read the same x."""
    layer = shaken(PreNormLayer(D, heads=2, generator=generator), generator)
    x, mask = draws(generator), torch.ones(T, T).triu(1).bool()
    assert_close(layer(x), peer(layer, first=True)(x, mask))
    a = x + layer.attend(layer.norm1(x))
    assert_close(layer(x), a + layer.mlp(layer.norm2(a)))


@pytest.mark.equation("post-norm")
def test_the_post_norm_layer_is_torchs(generator):
    """And the formula. Kills: the norm before the sum, one norm for both."""
    layer = shaken(PostNormLayer(D, heads=2, generator=generator), generator)
    x, mask = draws(generator), torch.ones(T, T).triu(1).bool()
    assert_close(layer(x), peer(layer, first=False)(x, mask))
    a = layer.norm1(x + layer.attend(x))
    assert_close(layer(x), layer.norm2(a + layer.mlp(a)))


@pytest.mark.parametrize("rotary", [False, True])
def test_steps_of_a_layer_are_its_pass(rotary, generator):
    """Kills: a branch without its norm, or a sum left out, in the step."""
    turn = Rotary(T, D // 2) if rotary else None
    layer = shaken(PreNormLayer(D, heads=2, rotary=turn, generator=generator), generator)
    x, past = draws(generator), []
    assert_close(torch.stack([layer.step(x[:, t], past) for t in range(T)], 1), layer(x))


def test_dropout_of_a_layer_drops_what_branches_add(generator):
    """At 1 the layer is the identity. Kills: dropout on x, on one branch only, forgotten."""
    layer, x = PreNormLayer(D, heads=2, dropout=0.5, generator=generator).double(), draws(generator)
    for module in layer.modules():
        if isinstance(module, nn.Dropout):
            module.p = 1.0
    with torch.random.fork_rng():
        assert torch.equal(layer(x), x)
    assert not torch.equal(layer.eval()(x), x)


@pytest.mark.equation("sinusoidal")
def test_clocks_tell_the_place(generator):
    """Kills: sin and cos swapped, 2i for i twice, places from 1."""
    x = draws(generator)
    found = SinusoidalPositions(9, D).double()(x) - x
    for t in range(T):
        for i in range(D // 2):
            angle = t * 10_000 ** (-2 * i / D)
            expected = torch.tensor([math.sin(angle), math.cos(angle)], dtype=torch.float64)
            assert_close(found[:, t, 2 * i : 2 * i + 2], expected.expand(3, 2),
                         rtol=1e-6, atol=1e-6)  # fmt: skip
    with pytest.raises(ValueError, match="width: expected an even number of features, got 7"):
        SinusoidalPositions(9, 7)


def test_learnt_positions_are_added_and_move(generator):
    """Kills: a table that no gradient reaches, or that starts at one value for all places."""
    positions, x = LearntPositions(7, D, generator=generator), draws(generator).float()
    assert_close(positions(x), x + positions.table[:T])
    positions(x).sum().backward()
    assert positions.table.grad[:T].eq(3).all()
    assert not positions.table.grad[T:].any()
    assert positions.table.unique().numel() == 7 * D


@pytest.mark.equation("transformer-block")
def test_the_whole_is_its_parts_in_a_row(generator):
    """Kills: a layer twice or not, positions late, F left out, scores by other vectors."""
    net, y = small(generator), torch.randint(K, (3, T), generator=generator)
    x = torch.stack([net.embed.weight[row] for row in y]) + net.positions.table
    for layer in net.layers:
        x = layer(x)
    scores = torch.zeros(3, T, K, dtype=torch.float64)
    for k in range(K):
        scores[:, :, k] = (net.norm(x) * net.embed.weight[k]).sum(-1)
    assert_close(net(y), scores)
    assert_close(net.encode(y), net.norm(x))


def test_scores_read_what_came_before_and_the_present(generator):
    """Kills: a look ahead, and a shift that hides the present."""
    net, y = small(generator), torch.zeros(1, T, dtype=torch.int64)
    for s in range(T):
        other = y.clone()
        other[0, s] = 1
        moved = (net(y) - net(other)).abs().amax((0, 2)) > 1e-9
        assert moved.tolist() == [t >= s for t in range(T)]


@pytest.mark.parametrize("kind", [PreNormLayer, PostNormLayer])
def test_attention_is_what_the_layers_look_at(kind, generator):
    """Kills: weights of the wrong layer, or of x without its norm, or with one too many."""
    net, y = small(generator), torch.randint(K, (3, T), generator=generator)
    net.layers = nn.ModuleList(
        shaken(kind(D, heads=2, generator=generator), generator) for _ in range(2)
    )
    seen, handles = [], []
    for layer in net.layers:
        handles.append(layer.attend.register_forward_pre_hook(lambda m, x: seen.append(x[0])))
    net(y)
    for handle in handles:
        handle.remove()
    found = net.attention(y)
    assert [w.shape for w in found] == [(3, 2, T, T)] * 2
    for layer, w, x in zip(net.layers, found, seen, strict=True):
        assert_close(w, layer.attend.weights(x))


def test_attention_is_told_in_eval_mode_and_of_what_can_be_read(generator):
    """Kills: dropout in what is shown, a mode that is not put back, too long a text."""
    net, y = small(generator, dropout=0.5), torch.randint(K, (3, T), generator=generator)
    shown, state = net.attention(y), torch.random.get_rng_state()
    for a, b in zip(net.train().attention(y), shown, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(part.training for part in net.modules())
    with pytest.raises(ValueError, match=f"1 <= T <= {T}, the context, got"):
        net.attention(torch.zeros(2, T + 1, dtype=torch.int64))


@pytest.mark.parametrize("context", [1, 4])
def test_places_without_a_row_are_refused(context, generator):
    """Kills: one vector for all places, by broadcasting."""
    for kind in (LearntPositions(context, D, generator=generator), SinusoidalPositions(context, D)):
        with pytest.raises(ValueError, match=f"^x: expected at most {context} places.*got 5"):
            kind(torch.zeros(2, 5, D))


@pytest.mark.parametrize("make", [gpt, rotary_transformer])
def test_branches_start_smaller_in_deep_networks(make, generator):
    """Kills: no scale, depth for its root, a scale on one branch alone."""
    one, eight = (make(symbols=K, context=T, width=64, heads=2, depth=n, generator=generator)
                  for n in (1, 8))  # fmt: skip
    for weight in ("attend.out.weight", "mlp.2.weight"):
        ratio = (
            one.layers[0].get_parameter(weight).std() / eight.layers[0].get_parameter(weight).std()
        )
        assert ratio.item() == pytest.approx(math.sqrt(8), rel=0.1)
    assert eight.embed.weight.std().item() == pytest.approx(0.02, rel=0.3)
    bare = Transformer([], symbols=K, context=T, width=64, spread=0.5, generator=generator)
    turned = rotary_transformer(symbols=K, context=T, width=64, heads=2, depth=1, spread=0.5,
                                generator=generator)  # fmt: skip
    for wide in (bare, turned):
        assert wide.embed.weight.std().item() == pytest.approx(0.5, rel=0.3)
    with pytest.raises(ValueError, match="spread: expected a finite number > 0, got 0"):
        Transformer([], symbols=K, context=T, width=64, spread=0, generator=generator)


@pytest.mark.parametrize("make", [gpt, rotary_transformer])
def test_a_whole_network_drops_in_training_only(make, generator):
    """Kills: dropout that no layer gets."""
    net = make(symbols=K, context=T, width=D, heads=2, depth=1, dropout=0.5, generator=generator)
    y = torch.randint(K, (3, T), generator=generator)
    with torch.random.fork_rng():
        assert not torch.equal(net(y), net(y))
    assert torch.equal(net.eval()(y), net(y))


@pytest.mark.equation("rotary")
def test_a_rotary_transformer_is_layers_that_turn_and_nothing_else(generator):
    """Kills: no turn, a turn of all features at once, learnt positions beside it."""
    net = rotary_transformer(symbols=K, context=T, width=D, heads=2, depth=2, generator=generator)
    turn = Rotary(T, D // 2)
    layers = [PreNormLayer(D, heads=2, rotary=turn, generator=generator) for _ in range(2)]
    same = Transformer(layers, symbols=K, context=T, width=D, generator=generator)
    same.load_state_dict(shaken(net, generator).state_dict())
    y = torch.randint(K, (3, T), generator=generator)
    assert torch.equal(net(y), same.double()(y))
    assert not torch.allclose(net(y[:, [1, 0, 2]])[:, -1], net(y[:, :3])[:, -1])


def test_what_no_transformer_can_read_is_refused(generator):
    """Kills: each check left out."""
    net = gpt(symbols=K, context=T, width=D, heads=2, depth=1, generator=generator)
    zeros = torch.zeros(2, T + 1, dtype=torch.int64)
    for y, word in (
        (zeros, f"1 <= T <= {T}, the context, got"), (zeros[:, :0], "1 <= T"),
        (zeros[0, :T], "shape"), (zeros[:0, :T], "at least one"),
        (zeros[:, :T] + K, "levels 0..3, got values from 4"),
        (zeros[:, :T] - 1, "levels 0..3"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=word):
            net(y)
    with pytest.raises(TypeError, match="integer"):
        net(torch.zeros(2, T))
    with pytest.raises(ValueError, match="context: expected a finite number > 0, got 0"):
        Transformer([], symbols=K, context=0, width=D, generator=generator)
    with pytest.raises(ValueError, match="heads: expected a divisor of the width 8, got 3"):
        gpt(symbols=K, context=T, width=D, heads=3, depth=1, generator=generator)


def test_all_weights_come_from_the_generator():
    sizes = {"symbols": K, "context": T, "width": D, "heads": 2, "depth": 1}
    check_seeds(lambda g: gpt(**sizes, generator=g))
    check_seeds(lambda g: rotary_transformer(**sizes, generator=g))
    check_seeds(lambda g: PostNormLayer(D, heads=2, generator=g))
    check_seeds(lambda g: LectureLayer(D, generator=g))


def test_scores_of_a_level_read_the_levels_before_it(generator):
    """Kills: no start, the start among the levels, the last level read."""
    net = Causal(small(generator, symbols=K + 1))
    x = torch.randint(K, (3, T), generator=generator)
    for d in range(T):
        before = torch.cat([torch.full((3, 1), K), x[:, :d]], 1)
        assert_close(net(x)[:, d], net.net(before)[:, -1, :K])
