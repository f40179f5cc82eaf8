"""The decoder of chapter 14's live figure: a plane of codes of MNIST, in black and white.

    python -m benchmarks.live.plane

trains nothing: it takes the network that `python -m benchmarks.gallery.vae` trained and writes its
decoder, in the half precision in which it is kept, and the codes of the 500 test images to
`book/live/plane-weights.js`.
"""

import json
import textwrap
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from benchmarks.gallery.vae import codes, plane
from benchmarks.live.export import LIVE, read_weights, write_weights
from benchmarks.provenance import RESULTS, provenance
from coursepkg.data.mnist import binarise_mnist, load_mnist, load_mnist_labels
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets.trained import load_weights

WEIGHTS = LIVE / "plane-weights.js"


def main(
    quick: Annotated[bool, typer.Option(help="as without it, but writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the weights")] = None,
) -> None:
    """Writes decoder and codes."""
    score = json.loads((RESULTS / "gallery-plane.json").read_text(encoding="utf-8"))["rows"][0]
    made = provenance()
    comment = (
        "The decoder of an autoencoder of MNIST's digits in black and white with two latent "
        f"variables, in half precision, and the codes and digits of the test images; at most "
        f"{score['test']['nats']:.1f} nats an image on test. Trained for "
        f"{score['cpu_seconds']:.0f} CPU seconds by `python -m benchmarks.gallery.vae`; written by "
        f"`{made['command']}`, torch {made['torch']}, commit {made['commit'][:12]}, {made['date']}."
    )
    print(comment)
    if quick and out is None:
        return
    path = (out or LIVE) / WEIGHTS.name
    path.parent.mkdir(exist_ok=True)
    write_weights(path, arrays(), textwrap.fill(comment, 100))


def trained() -> VAE:
    """The published model, in eval mode."""
    model = plane()
    model.load_state_dict(load_weights("plane"))
    return model.eval()


def arrays() -> dict[str, Tensor]:
    """What the page needs: the decoder's layers, and codes (500, 2) with their digits (500,)."""
    model = trained()
    layers = {name: value.half() for name, value in model.decoder.state_dict().items()}
    found = codes(model, binarise_mnist(load_mnist().test).to(torch.float32))
    return {
        **layers, "codes": found.half(), "labels": load_mnist_labels().test.to(torch.uint8)
    }  # fmt: skip


def load(path: Path = WEIGHTS) -> dict[str, Tensor]:
    """What the file holds."""
    return read_weights(path)


if __name__ == "__main__":
    typer.run(main)
