"""Draws book/live/mcmc.png, which stands where the live figure of chapter 4 cannot run.

A random walk of the package on the banana: the plane with what was accepted and refused, and
the trace of x_1. Run: python -m tools.figures.live_mcmc
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from coursepkg.data import Banana
from coursepkg.plotting import COLOURS, use_style
from coursepkg.rng import seeded
from coursepkg.samplers import RandomWalk, ess_mean, run
from tools.figures.still import save

TARGET = Path("book/live/mcmc.png")
STEPS, STEP_SIZE, START = 2000, 0.8, (-4.0, 6.5)


def walk() -> tuple[Tensor, Tensor, Tensor]:
    """The chain (T, 2), all its proposals (T, 2), and which were accepted (T,)."""
    law, asked = Banana(), []

    def log_density(x: Tensor) -> Tensor:
        asked.append(x)
        return law.log_prob(x)

    start = torch.tensor([START], dtype=torch.float64)
    draws = run(RandomWalk(log_density, STEP_SIZE), start, steps=STEPS, generator=seeded(0))
    proposals = torch.cat(asked[1:])  # the first is the start
    return draws.x[:, 0], proposals, draws.info.moved[:, 0]


def draw(x: Tensor, proposals: Tensor, moved: Tensor, path: Path) -> None:
    """Writes the two panels."""
    figure, (plane, trace) = plt.subplots(1, 2)
    axes = torch.linspace(-5.5, 5.5, 200), torch.linspace(-5, 13, 200)
    points = torch.stack(torch.meshgrid(*axes, indexing="xy"), -1)
    height = Banana().log_prob(points.reshape(-1, 2)).reshape(200, 200)
    levels = height.max() - torch.tensor([8, 4.5, 2, 0.5])
    plane.contour(*axes, height, levels, colors="0.7", linestyles="solid", linewidths=0.8)
    plane.plot(*x[-100:].T, color=COLOURS["samples"], linewidth=0.6, alpha=0.6)
    plane.plot(*x.T, ".", color=COLOURS["samples"], markersize=3, alpha=0.4)
    plane.plot(*proposals[~moved][-100:].T, "x", color=COLOURS["data"], markersize=3, alpha=0.5)
    plane.plot(*x[-1], "o", color=COLOURS["samples"], markeredgecolor=COLOURS["data"], markersize=7)
    plane.set(xlabel="$x_1$", ylabel="$x_2$")
    trace.plot(x[:, 0], color=COLOURS["samples"], linewidth=0.8)
    trace.axhline(0, color=COLOURS["data"], linestyle="dashed", linewidth=1)
    trace.set(xlabel="step", ylabel="$x_1$", xlim=(0, len(x)), ylim=(-5.5, 5.5))
    save(figure, path)


def main(say: Callable[[str], object] = print) -> None:
    """Draws the figure and prints what its caption may quote."""
    use_style()
    x, proposals, moved = walk()
    draw(x, proposals, moved, TARGET)
    worth = ess_mean(x[:, None]).tolist()
    say(
        f"{STEPS} steps, {moved.double().mean():.0%} accepted, {worth[0]:.1f} effective draws of x1"
    )
    say(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
