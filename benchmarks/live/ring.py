"""The frames of chapter 15's live figure: generator's points and critic's field on the ring.

    python -m benchmarks.live.ring

plays games of the study `benchmarks.studies.ring` with its own settings, one seed each, for each
choice of loss, pair of learning rates and critic steps, and writes what was seen after some epochs
to `book/live/ring-weights.js`: points of the generator, from the same noise in every frame, and the
critic's scores on a grid, each frame's from its lowest to its highest in 256 levels.
"""

import textwrap
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import provenance
from benchmarks.studies import ring
from benchmarks.studies.ring import GAMES, RADIUS, RATES, Game
from coursepkg.models.gan.adversarial import GAN
from coursepkg.rng import seeded

WEIGHTS = LIVE / "ring-weights.js"
LOSSES = ("non-saturating", "least squares", "Wasserstein, unit slope",
          "relativistic, both penalties")  # fmt: skip
STEPS = (1, 5)
FRAMES = (0, 1, 3, 6, 12, 24, 36)  # epochs
POINTS, GRID, REACH, LEVELS = 120, 17, 6.0, 255


def main(
    quick: Annotated[bool, typer.Option(help="play for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the frames")] = None,
) -> None:
    """Plays every game and writes its frames."""
    torch.set_num_threads(1)
    frames = tuple(range(len(FRAMES))) if quick else FRAMES
    found = [
        film(GAMES[loss]._replace(critic_steps=steps), *rates, frames=frames)
        for loss in LOSSES for rates in RATES.values() for steps in STEPS
    ]  # fmt: skip
    shape = (len(LOSSES), len(RATES), len(STEPS), len(frames))
    arrays = {
        name: torch.stack([each[name] for each in found]).unflatten(0, shape[:3])
        for name in found[0]
    }
    arrays["epochs"] = torch.tensor(frames, dtype=torch.uint8)
    made = provenance()
    comment = (
        f"Adversarial pairs on the ring of eight Gaussians: losses ({', '.join(LOSSES)}), pairs of "
        f"learning rates ({', '.join(RATES)}) and critic steps {STEPS}, after epochs {frames}, as "
        f"`python -m benchmarks.studies.ring` plays them, one seed. Written by `{made['command']}`,"
        f" torch {made['torch']}, {made['cpu']}, commit {made['commit'][:12]}, {made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, arrays, textwrap.fill(comment, 100))


def film(game: Game, critic: float, forger: float, *, frames: tuple[int, ...]) -> dict[str, Tensor]:
    """Points (F, 120, 2), scores (F, 17, 17) and the range of these (F, 2), of one game."""
    seen: list[dict[str, Tensor]] = []
    epoch = [0]

    def look(model: GAN) -> None:
        epoch[0] += 1
        if epoch[0] in frames:
            seen.append(still(model))

    seen.append(still(ring.fresh(game, generator=seeded(0))[1]))
    ring.trained(
        game, critic, forger, epochs=max(frames), generator=seeded(0), monitor=look,
    )  # fmt: skip
    return {name: torch.stack([each[name] for each in seen]) for name in seen[0]}


@torch.no_grad()
def still(model: GAN) -> dict[str, Tensor]:
    """One frame: what the generator makes of fixed noise, and what the critic says of a grid."""
    x = RADIUS * model.sample(POINTS, generator=seeded(1))
    scores: Any = model.critic(grid() / RADIUS).view(GRID, GRID)
    low, high = scores.min(), scores.max()
    share = (scores - low) / (high - low).clamp_min(1e-9)
    return {
        "points": levels((x + REACH) / (2 * REACH)), "scores": levels(share),
        "range": torch.stack([low, high]).clamp(-6e4, 6e4).half(),
    }  # fmt: skip


def grid() -> Tensor:
    """Places of the scores, (289, 2): rows of one x₂, from the lowest on."""
    side = torch.linspace(-REACH, REACH, GRID)
    x2, x1 = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([x1.flatten(), x2.flatten()], dim=1)


def levels(share: Tensor) -> Tensor:
    """Shares 0 to 1 as a byte each; what lies beyond is put on the edge."""
    return (LEVELS * share).round().clamp(0, LEVELS).to(torch.uint8)


def load(path: Path = WEIGHTS) -> dict[str, Tensor]:
    """What the file holds: points and scores as bytes, the scores' ranges, and the epochs."""
    return read_weights(path)


if __name__ == "__main__":
    typer.run(main)
