"""The front page quotes the numbers that tools/figures/three_models.py computes today."""

import re
from pathlib import Path

import numpy as np

from coursepkg.data.digits import load_split
from tools.figures import three_models

ROOT = Path(__file__).parents[2]


def tables():
    train, valid, test = (part.numpy() for part in load_split())
    return three_models.models(train), valid, test


def test_each_model_is_normalised_in_every_pixel():
    """Kills: normalising over pixels; with that, comparing the models means nothing."""
    for log_p in tables()[0].values():
        assert log_p.shape == (64, 17)
        np.testing.assert_allclose(np.exp(log_p).sum(1), 1, rtol=1e-12)


def test_surprise_is_the_sum_over_the_pixels():
    """Against a slow loop. Kills: a mean, or one pixel's table used for another."""
    models, _, test = tables()
    log_p = models["64 histograms"]
    slow = [-sum(log_p[d, level] for d, level in enumerate(image)) for image in test[:5]]
    np.testing.assert_allclose(three_models.surprise(test[:5], log_p), slow, rtol=1e-12)


def test_the_front_page_quotes_the_numbers_of_the_figure():
    models, _, test = tables()
    pictures = three_models.pictures(test, models["64 histograms"], np.random.default_rng(0))
    values = [three_models.surprise(np.stack(list(pictures.values())), p) for p in models.values()]
    text = (ROOT / "book" / "intro.md").read_text("utf8")
    alt = next(line for line in text.splitlines() if line.startswith(":alt:"))
    assert set(re.findall(r"\d+\.\d", alt)) == {f"{v:.1f}" for v in np.concatenate(values)}


def test_how_to_use_quotes_the_means_of_validation_and_test():
    models, valid, test = tables()
    text = (ROOT / "book" / "how-to-use.md").read_text("utf8")
    on_valid, on_test = (three_models.surprise(x, models["64 histograms"]) for x in (valid, test))
    error = on_test.std(ddof=1) / np.sqrt(len(on_test))
    assert f"{on_valid.mean():.1f} nats there and\n{on_test.mean():.1f} on test" in text
    assert f"`= {on_test.mean():.2f} ± {error:.2f}`" in text
