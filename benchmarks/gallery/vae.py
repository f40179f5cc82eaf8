"""Two autoencoders of MNIST, 28×28: a plane of codes, and a larger one of 256 grey levels.

    python -m benchmarks.gallery.vae

trains both for some five CPU minutes and writes `coursepkg/weights/plane.pt` (pixels of 0 and 1,
two latent variables: a map) and `coursepkg/weights/vae.pt` (grey levels), each a `state_dict` in
half precision, and their sizes and bounds on this course's own split of the images in
`benchmarks/results/gallery-plane.json` and `gallery-vae.json`.
"""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.gallery.publish import publish
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import Split
from coursepkg.data.mnist import MNIST_LEVELS, binarise_mnist, load_mnist
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.gallery import images
from coursepkg.gallery.images import PLANE, VAE_SIZES, D
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.models.copula import Gaussianiser
from coursepkg.rng import seeded

DRAWS = 16


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    only: Annotated[str | None, typer.Option(help="plane or vae; default both")] = None,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    grey = load_mnist()
    binary = Split(*map(binarise_mnist, grey))
    if only != "vae":
        publish_one("plane", plane(), PLANE, binary, epochs=120, quick=quick, out=out)
    if only != "plane":
        model = grey_levels()
        start_from(model, grey.train)
        publish_one("vae", model, VAE_SIZES, grey, epochs=12, quick=quick, out=out)


def publish_one(
    name: str, model: VAE, sizes: dict[str, Any], split: Split, *, epochs: int, quick: bool,
    out: Path | None,
) -> None:  # fmt: skip
    """Trains one by the recipe of `one_cycle`, scores what is written, and writes it."""
    size = 60 if quick else None
    split, start = Split(*(part[:size] for part in split)), time.process_time()
    one_cycle(
        model, split.train, valid=split.valid, epochs=1 if quick else epochs,
        batch_size=50, rate=2e-3, decay=0.05, ema=0.995, clip=100.0, generator=seeded(1),
    )  # fmt: skip
    row = {**sizes, "weights": DRAWS, "cpu_seconds": time.process_time() - start}
    bound = ImportanceBound(model, 2 if quick else DRAWS)
    scores = {
        part: partial(nats, scored, x[:500], generator=seeded(2), batch_size=50)
        for part, scored, x in (
            ("train", model, split.train), ("valid", model, split.valid),
            ("test", model, split.test), ("test_weighted", bound, split.test),
        )
    }  # fmt: skip
    publish(name, model, row, scores, dim=D, quick=quick, out=out)


def plane() -> VAE:
    """The untrained model of pixels of 0 and 1."""
    return images.plane(generator=seeded(0))[0]


def grey_levels() -> VAE:
    """That of 256 levels."""
    return images.vae(generator=seeded(0))[0]


def start_from(model: VAE, x: Tensor) -> None:
    """Starts at independent pixels, with the shares of the levels in x, (N, 784)."""
    shares = Gaussianiser(dim=D, levels=MNIST_LEVELS, smoothing=0.3).fit(x + 0.5).histogram
    head: Any = model.decoder[1]  # type: ignore[index]
    head.start_from(shares.log())


def codes(model: VAE, x: Tensor) -> Tensor:
    """Means of q(z | x), (N, M)."""
    with torch.no_grad():
        return model.eval().posterior(x).mean


if __name__ == "__main__":
    typer.run(main)
