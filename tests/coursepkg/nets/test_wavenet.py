"""WaveNet against its equations, one sample after the other, and its reach."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.data.audio import draw_tones, draw_vowels, mu_law_encode
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.nets.causality import dependence, receptive_field
from coursepkg.nets.wavenet import WaveNet
from tests.coursepkg.nets.causal import check_seeds

K, C, T = 3, 4, 11


def make(generator, **sizes):
    net = WaveNet(**{"levels": K, "channels": C, "dilations": [1, 2, 4], "generator": generator,
                     **sizes})  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.4)
    return net.eval()


@pytest.mark.equation("wavenet-layer")
@pytest.mark.parametrize("conditions", [0, 2])
def test_logits_are_the_equations_of_every_layer(generator, conditions):
    """One time after the other, the past by index.

    Kills: no shift, δ off by one, halves of the gate exchanged, no residual or skip, W and W'.
    """
    net = make(generator, conditions=conditions)
    x = torch.randint(K, (2, T), generator=generator)
    c = torch.randn(2, conditions, generator=generator) if conditions else None
    for n in range(2):
        y = [net.embed.weight[x[n, t - 1]] if t else torch.zeros(C) for t in range(T)]
        skips = [torch.zeros(C) for _ in range(T)]
        for layer in net.layers:
            following = []
            for t in range(T):
                past = y[t - layer.dilation] if t >= layer.dilation else torch.zeros(C)
                ab = layer.now.weight @ y[t] + layer.now.bias + layer.past.weight @ past
                if c is not None:
                    ab = ab + layer.given.weight @ c[n]
                z = torch.tanh(ab[:C]) * torch.sigmoid(ab[C:])
                skips[t] = skips[t] + layer.skip.weight @ z + layer.skip.bias
                following.append(y[t] + layer.out.weight @ z + layer.out.bias)
            y = following
        for t in range(T):
            last = (net.mix.weight @ (y[t] + skips[t]).relu() + net.mix.bias).relu()
            assert_close(net(x, c)[n, t], net.head.weight @ last + net.head.bias)


@pytest.mark.equation("wavenet-reach")
@pytest.mark.parametrize("dilations", [[1], [1, 2, 4], [3, 1]])
def test_the_reach_is_one_and_the_dilations(generator, dilations):
    """By the gradient: x_{t-1} to x_{t-reach} where dilations leave no hole. Kills: off by one."""
    net = make(generator, dilations=dilations)
    slope = dependence(net, dim=T, levels=K, examples=20, generator=generator)
    lags = (slope[-1] > 0).nonzero().flatten()
    assert T - 1 - int(lags.min()) == net.reach == 1 + sum(dilations)
    if dilations != [3, 1]:
        assert lags.tolist() == list(range(T - 1 - net.reach, T - 1))


@pytest.mark.equation("wavenet-reach")
def test_each_layer_doubles_the_reach(generator):
    """From the signals. Kills: signals of which one is missing or out of turn."""
    net = make(generator)
    x = torch.randn(6, T, K, generator=generator).softmax(-1).requires_grad_()
    signals, skips = net.features(x)
    assert (len(signals), len(skips)) == (4, 3)
    for number, signal in enumerate(signals):
        seen = receptive_field(signal[:, -1], x, generator=generator).nonzero().flatten()
        assert seen.tolist() == list(range(T - 1 - 2**number, T - 1))


def test_the_same_network_at_every_time(generator):
    """A signal that comes later gives logits that come later. Kills: a bias that knows the time."""
    net, x = make(generator), torch.randint(K, (2, T), generator=generator)
    later = torch.cat([torch.randint(K, (2, 3), generator=generator), x], dim=1)
    assert_close(net(later)[:, 3 + net.reach :], net(x)[:, net.reach :])


@pytest.mark.parametrize("draw", [draw_tones, draw_vowels])
def test_it_hears_the_synthesised_sounds(draw, generator):
    """μ-law levels of a few milliseconds: a law of T samples, scored, drawn, and better with steps.

    Kills: a number of levels that does not fit the codes.
    """
    sounds = draw(8, generator=generator, seconds=0.008).waveforms
    x = mu_law_encode(sounds, 16)
    net = WaveNet(levels=16, channels=8, dilations=[1, 2, 4], generator=generator)
    arm = CachedARM(net, dim=x.shape[1], levels=16)
    before, optimizer = arm.log_prob(x).mean().item(), torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(15):
        optimizer.zero_grad()
        arm.loss(x, generator=generator).mean().backward()
        optimizer.step()
    assert arm.log_prob(x).mean().item() > before + 20
    assert arm.sample(2, generator=generator).shape == (2, x.shape[1])


def test_every_weight_is_drawn_from_the_generator():
    """Kills: a layer that draws from the global state."""
    check_seeds(
        lambda g: WaveNet(levels=K, channels=C, dilations=[1, 2], conditions=2, generator=g)
    )


@pytest.mark.parametrize("dilations", [[], [1, 0], [-2]])
def test_impossible_dilations_are_refused(generator, dilations):
    with pytest.raises(ValueError, match="dilations: expected one or more, each >= 1, got"):
        make(generator, dilations=dilations)
