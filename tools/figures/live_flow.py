"""Draws book/live/flow.png, which stands where the live figure of chapter 12 cannot run.

Noise on its way to the two moons along the mean velocity, known exactly, and straight lines to the
same ends. Run: python -m tools.figures.live_flow
"""

import math
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from coursepkg.models.flows import Continuous, straightness
from coursepkg.plotting import COLOURS, use_style
from coursepkg.rng import seeded
from tools.figures.still import save

TARGET = Path("book/live/flow.png")
BLUR, COUNT, POINTS = 0.2, 120, 40


def moons() -> Tensor:
    """The places of the figure's first law, (48, 2)."""
    angle = (torch.arange(24) + 0.5) * math.pi / 24
    upper = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    shift = torch.tensor([1.0, 0.5])
    return torch.cat([upper - shift, shift - upper])


def velocity(x: Tensor, t: Tensor) -> Tensor:
    """E[x_1 - x_0 | x_t = x] for normal hills of deviation BLUR around the places, (B, 2)."""
    t, places = t[:, None, None], moons()
    spread = (1 - t) ** 2 + t**2 * BLUR**2
    away = x[:, None] - t * places  # (B, 48, 2)
    share = (-away.square().sum(2, keepdim=True) / (2 * spread)).softmax(1)
    return (share * (places + (t * BLUR**2 - (1 - t)) / spread * away)).sum(1)


def draw(path: Tensor, file: Path) -> None:
    """Writes the two panels; `path` is (POINTS + 1, COUNT, 2)."""
    figure, axes = plt.subplots(1, 2, sharey=True)
    for ax, way in zip(axes, (path, path[[0, -1]]), strict=True):
        ax.plot(way[..., 0], way[..., 1], color=COLOURS["latent"], linewidth=0.6)
        ax.plot(*moons().T, "o", color=COLOURS["samples"], fillstyle="none", markersize=4)
        ax.plot(*way[-1].T, ".", color=COLOURS["data"], markersize=3)
        ax.set(xlabel="$x_1$", xlim=(-4, 4), ylim=(-4, 4))
    axes[0].set_ylabel("$x_2$")
    save(figure, file)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints how straight its paths are."""
    use_style()
    flow = Continuous(velocity, dim=2, steps=1)  # type: ignore[arg-type]  # a field without weights
    z = torch.randn(COUNT, 2, generator=seeded(0))
    draw(flow.path(z, points=POINTS), TARGET)
    say(f"S = {straightness(flow, z, points=50).mean():.2f}")
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
