"""Where mass goes: by sums, a law that is not tight, and a bound that no transformer undercuts."""

import itertools
import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.language.tightness import least_stop, unfinished
from coursepkg.nets.transformer import gpt


@pytest.mark.equation("lm-mass")
def test_mass_of_the_strings_that_end_and_of_those_that_go_on(generator):
    """Two symbols, the end after t of them with p_t: a sum over all strings of each length.

    Kills: 1 - p for p, a product one factor short.
    """
    stop = torch.rand(6, generator=generator)
    mass = 0.0
    for t in range(6):
        for _ in itertools.product("ab", repeat=t):
            mass += math.prod((1 - stop[s].item()) / 2 for s in range(t)) * stop[t].item()
        assert unfinished(stop)[t].item() == pytest.approx(1 - mass)


@pytest.mark.equation("lm-half")
def test_half_of_the_mass_never_ends():
    """p_t = 1/(t + 2)^2. Kills: 1 for 2."""
    t = torch.arange(100_000)
    found = unfinished(1 / (t + 2.0) ** 2)
    assert_close(found, (t + 3) / (2 * (t + 2.0)))
    assert found[-1].item() == pytest.approx(0.5, abs=1e-4)
    assert unfinished(1 / (t + 2.0))[-1] < 2e-5, "the harmonic one is tight"


@pytest.mark.equation("lm-tight")
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_no_prefix_makes_the_end_less_likely_than_the_bound(shift, generator):
    """All prefixes of 6 symbols, of networks with long embeddings, one turned against the end.

    Kills: a sign, K for K - 1, √D left out, β of the norm forgotten, the mean embedding.
    """
    net = gpt(symbols=3, context=7, width=4, heads=1, depth=2, generator=generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.5)
        net.norm.bias.fill_(shift)
        net.embed.weight[2] = -(net.norm.bias + net.norm.weight)
        y = torch.tensor([[2, *word] for word in itertools.product(range(3), repeat=6)])
        p = net(y).softmax(-1)[..., 2]
    bound = least_stop(net)
    assert 0 < bound <= p.min().item()


@pytest.mark.equation("lm-tight")
def test_the_bound_is_reached():
    """D = 2: normed features are ±1, so the worst case exists. Kills: any looser constant."""
    net = gpt(symbols=2, context=2, width=2, heads=1, depth=1,
              generator=torch.Generator().manual_seed(0))  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        net.norm.weight.fill_(1.5)
        net.positions.table.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]) * 100)
        net.embed.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        p = net(torch.zeros(1, 2, dtype=torch.int64)).softmax(-1)[0, :, 1]
    assert p.min().item() == pytest.approx(least_stop(net), rel=1e-4)
    assert least_stop(net) == pytest.approx(1 / (1 + math.exp(2 * 1.5 * 2)))


@pytest.mark.equation("lm-tight")
def test_the_bound_is_that_of_the_formula(request):
    """By hand, below single precision. Kills: the shift left out, the mean gain, float32."""
    request.addfinalizer(partial(torch.set_default_dtype, torch.get_default_dtype()))
    torch.set_default_dtype(torch.float32)
    net = gpt(symbols=3, context=2, width=2, heads=1, depth=1,
              generator=torch.Generator().manual_seed(0))  # fmt: skip
    with torch.no_grad():
        net.norm.weight.copy_(torch.tensor([1.0, -3.0]))
        net.norm.bias.copy_(torch.tensor([3.0, 4.0]))
        net.embed.weight.copy_(torch.tensor([[0.0, 1.0], [6.0, 8.0], [1.0, 1.0]]))
    c = 10 * (3 * 2**0.5 + 5)
    assert least_stop(net) == pytest.approx(1 / (1 + 2 * math.exp(2 * c)), rel=1e-3, abs=0)


@pytest.mark.parametrize(("size", "least"), [(300.0, math.exp(-600)), (1e4, 0.0)])
def test_large_scores_make_it_small(size, least):
    """K = 2. Kills: an exponential that overflows."""
    net = gpt(symbols=2, context=2, width=1, heads=1, depth=1,
              generator=torch.Generator().manual_seed(0))  # fmt: skip
    with torch.no_grad():
        net.norm.weight.fill_(1)
        net.embed.weight.fill_(size)
    assert least_stop(net) == pytest.approx(least, rel=1e-6, abs=0)


def test_with_no_symbol_but_the_end_it_is_certain(generator):
    """Kills: the logarithm of 0."""
    net = gpt(symbols=1, context=2, width=2, heads=1, depth=1, generator=generator)
    assert least_stop(net) == 1


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"stop: expected probabilities in \[0, 1\], got"):
        unfinished(torch.tensor([0.5, 1.2]))
    with pytest.raises(ValueError, match="stop: expected probabilities"):
        unfinished(torch.tensor([-0.1]))
    with pytest.raises(TypeError, match="stop: expected a floating-point tensor"):
        unfinished(torch.tensor([1]))


def test_a_rare_end_in_single_precision():
    """(1 - 1e-8)^10⁶ = e^-0.01. Kills: 1 - 1e-8, which is 1 in float32: nothing ever ends."""
    found = unfinished(torch.full((10**6,), 1e-8, dtype=torch.float32))
    assert found.dtype == torch.float32
    assert found[-1].item() == pytest.approx(math.exp(-0.01), rel=1e-6)
