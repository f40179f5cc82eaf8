"""Annealed importance sampling: log Z of a law, by a path of laws from one that is known.

The path is p_β = p̃_β / Z_β for β from 0 to 1: p_0 can be drawn from and its log Z_0 is known, p_1
is the target. A chain follows the path and its weight records how the density grew under its feet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.protocols import Proposal
from coursepkg.samplers.run import Kernel
from coursepkg.samplers.weighting import (
    effective_sample_size,
    log_mean_error,
    log_mean_weight,
)
from coursepkg.validate import check_methods, check_tensor, count_rows


class Path(Protocol):
    """Laws p_β for 0 <= β <= 1, from one that is known to the target."""

    def log_z0(self) -> Tensor:
        """The exact log Z_0, (), nats."""

    def start(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n independent x from p_0, exactly: (n, D)."""

    def log_density(self, x: Tensor, beta: float) -> Tensor:
        """log p̃_β(x), (C, D) -> (C,), nats."""

    def step(self, x: Tensor, beta: float, *, generator: Generator) -> Tensor:
        """Moves every chain once, (C, D) -> (C, D), by a kernel that leaves p_β invariant.

        If runs in both directions are to be bridged, it must be reversible too.
        """


@dataclass(frozen=True)
class Annealed:
    """An estimate of log Z_1, and what it rests on."""

    log_Z: float  # nats
    error: float  # one standard error of log_Z, as far as the weights that were met can tell
    log_w: Tensor  # (C,) log of the weight gathered from β = 0 to β = 1, nats
    ess: float  # of the weights, from 1 to C; near 1 log_Z and error rest on one chain
    x: Tensor  # (C, D) where the chains ended


def check_schedule(betas: Tensor) -> None:
    """Checks that a schedule (T + 1,) rises from 0 to 1.

    Raises:
        ValueError: unless it starts at 0, ends at 1 and rises at every step.
    """
    check_tensor(betas, "betas")
    if betas.ndim != 1 or len(betas) < 2 or not betas.is_floating_point():
        raise ValueError(
            "betas: expected real numbers of shape (T + 1,), T >= 1, got "
            f"{betas.dtype} of shape {tuple(betas.shape)}"
        )
    first, last = betas[0].item(), betas[-1].item()
    if first != 0 or last != 1:
        raise ValueError(
            f"betas: expected a schedule from 0 to 1, got one from {first:.6g} to {last:.6g}"
        )
    if not (rises := betas.diff() > 0).all():
        t = int((~rises).nonzero()[0])
        raise ValueError(
            "betas: expected a schedule that rises at every step, got "
            f"{betas[t].item():.6g} and then {betas[t + 1].item():.6g} at step {t + 1}"
        )


@torch.no_grad()
def annealed_importance(
    path: Path, betas: Tensor, *, chains: int, generator: Generator
) -> Annealed:
    r"""log Z_1 by C chains that walk from p_0 to p_1.

    A chain's weight is :math:`w = \prod_t \tilde p_{\beta_t}(x_t) / \tilde p_{\beta_{t-1}}(x_t)`,
    where x_1 is drawn from p_0 and x_{t+1} by a step at β_t.   Source: :eq:`ais-weights`. The mean
    of w is Z_1 / Z_0 whatever the schedule (:eq:`ais-unbiased`), so log Ẑ is too low on average:
    a lower bracket. O(T) steps and 2 T densities a chain.

    Args:
        path: the laws.
        betas: schedule, (T + 1,), rising from 0 to 1.
        chains: number of chains C >= 2.
        generator: the only source of randomness.

    Raises:
        ValueError: if the schedule or the number of chains is impossible, or a density is NaN.
    """
    check_schedule(betas)
    _check_chains(chains)
    check_generator(generator)
    x = path.start(chains, generator=generator)
    log_w, x = follow(path, x, pairwise(betas.tolist()), generator=generator)
    log_mean = log_mean_weight(log_w)
    return _summary(path.log_z0().item() + log_mean, log_w, log_w, x)


@torch.no_grad()
def reverse_annealed_importance(
    path: Path, betas: Tensor, x: Tensor, *, generator: Generator
) -> Annealed:
    """log Z_1 by chains from p_1 back to p_0, which start from draws of the target.

    The mean of 1/w is Z_0 / Z_1, so log Ẑ = log Z_0 - log mean(1/w) is too high on average: an
    upper bracket, *if* x are exact draws of p_1.   Source: :eq:`reverse-ais`. From draws of a chain
    that has not mixed it is no bracket.

    If the steps are reversible, `optimal_bridge(backward.log_w, forward.log_w)` combines this run
    with one of `annealed_importance` on the same schedule into log Z_1 / Z_0.

    Args:
        path: the laws.
        betas: the same schedule as forward, (T + 1,), rising from 0 to 1.
        x: exact draws from the target p_1, (C, D), C >= 2.
        generator: the only source of randomness.

    Raises:
        ValueError: if the schedule or the number of chains is impossible, or a density is NaN.
    """
    check_schedule(betas)
    _check_chains(count_rows(x))
    check_generator(generator)
    log_inverse, x = follow(path, x, pairwise(betas.flip(0).tolist()), generator=generator)
    log_mean = log_mean_weight(log_inverse)
    return _summary(path.log_z0().item() - log_mean, -log_inverse, log_inverse, x)


def follow(
    path: Path, x: Tensor, pairs: Iterable[tuple[float, float]], *, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Weighs by what the density gains at each change of β, then moves.

    Args:
        path: the laws.
        x: where the chains start, (C, D).
        pairs: the changes of β, old and new.
        generator: the only source of randomness.

    Returns:
        Log weights (C,), nats, in double precision, and where the chains end, (C, D).

    Raises:
        ValueError: if a density is NaN.
    """
    log_w = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for old, new in pairs:
        log_w += path.log_density(x, new).double() - path.log_density(x, old).double()
        if (lost := log_w.isnan()).any():
            raise ValueError(
                f"log_density: expected a number for every chain, got NaN in {int(lost.sum())} of "
                f"{len(x)} between β = {old:.4g} and {new:.4g}"
            )
        x = path.step(x, new, generator=generator)
    return log_w, x


def _summary(log_Z: float, log_w: Tensor, averaged: Tensor, x: Tensor) -> Annealed:
    return Annealed(log_Z, log_mean_error(averaged), log_w, effective_sample_size(averaged), x)


def _check_chains(chains: int) -> None:
    check_integers(chains=chains)
    if chains < 2:
        raise ValueError(f"chains: expected at least 2, since one has no spread, got {chains}")


@dataclass(frozen=True)
class GeometricPath:
    """p̃_β(x) = q(x)^(1-β) p̃(x)^β for real x, from a law q that can be drawn from.

    Args:
        base: q, with `sample` and an exact `log_prob`; a Gaussian, say. Z_0 = 1.
        target: log p̃, (C, D) -> (C,), nats, finite wherever q can draw.
        kernel: makes a kernel of `coursepkg.samplers` for a log-density;
            ``lambda f: HMC(f, step_size=0.2, steps=5)``, say.
        steps: moves of the kernel at each β.
    """

    base: Proposal
    target: Callable[[Tensor], Tensor]
    kernel: Callable[[Callable[[Tensor], Tensor]], Kernel[Any, Any]]
    steps: int = 1

    def __post_init__(self) -> None:
        check_methods(self.base, "log_prob", "sample", name="base")
        check_counts(steps=self.steps)

    def log_z0(self) -> Tensor:
        """0: the base is normalised."""
        return torch.zeros(())

    def start(self, n: int, *, generator: Generator) -> Tensor:
        """Draws from the base, (n, D)."""
        return self.base.sample(n, generator=generator)

    def log_density(self, x: Tensor, beta: float) -> Tensor:
        """(1 - β) log q(x) + β log p̃(x), (C, D) -> (C,), nats."""
        return (1 - beta) * self.base.log_prob(x) + beta * self.target(x)

    def step(self, x: Tensor, beta: float, *, generator: Generator) -> Tensor:
        """Runs the kernel at β from x, (C, D) -> (C, D)."""
        kernel = self.kernel(lambda x: self.log_density(x, beta))
        state = kernel.init(x)
        for _ in range(self.steps):
            state, _ = kernel.step(state, generator=generator)
        moved: Tensor = state.x
        return moved
