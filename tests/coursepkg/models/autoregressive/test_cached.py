"""Sampling with memory draws what sampling without it draws, and computes nothing twice."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.orders import AveragedConditionals
from coursepkg.rng import seeded
from tests.coursepkg.nets.causal import STEPWISE, D, K, causal

STEPPING = [*STEPWISE, "averaged"]


def stepping(name, generator):
    if name != "averaged":
        return causal(name, generator)
    return AveragedConditionals([causal(one, generator) for one in ("NADE", "gated", "WaveNet")])


def both(name, generator):
    net = stepping(name, generator)
    return ARM(net, dim=D, levels=K), CachedARM(net, dim=D, levels=K)


@pytest.mark.parametrize("name", STEPPING)
def test_every_step_is_the_pass_at_its_place(name, generator):
    """All logits, of variables that are given. Kills: a queue too short, a cache one place off."""
    net, x = stepping(name, generator), torch.randint(K, (5, D), generator=generator)
    memory, logits = net.start(5), net(x)
    for d in range(D):
        assert_close(net.step(memory, x, d).log_softmax(-1), logits[:, d].log_softmax(-1))


@pytest.mark.parametrize("name", STEPPING)
def test_a_step_does_not_read_what_is_still_to_come(name, generator):
    """What stands there is noise of another draw. Kills: a cache that is filled too early."""
    net, x = stepping(name, generator), torch.randint(K, (5, D), generator=generator)
    one, other = net.start(5), net.start(5)
    for d in range(D):
        noise = torch.randint(K, (5, D), generator=generator)
        noise[:, :d] = x[:, :d]
        assert torch.equal(net.step(one, x, d), net.step(other, noise, d))


@pytest.mark.parametrize("name", STEPPING)
def test_the_draws_are_those_without_memory(name, generator):
    """Level for level, many seeds in one batch. Kills: noise drawn for what is not drawn."""
    naive, cached = both(name, generator)
    a, b = (m.sample(300, generator=seeded(1)) for m in (naive, cached))
    assert torch.equal(a, b)
    assert len(a.unique(dim=0)) > 50, "vacuous: one image"
    assert not torch.equal(cached.sample(300, generator=seeded(2)), b)


@pytest.mark.parametrize("name", STEPPING)
def test_the_completions_are_those_without_memory(name, generator):
    """One beginning for all, and a beginning of each image's own, none and all among them."""
    naive, cached = both(name, generator)
    x = torch.randint(K, (60, D), generator=generator)
    each = torch.arange(D) < torch.randint(D + 1, (60, 1), generator=generator)
    kept = x.clone()
    for known in (torch.arange(D) < 5, each, each & False, each | True):
        a, b = (m.complete(x, known, generator=seeded(1)) for m in (naive, cached))
        assert torch.equal(a, b)
        assert torch.equal(x, kept)
    with pytest.raises(ValueError, match="known: expected a beginning"):
        cached.complete(x, torch.arange(D) > 5, generator=seeded(1))


@pytest.mark.parametrize("name", STEPPING)
def test_drawing_never_runs_a_whole_pass(name, generator):
    """Kills: draws that score all D variables for each of them, as `ARM` does."""
    _, cached = both(name, generator)

    def refuse(*_):
        raise AssertionError("a whole pass")

    cached.net.register_forward_hook(refuse)
    cached.sample(3, generator=generator)


def test_what_is_known_to_the_end_costs_no_step(generator):
    """Only as far as the last missing variable. Kills: steps behind it."""
    _, cached = both("NADE", generator)
    steps, step = [], cached.net.step

    def count(memory, x, d):
        steps.append(d)
        return step(memory, x, d)

    cached.net.step = count
    x = torch.zeros(2, D, dtype=torch.int64)
    cached.left_to_right(x, torch.arange(D) >= 4, generator=generator)
    assert steps == [0, 1, 2, 3]
    cached.left_to_right(x, torch.arange(D) >= 0, generator=generator)
    assert len(steps) == 4


def test_two_draws_do_not_share_a_memory(generator):
    """Kills: zeros of the start that a draw writes into."""
    _, cached = both("gated", generator)
    a, b = (cached.sample(20, generator=seeded(1)) for _ in range(2))
    assert torch.equal(a, b)


def test_a_draw_leaves_no_graph(generator):
    """Kills: memories that keep the gradients of a whole image."""
    _, cached = both("WaveNet", generator)
    seen, step = [], cached.net.step

    def look(memory, x, d):
        logits = step(memory, x, d)
        seen.append(logits.requires_grad)
        return logits

    cached.net.step = look
    cached.sample(2, generator=generator)
    assert not any(seen)


def test_a_network_without_steps_is_refused():
    with pytest.raises(TypeError, match="net: expected one with start and step, got a Identity"):
        CachedARM(nn.Identity(), dim=D, levels=K)
