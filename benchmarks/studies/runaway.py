"""Learning that runs away: which precaution keeps SML in the plane from it?

    python -m benchmarks.studies.runaway

writes `benchmarks/results/runaway.json`. The network of chapter 7 learns the two moons by SML with
different recipes. "careful" has four precautions: plain steps (no momentum), clipped gradients,
falling steps, and chains that all move, five steps at a time; "reckless" has none. From the careful
one each precaution is taken away alone, to the reckless one each is added alone: every other thing,
the number of steps included, stays the same. Nats are those of fresh points, with log Z by
quadrature; a run whose mass has left a square of side 120 has none.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch.optim.lr_scheduler import LinearLR

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data import toy
from coursepkg.evaluation import nats
from coursepkg.models.energy import NeuralEnergy
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.rng import seeded
from coursepkg.samplers.langevin import MALA
from coursepkg.training import fit

EXAMPLES, BATCH = 4000, 200
BROAD = toy.IsotropicMixture(torch.zeros(1, 2), torch.tensor([2.0]))


@dataclass(frozen=True)
class Recipe:
    """How steps are taken and chains are moved; the default is the careful one."""

    momentum: float = 0.0
    clip: float = 1.0
    last_rate: float = 0.02  # of the first
    buffer: int = 400
    chains: int = 400  # that move at a time
    moves: int = 5


CAREFUL = Recipe()
RECKLESS = Recipe(0.9, math.inf, 1.0, 1000, 50, 2)
PRECAUTIONS = {
    "plain steps": ("momentum",),
    "clipping": ("clip",),
    "falling steps": ("last_rate",),
    "busy chains": ("buffer", "chains", "moves"),
}


def recipes() -> Iterator[tuple[str, Recipe]]:
    """Both recipes, and each with one precaution as in the other."""
    for name, mine, other in (("careful", CAREFUL, RECKLESS), ("reckless", RECKLESS, CAREFUL)):
        yield name, mine
        for precaution, fields in PRECAUTIONS.items():
            word = "without" if mine is CAREFUL else "with"
            yield (
                f"{name}, {word} {precaution}",
                replace(mine, **{field: getattr(other, field) for field in fields}),
            )


def learn(recipe: Recipe, *, epochs: int, seed: int) -> float:
    """Trains a network, and returns nats of fresh points: inf if the mass has left the square."""
    generator = seeded(seed)
    points, fresh = toy.two_moons().sample(2 * EXAMPLES, generator=generator).split(EXAMPLES)
    model = NeuralEnergy(2, [64, 64], scale=2.0, generator=generator)
    objective = StochasticMaximumLikelihood(
        model, lambda f: MALA(f, 0.03), BROAD, buffer=recipe.buffer, chains=recipe.chains,
        steps=recipe.moves, fresh=0.02, generator=generator,
    )  # fmt: skip
    betas, total = (recipe.momentum, 0.99), epochs * EXAMPLES // BATCH
    optimizer = torch.optim.Adam(objective.parameters(), 0.02, betas=betas)
    schedule = LinearLR(optimizer, 1.0, recipe.last_rate, total_iters=total)
    fit(objective, points, epochs=epochs, batch_size=BATCH, optimizer=optimizer,
        schedule=schedule, clip=recipe.clip, generator=generator, progress=False)  # fmt: skip
    for side, cells in ((16.0, 400), (60.0, 600)):
        try:
            with torch.no_grad():
                log_Z = model.log_z(side=side, points=cells).item()
        except ValueError:  # the square does not hold the mass
            continue
        return nats(model, fresh, log_Z=log_Z).value
    return math.inf


def main(
    seeds: Annotated[int, typer.Option(help="repetitions: data, weights and chains")] = 5,
    epochs: Annotated[int, typer.Option(help="of training")] = 12,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every network, prints a line for each recipe and writes the results."""
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for name, recipe in recipes():
        start = time.process_time()
        found = [learn(recipe, epochs=epochs, seed=seed) for seed in range(seeds)]
        seconds = (time.process_time() - start) / seeds
        print(f"{name:32}{seconds:6.1f} s  " + " ".join(f"{value:9.2f}" for value in found))
        values = [value if math.isfinite(value) else None for value in found]
        rows.append({"recipe": name, "nats": values, "cpu_seconds": seconds})
    write_results(out / "runaway.json", rows)


if __name__ == "__main__":
    typer.run(main)
