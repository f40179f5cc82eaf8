import itertools
import math

import pytest
import torch
from scipy.signal import freqz, lfilter

from coursepkg.data import audio
from coursepkg.rng import seeded
from tests.statistics import assert_cdf, assert_probs

RATE = audio.RATE


def size_at(x, frequencies):
    """|Σ_t x_t e^{-2πift}|, a slow Fourier sum at any frequencies; (T,), (K,) -> (K,)."""
    t = torch.arange(len(x)) / RATE
    angles = 2 * math.pi * torch.as_tensor(frequencies)[:, None] * t
    return torch.hypot((x * angles.cos()).sum(1), (x * angles.sin()).sum(1))


def test_a_tone_is_the_sum_that_its_parameters_name(generator):
    """Kills: a harmonic lost or counted from 0, cos for sin, time in samples, growth for decay."""
    tones = audio.draw_tones(3, generator=generator, rate=16_000, seconds=0.01, harmonics=7)
    assert tones.waveforms.shape == (3, 160)
    for x, f, amplitudes, phases, decay in zip(*tones, strict=True):
        for i in range(160):
            t = i / 16_000
            total = sum(
                float(a) * math.sin(2 * math.pi * k * float(f) * t + float(phase))
                for k, (a, phase) in enumerate(zip(amplitudes, phases, strict=True), 1)
            )
            assert float(x[i]) == pytest.approx(math.exp(-float(decay) * t) * total, abs=1e-12)


def test_the_spectrum_of_a_tone_peaks_at_its_strongest_harmonic(generator):
    """By the FFT, whose bins are 4 Hz apart: half-way between two a peak shows 0.64 of its size.

    Kills: frequencies in radians, a rate that is not used.
    """
    tones = audio.draw_tones(100, generator=generator)
    spectrum = torch.fft.rfft(tones.waveforms).abs()
    strongest = tones.amplitudes.sort(1).values
    clear = strongest[:, -1] > 2 * strongest[:, -2]
    assert clear.sum() > 20
    expected = tones.frequencies * (1 + tones.amplitudes.argmax(1))
    assert ((spectrum.argmax(1) * 4 - expected).abs()[clear] <= 4).all()


def test_tones_are_drawn_as_the_docstring_says(generator):
    """Kills: f uniform instead of log f, amplitudes with another law, half of the circle."""
    tones = audio.draw_tones(20_000, generator=generator, seconds=0.001, harmonics=3)
    assert tones.waveforms.abs().max() <= 1
    torch.testing.assert_close(tones.amplitudes.sum(1), torch.ones(20_000))
    octaves = (tones.frequencies / audio.LOWEST).log2()
    assert_cdf(octaves, lambda x: x / 3, detects=0.04)
    assert_cdf(tones.decays, lambda x: x / 10, detects=0.04)
    for k in range(3):
        assert_cdf(tones.phases[:, k], lambda x: x / (2 * math.pi), detects=0.04)
        # one coordinate of a uniform point of the triangle
        assert_cdf(tones.amplitudes[:, k], lambda a: 1 - (1 - a) ** 2, detects=0.04)


@pytest.mark.parametrize("frequency", [0.0, 730.0, 3000.0])
def test_a_resonance_filters_as_scipy_does(frequency, generator):
    """Kills: B and C exchanged, radius squared, gain of one sample, two samples of memory lost."""
    x = torch.randn(2, 300, generator=generator)
    frequencies = torch.tensor([frequency, 1234.0])
    mine = audio.resonate(x, frequencies, 90, rate=RATE)
    for row, f, y in zip(x, frequencies, mine, strict=True):
        pole = torch.polar(torch.tensor(math.exp(-math.pi * 90 / RATE)), 2 * math.pi * f / RATE)
        poles = [1.0, float(-2 * pole.real), float(pole.abs() ** 2)]
        theirs = lfilter([sum(poles)], poles, row.numpy())
        torch.testing.assert_close(y, torch.from_numpy(theirs))


def test_a_resonance_peaks_at_its_frequency_and_is_as_wide_as_it_says():
    """Half the power at half the bandwidth to each side. Kills: bandwidth taken for its half."""
    click = torch.zeros(1, 8000)
    click[0, 0] = 1
    answer = audio.resonate(click, torch.tensor([1500.0]), 100, rate=RATE)
    power = torch.fft.rfft(answer[0]).abs() ** 2  # bins of 1 Hz
    assert abs(int(power.argmax()) - 1500) <= 2
    for edge in (1450, 1550):
        assert float(power[edge] / power.max()) == pytest.approx(0.5, rel=0.05)
    assert float(answer.sum()) == pytest.approx(1)


def test_a_vowel_is_its_formants_response_at_multiples_of_its_pitch():
    """Each harmonic's size against the filters' (scipy's `freqz`), without the pulses' jitter.

    Kills: a formant of another vowel, a resonance left out, pulses at another pitch.
    """
    generator, clear = seeded(8), 0
    vowels = audio.draw_vowels(20, generator=generator, seconds=0.5)
    for x, pitch, formants in zip(vowels.waveforms, vowels.pitches, vowels.formants, strict=True):
        harmonics = pitch * torch.arange(1, int(3300 / float(pitch)) + 1)
        response = torch.ones_like(harmonics)
        bands = zip([0.0, *formants.tolist()], [100, *audio.BANDWIDTHS], strict=True)
        for f, bandwidth in bands:
            pole = math.exp(-math.pi * bandwidth / RATE)
            poles = [1, -2 * pole * math.cos(2 * math.pi * f / RATE), pole**2]
            _, gain = freqz([sum(poles)], poles, worN=harmonics.numpy(), fs=RATE)
            response *= torch.from_numpy(abs(gain))
        size = size_at(x * torch.hann_window(len(x), periodic=False), harmonics)
        loud = response > 0.02 * response.max()
        error = (size / size.max() / (response / response.max())).log()[loud]
        assert error.abs().max() < 0.5  # e^0.5 = 4 dB; formants differ by 10 and more
        # half-way between harmonics there is next to nothing
        assert (
            size_at(x * torch.hann_window(len(x)), harmonics[:4] + pitch / 2) < size.max() / 5
        ).all()
        clear += int(loud.sum())
    assert clear > 100


def test_a_vowel_is_what_scipy_makes_of_its_pulses(generator):
    """Kills: a formant left out or taken twice, bandwidths of another order, a pulse lost."""
    vowels = audio.draw_vowels(4, generator=generator, rate=RATE, seconds=0.05)
    for x, pitch, formants in zip(vowels.waveforms, vowels.pitches, vowels.formants, strict=True):
        beats = [math.floor(float(pitch) * i / RATE) for i in range(-1, 400)]
        y = [float(after > before) for before, after in itertools.pairwise(beats)]
        for f, bandwidth in zip([0.0, *formants.tolist()], [100, 60, 90, 150], strict=True):
            pole = math.exp(-math.pi * bandwidth / RATE)
            poles = [1, -2 * pole * math.cos(2 * math.pi * f / RATE), pole**2]
            y = lfilter([sum(poles)], poles, y)
        torch.testing.assert_close(x, torch.from_numpy(y / abs(y).max()))


def test_formants_are_the_vowels_scaled_by_one_tract(generator):
    """Kills: a factor for each formant, vowels that are never drawn, labels of another order."""
    vowels = audio.draw_vowels(20_000, generator=generator, seconds=0.002)
    tract = vowels.formants / torch.tensor(audio.FORMANTS)[vowels.vowels]
    torch.testing.assert_close(tract, tract[:, :1].expand(-1, 3))
    assert_cdf(tract[:, 0], lambda s: (s - 0.9) / 0.2, detects=0.04)
    assert_cdf(vowels.pitches, lambda p: (p - 100) / 100, detects=0.04)
    assert_probs(vowels.vowels, torch.full((5,), 0.2), detects=0.1)
    table = dict(zip(audio.VOWELS, audio.FORMANTS, strict=True))
    assert table["i"] == (270, 2290, 3010)  # heed: the lowest and the highest of all
    assert table["a"] == (730, 1090, 2440)  # hod: the widest mouth
    assert table["u"] == (300, 870, 2240)  # who'd


def test_vowels_fill_their_range(generator):
    """Kills: clips beyond 1, clips scaled by the loudest of all."""
    vowels = audio.draw_vowels(9, generator=generator, rate=16_000, seconds=0.1)
    assert vowels.waveforms.shape == (9, 1600)
    torch.testing.assert_close(vowels.waveforms.abs().amax(1), torch.ones(9))


@pytest.mark.parametrize(
    ("load", "draw"),
    [(audio.load_tones, audio.draw_tones), (audio.load_vowels, audio.draw_vowels)],
)
def test_the_parts_are_800_100_100_and_the_same_each_time(load, draw):
    """Kills: a part drawn from the same seed as another, an unseeded load, parts exchanged."""
    parts, generator = load(), seeded(1000)
    assert [len(part.waveforms) for part in parts] == [800, 100, 100]
    for part in parts:
        mine = draw(len(part.waveforms), generator=generator)
        assert all(torch.equal(a, b) for a, b in zip(part, mine, strict=True))
    assert not torch.equal(parts[1][1], parts[2][1])


@pytest.mark.parametrize("draw", [audio.draw_tones, audio.draw_vowels])
def test_what_cannot_sound_is_refused(draw, generator):
    """Kills: frequencies folded back at half the rate; a clip of no sample."""
    with pytest.raises(ValueError, match=r"expected more than (6622|7040) samples"):
        draw(1, generator=generator, rate=6600)
    with pytest.raises(ValueError, match="expected one sample or more"):
        draw(1, generator=generator, seconds=1e-5)
    with pytest.raises(ValueError, match="expected a finite number > 0"):
        draw(1, generator=generator, seconds=-1)


def test_harmonics_and_shapes_are_checked(generator):
    with pytest.raises(ValueError, match=r"more than 8800 samples.*up to 4400 Hz, got 8000"):
        audio.draw_tones(1, generator=generator, harmonics=5)
    with pytest.raises(ValueError, match="harmonics: expected a finite number > 0"):
        audio.draw_tones(1, generator=generator, harmonics=0)
    with pytest.raises(ValueError, match=r"\(N, T\) and \(N,\), got \(2, 3\) and \(3,\)"):
        audio.resonate(torch.zeros(2, 3), torch.zeros(3), 90)
    with pytest.raises(ValueError, match="bandwidth: expected a finite number > 0"):
        audio.resonate(torch.zeros(2, 3), torch.zeros(2), 0)


def test_lips_send_changes(generator):
    """By hand, and against scipy. Kills: no change from rest, one size for all, a sum for 1."""
    x = torch.tensor([[0.0, 2, 1, 1], [-4, -4, -4, -4]])
    found = audio.radiate(x)
    assert found.tolist() == [[0, 1, -0.5, 0], [-1, 0, 0, 0]]
    x = torch.randn(3, 50, generator=generator)
    expected = torch.from_numpy(lfilter([1, -1], [1], x.numpy()))
    assert torch.allclose(audio.radiate(x), expected / expected.abs().amax(1, keepdim=True))
    for bad in (torch.zeros(2, 4), torch.ones(4)):
        with pytest.raises(ValueError, match=r"x: expected \(N, T\), none of them silent, got"):
            audio.radiate(bad)


@pytest.mark.equation("mu-law")
def test_mu_law_knows_the_values_of_the_formula():
    """Kills: log for log1p, μ = levels, another base."""
    x = torch.tensor([-1.0, -1e-9, 1e-9, 0.25, 1.0])
    assert audio.mu_law_encode(x).tolist() == [0, 127, 128, 223, 255]  # F(1/4) = 0.7521
    assert audio.mu_law_encode(x, 4).tolist() == [0, 1, 2, 2, 3]  # F(1/4) = 0.4037
    assert audio.mu_law_encode(torch.zeros(1), 5).item() == 2
    assert audio.mu_law_decode(torch.tensor([0, 1, 2]), 3).tolist() == pytest.approx([-1, 0, 1])
    # (256^0.2 - 1) / 255 at code 153, where F = 0.2
    assert audio.mu_law_decode(torch.tensor(153)).item() == pytest.approx((256**0.2 - 1) / 255)


@pytest.mark.equation("mu-law")
@pytest.mark.parametrize("levels", [2, 3, 16, 255, 256])
def test_mu_law_comes_back_within_half_a_bin(levels):
    """Kills: floor for round, a bin's edge for its middle, a bound that is not met."""
    mu, x = levels - 1, torch.linspace(-1, 1, 40_001)
    codes = audio.mu_law_encode(x, levels)
    assert codes.dtype == torch.int64
    assert codes.unique().tolist() == list(range(levels))
    assert (codes.diff() >= 0).all()
    back = audio.mu_law_decode(codes, levels)
    bound = ((1 + mu) ** (1 / mu) - 1) * (x.abs() + 1 / mu)
    assert ((back - x).abs() <= bound + 1e-12).all()
    assert ((back - x).abs() / bound).max() > 0.95  # and none smaller will do
    squeezed = [y.sign() * (1 + mu * y.abs()).log() / math.log(1 + mu) for y in (x, back)]
    assert (squeezed[0] - squeezed[1]).abs().max() <= 1 / mu + 1e-12  # bins are 2/μ wide
    assert torch.equal(audio.mu_law_encode(back, levels), codes)
    assert torch.equal(audio.mu_law_encode(x.float(), levels), codes) or levels > 3


def test_mu_law_refuses_what_has_no_number():
    for bad in (1.01, -1.01, math.nan):
        with pytest.raises(ValueError, match=r"expected amplitudes in \[-1, 1\], got"):
            audio.mu_law_encode(torch.tensor([0.0, bad]))
    with pytest.raises(
        TypeError, match=r"expected a floating-point tensor, got dtype torch\.int64"
    ):
        audio.mu_law_encode(torch.tensor([0, 1]))
    for bad in (-1, 256):
        with pytest.raises(ValueError, match=rf"expected 0\.\.255, got {bad}"):
            audio.mu_law_decode(torch.tensor([0, bad]))
    with pytest.raises(TypeError, match=r"expected integers 0\.\.255, got dtype"):
        audio.mu_law_decode(torch.tensor([0.5]))
    for function, x in (
        (audio.mu_law_encode, torch.zeros(1)),
        (audio.mu_law_decode, torch.zeros(1).long()),
    ):
        with pytest.raises(ValueError, match="levels: expected 2 or more, got 1"):
            function(x, 1)
