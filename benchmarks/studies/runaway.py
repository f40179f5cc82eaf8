"""Networks in the plane: what keeps SML from running away, and who is nearest to the truth?

    python -m benchmarks.studies.runaway

writes `benchmarks/results/runaway.json`. The network of chapter 7 learns the two moons by each of
its four objectives, and by SML with other recipes. "careful" has four precautions: no momentum,
clipped gradients, falling steps, and chains that all move, five steps at a time; "reckless" has
none. From the careful one each precaution is taken away alone, to the reckless one each is added
alone: every other thing, the number of steps included, stays the same. Nats are those of fresh
points, with log Z by quadrature; a run in which the mass has left the square has none.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch.optim.lr_scheduler import LinearLR

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data import toy
from coursepkg.evaluation import nats
from coursepkg.models.energy import NeuralEnergy
from coursepkg.objectives.noise import NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.score import DenoisingScoreMatching, SlicedScoreMatching
from coursepkg.rng import seeded
from coursepkg.samplers.langevin import MALA
from coursepkg.training import fit

EXAMPLES, BATCH = 4000, 200
BROAD = toy.IsotropicMixture(torch.zeros(1, 2), torch.tensor([2.0]))
OBJECTIVES: dict[str, Callable[[NeuralEnergy], Any]] = {
    "NCE": lambda model: NoiseContrastive(model, BROAD, ratio=4, log_Z=model.log_z().item()),
    "sliced scores": SlicedScoreMatching,
    "denoising": lambda model: DenoisingScoreMatching(model, sigma=0.1),
}


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
    "no momentum": ("momentum",),
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


def learn(make: Callable[[NeuralEnergy], Any], recipe: Recipe, *, epochs: int, seed: int) -> float:
    """Trains a network, and returns nats of fresh points: inf if the mass has left the square."""
    generator = seeded(seed)
    points, fresh = toy.two_moons().sample(2 * EXAMPLES, generator=generator).split(EXAMPLES)
    model = NeuralEnergy(2, [64, 64], scale=2.0, generator=generator)
    objective = make(model)
    betas, total = (recipe.momentum, 0.99), epochs * EXAMPLES // BATCH
    optimizer = torch.optim.Adam(objective.parameters(), 0.02, betas=betas)
    schedule = LinearLR(optimizer, 1.0, recipe.last_rate, total_iters=total)
    fit(objective, points, epochs=epochs, batch_size=BATCH, optimizer=optimizer,
        schedule=schedule, clip=recipe.clip, generator=generator, progress=False)  # fmt: skip
    with torch.no_grad():
        try:
            log_Z = model.log_z(side=60.0, points=1000).item()
        except ValueError:
            return math.inf
    return nats(model, fresh, log_Z=log_Z).value


def by_chains(recipe: Recipe, *, seed: int) -> Callable[[NeuralEnergy], Any]:
    """SML by the recipe."""
    return lambda model: StochasticMaximumLikelihood(
        model, lambda f: MALA(f, 0.03), BROAD, buffer=recipe.buffer, chains=recipe.chains,
        steps=recipe.moves, fresh=0.02, generator=seeded(1000 + seed),
    )  # fmt: skip


def main(
    seeds: Annotated[int, typer.Option(help="repetitions: data, weights and chains")] = 6,
    epochs: Annotated[int, typer.Option(help="of training")] = 30,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every network, prints a line for each kind and writes the results."""
    torch.set_num_threads(1)
    rows = []
    kinds = {name: (lambda _, make=make: make, CAREFUL) for name, make in OBJECTIVES.items()}
    kinds |= {f"SML, {n}": (lambda s, r=r: by_chains(r, seed=s), r) for n, r in recipes()}
    for name, (make, recipe) in kinds.items():
        start = time.process_time()
        found = [learn(make(s), recipe, epochs=epochs, seed=s) for s in range(seeds)]
        seconds = (time.process_time() - start) / seeds
        print(f"{name:38}{seconds:6.1f} s  " + " ".join(f"{value:9.2f}" for value in found))
        values = [value if math.isfinite(value) else None for value in found]
        rows.append({"run": name, "nats": values, "cpu_seconds": seconds})
    write_results(out / "runaway.json", rows)


if __name__ == "__main__":
    typer.run(main)
