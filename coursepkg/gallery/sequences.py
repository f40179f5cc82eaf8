"""The trained models of text, sound and points, before they have their weights.

As in `images`: a whole model, and the part of it that is trained.
"""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from coursepkg.data.audio import VOWELS
from coursepkg.gallery.draws import Writer
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

SHAKESPEARE = {"context": 256, "width": 128, "heads": 4, "depth": 4}
LETTERS, STREAM = 26, 40  # of induction: symbols, and places of a stream
INDUCTION = {"width": 48, "heads": 1}
BASE = 10.0  # of the turns: distances are short here
WORD = 10  # symbols of a word, with its end
SAMPLES, SOUND_LEVELS = 1600, 256
WAVENET: dict[str, Any] = {"channels": 32, "dilations": [2**layer for layer in range(9)]}
RING = 64  # width of the networks of the ring
FREQUENCIES = 1  # of the times of average velocities, whose slopes are taken: 4 were much worse


def shakespeare(*, generator: Generator) -> tuple[Writer, Transformer]:
    """80 characters of the plays: ``write(prompt, length, generator=...)``."""
    net = player(torch.zeros(80, dtype=torch.int64), generator=generator)
    return Writer(net), net


def player(characters: Tensor, *, generator: Generator) -> Transformer:
    """The network of plays, with the code points of its K characters, (K,) int64."""
    net = rotary_transformer(
        symbols=len(characters), spread=0.1, generator=generator, **SHAKESPEARE
    )
    net.register_buffer("characters", characters)
    return net


def induction(*, generator: Generator) -> tuple[ARM, Transformer]:
    """Streams of 40 letters, in which made-up words come again: exact."""
    net = reader(2, STREAM, generator=generator)
    return ARM(Causal(net), dim=STREAM, levels=LETTERS), net


def reader(depth: int, context: int, *, generator: Generator) -> Transformer:
    """Up to two pre-norm layers of 26 letters and a start; the first has rotary positions."""
    width, heads = INDUCTION["width"], INDUCTION["heads"]
    turns = [Rotary(context, width // heads, base=BASE), None][:depth]
    layers = [PreNormLayer(width, heads=heads, rotary=turn, generator=generator) for turn in turns]
    return Transformer(
        layers, symbols=LETTERS + 1, context=context, width=width, generator=generator
    )  # fmt: skip


def words(*, generator: Generator) -> tuple[AnyOrder, SymbolMLP]:
    """Words of a and b with an even number of a; 2 is the end: at most, in any order."""
    net = SymbolMLP(WORD, levels=3, hidden=192, blocks=2, generator=generator)
    return AnyOrder(net, dim=WORD, levels=3), net


def wavenet(*, generator: Generator) -> tuple[ConditionalARM, WaveNet]:
    """A fifth of a second of a vowel, one-hot, in 256 levels of the μ-law: exact."""
    net = WaveNet(levels=SOUND_LEVELS, conditions=len(VOWELS), generator=generator, **WAVENET)
    return ConditionalARM(net, dim=SAMPLES, levels=SOUND_LEVELS, conditions=len(VOWELS)), net


def few_steps(*, generator: Generator) -> tuple[nn.ModuleDict, nn.ModuleDict]:
    """Six samplers of a ring of eight Gaussians: a flow in eight steps, its students in two."""
    nets: dict[str, nn.Module] = {
        name: TimedMLP(2, hidden=RING, blocks=2, generator=generator)
        for name in ("teacher", "rectified", "distilled", "consistent")
    }
    for name in ("mean", "map"):
        nets[name] = SpanMLP(
            2, hidden=RING, blocks=2, frequencies=FREQUENCIES, generator=generator
        )  # fmt: skip
    samplers = {
        "teacher": Jumps(EulerAverage(nets["teacher"]), dim=2, steps=8),
        "rectified": Jumps(EulerAverage(nets["rectified"]), dim=2, steps=2),
        "distilled": Restarts(EndAverage(nets["distilled"]), dim=2, steps=2),
        "consistent": Restarts(EndAverage(nets["consistent"]), dim=2, steps=2),
        "mean": Jumps(nets["mean"], dim=2, steps=2),
        "map": Jumps(nets["map"], dim=2, steps=2),
    }
    return nn.ModuleDict(samplers), nn.ModuleDict(nets)
