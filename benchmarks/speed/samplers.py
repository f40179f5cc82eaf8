"""Effective draws per CPU second of our samplers beside those of emcee and blackjax.

    python -m benchmarks.speed.samplers

writes `benchmarks/results/samplers.json`: on one thread, in one process, float64, for a 2-D banana
and a 50-D Gaussian of condition number 100 (rotated: no coordinate is an axis), and, for ours
alone, for standard normals of growing dimension. The peers come with the optional group `bench`.
`benchmarks.speed.chains` says how they are measured.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.provenance import RESULTS, write_results
from benchmarks.speed.chains import (
    LENGTHS,
    Plan,
    Row,
    Run,
    Sampler,
    Setting,
    Target,
    banana,
    gaussian,
    half_accepted,
    measure,
    normal,
    tune,
)
from benchmarks.speed.peers import check_installed, measure_peers
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import GaussianConditional, SystematicGibbs
from coursepkg.samplers.hmc import HMC
from coursepkg.samplers.langevin import MALA
from coursepkg.samplers.metropolis import RandomWalk
from coursepkg.samplers.run import Kernel, run


def ours(make: Callable[[Setting], Kernel[Any, Any]]) -> Sampler:
    """A kernel of the course, made anew for each setting."""

    def sampler(setting: Setting, plan: Plan) -> Run:
        kernel, generator = make(setting), seeded(plan.seed)
        start = time.process_time()
        draws, info = run(kernel, plan.x, steps=plan.steps, thin=plan.thin, generator=generator)
        seconds = time.process_time() - start
        evaluations = info.steps.double().mean().item() if hasattr(info, "steps") else 1.0
        return Run(draws, seconds, info.moved.double().mean().item(), evaluations)

    return sampler


def measure_ours(target: Target, *, budget: float) -> list[Row]:
    """Rows of our kernels but Gibbs."""
    kernels: dict[str, tuple[Sampler, tuple[int, ...]]] = {
        "random walk": (ours(lambda s: RandomWalk(target.log_density, s.step_size)), (1,)),
        "MALA": (ours(lambda s: MALA(target.log_density, s.step_size)), (1,)),
        "HMC": (ours(lambda s: HMC(target.log_density, s.step_size, s.length)), LENGTHS),
    }
    rows = []
    for name, (sampler, lengths) in kernels.items():
        half = half_accepted(sampler, target, length=lengths[len(lengths) // 2])
        setting = tune(sampler, target, half=half, lengths=lengths, pilot=budget / 10)
        rows.append(measure("ours", name, sampler, target, setting, budget=budget))
    return rows


def measure_gibbs(target: Target, *, budget: float) -> Row:
    """Row of the systematic sweep, for a Gaussian."""
    conditional = GaussianConditional(torch.zeros(len(target.axes)), target.covariance)
    sampler = ours(lambda _: SystematicGibbs(conditional))
    return measure("ours", "Gibbs", sampler, target, Setting(), budget=budget)


def main(
    dimensions: Annotated[list[int] | None, typer.Argument(help="of the normals")] = None,
    budget: Annotated[float, typer.Option(help="CPU seconds of a run")] = 3.0,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
    *,
    peers: Annotated[bool, typer.Option(help="emcee and blackjax too")] = True,
) -> None:
    """Measures every sampler on every target, prints a line for each and writes the results."""
    if peers:
        check_installed()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows: list[Row] = []
    for target in (banana(), gaussian()):
        rows += measure_ours(target, budget=budget)
        if not target.bend:
            rows.append(measure_gibbs(target, budget=budget))
        if peers:
            rows += measure_peers(target, budget=budget)
    for D in dimensions or (4, 16, 64, 256):
        rows += measure_ours(normal(D), budget=budget / 3)
    write_results(out / "samplers.json", rows)


if __name__ == "__main__":
    typer.run(main)
