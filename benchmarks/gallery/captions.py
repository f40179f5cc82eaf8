"""Text to image: the diffusion of MNIST by class learns captions: "a thin two, leaning left".

    python -m benchmarks.gallery.captions

goes on from the network of `python -m benchmarks.gallery.diffusion`, whose ten classes become the
ten words zero to nine; further words start at weight 0. It trains for some four CPU minutes on
captions that are worded anew each time and leave out some of what could be said, and writes
`coursepkg/weights/captions.pt`, in half precision, and `benchmarks/results/gallery-captions.json`:
how far its guesses of the velocity are off with all said, with the digit alone and with nothing.
How well its draws agree with their captions says `python -m benchmarks.studies.captioned_mnist`.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.gallery import diffusion
from benchmarks.gallery.diffusion import FORGET, RATE, VelocityLoss, fitted
from benchmarks.gallery.judge import images
from benchmarks.gallery.publish import save
from coursepkg.data.captions import (
    CAPTION_WORDS,
    DIGITS,
    Remarkable,
    count_words,
    measure_strokes,
    write_captions,
)
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.gallery.images import CLASSES, HIDDEN, PATCH, SIDE
from coursepkg.gallery.images import captions as painter
from coursepkg.models.diffusion.conditional import ConditionalDiffusion
from coursepkg.nets.patches import InPatches
from coursepkg.nets.trained import load_weights
from coursepkg.rng import seeded

SILENT = 0.3
TIMES = 5  # that each image is looked at for the score


class Captions(NamedTuple):
    """What is remarkable, and the attributes of each part of the images, (N, 4)."""

    remarkable: Remarkable
    attributes: Split


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 26,
    checkpoint: Annotated[Path | None, typer.Option(help="file to go on from")] = None,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    size, epochs = 64 if quick else None, 1 if quick else epochs
    net, said = from_classes(), captions().attributes
    x = Split(*map(images, load_mnist()))
    spent = trained(net, x.train[:size], said.train[:size], epochs, checkpoint)
    row = {
        "patch": PATCH, "hidden": HIDDEN, "forget": FORGET, "silent": SILENT, "rate": RATE,
        "epochs": epochs, "words": len(CAPTION_WORDS),
        "weights": sum(each.numel() for each in net.parameters()),
        "cpu_seconds": spent,
    }  # fmt: skip
    net.eval()
    save("captions", net, row, lambda: {"valid": off(net, x.valid[:size], said.valid[:size]),
                                        "test": off(net, x.test[:size], said.test[:size])},
         quick=quick, out=out)  # fmt: skip


def network() -> InPatches:
    """The untrained network, which predicts v and is told how often each word stands there."""
    return painter(generator=seeded(0))[1]


def from_classes() -> InPatches:
    """The published network of classes, which knows the ten digits' words and no other."""
    net, state = network(), diffusion.published().state_dict()
    name = "net.told.net.0.weight"  # (size, noise and condition)
    noise, classes = state[name].split([state[name].shape[1] - CLASSES, CLASSES], dim=1)
    words = classes.new_zeros(len(classes), len(CAPTION_WORDS))
    words[:, [CAPTION_WORDS.index(digit) for digit in DIGITS]] = classes
    net.load_state_dict({**state, name: torch.cat([noise, words], dim=1)})
    return net


def captions() -> Captions:
    """The attributes of all images; what is remarkable is so among the training images."""
    digits = load_mnist_labels()
    measures = [measure_strokes(ink(images(x))) for x in load_mnist()]
    remarkable = Remarkable.among(measures[0], digits.train)
    return Captions(remarkable, Split(*map(remarkable.attributes, measures, digits)))


def ink(x: Tensor) -> Tensor:
    """Numbers from -1 to 1, (N, 784), as ink from 0 to 1 in grey levels, (N, 28, 28)."""
    levels = ((x + 1) / 2 * 255).round()
    return levels.view(-1, SIDE, SIDE) / 255


class Captioned(nn.Module):
    """Lowers the diffusion's loss given captions, worded anew each time.

    Args:
        net: as `network` makes it.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.model = ConditionalDiffusion(
            net, VelocityLoss, conditions=len(CAPTION_WORDS), forget=FORGET
        )

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """Of images (B, 784) and their attributes (B, 4); (B,)."""
        texts = write_captions(hushed(condition, generator=generator), generator=generator)
        loss: Tensor = self.model.loss(x, condition=count_words(texts), generator=generator)
        return loss


def hushed(attributes: Tensor, *, generator: Generator) -> Tensor:
    """Attributes (B, 4) of which each but the digit is left out with probability `SILENT`."""
    silent = torch.rand(len(attributes), 3, generator=generator) < SILENT
    return torch.cat([attributes[:, :1], attributes[:, 1:].masked_fill(silent, 0)], dim=1)


def trained(
    net: InPatches, x: Tensor, attributes: Tensor, epochs: int, checkpoint: Path | None
) -> float:  # fmt: skip
    """Trains the network, or goes on; the CPU seconds of all runs together."""
    return fitted(Captioned(net), x, attributes, epochs, checkpoint)


@torch.no_grad()
def off(net: nn.Module, x: Tensor, attributes: Tensor) -> dict[str, float]:
    """The mean loss, at the same noise, with all said, the digit alone, and nothing."""
    model = ConditionalDiffusion(net, VelocityLoss, conditions=len(CAPTION_WORDS)).eval()
    x, attributes = x.repeat(TIMES, 1), attributes.repeat(TIMES, 1)
    digit = torch.cat([attributes[:, :1], torch.zeros_like(attributes[:, 1:])], dim=1)
    full, short = (
        count_words(write_captions(each, generator=seeded(3))) for each in (attributes, digit)
    )
    return {
        name: model.loss(x, condition=told, generator=seeded(2)).mean().item()
        for name, told in (("all", full), ("digit", short), ("nothing", torch.zeros_like(full)))
    }


def published() -> InPatches:
    """The published network, in eval mode."""
    net = network()
    net.load_state_dict(load_weights("captions"))
    return net.eval()


if __name__ == "__main__":
    typer.run(main)
