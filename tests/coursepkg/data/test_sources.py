"""Sounds to be mixed, and the swirl."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.data.sources import draw_sounds, swirl
from coursepkg.rng import seeded


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sounds_are_standard_and_of_the_tails_that_are_promised(seed):
    """Kills: a mean left, a variance of another divisor, a siren that is no sine."""
    sounds = draw_sounds(generator=seeded(seed))
    x = sounds.waveforms
    assert sounds.names == ("voice", "melody", "drums", "siren")
    assert x.shape == (4, 24_000)
    assert_close(x.mean(1), torch.zeros(4))
    assert_close(x.square().mean(1), torch.ones(4))
    excess = x.pow(4).mean(1) - 3
    assert (excess[:3] > 1).all()
    assert excess[3].item() == pytest.approx(-1.5, abs=0.01)  # of a sine
    assert (x @ x.T / 24_000 - torch.eye(4)).abs().max() < 0.1


def test_each_piece_fades_and_the_voice_is_silent_between():
    """Kills: one fading for the whole, pieces that hang together."""
    voice, melody, drums, _ = draw_sounds(generator=seeded(0), pieces=4).waveforms
    assert voice.view(4, -1)[:, [0, -1]].abs().max() < 0.02
    for sound in (melody, drums):
        loud = sound.view(4, 10, -1).square().mean(2)
        assert (loud[:, -1] < loud[:, 0] / 5).all()


def test_the_siren_moves_between_300_and_700_hertz():
    """By its zeros. Kills: radians for hertz, a pitch that stands still."""
    siren = draw_sounds(generator=seeded(0), pieces=8).waveforms[3]
    signs = (siren.view(20, 800).sign().diff(dim=1) != 0).sum(1) / 2 / 0.1  # Hz in each tenth
    assert 290 < signs.min() < 340
    assert 660 < signs.max() < 710


def test_sounds_repeat_and_differ_between_seeds():
    one, same, other = (draw_sounds(generator=seeded(s), pieces=1).waveforms for s in (0, 0, 1))
    assert torch.equal(one, same)
    for a, b in zip(one, other, strict=True):
        assert not torch.equal(a, b)


def test_another_rate():
    assert draw_sounds(generator=seeded(0), pieces=2, rate=16_000).waveforms.shape == (4, 8000)


@pytest.mark.equation("swirl")
@pytest.mark.parametrize("turn", [0.0, 0.8, -3.0])
def test_the_swirl_keeps_distances_from_the_middle_and_areas(turn):
    """By autograd. Kills: an angle that changes signs, a square of the distance, a stretch."""
    z = 2 * torch.randn(20, 2, generator=seeded(0))
    x = swirl(z, turn=turn)
    assert_close(x.norm(dim=1), z.norm(dim=1))
    for row, out in zip(z, x, strict=True):
        angle = turn * math.hypot(*row.tolist())
        R = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        assert_close(out, R @ row)
        J = torch.autograd.functional.jacobian(lambda r: swirl(r[None], turn=turn)[0], row)
        assert torch.linalg.det(J).item() == pytest.approx(1, abs=1e-9)
    assert_close(swirl(x, turn=-turn), z)
    assert turn == 0 or (x - z).abs().max() > 1, "vacuous"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: draw_sounds(generator=seeded(0), pieces=0), r"pieces: expected"),
        (lambda: draw_sounds(generator=seeded(0), rate=0), r"rate: expected"),
        (lambda: draw_sounds(generator=seeded(0), rate=4000), r"rate: expected more than"),
        (lambda: swirl(torch.ones(3, 3), turn=1.0), r"z: expected shape"),
        (lambda: swirl(torch.ones(3, 2) / 0, turn=1.0), r"z: expected finite"),
        (
            lambda: swirl(torch.ones(3, 2), turn=math.nan),
            r"turn: expected a finite number, got nan",
        ),
        (
            lambda: swirl(torch.ones(3, 2), turn=math.inf),
            r"turn: expected a finite number, got inf",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_many_turns_in_single_precision():
    """A thousand radians and back. Kills: angles in float32, off by 1e-4."""
    z = torch.tensor([[3.0, 4.0], [0.1, -0.7], [-1e25, 2.0]]).float()
    found = swirl(z[:2], turn=1e3)
    assert_close(found.double(), swirl(z[:2].double(), turn=1e3), rtol=0, atol=1e-6)
    assert swirl(z, turn=1e-25).isfinite().all()
