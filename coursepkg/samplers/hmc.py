"""Hamiltonian Monte Carlo: give the point a momentum, let it glide, and correct the error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers, check_numbers
from coursepkg.samplers.run import (
    GradientState,
    accept,
    check_chains,
    choose,
    evaluate_with_score,
    start_with_score,
)
from coursepkg.validate import check_positive, check_real

DIVERGENCE = 1000.0  # nats of energy error beyond which a trajectory has left its orbit


class HMCInfo(NamedTuple):
    """What one trajectory did; one row a chain."""

    moved: Tensor  # (C,) bool: the end of the trajectory was accepted
    log_ratio: Tensor  # (C,) minus the energy error, H at the start - H at the end; NaN if invalid
    invalid: Tensor  # (C,) bool: the end could not be evaluated, and was refused
    divergent: Tensor  # (C,) bool: invalid, or an energy error above `DIVERGENCE`
    steps: Tensor  # (C,) int64: leapfrog steps, each of which costs one gradient


def leapfrog(
    evaluate: Callable[[Tensor], GradientState],
    state: GradientState,
    momentum: Tensor,
    *,
    step_size: float,
    steps: int,
    mass: Tensor | float = 1.0,
) -> tuple[GradientState, Tensor]:
    """Follows Hamilton's equations, dx/dt = r / m and dr/dt = ∇log p(x), for `steps` steps.

    Half a kick, a drift, half a kick.   Source: :eq:`leapfrog`. Reversible (turn the momentum round
    and it retraces its way) and volume preserving, both exactly; on smooth
    targets the energy -log p(x) + Σ r² / 2m is kept up to O(η²). One gradient a step.

    Args:
        evaluate: maps x (C, D) to its state, with the score.
        state: where the trajectories start.
        momentum: r, (C, D).
        step_size: η, in units of x if the mass is 1.
        steps: number of steps, >= 0.
        mass: m, a number or one for each coordinate, (D,).

    Returns:
        The state and the momentum at the end.
    """
    for _ in range(steps):
        momentum = momentum + step_size / 2 * state.score
        state = evaluate(state.x + step_size * momentum / mass)
        momentum = momentum + step_size / 2 * state.score
    return state, momentum


@dataclass(frozen=True)
class HMC:
    """Leaves p(x) ∝ exp(log_density(x)) invariant, and moves far in one step.

    Draws a momentum r ~ N(0, m), follows `leapfrog`, and accepts the end with probability
    min(1, exp(H - H')), where H = -log p(x) + Σ r² / 2m.   Source: :eq:`hmc-ratio`. A trajectory of
    fixed length can be a whole period of some direction, which then never moves; so its number of
    steps is drawn anew each time, uniformly from steps · (1 ± jitter), for all chains together. On
    a standard normal in D dimensions an independent draw takes O(D^1/4) gradients at the best step.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats, with a gradient; -inf outside the
            support.
        step_size: η > 0 of the leapfrog; with masses of 1 it diverges on a Gaussian beyond twice
            the smallest standard deviation.
        steps: mean number of leapfrog steps, >= 1.
        jitter: half the relative width of the range of steps, in [0, 1].
        mass: m > 0 for each coordinate, (D,); best near 1 / variance. All 1 when left out.

    Raises:
        ValueError: if a parameter is out of its range.
    """

    log_density: Callable[[Tensor], Tensor]
    step_size: float
    steps: int
    jitter: float = 0.5
    mass: Tensor | None = None

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)
        check_integers(steps=self.steps)
        check_numbers(jitter=self.jitter)
        if self.steps < 1 or not 0 <= self.jitter <= 1:
            raise ValueError(
                f"expected steps >= 1 and jitter in [0, 1], got steps={self.steps}, "
                f"jitter={self.jitter}"
            )
        if self.mass is not None:
            check_real(self.mass, event=(), name="mass")
            low, high = self.mass.aminmax()
            check_positive(smallest_mass=low.item(), largest_mass=high.item())

    def init(self, x: Tensor) -> GradientState:
        """Evaluates the target and its score at x, (C, D)."""
        check_chains(x)
        if self.mass is not None and self.mass.shape != x.shape[1:]:
            raise ValueError(
                f"mass: expected shape {tuple(x.shape[1:])}, one a coordinate, got "
                f"{tuple(self.mass.shape)}"
            )
        return start_with_score(self.log_density, x)

    def step(self, state: GradientState, *, generator: Generator) -> tuple[GradientState, HMCInfo]:
        """Follows one trajectory for every chain, and accepts its end or stays."""
        check_generator(generator)
        mass = torch.ones_like(state.x[0]) if self.mass is None else self.mass
        momentum = mass.sqrt() * torch.randn_like(state.x, generator=generator)
        steps = self._draw_steps(generator)
        new, momentum_new = leapfrog(
            lambda x: evaluate_with_score(self.log_density, x),
            state, momentum, step_size=self.step_size, steps=steps, mass=mass,
        )  # fmt: skip
        log_ratio = _energy(state, momentum, mass) - _energy(new, momentum_new, mass)
        moved, log_ratio, invalid = accept(log_ratio, generator=generator)
        divergent = invalid | (log_ratio < -DIVERGENCE)
        info = HMCInfo(
            moved, log_ratio, invalid, divergent, torch.full_like(moved, steps, dtype=torch.int64)
        )
        chosen = (choose(moved, there, here) for there, here in zip(new, state, strict=True))
        return GradientState(*chosen), info

    def _draw_steps(self, generator: Generator) -> int:
        """Symmetric about `steps`, and independent of the state, as invariance demands."""
        spread = min(round(self.jitter * self.steps), self.steps - 1)
        return int(
            torch.randint(
                self.steps - spread, self.steps + spread + 1, (), generator=generator,
                device=generator.device,
            )
        )  # fmt: skip


def _energy(state: GradientState, momentum: Tensor, mass: Tensor) -> Tensor:
    """H = -log p(x) + Σ r² / 2m, (C,), nats."""
    return -state.log_density + (momentum.square() / (2 * mass)).sum(1)
