"""The frames of chapter 18's live figure: ten classes from a few noises, at weights of guidance.

    python -m benchmarks.live.guidance

trains nothing: it takes the network that `python -m benchmarks.gallery.diffusion` trained, draws
every class from the same noises at seven of the weights that `python -m
benchmarks.studies.guided_mnist` measured, and writes to `book/live/guidance-weights.js` the
pictures, in 16 grey levels, two pixels a byte; the digit that the judge reads in each; and what was
measured of many draws.
"""

import json
import textwrap
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks.gallery.diffusion import published
from benchmarks.gallery.judge import trained
from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import RESULTS, provenance
from benchmarks.studies.guided_mnist import MEASURES, guided
from coursepkg.gallery.images import CLASSES, SIDE
from coursepkg.rng import seeded

FILE = LIVE / "guidance-weights.js"
WEIGHTS = (0.0, 1.0, 1.25, 1.5, 2.0, 3.0, 8.0)
NOISES, GREYS = 4, 15


def main(
    quick: Annotated[bool, typer.Option(help="two weights; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the frames")] = None,
) -> None:
    """Draws every frame and writes all."""
    torch.set_num_threads(1)
    weights, made = WEIGHTS[:2] if quick else WEIGHTS, provenance()
    arrays = {**frames(weights), **measures(weights)}
    comment = (
        f"Digits of a diffusion of MNIST: ten classes from {NOISES} noises, with guidance of "
        f"weights {', '.join(f'{w:g}' for w in weights)}. Trained by `python -m "
        "benchmarks.gallery.diffusion`, measured by `python -m benchmarks.studies.guided_mnist`; "
        f"written by `{made['command']}`, torch {made['torch']}, {made['cpu']}, commit "
        f"{made['commit'][:12]}, {made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / FILE.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, arrays, textwrap.fill(comment, 100))


@torch.no_grad()
def frames(weights: tuple[float, ...]) -> dict[str, Tensor]:
    """Pictures (W, 4, 10, 392), two pixels a byte, and what the judge reads, (W, 4, 10)."""
    net, judge = published(), trained()
    told = one_hot(torch.arange(CLASSES), CLASSES).float().repeat(NOISES, 1)
    z = torch.randn(NOISES, SIDE**2, generator=seeded(6), dtype=torch.float32)
    drawn = [guided(net, z.repeat_interleave(CLASSES, 0), told, w) for w in weights]
    shape = (NOISES, CLASSES)
    return {
        "pictures": torch.stack([packed(x).unflatten(0, shape) for x in drawn]),
        "read": torch.stack([judge.read(x).to(torch.uint8).view(shape) for x in drawn]),
    }


def packed(x: Tensor) -> Tensor:
    """Pixels from -1 to 1, (N, 784), as levels 0 to 15: two a byte, the left one times 16."""
    level = ((x + 1) / 2 * GREYS).round().to(torch.uint8)
    return 16 * level[:, ::2] + level[:, 1::2]


def unpacked(byte: Tensor) -> Tensor:
    """What `packed` made of pixels, (..., 392), as levels (..., 784)."""
    return torch.stack([byte // 16, byte % 16], dim=-1).flatten(-2)


def measures(weights: tuple[float, ...]) -> dict[str, Tensor]:
    """Of each weight (W,) what was measured, (W, 4): read as asked, and the rest; floors (3,)."""
    rows = json.loads((RESULTS / "guided_mnist.json").read_text("utf8"))["rows"]
    found = {row["weight"]: row for row in rows if "weight" in row}
    table = [[found[w]["read"], *(found[w][name]["value"] for name in MEASURES)] for w in weights]
    return {
        "weights": torch.tensor(weights, dtype=torch.float32),
        "measures": torch.tensor(table, dtype=torch.float32),
        "floors": torch.tensor(
            [rows[-1]["floor"][name]["mean"] for name in MEASURES], dtype=torch.float32
        ),
    }


def load(path: Path = FILE) -> dict[str, Tensor]:
    """What the file holds."""
    return read_weights(path)


if __name__ == "__main__":
    typer.run(main)
