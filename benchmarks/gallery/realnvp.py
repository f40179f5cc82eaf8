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
from coursepkg.data.mnist import MNIST_LEVELS, load_mnist
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows.chain import Chain, StandardNormal
from coursepkg.models.flows.elementwise import Affine
from coursepkg.models.flows.multiscale import multi_scale
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded

SIZES = {"scales": 2, "couplings": 6, "hidden": 32}
SHAPE, SMOOTHING, DRAWS = (1, 28, 28), 0.3, 8
D = 784


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
    flow = network()
    model = density(flow, split)
    one_cycle(
        model, split.train, valid=split.valid, epochs=1 if quick else epochs, batch_size=50,
        rate=2e-3, decay=0.05, ema=0.995, clip=10.0, generator=seeded(1),
    )  # fmt: skip
    row: dict[str, Any] = {**SIZES, "smoothing": SMOOTHING, "weights": DRAWS}
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


def network() -> Chain:
    """The untrained couplings."""
    return multi_scale(SHAPE, monotone=Affine(), dropout=0.1, generator=seeded(0), **SIZES)


def density(flow: Chain, split: Split) -> Dequantised:
    """The law of levels: uniform noise, each pixel made Gaussian, then the couplings."""
    pixels = Gaussianiser(dim=D, levels=MNIST_LEVELS, smoothing=SMOOTHING).fit(split.train + 0.5)
    law = Transformed(Chain([pixels, flow]), StandardNormal(D))
    return Dequantised(law, levels=MNIST_LEVELS)


if __name__ == "__main__":
    typer.run(main)
