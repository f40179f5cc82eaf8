"""Diffusion of codes beside diffusion of pixels, at as many multiplications.

    python -m benchmarks.studies.latent

takes the published autoencoder of MNIST (`python -m benchmarks.gallery.vae`) as the first stage,
trains a diffusion of its codes given the class, and one of pixels as chapter 18's, with several
budgets and seeds, and writes `benchmarks/results/latent.json`. A budget is what so many passes of
the pixels' U-Net over the images cost, in floating-point operations counted in the networks; what
the first stage cost is counted in one row and left out in another. Scores are those of chapter 18:
the share that the judge reads as the class that was asked for, and the Fréchet distance in the
judge's features to as many test images; the weight of the class is chosen on validation images. Two
rows of the first stage alone say what it allows: validation images that it has coded and decoded,
and codes drawn from its prior; a third, validation images as they are, is the floor. What is
diffused are the means of q(z | x), not draws of it.
"""

import json
import math
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gallery.diffusion import BATCH, FORGET, RATE, VelocityLoss, network
from benchmarks.gallery.judge import images, trained
from benchmarks.gallery.vae import codes, grey_levels
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.guided_mnist import LEVELS
from coursepkg.data.digits import Split
from coursepkg.data.mnist import MNIST_LEVELS, load_mnist, load_mnist_labels
from coursepkg.evaluation.samples import frechet_distance
from coursepkg.gallery.images import CLASSES
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.models.diffusion.conditional import ConditionalDiffusion, ToldNet
from coursepkg.models.diffusion.denoisers import FromVelocity
from coursepkg.models.diffusion.guidance import classifier_free
from coursepkg.models.diffusion.solvers import multistep
from coursepkg.nets.judge import Judge
from coursepkg.nets.residual import ResidualMLP
from coursepkg.nets.trained import load_weights
from coursepkg.nets.unet import NoiseEmbedding
from coursepkg.rng import seeded
from coursepkg.training import fit

EPOCHS, SEEDS, COMPARED = (1, 5), 5, 500
WEIGHTS = (1.0, 1.5, 2.0)
FIRST_STAGE = 12  # passes over the images, as the gallery trains it
HIDDEN, BLOCKS, TOLD, CODES_BATCH = 192, 3, 64, 256


class Kind(NamedTuple):
    """What is diffused: how its network is made, the examples (N, D), how images come of them."""

    network: Callable[[], nn.Module]
    x: Tensor
    shown: Callable[[Tensor], Tensor]
    batch_size: int


class ToldMLP(nn.Module):
    """Predicts v of codes z (B, M), told the log-SNRs and a condition.

    Args:
        dim: M.
        generator: draws the initial weights.
    """

    def __init__(self, dim: int, *, generator: Generator) -> None:
        super().__init__()
        self.told = NoiseEmbedding(TOLD, conditions=CLASSES, generator=generator)
        self.net = ResidualMLP(dim + TOLD, dim, hidden=HIDDEN, blocks=BLOCKS, generator=generator)

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, M), log-SNRs (B,) and conditions (B, 10) to (B, M)."""
        told = self.told(log_snr.to(z), condition)
        result: Tensor = self.net(torch.cat([z, told], dim=1))
        return result


class FirstStage(NamedTuple):
    """An autoencoder, and the mean and deviation of each code, to which diffusion wants 0 and 1."""

    vae: VAE
    mean: Tensor
    std: Tensor

    def encode(self, x: Tensor) -> Tensor:
        """Standardised codes of grey levels, (B, 784) -> (B, M)."""
        return (codes(self.vae, x) - self.mean) / self.std

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Images from -1 to 1 of standardised codes, (B, M) -> (B, 784)."""
        levels = self.vae.likelihood.mean(self.vae.decode(self.mean + self.std * z))
        return 2 * levels / (MNIST_LEVELS - 1) - 1


def first_stage(x: Tensor) -> FirstStage:
    """The published autoencoder, with the moments of the codes of x, (N, 784) levels."""
    vae = grey_levels()
    vae.load_state_dict(load_weights("vae"))
    found = codes(vae, x)
    return FirstStage(vae.eval(), found.mean(0), found.std(0))


def main(
    epochs: Annotated[list[int] | None, typer.Argument(help="budgets, in passes of pixels")] = None,
    seeds: Annotated[int, typer.Option(help="of training and draws", min=1)] = SEEDS,
    size: Annotated[int, typer.Option(help="training images, and of the others", min=20)] = 4000,
    anew: Annotated[bool, typer.Option(help="repeat what the file has")] = False,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains both at each budget, scores, prints and writes; goes on where it was stopped."""
    torch.set_num_threads(1)
    path = out / "latent.json"
    there: list[dict[str, Any]] = (
        [] if anew or not path.exists() else json.loads(path.read_text("utf8"))["rows"]
    )
    done = {key(row): row for row in there if "budget" in row}
    levels = Split(*(part[:size] for part in load_mnist()))
    x, judge, stage = Split(*map(images, levels)), trained(), first_stage(levels.train)
    c = one_hot(load_mnist_labels().train[:size], CLASSES).to(x.train)
    z, few = stage.encode(levels.train), min(COMPARED, len(levels.test))
    first_rows = alone(stage, levels, judge, few)
    kinds = {
        "pixels": Kind(network, x.train, ink, BATCH),
        "codes": Kind(partial(code_network, z.shape[1]), z, stage.decode, CODES_BATCH),
    }
    cost = {name: 3 * operations(kind.network(), kind.x[:1]) for name, kind in kinds.items()}
    paid = FIRST_STAGE * 3 * stage_operations(stage.vae, levels.train[:1])
    ways = [("pixels", 0), ("codes", 0), ("codes", paid)]
    last = {"operations_of_a_pass": cost, "operations_of_the_first_stage": paid}
    for budget, seed, (name, first) in product(epochs or EPOCHS, range(seeds), ways):
        passes = round((budget * cost["pixels"] - first) / cost[name])
        if passes < 1 or (budget, seed, name, first > 0) in done:
            continue  # the first stage alone costs more, or the file has it
        start, kind = time.process_time(), kinds[name]
        net = learnt(kind, c, passes, seed=seed)
        row = {"model": name, "budget": budget, "seed": seed, "passes": passes,
               "first_stage_counted": first > 0,
               "cpu_seconds": time.process_time() - start}  # fmt: skip
        row |= scored(net, kind, judge, x, few=few, seed=seed)
        print(row, flush=True)
        done[key(row)] = row
        write_results(path, [*first_rows, *map(done.__getitem__, sorted(done)), last])


def key(row: dict[str, Any]) -> tuple[int, int, str, bool]:
    """What tells one training from the others."""
    return row["budget"], row["seed"], row["model"], row["first_stage_counted"]


def ink(x: Tensor) -> Tensor:
    """Pixels between paper and full ink, (B, 784)."""
    return x.clamp(-1, 1)


def operations(net: nn.Module, z: Tensor) -> int:
    """Floating-point operations of one pass forward over one example, (1, D)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(z, torch.zeros(1).to(z), torch.zeros(1, CLASSES).to(z))
    return int(counter.get_total_flops())


def stage_operations(vae: VAE, x: Tensor) -> int:
    """The same of the first stage, of an image (1, 784): encoder and decoder."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        vae.reconstruct(x)
    return int(counter.get_total_flops())


def code_network(dim: int) -> ToldMLP:
    """The untrained network of codes (B, dim)."""
    return ToldMLP(dim, generator=seeded(0))


def learnt(kind: Kind, c: Tensor, epochs: int, *, seed: int) -> nn.Module:
    """Trains a network that predicts v, by chapter 18's recipe."""
    net, x = kind.network(), kind.x
    model = ConditionalDiffusion(net, VelocityLoss, conditions=CLASSES, forget=FORGET)
    optimizer = AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    steps = epochs * math.ceil(len(x) / kind.batch_size)
    fit(
        model, x, condition=c, epochs=epochs, batch_size=kind.batch_size, optimizer=optimizer,
        schedule=OneCycleLR(optimizer, RATE, steps, pct_start=0.1, cycle_momentum=False),
        clip=1.0, generator=seeded(10 + seed), progress=False,
    )  # fmt: skip
    return net.eval()


@torch.no_grad()
def drawn(
    net: nn.Module, dim: int, told: Tensor, weight: float, *, generator: Generator
) -> Tensor:  # fmt: skip
    """What the diffusion draws given what is told, (n, 10) -> (n, dim)."""
    given, without = (FromVelocity(ToldNet(net, c)) for c in (told, torch.zeros_like(told)))
    guess = classifier_free(given, without, weight=weight)
    z = torch.randn(len(told), dim, generator=generator, dtype=told.dtype)
    z = multistep(guess, z, levels=LEVELS)
    return guess(z, LEVELS[-1].expand(len(z)))


@torch.no_grad()
def scored(
    net: nn.Module, kind: Kind, judge: Judge, x: Split, *, few: int, seed: int
) -> dict[str, Any]:  # fmt: skip
    """Chooses the weight on validation images; then what the judge says beside test images."""
    c = torch.arange(few) % CLASSES
    told = one_hot(c, CLASSES).to(x.train)
    start = time.process_time()

    def images_of(weight: float, part: int) -> Tensor:
        generator = seeded(100 * part + seed)
        return kind.shown(drawn(net, kind.x.shape[1], told, weight, generator=generator))

    valid = judge.features(x.valid[:few])
    off = {w: frechet_distance(valid, judge.features(images_of(w, 1))) for w in WEIGHTS}
    best = min(off, key=lambda w: off[w])
    made = images_of(best, 2)
    return {
        "weight": best, "read": (judge.read(made) == c).double().mean().item(),
        "frechet": frechet_distance(judge.features(x.test[:few]), judge.features(made)),
        "drawing_seconds": (time.process_time() - start) / (len(WEIGHTS) + 1),
    }  # fmt: skip


@torch.no_grad()
def alone(stage: FirstStage, levels: Split, judge: Judge, few: int) -> list[dict[str, Any]]:
    """The first stage alone: validation images there and back, and codes of its prior decoded."""
    test, valid = (judge.features(images(part[:few])) for part in (levels.test, levels.valid))
    back = stage.decode(stage.encode(levels.valid[:few]))
    prior = torch.randn(few, len(stage.mean), generator=seeded(6)).to(stage.mean)
    from_prior = stage.decode((prior - stage.mean) / stage.std)
    return [
        {"model": name, "frechet": frechet_distance(test, f)}
        for name, f in (("real", valid), ("there_and_back", judge.features(back)),
                        ("prior", judge.features(from_prior)))
    ]  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
