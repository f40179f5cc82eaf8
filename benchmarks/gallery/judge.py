"""The judge of MNIST: a convolutional classifier, which reads what generators draw.

    python -m benchmarks.gallery.judge

trains for half a CPU minute and writes `coursepkg/weights/judge.pt`, a `state_dict` in half
precision, and `benchmarks/results/gallery-judge.json`: sizes, and the share of images that it reads
right in each part of this course's own split.
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, pad

from benchmarks.gallery.publish import save
from benchmarks.recipe import one_cycle
from coursepkg.data.mnist import MNIST_LEVELS, load_mnist, load_mnist_labels
from coursepkg.gallery.images import JUDGE, SIDE
from coursepkg.gallery.images import judge as reader
from coursepkg.models.gan.networks import signed_pixels
from coursepkg.nets.judge import Judge
from coursepkg.nets.trained import load_weights
from coursepkg.rng import global_state_from, seeded

REACH = 2


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 20,
) -> None:
    """Trains, reads, and writes weights and results."""
    torch.set_num_threads(1)
    start, size = time.process_time(), 60 if quick else None
    parts = [(images(x), c) for x, c in zip(load_mnist(), load_mnist_labels(), strict=True)]
    (x, c), (valid, valid_c), _ = parts
    judge = network()
    one_cycle(
        Reading(judge), x[:size], condition=c[:size], valid=valid, valid_condition=valid_c,
        epochs=1 if quick else epochs, batch_size=50, rate=3e-3, decay=0.05, ema=0.995,
        generator=seeded(1),
    )  # fmt: skip
    row = {**JUDGE, "cpu_seconds": time.process_time() - start}

    def right() -> dict[str, float]:
        shares = (accuracy(judge.eval(), *part) for part in parts)
        return dict(zip(("train", "valid", "test"), shares, strict=True))

    save("judge", judge, row, right, quick=quick, out=out)


def network() -> Judge:
    """The untrained judge."""
    return reader(generator=seeded(0))[0]


def trained() -> Judge:
    """The published judge, in eval mode."""
    judge = network()
    judge.load_state_dict(load_weights("judge"))
    return judge.eval()


def images(x: Tensor) -> Tensor:
    """Levels as numbers from -1 to 1, (N, 784)."""
    return signed_pixels(x, levels=MNIST_LEVELS)


def accuracy(judge: Judge, x: Tensor, c: Tensor) -> float:
    """The share of images (N, 784) that are read as their labels (N,)."""
    return (judge.read(x) == c).double().mean().item()


class Reading(nn.Module):
    """Lowers the cross-entropy of images that are moved by up to two pixels in training.

    Args:
        judge: the classifier.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """Cross-entropy of each image, (B, 784) and labels (B,) -> (B,), nats."""
        if self.training:
            x = moved(x, generator=generator)
        with global_state_from(generator):  # dropout
            return cross_entropy(self.judge(x), condition, reduction="none")


def moved(x: Tensor, *, generator: Generator) -> Tensor:
    """Each image (B, 784) moved by up to two pixels down or up and right or left, paper added."""
    wide = pad(x.view(-1, SIDE, SIDE), (REACH,) * 4, value=-1.0)
    shift = torch.randint(2 * REACH + 1, (len(x), 2), generator=generator)
    at = shift[:, :, None] + torch.arange(SIDE)  # (B, 2, side): rows, columns
    every = torch.arange(len(x))[:, None, None]
    return wide[every, at[:, 0, :, None], at[:, 1, None, :]].flatten(1)


if __name__ == "__main__":
    typer.run(main)
