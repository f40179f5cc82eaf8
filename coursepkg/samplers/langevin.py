"""Langevin's samplers: follow the score, with noise; unadjusted and Metropolis-adjusted."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.samplers.run import (
    GradientState,
    Info,
    accept,
    choose,
    evaluate_with_score,
    start_with_score,
)
from coursepkg.validate import ANY, check_positive, check_real


class UnadjustedInfo(NamedTuple):
    """What one unadjusted step did; one row a chain."""

    moved: Tensor  # (C,) bool: False only where the density or the score was not finite
    invalid: Tensor  # (C,) bool: it was NaN or +inf, or the score was not finite


@dataclass(frozen=True)
class UnadjustedLangevin:
    r"""x' = x + η ∇log p(x) + √(2η) ε with ε ~ N(0, I), always accepted.

    Source: :eq:`langevin-step`. Its stationary law, if it has one, is in general *not* p. For a
    Gaussian it is off by O(η), as `unadjusted_covariance` says, and where η is too large there is
    none. One evaluation of the score a step. A chain stays where it is in a step that leads out of
    the support or to a value that is not finite; the info shows both.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats, with a gradient.
        step_size: η > 0, in squared units of x.
    """

    log_density: Callable[[Tensor], Tensor]
    step_size: float

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)

    def init(self, x: Tensor) -> GradientState:
        """Evaluates the target and its score at x, (C, D)."""
        return start_with_score(self.log_density, x)

    def step(
        self, state: GradientState, *, generator: Generator
    ) -> tuple[GradientState, UnadjustedInfo]:
        """Moves every chain."""
        x_new = _propose(state, self.step_size, generator=generator)
        new = evaluate_with_score(self.log_density, x_new)
        moved = new.log_density.isfinite() & new.score.isfinite().all(1)
        info = UnadjustedInfo(moved, ~moved & ~new.log_density.isneginf())
        return _select(moved, new, state), info


@dataclass(frozen=True)
class MALA:
    """The Metropolis-adjusted Langevin kernel: leaves p(x) ∝ exp(log_density(x)) invariant.

    Proposes Langevin's step and accepts with the Metropolis–Hastings probability, since that
    proposal is not symmetric.   Source: :eq:`langevin-step`, :eq:`mh-ratio`. One evaluation of the
    score a step; on a standard normal in D dimensions an independent draw takes O(D^1/3) steps at
    the best step size, where about 57 % are accepted for large D. Far out, where the score is
    steep, it can get stuck: proposals overshoot.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats, with a gradient; -inf outside the
            support.
        step_size: η > 0, in squared units of x.
    """

    log_density: Callable[[Tensor], Tensor]
    step_size: float

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)

    def init(self, x: Tensor) -> GradientState:
        """Evaluates the target and its score at x, (C, D)."""
        return start_with_score(self.log_density, x)

    def step(self, state: GradientState, *, generator: Generator) -> tuple[GradientState, Info]:
        """Proposes once for every chain, and accepts or stays."""
        x_new = _propose(state, self.step_size, generator=generator)
        new = evaluate_with_score(self.log_density, x_new)
        back, forth = self._log_q(state.x, new), self._log_q(new.x, state)
        info = accept(new.log_density - state.log_density + back - forth, generator=generator)
        return _select(info.moved, new, state), info

    def _log_q(self, x_new: Tensor, given: GradientState) -> Tensor:
        mean = given.x + self.step_size * given.score
        return -(x_new - mean).square().sum(1) / (4 * self.step_size)


def unadjusted_covariance(covariance: Tensor, *, step_size: float) -> Tensor:
    """Covariance of the law that `UnadjustedLangevin` settles in on N(μ, Σ): (D, D) -> (D, D).

    With A = I - ηΣ⁻¹ a step makes A S Aᵀ + 2ηI of a covariance S; the fixed point is
    Σ (I - ηΣ⁻¹/2)⁻¹, and the mean is μ.   Source: :eq:`ula-covariance`. In one dimension the
    variance is σ² / (1 - η / 2σ²), which is above σ².

    Args:
        covariance: Σ, symmetric and positive definite.
        step_size: η > 0.

    Raises:
        ValueError: if η >= 2 λ_min(Σ): the chain runs away and no law is stationary.
    """
    check_positive(step_size=step_size)
    check_real(covariance, event=(ANY,), name="covariance")
    if not torch.allclose(covariance, covariance.T):
        raise ValueError("covariance: expected a symmetric matrix, got another")
    variances, axes = torch.linalg.eigh(covariance.double())
    limit = 2 * variances.min().item()
    if step_size >= limit:
        raise ValueError(
            f"step_size: expected less than twice the smallest variance, {limit:.4g}, got "
            f"{step_size}"
        )
    widened = 2 * variances.square() / (2 * variances - step_size)
    result: Tensor = axes * widened @ axes.T
    return result.to(covariance)


def _propose(state: GradientState, step_size: float, *, generator: Generator) -> Tensor:
    check_generator(generator)
    noise = torch.randn_like(state.x, generator=generator)
    return state.x + step_size * state.score + math.sqrt(2 * step_size) * noise


def _select(moved: Tensor, new: GradientState, old: GradientState) -> GradientState:
    pairs = zip(new, old, strict=True)
    return GradientState(*(choose(moved, there, here) for there, here in pairs))
