"""Adapters: nothing at first, full fine-tuning at full rank, the best of their rank below it."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.nets.lowrank import LowRank, adapt, learnt, merge_adapters
from coursepkg.nets.made import MADE
from coursepkg.nets.transformer import gpt
from coursepkg.rng import global_state_from


def linear(n, m, generator):
    with global_state_from(generator):
        return nn.Linear(n, m)


def shaken(net, generator):
    with torch.no_grad():
        for p in net.parameters():
            if p.requires_grad:
                p.add_(torch.randn(p.shape, generator=generator), alpha=0.3)
    return net


@pytest.mark.equation("lora")
def test_the_correction_is_added_and_is_nothing_at_first(generator):
    """Kills: B drawn, A and B in the wrong order, a bias lost."""
    plain = linear(5, 3, generator)
    x = torch.randn(7, 5, generator=generator)
    before = plain(x)
    adapter = LowRank(plain, rank=2, generator=generator)
    assert torch.equal(adapter(x), before)
    shaken(adapter, generator)
    W = plain.weight + adapter.B @ adapter.A
    assert_close(adapter(x), x @ W.T + plain.bias)
    assert torch.linalg.matrix_rank(adapter.B @ adapter.A) == 2
    assert_close(adapter.merged()(x), adapter(x))
    assert all(p.requires_grad for p in adapter.merged().parameters())
    assert [name for name, p in adapter.named_parameters() if p.requires_grad] == ["A", "B"]
    wide = LowRank(linear(4000, 3, generator), rank=3, generator=generator)
    assert wide.A.std().item() == pytest.approx(4000**-0.5, rel=0.05)


@pytest.mark.equation("lora-full-rank")
def test_full_rank_with_an_orthogonal_a_is_full_fine_tuning(generator):
    """Step by step under gradient descent. Kills: a factor in front, A that is not held."""
    start = linear(4, 6, generator)
    full, adapter = copy.deepcopy(start), LowRank(start, rank=4, generator=generator)
    adapter.A.data = torch.linalg.qr(torch.randn(4, 4, generator=generator)).Q
    full.bias.requires_grad_(False)
    adapter.A.requires_grad_(False)
    x, y = torch.randn(20, 4, generator=generator), torch.randint(6, (20,), generator=generator)
    first = full.weight.detach().clone()
    for net in (full, adapter):
        learns = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.5)
        for _ in range(30):
            learns.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            learns.step()
    assert_close(adapter.merged().weight, full.weight)
    assert (full.weight - first).abs().max() > 0.3, "vacuous"


@pytest.mark.equation("lora-best")
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_training_finds_the_best_correction_of_its_rank(rank, generator):
    """Least squares of white inputs: what is missed are the smaller singular values.

    By Eckart and Young; of full rank nothing. Kills: a rank that is ignored, A that does not learn.
    """
    start = linear(4, 6, generator)
    wanted = start.weight.detach() + torch.randn(6, 4, generator=generator)
    x = 2 * torch.eye(4)  # mean of x xᵀ is I
    y = x @ wanted.T + start.bias.detach()
    adapter = LowRank(start, rank=rank, generator=generator)
    learns = torch.optim.LBFGS([adapter.A, adapter.B], max_iter=500, tolerance_grad=1e-12,
                               tolerance_change=1e-16, line_search_fn="strong_wolfe")  # fmt: skip

    def loss():
        learns.zero_grad()
        value = (adapter(x) - y).square().sum() / 4
        value.backward()
        return value

    learns.step(loss)
    missed = torch.linalg.svdvals(wanted - start.weight)[rank:].square().sum()
    assert_close(loss().detach(), missed, rtol=1e-6, atol=1e-8)
    assert (missed > 0.1) == (rank < 4)


def test_a_network_is_adapted_and_merged(generator):
    """Kills: embeddings that learn, a map left out, the caller's network changed."""
    net = gpt(symbols=5, context=6, width=8, heads=2, depth=2, generator=generator).eval()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    y = torch.randint(5, (3, 6), generator=generator)
    adapted = adapt(net, rank=2, generator=generator)
    assert_close(adapted(y), net(y))
    assert learnt(adapted) == 2 * 2 * sum((8 + 24, 8 + 8, 8 + 32, 32 + 8))
    shaken(adapted, generator)
    assert (adapted(y) - net(y)).abs().max() > 0.01
    merged = merge_adapters(adapted)
    assert_close(merged(y), adapted(y))
    assert merged.state_dict().keys() == state.keys()
    assert learnt(merged) == learnt(net) > learnt(adapted)
    changed = {k for k, v in merged.state_dict().items() if not torch.equal(v, state[k])}
    assert changed == {k for k in state if "attend" in k or "mlp" in k} & {
        k for k in state if k.endswith("weight")
    }
    for key, value in net.state_dict().items():
        assert torch.equal(value, state[key])
    assert isinstance(adapted.layers[0].attend.project, LowRank)


def test_a_network_that_masks_its_matrices_keeps_its_masks(generator):
    """MADE reads weight and bias. Kills: a correction past the mask; one that is not seen."""
    made = MADE(dim=4, levels=2, hidden=[9], generator=generator).eval()
    adapted = shaken(adapt(made, rank=2, generator=generator), generator)
    x = torch.zeros(1, 4, dtype=torch.int64)
    merged = merge_adapters(adapted)
    assert_close(merged(x), adapted(x))
    assert (adapted(x) - made(x)).abs().max() > 0.01
    for d in range(4):
        other = x.clone()
        other[0, d] = 1
        changed = (adapted(other) - adapted(x)).abs().amax(-1)[0] > 0
        assert not changed[: d + 1].any()
    assert adapted.layers[0].out_features == made.layers[0].out_features
    assert adapted.layers[0].in_features == made.layers[0].in_features


def test_modes_and_numbers_are_those_of_the_map(generator):
    """Kills: parts in training mode in a network that is not; float64 in one of float32."""
    net = gpt(symbols=5, context=6, width=8, heads=2, depth=1, dropout=0.5, generator=generator)
    for mode in (True, False):
        adapted = adapt(net.train(mode).float(), rank=2, generator=generator)
        assert {part.training for part in adapted.modules()} == {mode}
        assert {p.dtype for p in adapted.parameters()} == {torch.float32}
        assert {p.dtype for p in merge_adapters(adapted).parameters()} == {torch.float32}


def test_a_rank_above_a_maps_own_becomes_full(generator):
    adapted = adapt(nn.Sequential(linear(3, 5, generator)), rank=100, generator=generator)
    assert adapted[0].A.shape == (3, 3)


def test_what_cannot_be_is_refused(generator):
    for rank in (0, -1, 4):
        with pytest.raises(ValueError, match=rf"rank: expected 1 to 3, full rank, got {rank}"):
            LowRank(linear(3, 5, generator), rank=rank, generator=generator)
    with pytest.raises(ValueError, match="rank: expected 1 to 3"):
        adapt(nn.Sequential(linear(3, 5, generator)), rank=0, generator=generator)
    with pytest.raises(ValueError, match="expected one made of linear maps, got a ReLU"):
        adapt(nn.ReLU(), rank=1, generator=generator)
    net = nn.Sequential(linear(3, 5, generator))
    with pytest.raises(ValueError, match="expected one without adapters, got some"):
        adapt(adapt(net, rank=1, generator=generator), rank=1, generator=generator)
    with pytest.raises(ValueError, match="expected one made of adapters, got a Sequential of none"):
        merge_adapters(net)
    with pytest.raises(ValueError, match="expected one made of adapters, got a LowRank of none"):
        merge_adapters(LowRank(linear(3, 5, generator), rank=1, generator=generator))
