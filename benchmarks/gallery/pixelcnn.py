"""A gated PixelCNN of MNIST by class: 14×14 pixels of 16 grey levels.

    python -m benchmarks.gallery.pixelcnn

trains for some twenty CPU minutes and writes `coursepkg/weights/pixelcnn.pt`, a `state_dict` in
half precision, and `benchmarks/results/gallery-pixelcnn.json`: the sizes of the network, and its
exact scores on this course's own split of the images.
"""

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks.gallery.publish import publish
from benchmarks.recipe import one_cycle
from coursepkg.data.mnist import load_mnist, load_mnist_labels, shrink
from coursepkg.evaluation import nats
from coursepkg.gallery.images import CLASSES, PIXELCNN, SMALL, SMALL_LEVELS
from coursepkg.gallery.images import pixelcnn as built
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.rng import seeded


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 40,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    start = time.process_time()
    model = train(epochs, size=50 if quick else None)
    row = {**PIXELCNN, "shape": SMALL, "levels": SMALL_LEVELS}
    row |= {"cpu_seconds": time.process_time() - start}
    scores = {
        part: partial(nats, model, x[:500], condition=c[:500], batch_size=50)
        for part, x, c in zip(("train", "valid", "test"), images(), labels(), strict=True)
    }
    publish("pixelcnn", model.net, row, scores, dim=model.dim, quick=quick, out=out)


def network() -> ConditionalARM:
    """The untrained model, by class."""
    return built(generator=seeded(0))[0]


def train(epochs: int, *, size: int | None) -> ConditionalARM:
    """By the recipe of `one_cycle`, on the first `size` images, or on all."""
    (x, valid, _), (c, valid_c, _) = images(), labels()
    x, c, valid, valid_c = x[:size], c[:size], valid[:size], valid_c[:size]
    model = network()
    one_cycle(
        model, x, condition=c, valid=valid, valid_condition=valid_c, epochs=1 if size else epochs,
        batch_size=50, rate=2e-3, decay=0.05, ema=0.995, clip=1.0, generator=seeded(1),
    )  # fmt: skip
    return model


def images() -> tuple[Tensor, Tensor, Tensor]:
    """The three parts of the split, (N, 196), 16 levels: the upper half of a grey level's byte."""
    train, valid, test = (shrink(part) // (256 // SMALL_LEVELS) for part in load_mnist())
    return train, valid, test


def labels() -> tuple[Tensor, Tensor, Tensor]:
    """Their classes, one-hot, (N, 10)."""
    train, valid, test = (
        one_hot(part, CLASSES).to(torch.get_default_dtype()) for part in load_mnist_labels()
    )
    return train, valid, test


if __name__ == "__main__":
    typer.run(main)
