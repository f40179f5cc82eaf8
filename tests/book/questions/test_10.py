"""Answers to the questions of chapter 10, computed."""

import math

import pytest
import torch

from coursepkg.models.autoregressive import ARM, CachedARM, Ensemble
from coursepkg.nets import (
    NADE,
    GatedPixelCNN,
    PixelCNN,
    WaveNet,
    check_causal,
    dependence,
)
from coursepkg.rng import seeded
from tools.questions import marked, options


@pytest.mark.question("q-10-nade")
def test_vectors_that_the_recursion_adds(generator):
    """Counts vectors that reach an activation. Kills: one for each pair, 4950; one too many."""
    net = NADE(dim=100, levels=2, hidden=50, generator=generator)
    net(torch.zeros(1, 100, dtype=torch.int64)).sum().backward()
    added = (net.W.grad.abs().amax(-1) > 0).any(-1).sum()
    assert marked("q-10-nade") == added
    assert math.comb(100, 2) == 4950


@pytest.mark.question("q-10-made")
def test_what_units_of_degree_two_let_through():
    """Paths by matrix product. Kills: each option that trusts the rank."""
    degree, rank = torch.full((6,), 2), torch.arange(1, 6)
    paths = (rank[:, None] > degree).int() @ (degree[:, None] >= rank).int()
    seen = (paths[4] > 0).nonzero().flatten().add(1).tolist()
    text = {(1, 2, 3, 4): "x_1, x_2, x_3, x_4", (1, 2): "$x_1$ and $x_2$", (): "nothing"}
    assert text[tuple(seen)] in marked("q-10-made")


@pytest.mark.question("q-10-mixture")
def test_what_a_mixture_pays():
    """Kills: the mean of the two, 85."""
    members = [torch.nn.Module() for _ in range(2)]
    for member, nats in zip(members, (80.0, 90.0), strict=True):
        member.dim, member.levels = 1, 2
        member.log_prob = lambda x, nats=nats: torch.full((len(x),), -nats)
    pays = -Ensemble(members).log_prob(torch.zeros(1, 1, dtype=torch.int64))
    assert marked("q-10-mixture") == pytest.approx(pays.item(), abs=0.005)


@pytest.mark.question("q-10-blind")
def test_pixels_of_the_row_above(generator):
    """The gradient of a deep network. Kills: the whole row, 14."""
    net = PixelCNN((6, 14), levels=2, embedding=2, channels=8, window=3, blocks=6,
                   generator=generator).eval()  # fmt: skip
    slope = dependence(net, dim=84, levels=2, generator=generator)
    seen = slope[4 * 14 + 1].view(6, 14)[3] > 1e-12
    assert marked("q-10-blind") == seen.sum()


@pytest.mark.question("q-10-leak")
def test_which_change_leaks(generator):
    """Each change made, and looked at by the gradient. Kills: each option that does not leak."""

    def leaks(net):
        try:
            check_causal(net, dim=20, levels=2, generator=seeded(0))
        except ValueError:
            return True
        return False

    def gated():
        return GatedPixelCNN((4, 5), levels=2, embedding=2, channels=6, window=3, layers=3,
                             generator=seeded(1)).eval()  # fmt: skip

    placed, wrong = gated(), gated()
    with torch.no_grad():
        placed.place.normal_(generator=generator)
        placed.bias.normal_(generator=generator)
    for layer in wrong.layers:
        forward = layer.forward
        layer.forward = lambda v, h, c, forward=forward: _hears(*forward(v, h, c))
    found = [leaks(gated()), leaks(wrong), leaks(placed)]
    assert [o for o, leak in zip(options("q-10-leak"), found, strict=True) if leak] == [
        marked("q-10-leak")
    ]


def _hears(v, h, skip):
    """The vertical stack hears the horizontal one."""
    return v + h, h, skip


@pytest.mark.question("q-10-reach")
def test_layers_for_a_second(generator):
    """Kills: a layer too few, 12."""
    layers = 1
    while WaveNet(levels=2, channels=1, dilations=[2**n for n in range(layers)],
                  generator=generator).reach < 8000:  # fmt: skip
        layers += 1
    assert marked("q-10-reach") == layers


@pytest.mark.question("q-10-memory")
def test_what_a_memory_does_not_save(generator):
    """Steps one by one, and draws that are those of the passes. Kills: the other options."""
    net = PixelCNN((3, 3), levels=3, embedding=2, channels=4, window=3, blocks=1,
                   generator=generator).eval()  # fmt: skip
    steps, step = [], net.step
    naive, cached = (kind(net, dim=9, levels=3) for kind in (ARM, CachedARM))
    slow = naive.sample(50, generator=seeded(2))
    net.step = lambda memory, x, d: steps.append((d, [id(m) for m in memory])) or step(memory, x, d)
    fast = cached.sample(50, generator=seeded(2))
    copied = len({tuple(places) for _, places in steps}) > 1
    sequential = [d for d, _ in steps] == list(range(9))
    holds = [copied, sequential, not torch.equal(slow, fast)]
    assert [o for o, right in zip(options("q-10-memory"), holds, strict=True) if right] == [
        marked("q-10-memory")
    ]
