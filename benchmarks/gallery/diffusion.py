"""Diffusion of MNIST by class: 28×28 grey pixels, with a network that may forget the class.

    python -m benchmarks.gallery.diffusion

trains for some nine CPU minutes and writes the U-Net to `coursepkg/weights/diffusion.pt`, in half
precision, and to `benchmarks/results/gallery-diffusion.json` how far its guesses of the velocity
are off, with the class told and kept back. What its draws are worth says `python -m
benchmarks.studies.guided_mnist`.
"""

import math
import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.gallery.judge import images
from benchmarks.gallery.publish import save
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.gallery.images import CLASSES, HIDDEN, PATCH
from coursepkg.gallery.images import diffusion as painter
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.conditional import ConditionalDiffusion
from coursepkg.models.diffusion.continuous_time import LogisticSchedule
from coursepkg.models.diffusion.discrete_time import stratified
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.nets.patches import InPatches
from coursepkg.nets.trained import load_weights
from coursepkg.rng import global_state_from, seeded
from coursepkg.training import fit

LOOKS = LogisticSchedule(most=9.0, least=-9.0, centre=0.0, scale=1.5)
BATCH, RATE, FORGET = 64, 2e-3, 0.1
TIMES = 5  # that each image is looked at for the score


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 66,
    checkpoint: Annotated[Path | None, typer.Option(help="file to go on from")] = None,
) -> None:
    """Trains, scores, and writes weights and results."""
    torch.set_num_threads(1)
    size, net, epochs = 64 if quick else None, network(), 1 if quick else epochs
    train, valid, test = (
        (images(x), one_hot(c, CLASSES).to(torch.get_default_dtype()))
        for x, c in zip(load_mnist(), load_mnist_labels(), strict=True)
    )
    seconds = trained(net, train[0][:size], train[1][:size], epochs, checkpoint)
    row = {
        "patch": PATCH, "hidden": HIDDEN, "forget": FORGET, "rate": RATE, "epochs": epochs,
        "weights": sum(each.numel() for each in net.parameters()), "cpu_seconds": seconds,
    }  # fmt: skip
    net.eval()
    save("diffusion", net, row, lambda: {"valid": off(net, *valid), "test": off(net, *test)},
         quick=quick, out=out)  # fmt: skip


def network() -> InPatches:
    """The untrained network, which predicts v."""
    return painter(generator=seeded(0))[1]


def trained(
    net: InPatches, x: Tensor, c: Tensor, epochs: int, checkpoint: Path | None
) -> float:  # fmt: skip
    """Trains the network, or goes on; the CPU seconds of all runs together."""
    model = ConditionalDiffusion(net, VelocityLoss, conditions=CLASSES, forget=FORGET)
    return fitted(model, x, c, epochs, checkpoint)


def fitted(
    model: nn.Module, x: Tensor, c: Tensor, epochs: int, checkpoint: Path | None
) -> float:  # fmt: skip
    """Lowers a conditional loss by the recipe of both galleries; the CPU seconds of all runs."""
    optimizer = AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    steps = epochs * math.ceil(len(x) / BATCH)
    history = fit(
        model, x, condition=c, epochs=epochs, batch_size=BATCH, optimizer=optimizer,
        schedule=OneCycleLR(optimizer, RATE, steps, pct_start=0.1, cycle_momentum=False),
        clip=1.0, monitor=lambda _: time.process_time(), checkpoint=checkpoint,
        generator=seeded(1), progress=False,
    )  # fmt: skip
    return seconds(history.monitored)


def seconds(clock: list[float]) -> float:
    """Of all runs: what each one's clock, which starts at 0, showed after its last epoch."""
    return sum(now for now, then in zip(clock, [*clock[1:], 0.0], strict=True) if then < now)


class VelocityLoss(nn.Module):
    """Trains a network that predicts v by the mean of (v - v̂)², at log-SNRs of a logistic law.

    Args:
        net: maps z (B, D) and log-SNRs (B,) to guesses of v, (B, D).
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The mean over the pixels, at one noise level of each image; (B, D) -> (B,)."""
        log_snr = LOOKS(stratified(len(x), generator=generator, device=x.device)).to(x)
        signal = signal_at(log_snr)
        z = signal.mix(x, standard_like(x).draw(generator=generator))
        with global_state_from(generator):
            guess = self.net(z, log_snr)
        loss: Tensor = (signal.velocity(z, x) - guess).square().mean(1)
        return loss


@torch.no_grad()
def off(net: nn.Module, x: Tensor, condition: Tensor) -> dict[str, float]:
    """The mean loss, at the same noise, with the class and without."""
    model = ConditionalDiffusion(net, VelocityLoss, conditions=CLASSES).eval()
    x = x.repeat(TIMES, 1)
    return {
        name: model.loss(x, condition=c.repeat(TIMES, 1), generator=seeded(2)).mean().item()
        for name, c in (("told", condition), ("kept_back", torch.zeros_like(condition)))
    }


def published() -> InPatches:
    """The published network, in eval mode."""
    net = network()
    net.load_state_dict(load_weights("diffusion"))
    return net.eval()


if __name__ == "__main__":
    typer.run(main)
