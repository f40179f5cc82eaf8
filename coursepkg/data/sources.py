r"""Four sounds to be mixed and told apart again, and a map that mixes without leaving a trace.

The sounds are synthesised, so that the sources are known: a voice, a melody, drums and a siren. The
siren is a sine of slowly moving pitch, whose amplitudes crowd at the ends: it is sub-Gaussian. The
others are super-Gaussian.
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator
from coursepkg.data.audio import RATE, draw_tones, draw_vowels, radiate
from coursepkg.validate import check_finite, check_positive, check_real

PIECE = 0.25  # seconds of a vowel, of a tone, and from beat to beat


class Sounds(NamedTuple):
    """Waveforms of mean 0 and variance 1, one row a sound."""

    names: tuple[str, ...]
    waveforms: Tensor  # (4, T)


def draw_sounds(*, generator: Generator, pieces: int = 12, rate: int = RATE) -> Sounds:
    """Draws a voice, a melody, drums and a siren of the same length.

    Args:
        generator: source of the parameters.
        pieces: quarters of a second.
        rate: samples a second.

    Raises:
        ValueError: if a number is not positive, or the rate too low for the sounds.
    """
    check_generator(generator)
    check_counts(pieces=pieces)
    check_positive(rate=rate)
    T = round(PIECE * rate)
    voice = radiate(draw_vowels(pieces, generator=generator, rate=rate, seconds=PIECE).waveforms)
    loud = 0.1 + 0.9 * torch.rand(pieces, 1, generator=generator)
    voice = loud * torch.hann_window(T, periodic=False) * voice
    fading = torch.arange(T) / rate  # seconds since the piece began
    melody = (-8 * fading).exp() * draw_tones(
        pieces, generator=generator, rate=rate, seconds=PIECE
    ).waveforms
    drums = (-30 * fading).exp() * torch.randn(pieces, T, generator=generator)
    slow = 0.7 * torch.arange(pieces * T) / rate + torch.rand((), generator=generator)
    pitch = 500 + 200 * (2 * math.pi * slow).sin()  # Hz
    siren = (2 * math.pi * pitch.double().cumsum(0) / rate).sin().to(pitch)
    x = torch.stack([voice.flatten(), melody.flatten(), drums.flatten(), siren])
    x = x - x.mean(1, keepdim=True)
    return Sounds(("voice", "melody", "drums", "siren"), x / x.std(1, keepdim=True, correction=0))


def swirl(z: Tensor, *, turn: float) -> Tensor:
    """Turns each point of the plane by an angle that depends on its distance, (B, 2) -> (B, 2).

    The angle is turn · ‖z‖ radians. Circles stay, and so do areas: where z is standard normal, so
    is the result, and its two components are as independent as those of z.
    Source: :eq:`swirl`.

    Args:
        z: points, (B, 2).
        turn: radians per unit of distance; -turn undoes it.

    Raises:
        TypeError: if z is not a floating-point tensor.
        ValueError: if its shape is wrong, it is empty, or a number, `turn` too, is not finite.
    """
    check_real(z, event=(2,), name="z")
    check_finite(turn=turn)
    x, y = z.double().T  # of many turns, single precision knows only the number
    angle = turn * torch.hypot(x, y)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1).to(z)
