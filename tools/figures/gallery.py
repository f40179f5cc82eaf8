"""Draws book/images/gallery-*.png: what the trained models of the package draw, not selected.

Run: python -m tools.figures.gallery
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.nn.functional import one_hot

import coursepkg
from coursepkg.data.audio import RATE, VOWELS, mu_law_decode
from coursepkg.data.captions import count_words
from coursepkg.plotting import COLOURS, image_grid, use_style
from coursepkg.rng import seeded
from tools.figures.still import save

IMAGES, RING = Path("book/images/gallery-images.png"), Path("book/images/gallery-ring.png")
ORDER = "a bold {}, leaning right"
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ROWS = ("diffusion", "distilled", "captions", "gan", "pixelcnn", "vae", "plane", "realnvp")


@torch.no_grad()
def images(name: str) -> Tensor:
    """Ten draws of 28×28 pixels, from 0 to 1; of the ten classes in turn, if it is told."""
    model, generator = coursepkg.load(name), seeded(1)
    told = one_hot(torch.arange(10), 10).to(torch.get_default_dtype())
    if name == "captions":
        told = count_words([ORDER.format(digit) for digit in DIGITS]).to(told)
    if name in {"vae", "plane", "realnvp"}:
        drawn: Tensor = model.sample(10, generator=generator)
        return drawn / (1 if name == "plane" else 255)
    drawn = model.sample(10, condition=told, generator=generator)
    if name == "pixelcnn":  # four pixels for one
        large = drawn.view(10, 14, 14).repeat_interleave(2, 1).repeat_interleave(2, 2)
        return large.flatten(1) / 15
    return (drawn + 1) / 2


def draw_images(path: Path) -> None:
    """A row of each model of images."""
    figure, ax = plt.subplots(figsize=(6.3, 4.9))
    rows = torch.cat([images(name).to(torch.get_default_dtype()) for name in ROWS])
    image_grid(rows, ax=ax, columns=10, shape=(28, 28), high=1, captions=ROWS)
    save(figure, path)


@torch.no_grad()
def draw_ring(path: Path) -> None:
    """The flow on a ring and its students; and a vowel of each class, forty milliseconds."""
    figure, axes = plt.subplot_mosaic([[*"abcdef"], ["wave"] * 6], figsize=(6.3, 3.0))
    for place, (name, sampler) in zip("abcdef", coursepkg.load("few_steps").items(), strict=True):
        x = sampler.sample(1000, generator=seeded(2))
        axes[place].plot(*x.T, ".", color=COLOURS["samples"], markersize=1)
        axes[place].set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xticks=[], yticks=[], xlabel=name,
                        aspect="equal")  # fmt: skip
    told = torch.eye(len(VOWELS))
    sound = mu_law_decode(coursepkg.load("wavenet").sample(5, condition=told, generator=seeded(3)))
    for k, (vowel, wave) in enumerate(zip(VOWELS, sound[:, 400:720], strict=True)):
        t = torch.arange(320) / RATE * 1000 + 45 * k
        axes["wave"].plot(t, wave / wave.abs().max(), color=COLOURS["samples"], linewidth=0.7)
        axes["wave"].text(45 * k + 20, 1.2, vowel, ha="center")
    axes["wave"].set(xticks=[], yticks=[], ylim=(-1.2, 1.6), xlabel="40 milliseconds each")
    save(figure, path)


def main(say: Callable[[str], object] = print) -> None:
    """Draws both figures."""
    use_style()
    draw_images(IMAGES)
    draw_ring(RING)
    say(f"wrote {IMAGES} and {RING}")


if __name__ == "__main__":
    main()
