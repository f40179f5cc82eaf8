"""Attention against a slow loop, its smoother, its turns, and its steps."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.attention import (
    MultiHead,
    Rotary,
    attention_weights,
    causal_attention,
    fused_attention,
    kernel_smoother,
    softmax_beta,
)
from tests.coursepkg.nets.causal import check_seeds
from tests.statistics import assert_mean

T, d = 5, 6


def test_a_large_beta_is_a_choice_of_the_best():
    """Kills: β times a score that is too large for a float."""
    scores = torch.tensor([[1.0, 3.0, -2.0], [5.0, 5.0, 0.0]], dtype=torch.float32)
    expected = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]], dtype=torch.float32)
    assert_close(softmax_beta(scores, beta=1e39), expected)


def draws(generator, *shape):
    return torch.randn(3, *shape, generator=generator, dtype=torch.float64)


def slow(q, k, v):
    """From the equation: for every t, a mean over s <= t."""
    out = torch.zeros(len(q), v.shape[1], dtype=q.dtype)
    for t in range(len(q)):
        fits = [math.exp(sum(q[t] * k[s]).item() / math.sqrt(q.shape[1])) for s in range(t + 1)]
        out[t] = sum(w / sum(fits) * v[s] for s, w in enumerate(fits))
    return out


@pytest.mark.equation("lm-softmax")
@pytest.mark.parametrize("beta", [0.01, 0.5, 1.0, 3.0, 500.0])
def test_softmax_beta_is_a_ratio_of_exponentials(beta, generator):
    """In logarithms, by a loop. Kills: β dividing, β outside of the exponent, the wrong axis."""
    scores = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    found = softmax_beta(scores, beta=beta)
    for n in range(2):
        for k in range(4):
            lower = sum((beta * (scores[n, j] - scores[n, k])).exp().item() for j in range(4))
            assert found[n, k].item() == pytest.approx(1 / lower, abs=1e-12)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_an_impossible_beta_is_refused(beta):
    with pytest.raises(ValueError, match="beta: expected a finite number > 0, got"):
        softmax_beta(torch.zeros(3), beta=beta)


@pytest.mark.equation("attention")
def test_attention_is_the_mean_of_the_values_so_far(generator):
    """Kills: keys of place t alone, the future seen, no √d, √T for √d, softmax over the queries."""
    q, k, v = (draws(generator, T, d)[0] for _ in range(3))
    v = v[:, :2]
    assert_close(causal_attention(q, k, v), slow(q, k, v))
    weights = attention_weights(q, k)
    assert_close(weights.sum(-1), torch.ones(T, dtype=q.dtype))
    assert not weights.triu(1).any()
    assert (weights.tril() > 0).sum() == T * (T + 1) // 2, "vacuous: some place is not seen"


def test_fused_and_naive_agree_with_their_gradients(generator):
    """Kills: a kernel without its mask."""
    parts = [draws(generator, 2, T, d).requires_grad_() for _ in range(3)]
    found = [causal_attention(*parts), fused_attention(*parts)]
    assert_close(*found)
    a, b = (torch.autograd.grad(y.square().sum(), parts) for y in found)
    assert_close(a, b)


@pytest.mark.equation("attention-variance")
@pytest.mark.parametrize("size", [4, 64])
def test_the_scores_of_independent_features_have_variance_one(size, generator):
    """Kills: d for √d, or no scale."""
    q, k = (torch.randn(40_000, size, generator=generator) for _ in range(2))
    two = torch.stack([torch.zeros_like(k), k], 1)
    w = attention_weights(torch.stack([q, q], 1), two)[:, 1]  # (n, 2): scores 0 and s
    s = (w[:, 1] / w[:, 0]).log()
    assert_mean(s.square(), 1.0, detects=0.12)
    assert_mean((q * k).sum(1).square() / size, 1.0, detects=0.12)


@pytest.mark.equation("kernel-smoother")
def test_the_smoother_is_a_ratio_of_sums(generator):
    """Kills: h for h², 2 forgotten, a sum without its normaliser."""
    q, k, v = draws(generator, 4, d)[0], draws(generator, T, d)[0], draws(generator, T, 2)[0]
    h, found = 0.7, []
    for query in q:
        kappa = [math.exp(-((query - key) ** 2).sum().item() / (2 * h * h)) for key in k]
        found.append(sum(w * value for w, value in zip(kappa, v, strict=True)) / sum(kappa))
    assert_close(kernel_smoother(q, k, v, bandwidth=h), torch.stack(found))
    with pytest.raises(ValueError, match="bandwidth: expected a finite number > 0, got 0"):
        kernel_smoother(q, k, v, bandwidth=0)


@pytest.mark.equation("kernel-smoother")
@pytest.mark.parametrize("length", [0.5, 3.0])
def test_attention_to_keys_of_one_length_is_a_kernel_smoother(length, generator):
    """Bandwidth d^(1/4). The last query sees all keys. It fails for keys of several lengths."""
    q, k, v = (draws(generator, T, d)[0] for _ in range(3))
    even = length * k / k.norm(dim=1, keepdim=True)
    smooth = kernel_smoother(q[-1:], even, v, bandwidth=d**0.25)
    assert_close(causal_attention(q, even, v)[-1:], smooth)
    rough = kernel_smoother(q[-1:], k, v, bandwidth=d**0.25)
    assert (causal_attention(q, k, v)[-1:] - rough).abs().max() > 0.01


@pytest.mark.equation("rotary")
@pytest.mark.parametrize("base", [10_000.0, 10.0])
def test_rotary_turns_each_pair_by_its_angle(base, generator):
    """As complex numbers. Kills: pairs mixed up, the angle's sign, the exponent's factor 2."""
    x = draws(generator, T, d)
    found = Rotary(9, d, base=base).double()(x, first=3)
    for t in range(T):
        for i in range(d // 2):
            angle = (3 + t) * base ** (-2 * i / d)
            turned = torch.complex(x[:, t, i], x[:, t, i + d // 2]) * complex(
                math.cos(angle), math.sin(angle)
            )
            pair = torch.complex(found[:, t, i], found[:, t, i + d // 2])
            assert_close(pair, turned, rtol=1e-6, atol=1e-6)


@pytest.mark.equation("rotary-relative")
def test_rotary_scores_know_the_distance_alone(generator):
    """For all pairs of places. Kills: queries turned and keys not, an angle quadratic in t."""
    rotary = Rotary(12, d).double()
    q, k = draws(generator, 1, d), draws(generator, 1, d)
    turned_q, turned_k = (rotary(x.expand(3, 12, d)) for x in (q, k))
    scores = turned_q @ turned_k.mT
    for apart in range(12):
        line = scores.diagonal(-apart, 1, 2)
        assert_close(line, line[:, :1].expand_as(line), rtol=1e-5, atol=1e-5)
    assert scores[:, :, 0].std(1).min() > 0.05, "vacuous: the distance does not matter"
    assert_close(turned_q.norm(dim=2), q.norm(dim=2).expand(3, 12))


def test_an_odd_head_cannot_be_turned():
    with pytest.raises(ValueError, match="size: expected an even number of features a head, got 3"):
        Rotary(4, 3)
    for name in ("context", "size", "base"):
        with pytest.raises(ValueError, match=f"^{name}: expected a finite number > 0, got 0"):
            Rotary(**{"context": 4, "size": 2, "base": 10, name: 0})


@pytest.mark.parametrize(("shape", "first"), [((5, 6), 0), ((1, 6), 4), ((3, 6), 2), ((2, 4), 0)])
def test_what_no_turn_fits_is_refused(shape, first):
    """Kills: one angle for all places, or for all pairs, by broadcasting."""
    with pytest.raises(ValueError, match=r"^x: expected at most 4 places, the context, of 6 feat"):
        Rotary(4, 6)(torch.zeros(2, *shape), first)
    Rotary(4, 6)(torch.zeros(2, 1, 6), 3)


def test_a_step_behind_the_context_leaves_the_past_alone(generator):
    """Kills: keys that have grown when the error comes."""
    layer, past = make(generator, rotary=True), []
    for _ in range(T):
        layer.step(torch.zeros(1, 12, dtype=torch.float64), past)
    with pytest.raises(ValueError, match=f"^x: expected at most {T} places.*got {T + 1} of 6"):
        layer.step(torch.zeros(1, 12, dtype=torch.float64), past)
    assert [p.shape[2] for p in past] == [T, T]


def test_weights_need_as_many_keys_as_queries():
    """Kills: a mask of the first two places for the last two."""
    for keys in (1, 4):
        with pytest.raises(ValueError, match=r"^k: expected the shape of q, \(2, 3\), got"):
            attention_weights(torch.zeros(2, 3), torch.zeros(keys, 3))


def make(generator, *, rotary=False):
    turn = Rotary(T, 3 * 2) if rotary else None
    return MultiHead(12, heads=2, rotary=turn, generator=generator).double()


@pytest.mark.equation("multi-head")
@pytest.mark.parametrize("rotary", [False, True])
def test_heads_attend_side_by_side(rotary, generator):
    """Head by head, by the slow loop. Kills: heads and places swapped, Q, K and V in turns."""
    layer, x = make(generator, rotary=rotary), draws(generator, T, 12)
    W, b = layer.project.weight, layer.project.bias
    for n in range(3):
        heads = []
        for head in range(2):
            rows = [slice(part * 12 + head * 6, part * 12 + head * 6 + 6) for part in range(3)]
            q, k, v = (x[n] @ W[r].T + b[r] for r in rows)
            if rotary:
                q, k = layer.rotary(q), layer.rotary(k)
            heads.append(slow(q, k, v))
            assert_close(layer.weights(x)[n, head], attention_weights(q, k))
        assert_close(layer(x)[n], layer.out(torch.cat(heads, 1)))


@pytest.mark.parametrize("rotary", [False, True])
def test_steps_are_the_pass(rotary, generator):
    """Kills: a place told wrongly, keys for values, a past that does not grow."""
    layer, x, past = make(generator, rotary=rotary), draws(generator, T, 12), []
    stepped = torch.stack([layer.step(x[:, t], past) for t in range(T)], 1)
    assert_close(stepped, layer(x))
    assert [p.shape for p in past] == [(3, 2, T, 6)] * 2


def test_what_comes_later_does_not_matter(generator):
    """Kills: no mask."""
    layer, x = make(generator), draws(generator, T, 12)
    other = x.clone()
    other[:, 3:] += 1
    assert_close(layer(x)[:, :3], layer(other)[:, :3])
    assert (layer(x)[:, 3:] - layer(other)[:, 3:]).abs().min() > 0


def test_without_places_the_past_has_no_order(generator):
    """The last output is the same for any order of those before; rotary's is not."""
    x = draws(generator, T, 12)
    mixed = torch.cat([x[:, [2, 0, 3, 1]], x[:, 4:]], 1)
    plain, turned = make(generator), make(generator, rotary=True)
    assert_close(plain(x)[:, -1], plain(mixed)[:, -1])
    assert (turned(x)[:, -1] - turned(mixed)[:, -1]).abs().max() > 1e-3


def test_it_is_torchs_multi_head_attention(generator):
    """A peer. Kills: what we and our slow loop might both have misunderstood."""
    layer, x = make(generator), draws(generator, T, 12)
    with torch.random.fork_rng():
        peer = torch.nn.MultiheadAttention(12, 2, batch_first=True, dtype=torch.float64)
    state = {"in_proj_weight": layer.project.weight, "in_proj_bias": layer.project.bias,
             "out_proj.weight": layer.out.weight, "out_proj.bias": layer.out.bias}  # fmt: skip
    peer.load_state_dict(state)
    mask = torch.ones(T, T).triu(1).bool()
    found, weights = peer(x, x, x, attn_mask=mask, average_attn_weights=False)
    assert_close(layer(x), found)
    assert_close(layer.weights(x), weights)


def test_heads_must_divide_the_width(generator):
    with pytest.raises(ValueError, match="heads: expected a divisor of the width 12, got 5"):
        MultiHead(12, heads=5, generator=generator)
    with pytest.raises(ValueError, match="heads: expected a finite number > 0, got 0"):
        MultiHead(12, heads=0, generator=generator)


def test_all_weights_come_from_the_generator():
    check_seeds(lambda g: MultiHead(12, heads=2, generator=g))


def test_a_narrow_kernel_far_from_all_keys():
    """The nearest key alone. Kills: h² = 0 in float32, and 0 / 0 or ∞ - ∞."""
    query, keys = torch.tensor([[0.0]]).float(), torch.tensor([[1.0], [2.0]]).float()
    values = torch.tensor([[5.0], [7.0]]).float()
    found = kernel_smoother(query, keys, values, bandwidth=1e-30)
    assert_close(found, torch.tensor([[5.0]]).float())
