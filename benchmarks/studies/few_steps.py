"""Eight Gaussians in few steps: what each way of learning a flow map is worth, step for step.

    python -m benchmarks.studies.few_steps

writes `benchmarks/results/few_steps.json`: for each way, each number of calls of the network and
each of five seeds, the squared mean discrepancy between 2,000 draws and 2,000 of the truth, and the
share of draws within three standard deviations of a mode. All networks have the same width, and as
many batches; those with a teacher have the same one, trained from the same seed.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor, nn

from benchmarks.provenance import RESULTS, write_results
from benchmarks.recipe import one_cycle
from coursepkg.data.toy import eight_gaussians
from coursepkg.evaluation.samples import mmd_squared, mode_shares
from coursepkg.gallery.sequences import few_steps as ring
from coursepkg.models.few_steps import (
    ConsistencyDistillation,
    ConsistencyTraining,
    EndAverage,
    EulerAverage,
    Jumps,
    MapDistillation,
    MeanFlow,
    Restarts,
)
from coursepkg.models.flows import FlowMatching, Reflow
from coursepkg.rng import seeded

RADIUS, SPREAD = 4.0, 0.5  # of the ring, which is seen in radii; and of a mode
EXAMPLES, BATCH, DRAWS, BANDWIDTH = 6400, 256, 2000, 0.25
STEPS = 8  # of consistency: with 20, word of the end comes less far in as many batches
CALLS = (1, 2, 4, 8, 16, 32)
WAYS = {
    "flow matching": "teacher",
    "rectified": "rectified",
    "consistency, distilled": "distilled",
    "consistency, from data": "consistent",
    "mean flow": "mean",
    "flow map, distilled": "map",
}


def main(
    seeds: Annotated[int, typer.Option(help="of data and training", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="of each training")] = 60,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Trains every way from every seed, prints a line for each, writes the results."""
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in range(seeds):
        start = time.process_time()
        nets = trained(epochs=epochs, generator=seeded(seed))
        seconds = time.process_time() - start
        truth = data(DRAWS, generator=seeded(100 + seed))
        for way in WAYS:
            for calls in CALLS:
                x = sampler(way, nets, calls=calls).sample(DRAWS, generator=seeded(200 + seed))
                mmd2 = mmd_squared(x, truth, bandwidth=BANDWIDTH)
                rows.append({
                    "way": way, "calls": calls, "seed": seed, "mmd2": mmd2, "near": near(x),
                    "cpu_seconds": seconds,
                })  # fmt: skip
            shown = [f"{row['mmd2']:.4f}" for row in rows[-len(CALLS) :]]
            print(f"seed {seed} {way:24} {' '.join(shown)}", flush=True)
        write_results(out / "few_steps.json", rows)


def data(n: int, *, generator: Generator) -> Tensor:
    """Draws from the ring, in radii, (n, 2)."""
    return eight_gaussians().sample(n, generator=generator) / RADIUS


def trained(*, epochs: int, generator: Generator) -> nn.ModuleDict:
    """The teacher, and five that need fewer calls."""
    _, nets = ring(generator=generator)
    x = data(EXAMPLES, generator=generator)
    teacher = FlowMatching(nets["teacher"], dim=2, steps=20)
    _train(teacher, x, epochs, generator)
    field = nets["teacher"].eval().requires_grad_(False)
    pairs = teacher.pairs(EXAMPLES, generator=generator)
    nets["rectified"].load_state_dict(field.state_dict())  # it starts as its teacher
    _train(Reflow(nets["rectified"], dim=2), pairs, epochs, generator)
    students = (
        ConsistencyDistillation(nets["distilled"], field, dim=2, steps=STEPS),
        ConsistencyTraining(nets["consistent"], dim=2, steps=STEPS),
        MeanFlow(nets["mean"], dim=2, apart=0.5),
        MapDistillation(nets["map"], field, dim=2, apart=0.5),
    )
    for student in students:
        _train(student, x, epochs, generator)
    return nets.eval().requires_grad_(False)


def sampler(way: str, nets: nn.ModuleDict, *, calls: int) -> Jumps | Restarts:
    """What draws in so many calls of the network of that way."""
    net = nets[WAYS[way]]
    if way in {"flow matching", "rectified"}:
        return Jumps(EulerAverage(net), dim=2, steps=calls)
    if way.startswith("consistency"):
        return Restarts(EndAverage(net), dim=2, steps=calls)
    return Jumps(net, dim=2, steps=calls)


def near(x: Tensor) -> float:
    """Share of draws within three standard deviations of a mode."""
    means = eight_gaussians().means / RADIUS
    return mode_shares(x, means, radius=3 * SPREAD / RADIUS).sum().item()


def _train(model: nn.Module, x: Tensor, epochs: int, generator: Generator) -> None:
    one_cycle(
        model, x, valid=None, epochs=epochs, batch_size=BATCH, rate=3e-3, decay=0.01, clip=10.0,
        generator=generator,
    )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
