"""Draws book/live/plane.png, which stands where the live figure of chapter 14 cannot run.

The figure's own plane of codes, a point of it, and what the decoder makes of the point.
Run: python -m tools.figures.live_plane
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Circle
from torch import Tensor

from benchmarks.live.plane import load, trained
from coursepkg.data.mnist import MNIST_SHAPE
from coursepkg.plotting import COLOURS, image_grid, use_style
from tools.figures.still import save

TARGET = Path("book/live/plane.png")
POINT, REACH = (-1.6, 2.0), 3.5


def draw(codes: Tensor, labels: Tensor, image: Tensor, path: Path) -> None:
    """Writes the two panels: codes (N, 2) with their digits, image (784,) between 0 and 1."""
    figure, (plane, decoded) = plt.subplots(1, 2, figsize=(6.3, 3.1))
    for radius in (1, 2, 3):
        plane.add_patch(Circle((0, 0), radius, fill=False, color=COLOURS["prior"]))
    for (a, b), digit in zip(codes.tolist(), labels.tolist(), strict=True):
        if max(abs(a), abs(b)) < REACH:
            plane.text(a, b, str(digit), color=COLOURS["latent"], fontsize=5, ha="center",
                       va="center")  # fmt: skip
    plane.plot(*POINT, "o", markersize=9, fillstyle="none", color=COLOURS["samples"],
               markeredgewidth=2)  # fmt: skip
    plane.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="z₁", ylabel="z₂", aspect="equal")
    image_grid(image[None], ax=decoded, shape=MNIST_SHAPE, high=1)
    save(figure, path)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints what its caption may quote."""
    use_style()
    arrays, model = load(), trained()
    with torch.no_grad():
        p = model.likelihood.mean(model.decode(torch.tensor([POINT], dtype=torch.float32)))[0]
    draw(arrays["codes"].float(), arrays["labels"], p, TARGET)
    inside = (arrays["codes"].abs() < REACH).all(1).sum().item()
    say(
        f"{p.sum():.0f} pixels of ink expected; {inside} of {len(p) and len(arrays['codes'])} codes"
    )
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
