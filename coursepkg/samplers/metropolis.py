"""Metropolis–Hastings: propose, and accept with the ratio that leaves the target invariant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.samplers.run import Info, State, accept, check_chains, choose, evaluate, start
from coursepkg.validate import ANY, check_positive, check_real


class ProposalKernel(Protocol):
    """Draws a proposal for every chain from its present state."""

    def __call__(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps x (C, D) to x' (C, D), each row by itself."""


@dataclass(frozen=True)
class MetropolisHastings:
    """Leaves p(x) ∝ exp(log_density(x)) invariant, whatever the proposal q(x' | x).

    Accepts x' with probability min(1, p(x') q(x | x') / (p(x) q(x' | x))): the density of the way
    *back* stands above.   Source: :eq:`mh-ratio`. One evaluation of the target a step. Invariance
    is not convergence: the proposals must also be able to reach every x, which may be of integers.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats; -inf outside the support.
        propose: draws x' given x.
        log_q: log q(x' | x) up to a constant that depends on neither, called as
            ``log_q(x_new, x)``: (C, D), (C, D) -> (C,).

    Raises:
        TypeError: if `log_q` is not a function: without the proposal's density there is no ratio.
    """

    log_density: Callable[[Tensor], Tensor]
    propose: ProposalKernel
    log_q: Callable[[Tensor, Tensor], Tensor]

    def __post_init__(self) -> None:
        if not callable(self.log_q):
            raise TypeError(
                "log_q: expected the log-density of the proposal as a function of (x_new, x), got "
                f"{self.log_q}; a symmetric Gaussian proposal is RandomWalk"
            )

    def init(self, x: Tensor) -> State:
        """Evaluates the target at x, (C, D)."""
        return start(self.log_density, x)

    def step(self, state: State, *, generator: Generator) -> tuple[State, Info]:
        """Proposes once for every chain, and accepts or stays."""
        x_new = self.propose(state.x, generator=generator)
        if x_new.shape != state.x.shape or x_new.dtype != state.x.dtype:
            raise ValueError(
                f"propose: expected {tuple(state.x.shape)} of {state.x.dtype} like x, got "
                f"{tuple(x_new.shape)} of {x_new.dtype}"
            )
        new = evaluate(self.log_density, x_new)
        back, forth = self._log_q(state.x, x_new), self._log_q(x_new, state.x)
        info = accept(new.log_density - state.log_density + back - forth, generator=generator)
        return _select(info, new, state), info

    def _log_q(self, x_new: Tensor, x: Tensor) -> Tensor:
        value = self.log_q(x_new, x)
        if value.shape != x.shape[:1]:
            raise ValueError(
                f"log_q: expected shape ({len(x)},), one value a chain, got {tuple(value.shape)}"
            )
        return value


@dataclass(frozen=True)
class RandomWalk:
    """Metropolis' kernel: x' = x + step_size · noise, noise ~ N(0, I).

    The proposal is symmetric, so its density cancels: it accepts with probability
    min(1, p(x') / p(x)).   Source: :eq:`metropolis-ratio`. One evaluation of the target a step; on
    a standard normal in D dimensions an independent draw takes O(D) steps at the best step size,
    2.38 / √D for large D, where 23 % of the proposals are accepted.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats; -inf outside the support.
        step_size: standard deviation of the proposal, > 0, in units of x.
    """

    log_density: Callable[[Tensor], Tensor]
    step_size: float

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)

    def init(self, x: Tensor) -> State:
        """Evaluates the target at x, (C, D)."""
        check_chains(x)
        check_real(x, event=(ANY,))
        return start(self.log_density, x)

    def step(self, state: State, *, generator: Generator) -> tuple[State, Info]:
        """Proposes once for every chain, and accepts or stays."""
        check_generator(generator)
        noise = torch.randn_like(state.x, generator=generator)
        new = evaluate(self.log_density, state.x + self.step_size * noise)
        info = accept(new.log_density - state.log_density, generator=generator)
        return _select(info, new, state), info


def _select(info: Info, new: State, old: State) -> State:
    return State(*(choose(info.moved, there, here) for there, here in zip(new, old, strict=True)))
