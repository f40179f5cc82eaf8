r"""Sounds made by us, so that the truth is known, and μ-law, which makes symbols of them.

Nothing is read, so there is no licence and no checksum: a sound follows from its seed. Waveforms
are (N, T), real numbers in [-1, 1], by default a quarter of a second of 8,000 samples a second.
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_draws, check_integers
from coursepkg.rng import seeded
from coursepkg.validate import check_floating, check_positive, check_real, check_tensor

RATE = 8000  # samples a second
VOWELS = "aeiou"
# Hz, the means of 33 men (Peterson and Barney 1952, table II): hod, head, heed, hawed, who'd
FORMANTS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
BANDWIDTHS = (60, 90, 150)  # Hz, typical of Klatt's (1980) synthesiser
LOWEST, HIGHEST = 110.0, 880.0  # Hz, a tone's fundamental


class Tones(NamedTuple):
    """Plucked strings, if you like: harmonics that fade together."""

    waveforms: Tensor  # (N, T)
    frequencies: Tensor  # (N,), of the fundamental, Hz
    amplitudes: Tensor  # (N, K), of the harmonics 1..K at the start, sum 1
    phases: Tensor  # (N, K), radians
    decays: Tensor  # (N,), 1/s


class Vowels(NamedTuple):
    """Vowels that one speaker each holds."""

    waveforms: Tensor  # (N, T)
    vowels: Tensor  # (N,), index into VOWELS, int64
    pitches: Tensor  # (N,), of the voice, Hz
    formants: Tensor  # (N, 3), resonances of the vocal tract, Hz


def load_tones() -> tuple[Tones, Tones, Tones]:
    """Train, validation and test of `draw_tones`: 800, 100 and 100 from one fixed seed."""
    generator = seeded(1000)
    train, valid, test = (draw_tones(n, generator=generator) for n in (800, 100, 100))
    return train, valid, test


def load_vowels() -> tuple[Vowels, Vowels, Vowels]:
    """Train, validation and test of `draw_vowels`: 800, 100 and 100 from one fixed seed.

    Each clip has a speaker of its own, so none is heard in two parts.
    """
    generator = seeded(1000)
    train, valid, test = (draw_vowels(n, generator=generator) for n in (800, 100, 100))
    return train, valid, test


def draw_tones(
    n: int, *, generator: Generator, rate: int = RATE, seconds: float = 0.25, harmonics: int = 4
) -> Tones:
    r"""Draws n tones :math:`x(t) = e^{-λt} \sum_k a_k \sin(2πkft + φ_k)`, where t = 0 starts them.

    log f is uniform between those of 110 and 880 Hz, a is uniform among all that sum to 1, so that
    \|x\| <= 1, φ_k is uniform on the circle and λ on 0 to 10 a second.

    Args:
        n: how many.
        generator: source of the parameters.
        rate: samples a second.
        seconds: length of each.
        harmonics: K, the fundamental included.

    Raises:
        ValueError: if a number is not positive, or the rate too low for the highest harmonic.
    """
    check_draws(n, generator)
    check_counts(harmonics=harmonics)
    t = _times(rate, seconds, highest=harmonics * HIGHEST)
    k = torch.arange(1, harmonics + 1)
    frequencies = LOWEST * (HIGHEST / LOWEST) ** torch.rand(n, generator=generator)
    shares = -torch.rand(n, harmonics, generator=generator).clamp_min(1e-7).log()
    amplitudes = shares / shares.sum(1, keepdim=True)  # Dirichlet(1, …, 1)
    phases = 2 * math.pi * torch.rand(n, harmonics, generator=generator)
    decays = 10 * torch.rand(n, generator=generator)
    angles = 2 * math.pi * (frequencies[:, None] * k)[..., None] * t + phases[..., None]
    sums = torch.einsum("nk,nkt->nt", amplitudes, angles.sin())
    fading = (-decays[:, None] * t).exp()
    return Tones(fading * sums, frequencies, amplitudes, phases, decays)


def draw_vowels(n: int, *, generator: Generator, rate: int = RATE, seconds: float = 0.25) -> Vowels:
    """Draws n vowels: pulses of the voice, rounded by the glottis, through three resonances.

    Vowels are equally likely, pitches uniform on 100 to 200 Hz. Each speaker's vocal tract scales
    its `FORMANTS` by one factor, uniform on 0.9 to 1.1. A clip's largest sample has size 1. A pulse
    falls on a sample, up to one sample late: a voice's hoarseness, so to speak.

    Args:
        n: how many.
        generator: source of the parameters.
        rate: samples a second.
        seconds: length of each.

    Raises:
        ValueError: if a number is not positive, or the rate too low for the highest formant.
    """
    check_draws(n, generator)
    t = _times(rate, seconds, highest=1.1 * max(map(max, FORMANTS)))
    vowels = torch.randint(len(VOWELS), (n,), generator=generator)
    pitches = 100 + 100 * torch.rand(n, generator=generator)
    tracts = 0.9 + 0.2 * torch.rand(n, 1, generator=generator)
    formants = tracts * torch.tensor(FORMANTS)[vowels]
    periods = (pitches[:, None] * t).floor()
    x = periods.diff(dim=1, prepend=periods.new_full((n, 1), -1))  # 1 where a period begins
    x = resonate(x, torch.zeros(n), 100, rate=rate)
    for frequency, bandwidth in zip(formants.T, BANDWIDTHS, strict=True):
        x = resonate(x, frequency, bandwidth, rate=rate)
    return Vowels(x / x.abs().amax(1, keepdim=True), vowels, pitches, formants)


def resonate(x: Tensor, frequencies: Tensor, bandwidth: float, *, rate: int = RATE) -> Tensor:
    r"""Passes each waveform through a resonance: :math:`y_t = A x_t + B y_{t-1} + C y_{t-2}`.

    With bandwidth b and frequency f, both in Hz, :math:`C = -e^{-2πb/r}`,
    :math:`B = 2 e^{-πb/r} \cos(2πf/r)` and A = 1 - B - C, so that a constant passes unchanged.
    f = 0 makes it a low pass. Source: Klatt (1980), "Software for a cascade/parallel formant
    synthesizer".

    Args:
        x: waveforms, (N, T).
        frequencies: one for each, (N,), Hz.
        bandwidth: b, > 0.
        rate: r, samples a second.

    Returns:
        (N, T), from rest.

    Raises:
        ValueError: if bandwidth or rate is not positive, or shapes differ.
    """
    check_positive(bandwidth=bandwidth, rate=rate)
    check_real(x)
    check_real(frequencies, name="frequencies")
    if x.ndim != 2 or frequencies.shape != x.shape[:1]:
        raise ValueError(
            "x, frequencies: expected shapes (N, T) and (N,), got "
            f"{tuple(x.shape)} and {tuple(frequencies.shape)}"
        )
    radius = math.exp(-math.pi * bandwidth / rate)  # of the two poles
    B, C = 2 * radius * (2 * math.pi * frequencies / rate).cos(), -(radius**2)
    samples = [torch.zeros_like(B), torch.zeros_like(B)]
    for now in x.T:
        samples.append((1 - B - C) * now + B * samples[-1] + C * samples[-2])
    return torch.stack(samples[2:], dim=1)


def radiate(x: Tensor) -> Tensor:
    """What lips send of a flow: its change from sample to sample, with the largest of size 1.

    A constant flow is silent, and a frequency is lifted in proportion to it. Source: Klatt (1980),
    the radiation characteristic.

    Args:
        x: flows, (N, T), such as `draw_vowels` gives; none is constant at 0.

    Returns:
        (N, T), from rest, in [-1, 1].

    Raises:
        ValueError: if x is no (N, T), or a flow is 0 throughout.
    """
    check_real(x)
    if x.ndim != 2 or not x.abs().amax(1).all():
        raise ValueError(f"x: expected (N, T), none of them silent, got {tuple(x.shape)}")
    change = pad(x, (1, 0)).diff(dim=1)
    return change / change.abs().amax(1, keepdim=True)


def mu_law_encode(x: Tensor, levels: int = 256) -> Tensor:
    r"""Numbers amplitudes 0..levels-1, finely where they are small, as the ear hears.

    :math:`F(x) = \operatorname{sign}(x) \ln(1 + μ|x|) / \ln(1 + μ)` with μ = levels - 1 is rounded
    to the nearest of the even steps from -1 to 1. Sources: :eq:`mu-law`; ITU-T G.711, whose μ-law
    (μ = 255) is this curve in straight pieces.

    Args:
        x: amplitudes in [-1, 1], any shape.
        levels: how many.

    Returns:
        The same shape, int64. `mu_law_decode` brings back x̂ with
        \|x̂ - x\| <= ((1 + μ)^(1/μ) - 1) (\|x\| + 1/μ); for 256 levels 2.2 % and 0.00009.

    Raises:
        TypeError: if x is not a floating-point tensor.
        ValueError: if an amplitude is outside, or there are fewer than two levels.
    """
    mu = _check_levels(levels)
    check_floating(x)
    if (outside := x[~(x.abs() <= 1)]).numel():
        raise ValueError(f"x: expected amplitudes in [-1, 1], got {outside[0].item():.4g}")
    squeezed = x.sign() * (mu * x.abs()).log1p() / math.log1p(mu)
    return (mu * (squeezed + 1) / 2).round().long()


def mu_law_decode(codes: Tensor, levels: int = 256) -> Tensor:
    r"""The amplitude that each number stands for, :math:`F^{-1}` of the middle of its bin.

    Args:
        codes: numbers 0..levels-1, any shape, integers.
        levels: as for `mu_law_encode`.

    Returns:
        The same shape, in [-1, 1], default dtype.

    Raises:
        TypeError: if codes are not integers.
        ValueError: if a number is outside, or there are fewer than two levels.
    """
    mu = _check_levels(levels)
    check_tensor(codes, "codes")
    if codes.is_floating_point() or codes.dtype == torch.bool:
        raise TypeError(f"codes: expected integers 0..{mu}, got dtype {codes.dtype}")
    if (outside := codes[(codes < 0) | (codes > mu)]).numel():
        raise ValueError(f"codes: expected 0..{mu}, got {outside[0].item()}")
    squeezed = 2 * codes.to(torch.get_default_dtype()) / mu - 1
    return squeezed.sign() * (squeezed.abs() * math.log1p(mu)).expm1() / mu


def _check_levels(levels: int) -> int:
    """Returns μ, which is the largest number too."""
    check_integers(levels=levels)
    if levels < 2:
        raise ValueError(f"levels: expected 2 or more, got {levels}")
    return levels - 1


def _times(rate: int, seconds: float, *, highest: float) -> Tensor:
    """When each sample is taken, (T,), seconds; refuses a rate too low for `highest`."""
    check_positive(rate=rate, seconds=seconds)
    if rate <= 2 * highest:
        raise ValueError(
            f"rate: expected more than {2 * highest:.0f} samples a second, for frequencies up to "
            f"{highest:.0f} Hz, got {rate}"
        )
    if (T := round(seconds * rate)) < 1:
        raise ValueError(f"seconds: expected one sample or more, got {seconds} at {rate} a second")
    return torch.arange(T, dtype=torch.get_default_dtype()) / rate
