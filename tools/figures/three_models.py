"""Draws book/images/three-models.svg: what three models of the digits can tell apart.

The models are the simplest that have an exact probability: every image alike, one histogram of
grey levels for all pixels, and one histogram for each pixel. Their numbers on all
validation and test images are printed beside those of the four pictures.
Run: python -m tools.figures.three_models
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from coursepkg.data.digits import LEVELS, load_split
from coursepkg.files import replacing

Array = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]

TARGET = Path("book/images/three-models.svg")
SMOOTHING = 0.3  # pseudo-count per level; the best of 0.01, 0.1, 0.3 and 1 on the validation images


def log_frequencies(x: Levels, *, smoothing: float) -> Array:
    """Log of the smoothed frequency of every level in each column of x (N, D): (D, K)."""
    counts = np.stack([(x == k).sum(0) for k in range(LEVELS)], axis=1) + smoothing
    return np.asarray(np.log(counts / counts.sum(1, keepdims=True)))


def surprise(x: Levels, log_p: Array) -> Array:
    """-log p(x), nats, of images (B, D) whose pixels are independent with laws log_p (D, K)."""
    return np.asarray(-np.take_along_axis(log_p[None], x[..., None], axis=2).sum((1, 2)))


def models(train: Levels) -> dict[str, Array]:
    """The three models as tables of log-probabilities, (D, K) each."""
    D = train.shape[1]
    pooled = log_frequencies(train.reshape(-1, 1), smoothing=SMOOTHING)
    return {
        "all alike": np.full((D, LEVELS), -np.log(LEVELS)),
        "one histogram": np.repeat(pooled, D, axis=0),
        "64 histograms": log_frequencies(train, smoothing=SMOOTHING),
    }


def pictures(test: Levels, log_p: Array, random: np.random.Generator) -> dict[str, Levels]:
    """The first test image and three that are no digits, (D,) each."""
    digit = test[0]
    gumbel = random.gumbel(size=log_p.shape)  # argmax of log p + Gumbel noise is a draw from p
    return {
        "test image": digit,
        "its pixels\nshuffled": random.permutation(digit),
        "noise": random.integers(LEVELS, size=len(digit)),
        "drawn from\nlast model": (log_p + gumbel).argmax(1),
    }


def draw(images: dict[str, Levels], rows: dict[str, Array], path: Path) -> None:
    """Writes the pictures with their numbers, one row of numbers a model, as SVG."""
    figure, axes = plt.subplots(1, len(images), figsize=(4.5, 2.1))
    figure.subplots_adjust(left=0.24, right=0.99, top=0.83, bottom=0.32, wspace=0.15)
    for i, (ax, (name, image)) in enumerate(zip(axes, images.items(), strict=True)):
        ax.imshow(image.reshape(8, 8), cmap="gray", vmin=0, vmax=LEVELS - 1)
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 1.05, name, transform=ax.transAxes, ha="center", va="bottom")
        for j, (model, values) in enumerate(rows.items()):
            y = -0.22 - 0.27 * j
            ax.text(0.5, y, f"{values[i]:.1f}", transform=ax.transAxes, ha="center", va="center")
            if i == 0:
                ax.text(-1.36, y, model, transform=ax.transAxes, va="center", color="#0072B2")
    axes[0].text(-1.36, 0.5, "−log p(x)\nin nats", transform=axes[0].transAxes, va="center")
    with replacing(path) as new:
        figure.savefig(new, format="svg", metadata={"Date": None})
    plt.close(figure)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints its numbers."""
    train, valid, test = (part.numpy() for part in load_split())
    tables = models(train)
    images = pictures(test, tables["64 histograms"], np.random.default_rng(0))
    stacked = np.stack(list(images.values()))
    rows = {name: surprise(stacked, log_p) for name, log_p in tables.items()}
    for name, log_p in tables.items():
        shown = "  ".join(f"{v:6.1f}" for v in rows[name])
        means = " / ".join(f"= {surprise(part, log_p).mean():.1f}" for part in (valid, test))
        say(f"{name:>14}: {shown}   all of validation / test: {means}")
    with plt.rc_context({"font.size": 9, "font.family": "DejaVu Sans", "svg.hashsalt": "course"}):
        draw(images, rows, TARGET)
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
