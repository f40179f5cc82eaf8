"""The frames of chapter 17's live figure: films of digits run backwards by a small U-Net.

    python -m benchmarks.live.film

trains the chapter's network, wider and for longer, finds the best levels for its steps, runs films
backwards, and writes z, the guess of the picture at every frame, and the picture at the end to
`book/live/film-weights.js`.
"""

import textwrap
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import provenance
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, load_split
from coursepkg.models.diffusion import (
    Diffusion,
    LevelDenoiser,
    LogisticSchedule,
    NoiseChain,
    SimpleLoss,
    best_levels,
    betas_of,
    profile,
)
from coursepkg.nets import Headed, LevelHead, UNet
from coursepkg.rng import seeded

WEIGHTS = LIVE / "film-weights.js"
D, CHANNELS, FILMS, DIGITS, FRAMES = 64, 8, 2, 10, 32
REACH = 2.0  # z beyond it is shown as it


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the frames")] = None,
) -> None:
    """Trains, and writes the frames."""
    torch.set_num_threads(1)
    model = trained(hidden=8 if quick else 24, epochs=1 if quick else 120)
    arrays = films(model)
    made = provenance()
    comment = (
        f"Digits drawn by a diffusion model in {FRAMES} steps: z and the guess of the picture at "
        f"each frame, {FILMS} films of {DIGITS} digits, and what was drawn. Written by "
        f"`{made['command']}`, torch {made['torch']}, {made['cpu']}, commit {made['commit'][:12]}, "
        f"{made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, arrays, textwrap.fill(comment, 100))


def trained(*, hidden: int, epochs: int) -> Diffusion:
    """The chapter's network and loss; at its end the chain of the best levels for its steps."""
    split = load_split()
    counts = torch.nn.functional.one_hot(split.train, LEVELS).sum(0) + 0.3
    head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
    head.start_from((counts / counts.sum(1, keepdim=True)).log())
    unet = UNet((1, *SHAPE), CHANNELS, hidden=hidden, dropout=0.1, generator=seeded(0))
    denoiser = LevelDenoiser(Headed(unet, head), dim=D, levels=LEVELS)
    spread = LogisticSchedule(most=10.0, least=-7.0, centre=2.0, scale=2.0)
    chain = NoiseChain(betas_of(spread(torch.linspace(0, 1, 1000, dtype=torch.float64))))
    model = Diffusion(denoiser, chain)
    one_cycle(SimpleLoss(model), split.train, valid=None, epochs=epochs, batch_size=50, rate=5e-3,
              decay=0.01, generator=seeded(1))  # fmt: skip
    model.eval()
    paid = profile(denoiser, split.valid, torch.linspace(10, -7, 171), generator=seeded(2))
    return Diffusion(denoiser, NoiseChain(betas_of(best_levels(paid, FRAMES)))).eval()


@torch.no_grad()
def films(model: Diffusion) -> dict[str, Tensor]:
    """z and guesses (films, frames, digits, 64) in 256 shades, levels drawn, and each frame's λ."""
    path = model.path(FILMS * DIGITS, generator=seeded(3))
    log_snr = model.chain.log_snr.flip(0).to(path[0])
    outputs = [
        model.denoiser(z, level.expand(len(z))) for z, level in zip(path, log_snr, strict=True)
    ]
    guesses = [model.denoiser.mean(output) for output in outputs]
    drawn = model.denoiser.draw(outputs[-1], generator=seeded(4))
    return {
        "noisy": shades(torch.stack(path), REACH).unflatten(1, (FILMS, DIGITS)).movedim(1, 0),
        "guess": shades(torch.stack(guesses), 1.0).unflatten(1, (FILMS, DIGITS)).movedim(1, 0),
        "drawn": drawn.to(torch.uint8).unflatten(0, (FILMS, DIGITS)),
        "level": log_snr.float(),
    }  # fmt: skip


def shades(x: Tensor, reach: float) -> Tensor:
    """Numbers from -reach to reach as a byte each; what lies beyond is put on the edge."""
    return (255 * (x / reach + 1) / 2).round().clamp(0, 255).to(torch.uint8).contiguous()


def load(path: Path = WEIGHTS) -> dict[str, Tensor]:
    """What the file holds."""
    return read_weights(path)


if __name__ == "__main__":
    typer.run(main)
