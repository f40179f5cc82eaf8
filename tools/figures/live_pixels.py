"""Draws book/live/pixels.png, which stands where the live figure of chapter 10 cannot run.

The figure's own network and one of its test images: what comes after the chosen pixel is covered,
what the network cannot see is crossed; the conditional of that pixel; the surprise of all.
Run: python -m tools.figures.live_pixels
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from benchmarks.live.pixels import load
from coursepkg.data.digits import LEVELS, SHAPE
from coursepkg.nets.causality import dependence
from coursepkg.plotting import COLOURS, image_grid, use_style
from coursepkg.rng import seeded
from tools.figures.still import save

TARGET = Path("book/live/pixels.png")
DIGIT, PIXEL = 5, 25


def outline(ax: Axes, d: int, colour: str) -> None:
    """Frames pixel d of an image."""
    i, j = divmod(d, SHAPE[1])
    ax.add_patch(Rectangle((j, i), 1, 1, fill=False, color=colour, linewidth=2))


def draw(x: Tensor, log_p: Tensor, unseen: list[int], path: Path) -> None:
    """Writes the three panels: x (64,), log_p (64, 17)."""
    figure, (image, bars, surprise) = plt.subplots(
        1, 3, figsize=(6.3, 2), gridspec_kw={"width_ratios": [1, 1.3, 1.2]}
    )
    covered = x.double().masked_fill(torch.arange(len(x)) > PIXEL, torch.nan)
    image_grid(covered[None], ax=image, shape=SHAPE, high=LEVELS - 1)
    rows, columns = torch.tensor(unseen) // SHAPE[1], torch.tensor(unseen) % SHAPE[1]
    image.plot(columns + 0.5, rows + 0.5, "x", color="white", markersize=6, markeredgewidth=1.5)
    outline(image, PIXEL, COLOURS["model"])
    colours = [COLOURS["model"]] * LEVELS
    colours[x[PIXEL]] = COLOURS["data"]
    bars.bar(range(LEVELS), log_p[PIXEL].exp(), color=colours)
    bars.set(xlabel="level of this pixel", ylabel="probability")
    values = -log_p[range(len(x)), x].view(SHAPE)
    ramp = LinearSegmentedColormap.from_list("surprise", ["white", COLOURS["samples"]])
    limits = {"vmin": 0, "vmax": max(5.0, float(values.max()))}
    shown = surprise.imshow(values, cmap=ramp, extent=(0, SHAPE[1], SHAPE[0], 0), **limits)
    outline(surprise, PIXEL, COLOURS["data"])
    surprise.set(xticks=[], yticks=[])
    surprise.spines[:].set_visible(True)
    figure.colorbar(shown, ax=surprise, label="surprise in nats")
    save(figure, path)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints what its caption may quote."""
    use_style()
    model, digits = load()
    x = digits[DIGIT]
    slope = dependence(model.net, dim=len(x), levels=LEVELS, generator=seeded(0))[PIXEL, :PIXEL]
    unseen = (slope == 0).nonzero().flatten().tolist()
    with torch.no_grad():
        log_p = model.net(x[None])[0].log_softmax(-1)
    draw(x, log_p, unseen, TARGET)
    here = -log_p[PIXEL, x[PIXEL]]
    say(f"{-model.log_prob(x[None]).item():.1f} nats, {here:.2f} of pixel {PIXEL}; "
        f"{len(unseen)} pixels before it are out of sight")  # fmt: skip
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
