"""Contrastive divergence beside persistent chains, both with the same recipe.

    python -m benchmarks.studies.contrastive bars
    python -m benchmarks.studies.contrastive digits
    python -m benchmarks.studies.contrastive glyphs --seeds 5

write `benchmarks/results/contrastive-*.json`. Two neighbouring rows differ in one thing: where the
negative phase comes from, or one part of the recipe (centred gradients, steps that fall from a
larger one, averaged weights; "careful" has all three, "plain" none). "no noise" is the bug of an
exercise: probabilities go up and down in the place of draws. Bars and stripes and digits are scored
exactly, after each epoch; of the glyphs' machines, too large for that, 200 images are made.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Generator, Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.digits import binarise, load_split
from coursepkg.data.glyphs import load_glyphs
from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.harmonium import Harmonium, Statistics
from coursepkg.models.rbm.learning import (
    ContrastiveDivergence,
    Negative,
    PersistentChains,
    train,
)
from coursepkg.models.rbm.lecture import generate
from coursepkg.rng import seeded


class Recipe(NamedTuple):
    """What may be done to the gradient and with the weights."""

    centre: bool = False
    falling: bool = False
    average: float = 0.0


class Task(NamedTuple):
    """A data set and a machine for it."""

    x: Tensor  # (N, D) zeros and ones
    valid: Tensor  # what is scored, (N', D)
    hidden: int
    scale: float  # of the first weights
    epochs: int
    batch_size: int
    step_size: float
    first: float  # the step size from which steps fall, towards 0.001


RECIPES = {
    "plain": Recipe(), "centred": Recipe(centre=True), "falling": Recipe(falling=True),
    "averaged": Recipe(average=0.99), "careful": Recipe(centre=True, falling=True, average=0.99),
}  # fmt: skip


def no_noise(rbm: Harmonium, v: Tensor, *, generator: Generator) -> Statistics:
    """The bug: nothing is drawn."""
    with torch.no_grad():
        return rbm.statistics(rbm.visible_mean(rbm.hidden_mean(v)))


NEGATIVES: dict[str, Callable[[], Negative]] = {
    "CD-1": lambda: ContrastiveDivergence(1), "CD-10": lambda: ContrastiveDivergence(10),
    "PCD": lambda: PersistentChains(100), "no noise": lambda: no_noise,
}  # fmt: skip


def task(data: str) -> Task:
    """The task of that name, as in the chapter."""
    if data == "bars":
        lines = binary_states(4, like=torch.zeros(1))
        x = torch.unique(torch.cat([lines.repeat(1, 4), lines.repeat_interleave(4, 1)]), dim=0)
        return Task(x.repeat(100, 1), x, 12, 0.1, 25, 30, 0.3, 0.6)
    if data == "digits":
        x, valid, _ = map(binarise, load_split())
        return Task(x, valid, 12, 0.01, 100, 50, 0.1, 0.4)
    x = load_glyphs().images.float()
    return Task(x, x, 100, 0.01, 30, 20, 0.1, 0.2)


def learn(
    t: Task, negative: Negative, recipe: Recipe, seed: int, *, exact: bool
) -> tuple[RBM, list[float]]:
    """A machine, and its exact nats after each epoch if it is small enough."""
    generator = seeded(seed)
    rbm = RBM(t.x.shape[1], t.hidden, generator=generator, scale=t.scale)
    rbm.start_from(t.x)
    first, last = (t.first, 0.001) if recipe.falling else (t.step_size, t.step_size)
    history = train(
        rbm, t.x, negative=negative, epochs=t.epochs, batch_size=t.batch_size, step_size=first,
        last_step_size=last, centre=recipe.centre, average=recipe.average, generator=generator,
        monitor=lambda rbm: nats(rbm, t.valid) if exact else 0.0,
    )  # fmt: skip
    return rbm, [epoch.monitored or 0.0 for epoch in history]


@torch.no_grad()
def nats(rbm: Harmonium, x: Tensor) -> float:
    """Exact negative log-likelihood of an image."""
    return (rbm.free_energy(x).mean() + rbm.log_z()).item()


def made(rbm: RBM, x: Tensor, *, generator: Generator) -> tuple[float, int]:
    """Of 200 images made in 500 steps: pixels to the nearest of x, and how many rows are that."""
    away, nearest = torch.cdist(generate(rbm, 200, steps=500, generator=generator), x).min(1)
    return away.square().mean().item(), len((nearest // 39).unique())


def main(
    data: Annotated[str, typer.Argument(help="bars, digits or glyphs")],
    seeds: Annotated[int, typer.Option(help="repetitions")] = 6,
    epochs: Annotated[int | None, typer.Option(help="default as in the chapter")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every combination with every seed, prints and writes the scores."""
    torch.set_num_threads(1)
    t = task(data)
    t = t._replace(epochs=epochs or t.epochs)
    rows: list[dict[str, Any]] = []
    for negative, recipe in combinations(data):
        row: dict[str, Any] = {"negative": negative, "recipe": recipe}
        for seed in range(seeds):
            exact = data != "glyphs"
            rbm, scores = learn(t, NEGATIVES[negative](), RECIPES[recipe], seed, exact=exact)
            if exact:
                found = {"lowest": min(scores), "last": scores[-1]}
            else:
                away, kinds = made(rbm, t.x, generator=seeded(seed))
                found = {"away": away, "kinds": kinds}
            for name, value in found.items():
                row.setdefault(name, []).append(value)
        rows.append(row)
        print(*(row[key] for key in row))
    write_results(out / f"contrastive-{data}.json", rows)


def combinations(data: str) -> list[tuple[str, str]]:
    """Negative phases and recipes; the slow ones and the bug only where the chapter needs them."""
    if data == "glyphs":
        return [(negative, r) for negative in ("CD-1", "PCD") for r in ("plain", "careful")]
    pairs = [(negative, recipe) for negative in ("CD-1", "PCD") for recipe in RECIPES]
    return [*pairs, ("CD-10", "plain"), ("CD-10", "careful"), ("no noise", "plain")]


if __name__ == "__main__":
    typer.run(main)
