"""Effective draws per CPU second of our samplers beside those of emcee and blackjax.

    python -m benchmarks.samplers

writes `benchmarks/results/samplers.json`: on one thread, in one process, float64, for a 2-D banana
and a 50-D Gaussian of condition number 100 (rotated: no coordinate is an axis), and, for ours
alone, for standard normals of growing dimension. The peers come with the optional group `bench`.

All samplers move as many chains at once, 2048 on the banana, 128 on the Gaussian and 16 on the
normals (where evaluations are counted), from exact draws, so that no time goes into burn-in. All
are tuned alike: the best of `FACTORS` times the step size at which half of the proposals are
accepted, and for HMC first the best of `LENGTHS`, by effective draws a second, beyond those of the
start, in a short run; emcee's stretch move and Gibbs have nothing to tune. Effective draws are the
smaller of bulk and tail (Vehtari et al.), of the worst direction, by
`coursepkg.samplers.diagnostics`: without the tail, a chain that keeps |x| and flips its sign would
look perfect. Those of the start are counted, which flatters a sampler whose R-hat is far from 1.
Compiling, tuning and diagnosing are not timed.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from coursepkg.data.toy import Banana
from coursepkg.rng import seeded
from coursepkg.samplers.diagnostics import ess_bulk, ess_tail, mcse_mean, rhat
from coursepkg.samplers.gibbs import GaussianConditional, SystematicGibbs
from coursepkg.samplers.hmc import HMC
from coursepkg.samplers.langevin import MALA
from coursepkg.samplers.metropolis import RandomWalk
from coursepkg.samplers.run import Kernel, run

BLOCK, KEPT = 20, 2**23  # steps are a multiple of BLOCK; draws are thinned to KEPT numbers
SHORTEST = 100  # steps
LENGTHS = (2, 4, 8, 16, 32)
FACTORS = (0.35, 0.5, 0.7, 1.0, 1.4)
Row = dict[str, Any]


class Target(NamedTuple):
    """A law whose mean is 0, and the directions along which samplers are judged."""

    name: str
    bend: float  # of a banana; 0 for the Gaussians
    variances: Tensor  # (D,) along the directions
    axes: Tensor  # (D, D), a column a direction
    chains: int = 128  # emcee wants 2 D at least

    def log_density(self, x: Tensor) -> Tensor:
        """(C, D) -> (C,), up to a constant."""
        if self.bend:
            middle = self.bend * (x[:, 0].square() - self.variances[0])
            return -(x[:, 0].square() / self.variances[0] + (x[:, 1] - middle).square()) / 2
        return -((x @ self.axes).square() / self.variances).sum(1) / 2

    def start(self) -> Tensor:
        """Exact draws, (C, D); the same at each call."""
        if self.bend:
            return Banana(bend=self.bend).sample(self.chains, generator=seeded(0))
        noise = torch.randn(self.chains, len(self.axes), generator=seeded(0))
        return noise * self.variances.sqrt() @ self.axes.T

    @property
    def covariance(self) -> Tensor:
        """Of a Gaussian, (D, D)."""
        return self.axes * self.variances @ self.axes.T


class Setting(NamedTuple):
    """What is tuned."""

    step_size: float = 0.0  # 0 where there is none
    length: int = 1  # leapfrog steps of HMC


class Run(NamedTuple):
    """What a sampler brings back."""

    draws: Tensor  # (T, C, D)
    seconds: float  # CPU
    acceptance: float
    evaluations: float  # of the density, or of density and gradient, per step and chain


class Plan(NamedTuple):
    """What a sampler is asked for."""

    x: Tensor  # where the chains start, (C, D)
    steps: int
    thin: int
    seed: int


Sampler = Callable[[Setting, Plan], Run]


def banana() -> Target:
    """`Banana` of the course's toys, judged by its two coordinates."""
    toy = Banana()
    variances = torch.tensor([toy.width**2, 1 + 2 * toy.bend**2 * toy.width**4])
    return Target("banana", toy.bend, variances, torch.eye(2), chains=2048)


def gaussian(D: int = 50, condition: float = 100.0) -> Target:
    """Variances from 1 to `condition`, evenly spread on a log scale, along random axes."""
    axes = torch.linalg.qr(torch.randn(D, D, generator=seeded(1))).Q
    return Target("gaussian", 0.0, torch.logspace(0, math.log10(condition), D), axes)


def normal(D: int) -> Target:
    """N(0, I), where nothing but the dimension makes it hard."""
    return Target("normal", 0.0, torch.ones(D), torch.eye(D), chains=16)


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


def half_accepted(sampler: Sampler, target: Target, *, length: int = 1) -> float:
    """Step size at which half of the proposals are accepted, by bisection to 10 %."""
    low, high, x = 1e-2, 1e2, target.start()
    while high / low > 1.1:
        middle = math.sqrt(low * high)
        accepted = sampler(Setting(middle, length), Plan(x, BLOCK, 1, 0)).acceptance
        low, high = (middle, high) if accepted > 0.5 else (low, middle)
    return math.sqrt(low * high)


def tune(
    sampler: Sampler, target: Target, *, half: float, lengths: tuple[int, ...], pilot: float
) -> Setting:
    """The setting with most effective draws a second, less the start's, in `pilot` seconds."""

    def speed(setting: Setting) -> float:
        ran, _ = long_run(sampler, target, setting, budget=pilot)
        return (effective(ran.draws, target) - target.chains) / ran.seconds

    length = max(lengths, key=lambda n: speed(Setting(half / 2, n))) if lengths[1:] else lengths[0]
    return max((Setting(half * factor, length) for factor in FACTORS), key=speed)


def long_run(
    sampler: Sampler, target: Target, setting: Setting, *, budget: float
) -> tuple[Run, Plan]:
    """A run of about `budget` CPU seconds, in whole blocks, and what was asked for."""
    x = target.start()
    blocks = max(SHORTEST // BLOCK, round(budget / sampler(setting, Plan(x, BLOCK, 1, 1)).seconds))
    numbers = blocks * BLOCK * x.numel()
    thin = next((n for n in (1, 2, 4, 5, 10) if numbers / n <= KEPT), BLOCK)
    plan = Plan(x, blocks * BLOCK, thin, 2)
    return sampler(setting, plan), plan


def effective(draws: Tensor, target: Target) -> float:
    """Effective draws, of bulk or tail, along the worst direction."""
    along = draws @ target.axes
    return torch.minimum(ess_bulk(along), ess_tail(along)).min().item()


def measure(
    library: str, name: str, sampler: Sampler, target: Target, setting: Setting, *, budget: float
) -> Row:
    """One row of results, printed too."""
    (draws, seconds, acceptance, evaluations), plan = long_run(
        sampler, target, setting, budget=budget
    )
    along, worst = draws @ target.axes, effective(draws, target)
    error = along.mean((0, 1)) / mcse_mean(along)
    row = {
        "library": library, "sampler": name, "target": target.name, "D": len(target.axes),
        "chains": target.chains, "steps": plan.steps, "thin": plan.thin, **setting._asdict(),
        "acceptance": acceptance, "cpu_seconds": seconds, "ess": worst,
        "ess_per_second": worst / seconds,
        "evaluations_per_draw": plan.steps * target.chains * evaluations / worst,
        "rhat": rhat(along).max().item(), "largest_error_in_se": error.abs().max().item(),
    }  # fmt: skip
    print(
        "{target:8} D = {D:<3} {library:8} {sampler:12} {ess_per_second:9.0f} draws/s, "
        "{evaluations_per_draw:7.1f} evaluations a draw, R-hat {rhat:.3f}, {acceptance:.2f} "
        "accepted, error {largest_error_in_se:.1f} se".format(**row), flush=True,
    )  # fmt: skip
    return row


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
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows: list[Row] = []
    for target in (banana(), gaussian()):
        rows += measure_ours(target, budget=budget)
        if not target.bend:
            rows.append(measure_gibbs(target, budget=budget))
        if peers:
            from benchmarks.peers import measure_peers  # they are optional

            rows += measure_peers(target, budget=budget)
    for D in dimensions or (4, 16, 64, 256):
        rows += measure_ours(normal(D), budget=budget / 3)
    write_results(out / "samplers.json", rows)


if __name__ == "__main__":
    typer.run(main)
