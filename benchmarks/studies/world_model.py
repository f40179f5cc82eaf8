"""A plan made in a learnt world: what it is worth, beside what the model promises, and Q-learning.

    python -m benchmarks.studies.world_model

writes `benchmarks/results/world_model.json`. Somebody wanders at random through a small grid with
walls, pits and slippery floor; from the first N steps each method makes a policy, whose value from
the start is computed exactly in the true world. Beside it stands the value that was promised. All
methods get the same steps; the seed draws them, and differences are taken seed by seed.
Numbers of imaginary steps were set to 1 before any run, and nothing was tuned.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.models.worlds.grid import Grid, grid_world
from coursepkg.models.worlds.learnt import (
    Experience,
    counted,
    distrustful,
    q_learning,
    wander,
    with_moves,
)
from coursepkg.models.worlds.planning import value_iteration, value_of_policy
from coursepkg.rng import seeded

PLAN = (
    "S..P..G",
    ".#.P.#.",
    ".#...#.",
    ".##P##.",
    ".......",
)
SLIP, DISCOUNT = 0.2, 0.95
WORST, BEST = -1.02 / DISCOUNT, 0.98 / DISCOUNT  # so that a step beyond is worth a pit, the goal
STRENGTH = 1.0  # imaginary steps of each action in each state
STEPS = (100, 300, 1000, 3000, 10_000)

Found = tuple[Tensor, float]  # a policy (S,), and what its method promises from the start
Method = Callable[[Grid, Experience, int], Found]


def naive(place: Grid, seen: Experience, seed: int) -> Found:
    """Counts, and imaginary steps to anywhere."""
    world = counted(seen, len(place.cells), 4, strength=STRENGTH)
    plan = value_iteration(world, discount=DISCOUNT)
    return plan.policy, plan.value[place.start].item()


def _doubting(place: Grid, seen: Experience, value: float) -> Found:
    S = len(place.cells)
    world = distrustful(seen, S, 4, strength=STRENGTH, value=value, discount=DISCOUNT)
    plan = value_iteration(world, discount=DISCOUNT)
    return plan.policy[:S], plan.value[place.start].item()


def pessimistic(place: Grid, seen: Experience, seed: int) -> Found:
    """Counts, and imaginary steps to the worst."""
    return _doubting(place, seen, WORST)


def optimistic(place: Grid, seen: Experience, seed: int) -> Found:
    """Counts, and imaginary steps to the best: meant for who can look, which nobody can here."""
    return _doubting(place, seen, BEST)


def network(place: Grid, seen: Experience, seed: int) -> Found:
    """One law of moves for cells with the same walls around them."""
    world = with_moves(place, seen, generator=seeded(seed))
    plan = value_iteration(world, discount=DISCOUNT)
    return plan.policy, plan.value[place.start].item()


def without(passes: int) -> Method:
    """Q-learning, each step once or many times over."""

    def method(place: Grid, seen: Experience, seed: int) -> Found:
        q = q_learning(seen, len(place.cells), 4, discount=DISCOUNT, passes=passes)
        return q.argmax(1), q[place.start].max().item()

    return method


METHODS: dict[str, Method] = {
    "counts, prior to anywhere": naive,
    "counts, pessimistic": pessimistic,
    "counts, optimistic": optimistic,
    "network of moves": network,
    "Q-learning, one pass": without(1),
    "Q-learning, 20 passes": without(20),
}


def first(seen: Experience, n: int) -> Experience:
    """Its first n steps."""
    return Experience(*(part[:n] for part in seen))


def rows_of(place: Grid, seeds: int, steps: tuple[int, ...]) -> list[dict[str, Any]]:
    """For each number of steps and method: real and promised value of each seed."""
    walks = [wander(place, max(steps), generator=seeded(seed)) for seed in range(seeds)]
    rows = []
    for n in steps:
        for name, method in METHODS.items():
            real, promised = [], []
            for seed, walk in enumerate(walks):
                policy, promise = method(place, first(walk, n), seed)
                value = value_of_policy(place.world, policy, discount=DISCOUNT)[place.start]
                real.append(value.item())
                promised.append(promise)
            rows.append(summary(n, name, real, promised))
            print("{steps:6} {method:28} {mean:+.3f} ± {error:.3f}, promised {promise:+.3f}".format(
                **rows[-1]))  # fmt: skip
    return rows


def summary(n: int, name: str, real: list[float], promised: list[float]) -> dict[str, Any]:
    """Means and standard errors over seeds, and all values."""
    values, promises = torch.tensor(real).double(), torch.tensor(promised).double()
    return {
        "steps": n, "method": name, "mean": values.mean().item(),
        "error": values.std().item() / len(values) ** 0.5, "promise": promises.mean().item(),
        "values": real, "promises": promised,
    }  # fmt: skip


def main(
    seeds: Annotated[int, typer.Option(help="walks", min=2)] = 10,
    quick: Annotated[bool, typer.Option(help="100 steps; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Learns, plans, compares, prints and writes."""
    torch.set_num_threads(1)
    place = grid_world(PLAN, slip=SLIP)
    best = value_iteration(place.world, discount=DISCOUNT, tolerance=1e-6)
    chance = place.world.P.mean(1), place.world.mean_reward.mean(1)
    at_random = torch.linalg.solve(torch.eye(len(chance[0])) - DISCOUNT * chance[0], chance[1])
    head = {"best": best.value[place.start].item(), "at_random": at_random[place.start].item(),
            "plan": list(PLAN), "slip": SLIP, "discount": DISCOUNT, "seeds": seeds}  # fmt: skip
    print(head)
    rows = rows_of(place, seeds, STEPS[:1] if quick else STEPS)
    if out is not None or not quick:
        write_results((out or RESULTS) / "world_model.json", [head, *rows])


if __name__ == "__main__":
    typer.run(main)
