"""The file of chapter 17's live figure holds films as the model runs them."""

import pytest
import torch

from benchmarks.live import film
from coursepkg.data.digits import LEVELS
from coursepkg.models.diffusion import (
    Diffusion,
    LevelDenoiser,
    NoiseChain,
    TableNet,
    betas_of,
)
from coursepkg.rng import seeded


def recalling() -> Diffusion:
    """Films of two pictures, each guessed exactly."""
    states = torch.tensor([[0], [LEVELS - 1]]).expand(2, film.D)
    denoiser = LevelDenoiser(
        TableNet(states, torch.zeros(2), levels=LEVELS), dim=film.D, levels=LEVELS
    )
    levels = torch.linspace(6, -7, film.FRAMES, dtype=torch.float64)
    return Diffusion(denoiser, NoiseChain(betas_of(levels)))


def test_frames_are_those_of_the_path(float32):
    """Kills: films and digits exchanged, a frame's guess at another noise, shades of another reach.

    The last guess of a picture that is all black or all white is what is drawn.
    """
    model = recalling()
    found = film.films(model)
    shape = (film.FILMS, film.FRAMES, film.DIGITS, film.D)
    assert found["noisy"].shape == found["guess"].shape == shape
    path = model.path(film.FILMS * film.DIGITS, generator=seeded(3))
    for digit, frame in ((0, 0), (7, 12), (13, 31)):
        at = found["noisy"][digit // film.DIGITS, frame, digit % film.DIGITS].double()
        z = path[frame][digit].double().clamp(-film.REACH, film.REACH)
        assert ((at / 255 * 2 - 1) * film.REACH - z).abs().max() <= film.REACH / 255 + 1e-6
        level = model.chain.log_snr.flip(0)[frame].float()
        with torch.no_grad():
            guess = model.denoiser.mean(model.denoiser(path[frame], level.expand(20)))[digit]
        said = found["guess"][digit // film.DIGITS, frame, digit % film.DIGITS].double() / 255
        assert (2 * said - 1 - guess.double()).abs().max() <= 1 / 255 + 1e-6
    end = (found["guess"][:, -1].double() / 255 * (LEVELS - 1)).round()
    assert torch.equal(end, found["drawn"].double())
    assert found["drawn"].unique().tolist() == [0, LEVELS - 1]
    assert found["level"].tolist() == pytest.approx(model.chain.log_snr.flip(0).tolist())


def test_a_moment_of_training_makes_a_film(float32):
    """Kills: a chain of another length, a network left in training mode."""
    model = film.trained(hidden=8, epochs=1)
    assert model.chain.T == film.FRAMES
    assert not any(each.training for each in model.modules())


def test_the_file_in_the_book_is_of_that_kind():
    """Kills: a file of another shape; films that do not end in what was drawn."""
    arrays = film.load()
    assert arrays["noisy"].shape == (film.FILMS, film.FRAMES, film.DIGITS, film.D)
    last = arrays["guess"][:, -1].double() / 255 * (LEVELS - 1)
    first = arrays["guess"][:, 0].double() / 255 * (LEVELS - 1)
    drawn = arrays["drawn"].double()
    assert (last - drawn).square().mean() < 0.1 * (first - drawn).square().mean()
