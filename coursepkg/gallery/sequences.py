"""The trained models of text, sound and points, before they have their weights."""

import torch
from torch import nn

from coursepkg.data.audio import VOWELS
from coursepkg.gallery.draws import Parts, Writer
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.models.few_steps.jumps import EndAverage, EulerAverage, Jumps, Restarts
from coursepkg.models.masked.order import AnyOrder
from coursepkg.nets.attention import Rotary
from coursepkg.nets.span import SpanMLP
from coursepkg.nets.symbols import SymbolMLP
from coursepkg.nets.timed import TimedMLP
from coursepkg.nets.transformer import Causal, PreNormLayer, Transformer, rotary_transformer
from coursepkg.nets.wavenet import WaveNet
from coursepkg.rng import seeded


def shakespeare() -> Parts:
    """80 characters of the plays: ``write(prompt, length, generator=...)``."""
    net = rotary_transformer(symbols=80, context=256, width=128, heads=4, depth=4, spread=0.1,
                             generator=seeded(0))  # fmt: skip
    net.register_buffer("characters", torch.zeros(80, dtype=torch.int64))
    return Writer(net), net


def induction() -> Parts:
    """Streams of 40 letters, in which made-up words come again: exact."""
    generator = seeded(0)
    turns = [Rotary(40, 48, base=10.0), None]
    layers = [PreNormLayer(48, heads=1, rotary=turn, generator=generator) for turn in turns]
    net = Transformer(layers, symbols=27, context=40, width=48, generator=generator)
    return ARM(Causal(net), dim=40, levels=26), net


def words() -> Parts:
    """Words of a and b with an even number of a; 2 is the end: at most, in any order."""
    net = SymbolMLP(10, levels=3, hidden=192, blocks=2, generator=seeded(0))
    return AnyOrder(net, dim=10, levels=3), net


def wavenet() -> Parts:
    """A fifth of a second of a vowel, one-hot, in 256 levels of the μ-law: exact."""
    net = WaveNet(levels=256, channels=32, dilations=[2**layer for layer in range(9)],
                  conditions=len(VOWELS), generator=seeded(0))  # fmt: skip
    return ConditionalARM(net, dim=1600, levels=256, conditions=len(VOWELS)), net


def few_steps() -> Parts:
    """Six samplers of a ring of eight Gaussians: a flow in eight steps, its students in two."""
    ends = ("teacher", "rectified", "distilled", "consistent")
    nets = nn.ModuleDict(
        {name: TimedMLP(2, hidden=64, blocks=2, generator=seeded(0)) for name in ends}
        | {name: SpanMLP(2, hidden=64, blocks=2, frequencies=1, generator=seeded(0))
           for name in ("mean", "map")}
    )  # fmt: skip
    samplers = {
        "teacher": Jumps(EulerAverage(nets["teacher"]), dim=2, steps=8),
        "rectified": Jumps(EulerAverage(nets["rectified"]), dim=2, steps=2),
        "distilled": Restarts(EndAverage(nets["distilled"]), dim=2, steps=2),
        "consistent": Restarts(EndAverage(nets["consistent"]), dim=2, steps=2),
        "mean": Jumps(nets["mean"], dim=2, steps=2),
        "map": Jumps(nets["map"], dim=2, steps=2),
    }
    return nn.ModuleDict(samplers), nets
