"""The file of chapter 15's live figure holds games as the study plays them."""

import pytest
import torch

from benchmarks.live import ring
from benchmarks.studies.ring import GAMES, RADIUS, fresh
from coursepkg.rng import seeded


def test_a_frame_is_what_the_players_do(float32):
    """Kills: other noise, scores of other places, unscaled points, a range turned over."""
    _, model = fresh(GAMES["least squares"], generator=seeded(0))
    found = ring.still(model)
    x = found["points"].double() / 255 * 12 - 6
    truth = RADIUS * model.sample(120, generator=seeded(1)).double()
    assert (x - truth.clamp(-6, 6)).abs().max() <= 6 / 255 + 1e-6
    assert found["points"].dtype == found["scores"].dtype == torch.uint8
    low, high = found["range"].double()
    assert found["scores"].min() == 0
    assert found["scores"].max() == 255
    at = torch.tensor([[ring.REACH / 8 * 3, -ring.REACH / 8 * 5]])  # column 11, row 3
    with torch.no_grad():
        score = model.critic(at / RADIUS).item()
    near = low + found["scores"][3, 11].double() / 255 * (high - low)
    assert near.item() == pytest.approx(score, abs=(high - low).item() / 255 + 1e-3)


def test_a_film_begins_before_training_and_ends_with_it(float32):
    """Kills: frames of other epochs, a start that was trained."""
    game = GAMES["non-saturating"]
    found = ring.film(game, 1e-3, 1e-3, frames=(0, 1))
    _, start = fresh(game, generator=seeded(0))
    assert torch.equal(found["points"][0], ring.still(start)["points"])
    assert not torch.equal(found["points"][1], found["points"][0])
    assert found["scores"].shape == (2, 17, 17)


def test_the_file_in_the_book_is_that_film(float32):
    """The first two frames of two games, played again. Kills: choices in another order."""
    arrays = ring.load()
    assert arrays["points"].shape == (4, 2, 2, 7, 120, 2)
    assert arrays["epochs"].tolist() == list(ring.FRAMES)
    for loss, rates, steps in ((0, 1, 1), (1, 0, 0)):
        game = GAMES[ring.LOSSES[loss]]._replace(critic_steps=ring.STEPS[steps])
        pair = list(ring.RATES.values())[rates]
        again = ring.film(game, *pair, frames=(0, 1))
        for name in ("points", "scores"):
            apart = arrays[name][loss, rates, steps, :2].double() - again[name].double()
            assert apart.abs().max() <= 2
    assert ring.WEIGHTS.stat().st_size <= 150_000
    text = ring.WEIGHTS.read_text(encoding="utf-8")
    assert "benchmarks.studies.ring" in text[: text.index("*/")].replace("\n", " ")
