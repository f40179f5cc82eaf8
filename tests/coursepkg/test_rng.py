"""Generators: repeatable, apart from each other, and without a trace in the global state."""

import torch
from torch import nn

from coursepkg import rng


def test_global_state_from_is_repeatable_and_leaves_no_trace():
    """Kills: no restore (the autouse fixture sees it), a fixed seed."""
    draws = []
    for seed in (1, 1, 2):
        before = torch.random.get_rng_state()
        with rng.global_state_from(rng.seeded(seed)):
            draws.append(nn.Linear(3, 2).weight.detach().clone())
        assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_global_state_from_moves_its_generator():
    """Two blocks in a row must differ. Kills: the seed read, but not drawn."""
    generator = rng.seeded(1)
    with rng.global_state_from(generator):
        first = torch.rand(4)
    with rng.global_state_from(generator):
        second = torch.rand(4)
    assert not torch.equal(first, second)


def test_global_state_is_restored_after_an_error():
    before = torch.random.get_rng_state()
    try:
        with rng.global_state_from(rng.seeded(1)):
            torch.rand(1)
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(before, torch.random.get_rng_state())


def test_spawned_streams_differ_and_leave_their_parents_equal():
    parents = [rng.seeded(5) for _ in range(2)]
    children = [rng.spawn(p, stream=i, device="cpu") for i, p in enumerate(parents)]
    draws = [torch.rand(8, generator=c) for c in children]
    assert not torch.equal(*draws)
    assert torch.equal(parents[0].get_state(), parents[1].get_state())
    again = rng.spawn(rng.seeded(5), stream=1, device="cpu")
    assert torch.equal(torch.rand(8, generator=again), draws[1])


def test_seeds_fit_numpy_and_differ():
    generator = rng.seeded(3)
    seeds = [rng.draw_seed(generator) for _ in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= s < 2**31 for s in seeds)
