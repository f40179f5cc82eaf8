"""A flow of MNIST at two scales: 28×28 pixels of 256 grey levels.

    python -m benchmarks.gallery.realnvp

trains for some ten CPU minutes and writes `coursepkg/weights/realnvp.pt`, a `state_dict` of the
couplings in half precision, and `benchmarks/results/gallery-realnvp.json`: the sizes of the flow,
and bounds on this course's own split of the images.
"""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.gallery.publish import publish
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.gallery.images import REALNVP, SMOOTHING, D, couplings, of_levels
from coursepkg.rng import seeded

DRAWS = 8


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 36,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start, split = time.process_time(), load_mnist()
    size = 60 if quick else 500
    if quick:
        split = Split(*(part[:size] for part in split))
    flow = couplings(generator=seeded(0))
    model = of_levels(flow, split.train)
    one_cycle(
        model, split.train, valid=split.valid, epochs=1 if quick else epochs, batch_size=50,
        rate=2e-3, decay=0.05, ema=0.995, clip=10.0, generator=seeded(1),
    )  # fmt: skip
    row: dict[str, Any] = {**REALNVP, "smoothing": SMOOTHING, "weights": DRAWS}
    row |= {"cpu_seconds": time.process_time() - start}
    bound = ImportanceBound(model, DRAWS)
    scores = {
        name: partial(nats, scored, part[:size], generator=seeded(2), batch_size=50)
        for name, scored, part in (
            ("train", model, split.train), ("valid", model, split.valid),
            ("test", model, split.test), ("test_weighted", bound, split.test),
        )
    }  # fmt: skip
    publish("realnvp", flow, row, scores, dim=D, quick=quick, out=out)


if __name__ == "__main__":
    typer.run(main)
