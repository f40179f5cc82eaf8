"""The PixelCNN of chapter 10's live figure: one masked stack, small enough for a page.

    python -m benchmarks.live.pixels

trains for some two CPU minutes and writes `book/live/pixels-weights.js`: the weights in half
precision, and one test image of each digit. What is written is what is scored.
"""

import textwrap
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.leaderboard.entries.pixelcnn import TOLD, D, trained
from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import provenance
from coursepkg.data.digits import LEVELS, SHAPE, load_labels, load_split
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.rng import seeded

# seven windows of 3×3 reach seven pixels far: all that is out of sight in 8×8 is the blind spot
SIZES = {"embedding": 4, "channels": 28, "window": 3, "blocks": 6}
DROPOUT = 0.05  # chosen on validation: 85.4 nats, and 86.8 with 0.2
WEIGHTS = LIVE / "pixels-weights.js"


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
) -> None:
    """Trains, scores, and writes the weights."""
    torch.set_num_threads(1)
    start, split, generator = time.process_time(), load_split(), seeded(0)
    net = network(conditions=TOLD, dropout=DROPOUT)
    trained(net, split, generator=generator, quick=quick)
    seconds = time.process_time() - start
    state = {  # a mask is bool, which JSON's arrays are not; the images are told nothing
        name: value.to(torch.float16 if value.is_floating_point() else torch.uint8)
        for name, value in net.state_dict().items()
        if name != "given.weight"
    }
    model = model_of(state)
    valid, test = nats(model, split.valid), nats(model, split.test)
    made = provenance()
    comment = (
        f"A PixelCNN of the 8×8 digits ({SIZES}), in half precision, and a test image of each "
        f"digit; exactly {valid.value:.2f} nats an image on validation, {test.value:.2f} "
        f"(± {test.error_data:.2f}) on test. Trained for {seconds:.0f} CPU seconds by "
        f"`{made['command']}`, torch {made['torch']}, {made['cpu']}, commit {made['commit'][:12]}, "
        f"{made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, {**state, **pictures()}, textwrap.fill(comment, 100))


def network(conditions: int = 0, dropout: float = 0.0) -> PixelCNN:
    """The untrained network."""
    return PixelCNN(
        SHAPE, levels=LEVELS, conditions=conditions, dropout=dropout, generator=seeded(0), **SIZES
    )


def model_of(state: dict[str, torch.Tensor]) -> CachedARM:
    """The model with these weights, in eval mode."""
    net = network()
    net.load_state_dict(state)
    return CachedARM(net, dim=D, levels=LEVELS).eval()


def pictures() -> dict[str, torch.Tensor]:
    """The first test image of each digit 0 to 9, (10, 64)."""
    x, y = load_split().test, load_labels().test
    first = [int((y == digit).nonzero()[0]) for digit in range(10)]
    return {"digits": x[first].to(torch.uint8)}


def load(path: Path = WEIGHTS) -> tuple[CachedARM, torch.Tensor]:
    """The model that the figure shows, in eval mode, and its test images, (10, 64) levels."""
    arrays = read_weights(path)
    digits = arrays.pop("digits").long()
    return model_of(arrays), digits


if __name__ == "__main__":
    typer.run(main)
