"""How samplers are raced: targets, tuning alike for all, long runs, and effective draws a second.

All move as many chains at once, 2048 on the banana, 128 on the Gaussian and 16 on the normals
(where evaluations are counted), from exact draws, so that no time goes into burn-in. All are tuned
alike: the best of `FACTORS` times the step size at which half of the proposals are accepted, and
for HMC first the best of `LENGTHS`, by effective draws a second, beyond those of the start, in a
short run; emcee's stretch move and Gibbs have nothing to tune. Effective draws are the smaller of
bulk and tail (Vehtari et al.), of the worst direction, by `coursepkg.samplers.diagnostics`: without
the tail, a chain that keeps |x| and flips its sign would look perfect. Those of the start are
counted, which flatters a sampler whose R-hat is far from 1. Compiling, tuning and diagnosing are
not timed.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coursepkg.data.toy import Banana
from coursepkg.rng import seeded
from coursepkg.samplers.diagnostics import ess_bulk, ess_tail, mcse_mean, rhat

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
