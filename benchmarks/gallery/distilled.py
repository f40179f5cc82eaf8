"""The diffusion of MNIST in two steps: a student of the shape of its teacher, without guidance.

    python -m benchmarks.gallery.distilled

walks paths of the guided teacher (`python -m benchmarks.gallery.diffusion`), trains a student,
which starts as a copy of it, to say where they end, and writes its weights in half precision to
`coursepkg/weights/distilled.pt`. A step of the student is one call of the network and a step of the
teacher two, with the class and without. `benchmarks/results/gallery-distilled.json` says, for both
and some numbers of steps, beside the test images and with draws and images equally many: Fréchet
distance, precision and recall in the judge's features; how many draws the judge reads as the class
that was asked for; and seconds. And the distance of validation images from test images, and that
of some thousand draws, and of the ends of the teacher's paths, from as many training images: the
fewer the draws, the more of a Fréchet distance is chance.
"""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.gallery import diffusion
from benchmarks.gallery.judge import images, trained
from benchmarks.gallery.publish import save
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist
from coursepkg.evaluation.samples import frechet_distance, noise_floor, precision_recall
from coursepkg.files import replacing
from coursepkg.gallery.images import CLASSES, SIDE
from coursepkg.models.diffusion.conditional import ConditionalDiffusion, ToldNet
from coursepkg.models.diffusion.denoisers import FromVelocity
from coursepkg.models.diffusion.guidance import classifier_free
from coursepkg.models.diffusion.interpolants import FieldOfGuess
from coursepkg.models.few_steps.ends import EndRegression, paths
from coursepkg.models.few_steps.jumps import EndAverage, EulerAverage, Jumps, Restarts
from coursepkg.nets.judge import Judge
from coursepkg.nets.patches import InPatches
from coursepkg.nets.trained import load_weights
from coursepkg.rng import seeded
from coursepkg.training import fit

WEIGHT = 1.25  # of those in benchmarks.studies.guided_mnist nearest to the validation images
STEPS, PLACES = 16, 4  # of the teacher's paths; and where the student learns to begin
TOGETHER = 250  # paths walked at once
BATCH, RATE = 64, 1e-3
DIM = SIDE**2
LIMIT = 9.0  # the teacher has seen log-SNRs from -9 to 9

Sampler = Callable[[nn.Module, Tensor, int], Jumps | Restarts]


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    walks: Annotated[int, typer.Option(help="paths of the teacher", min=1)] = 4000,
    epochs: Annotated[int, typer.Option(help="passes over them", min=1)] = 20,
    draws: Annotated[int, typer.Option(help="of each sampler, in parts of 500", min=500)] = 1000,
    kept: Annotated[Path | None, typer.Option(help="folder to go on from")] = None,
) -> None:
    """Walks, trains, draws, measures, and writes weights and results."""
    torch.set_num_threads(1)
    walks, epochs, draws = (20, 1, 20) if quick else (walks, epochs, draws)
    if kept:
        kept.mkdir(exist_ok=True)
    teacher = channels_together(diffusion.published())
    x, c, walking = walked(teacher, walks, folder=kept, generator=seeded(1))
    file = kept and kept / "training"
    student, learning = taught(teacher, x, c, epochs=epochs, checkpoint=file)
    row = {
        "weight": WEIGHT, "steps": STEPS, "places": PLACES, "walks": walks, "epochs": epochs,
        "rate": RATE, "weights": sum(each.numel() for each in student.parameters()),
        "cpu_seconds_of_the_paths": walking, "cpu_seconds": walking + learning,
    }  # fmt: skip
    save("distilled", student, row, lambda: measured(student.eval(), teacher, draws, x[:, -1]),
         quick=quick, out=out)  # fmt: skip


def channels_together(net: InPatches) -> InPatches:
    """The same network with the channels of a pixel side by side: a sixth faster here."""
    for weights in net.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)
    return net


def field(net: nn.Module, told: Tensor) -> FieldOfGuess:
    """The teacher's velocities: the guess leans on the classes (B, 10)."""
    given, without = (FromVelocity(ToldNet(net, each)) for each in (told, torch.zeros_like(told)))
    return FieldOfGuess(classifier_free(given, without, weight=WEIGHT), limit=LIMIT)


def to_end(told: nn.Module) -> FieldOfGuess:
    """The student's u(x, t, 1), of a network that is told the class: what it guesses is the end."""
    return FieldOfGuess(FromVelocity(told), limit=LIMIT)


def jumps(net: nn.Module, told: Tensor, steps: int) -> Jumps:
    """The teacher draws images of the classes (n, 10), with two calls of the network a step."""
    return Jumps(EulerAverage(field(net, told)), dim=DIM, steps=steps)


def restarts(net: nn.Module, told: Tensor, steps: int) -> Restarts:
    """The student does, with one."""
    return Restarts(EndAverage(to_end(ToldNet(net, told))), dim=DIM, steps=steps)


@torch.no_grad()
def walked(
    teacher: nn.Module, n: int, *, folder: Path | None = None, generator: Generator
) -> tuple[Tensor, Tensor, float]:
    """Paths (n, PLACES + 1, 784) of the ten classes in turn, the classes (n, 10), CPU seconds.

    With a folder each part is kept there, and is not walked again.
    """
    c, parts, seconds = in_turn(n), [], 0.0
    noise = torch.randn(n, DIM, generator=generator, dtype=c.dtype)
    for k, (x, told) in enumerate(zip(noise.split(TOGETHER), c.split(TOGETHER), strict=True)):
        start, file = time.process_time(), folder and folder / f"paths-{k}.pt"
        if file and file.exists():
            part, took = torch.load(file, weights_only=True)
        else:
            average = EulerAverage(field(teacher, told))
            part = paths(average, x, steps=STEPS, every=STEPS // PLACES)
            took = time.process_time() - start
            if file:
                with replacing(file) as new:  # what is there was written to its end
                    torch.save((part, took), new)
        parts.append(part)
        seconds += took
    return torch.cat(parts), c, seconds


def taught(
    teacher: InPatches, x: Tensor, c: Tensor, *, epochs: int, checkpoint: Path | None = None
) -> tuple[InPatches, float]:
    """A copy of the network that learns where the paths end, or goes on; CPU seconds of all."""
    start, student = time.process_time(), deepcopy(teacher).train().requires_grad_()
    model = ConditionalDiffusion(
        student, lambda told: EndRegression(to_end(told), dim=DIM, places=PLACES),
        conditions=CLASSES,
    )  # fmt: skip
    optimizer, steps = Adam(model.parameters(), RATE), epochs * math.ceil(len(x) / BATCH)
    history = fit(
        model, x, condition=c, epochs=epochs, batch_size=BATCH, optimizer=optimizer,
        schedule=OneCycleLR(optimizer, RATE, steps, pct_start=0.05, cycle_momentum=False),
        ema=0.99, monitor=lambda _: time.process_time() - start, checkpoint=checkpoint,
        generator=seeded(2), progress=False,
    )  # fmt: skip
    return student, diffusion.seconds(history.monitored)


def in_turn(n: int) -> Tensor:
    """The ten classes in turn, (n, 10)."""
    return one_hot(torch.arange(n) % CLASSES, CLASSES).to(torch.get_default_dtype())


@torch.no_grad()
def draw(sampler: Sampler, net: nn.Module, n: int, steps: int, *, generator: Generator) -> Tensor:
    """Images (n, 784) of the ten classes in turn."""
    parts = [
        sampler(net, told, steps).sample(len(told), generator=generator)
        for told in in_turn(n).split(TOGETHER)
    ]
    return torch.cat(parts).clamp(-1, 1)


def measured(student: nn.Module, teacher: nn.Module, draws: int, ends: Tensor) -> dict[str, Any]:
    """All that the file says of the draws, by student and teacher and numbers of steps."""
    judge, split = trained(), Split(*map(images, load_mnist()))
    real = [judge.features(part).detach() for part in (split.valid, split.test)]
    row: dict[str, Any] = {"student": {}, "teacher": {}}
    for name, sampler, net, counts in (
        ("student", restarts, student, (1, 2, 4)), ("teacher", jumps, teacher, (2, 4, 30)),
    ):  # fmt: skip
        for steps in counts:
            found = judged(partial(draw, sampler, net, steps=steps), judge, real, draws)
            row[name][str(steps)] = found
            print(name, steps, found, flush=True)
    floor = noise_floor(frechet_distance, torch.cat(real), splits=50, generator=seeded(5))
    row["many"] = beside_training(student, judge, split.train, ends)
    return row | {
        "draws": draws, "real": frechet_distance(*real), "floor_mean": floor.mean,
        "floor_quantile": floor.quantile,
    }  # fmt: skip


@torch.no_grad()
def judged(
    drawn: Callable[..., Tensor], judge: Judge, real: list[Tensor], draws: int
) -> dict[str, Any]:
    """One sampler, beside validation images and, with other draws, beside test images."""
    valid, test = real
    few = min(len(test), draws)
    x = drawn(few, generator=seeded(3))
    row: dict[str, Any] = {"valid": frechet_distance(valid, judge.features(x))}
    start = time.process_time()
    x = drawn(draws, generator=seeded(4))
    row["cpu_seconds_of_1000"] = (time.process_time() - start) * 1000 / draws
    row["read"] = (judge.read(x) == torch.arange(draws) % CLASSES).double().mean().item()
    parts = judge.features(x)[: draws // few * few].split(few)
    shares = [precision_recall(test, part) for part in parts]
    found = {
        "frechet": [frechet_distance(test, part) for part in parts],
        "precision": [share.precision for share in shares],
        "recall": [share.recall for share in shares],
    }
    return row | {
        name: {"value": sum(each) / len(each), "parts": each} for name, each in found.items()
    }


@torch.no_grad()
def beside_training(
    student: nn.Module, judge: Judge, train: Tensor, ends: Tensor
) -> dict[str, Any]:  # fmt: skip
    """Fréchet distances from the training images: of many draws, so that less of it is chance."""
    n = min(len(train), len(ends))
    real = judge.features(train[:n])
    paths_end = judge.features(ends[:n].clamp(-1, 1))
    row: dict[str, Any] = {"draws": n, "paths": frechet_distance(real, paths_end)}
    for steps in (1, 2, 4):
        f = judge.features(draw(restarts, student, n, steps, generator=seeded(6)))
        row[str(steps)] = frechet_distance(real, f)
        row[f"{steps} beside paths"] = frechet_distance(paths_end, f)
    return row


def published() -> InPatches:
    """The published student, in eval mode."""
    net = diffusion.network()
    net.load_state_dict(load_weights("distilled"))
    return net.eval()


if __name__ == "__main__":
    typer.run(main)
