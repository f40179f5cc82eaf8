"""What every Markov chain Monte Carlo kernel has in common, and the loop that runs one.

A kernel has ``init(x) -> State`` and ``step(state, *, generator) -> (State, Info)``; neither
changes what it is given. Chains are rows: x is (C, D), each field of a state or an info has C rows.

A target is given by the logarithm of its density up to a constant, ``log_density``: (C, D) -> (C,),
each row by itself, -inf outside the support. Where it cannot be evaluated the course does this:

- at the start, a wrong shape, NaN, +inf or -inf is a ValueError that names the chains;
- at a proposal, -inf is a rejection like any other;
- at a proposal, NaN or +inf is a rejection that the info shows as `invalid`;
- a gradient is asked of a value without one (a constant, or detached): ValueError. A score of 0
  would be right for the constant and silently wrong for the other; write ``0 * x.sum(1)``.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers
from coursepkg.validate import ANY, check_methods, check_real, check_tensor


class State(NamedTuple):
    """Where the chains are; one row a chain."""

    x: Tensor  # (C, D)
    log_density: Tensor  # (C,) up to a constant, nats


class GradientState(NamedTuple):
    """Where the chains are, and which way is up; one row a chain."""

    x: Tensor  # (C, D)
    log_density: Tensor  # (C,) up to a constant, nats
    score: Tensor  # (C, D), ∇ log p(x)


class Info(NamedTuple):
    """What one step of a kernel with an acceptance test did; one row a chain."""

    moved: Tensor  # (C,) bool: the proposal was accepted
    log_ratio: Tensor  # (C,) log of the acceptance ratio, before min(1, ·); NaN where invalid
    invalid: Tensor  # (C,) bool: the ratio was NaN or +inf, and the proposal was refused


class _Position(Protocol):
    @property
    def x(self) -> Tensor: ...


AnyState = TypeVar("AnyState", bound=_Position)
AnyInfo = TypeVar("AnyInfo", bound=tuple[Tensor, ...])
AnyInfo_co = TypeVar("AnyInfo_co", bound=tuple[Tensor, ...], covariant=True)


class Kernel(Protocol[AnyState, AnyInfo_co]):
    """One step of a Markov chain, for many chains at once."""

    def init(self, x: Tensor) -> AnyState:
        """Checks the starting points x, (C, D), and evaluates what a step needs there."""

    def step(self, state: AnyState, *, generator: Generator) -> tuple[AnyState, AnyInfo_co]:
        """Moves every chain once."""


class Draws(NamedTuple, Generic[AnyInfo]):
    """What `run` brings back."""

    x: Tensor  # (T, C, D)
    info: AnyInfo  # each field (steps, C): all steps after the burn-in, thinned or not


def run(
    kernel: Kernel[AnyState, AnyInfo],
    x: Tensor,
    *,
    steps: int,
    generator: Generator,
    burn_in: int = 0,
    thin: int = 1,
) -> Draws[AnyInfo]:
    """Runs C chains side by side and keeps every `thin`-th of their last `steps` positions.

    Time is burn_in + steps steps of the kernel; memory is T · C · D numbers for the draws, where
    T = steps / thin, and `steps` · C for each field of the info. The start is not a draw.

    Args:
        kernel: one step.
        x: where the chains start, (C, D); left as it is.
        steps: steps after the burn-in, a multiple of `thin`.
        generator: the only source of randomness.
        burn_in: steps made first, and forgotten with their infos.
        thin: distance of the draws that are kept. It saves memory and makes no average better.

    Returns:
        The draws (T, C, D) and the kernel's infos, stacked.

    Raises:
        ValueError: if a count is impossible, or the kernel refuses the start.
    """
    check_methods(kernel, "init", "step", name="kernel")
    check_integers(steps=steps, burn_in=burn_in, thin=thin)
    check_generator(generator)
    if steps < 1 or burn_in < 0 or thin < 1 or steps % thin:
        raise ValueError(
            "expected steps >= 1, burn_in >= 0 and thin >= 1 that divides steps, got "
            f"steps={steps}, burn_in={burn_in}, thin={thin}"
        )
    state = kernel.init(x)
    for _ in range(burn_in):
        state, _ = kernel.step(state, generator=generator)
    draws, infos = state.x.new_empty(steps // thin, *state.x.shape), []
    for t in range(steps):
        state, info = kernel.step(state, generator=generator)
        infos.append(info)
        if (t + 1) % thin == 0:
            draws[t // thin] = state.x
    stacked = type(infos[0])(*map(torch.stack, zip(*infos, strict=True)))
    return Draws(draws, stacked)


def accept(log_ratio: Tensor, *, generator: Generator) -> Info:
    """The test of Metropolis: yes with probability min(1, ratio), (C,).

    A ratio of NaN or +inf comes from a target or a proposal that cannot be evaluated (the present
    state has a finite density): the answer is no, marked `invalid`. The uniform number is drawn in
    double precision: in single precision it would be 0 once in 2^24 and accept anything.
    """
    check_generator(generator)
    u = torch.rand(
        log_ratio.shape, generator=generator, dtype=torch.float64, device=log_ratio.device
    )
    invalid = log_ratio.isnan() | log_ratio.isposinf()
    return Info((u.log() < log_ratio) & ~invalid, log_ratio, invalid)


def choose(moved: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Row by row the new value where `moved` (C,), else the old one."""
    return torch.where(moved.view(-1, *[1] * (new.ndim - 1)), new, old)


def check_chains(x: Tensor) -> None:
    """Checks that x is (C, D) with at least one chain.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if it has another shape.
    """
    check_tensor(x)
    if x.ndim != 2 or x.numel() == 0:
        raise ValueError(f"x: expected shape (C, D), one row a chain, got {tuple(x.shape)}")


def start(log_density: Callable[[Tensor], Tensor], x: Tensor) -> State:
    """Evaluates the target at the first position of every chain.

    Raises:
        TypeError: if x or the target's value is not of the right kind.
        ValueError: if x is not (C, D) with C >= 1, or the target has no finite value somewhere.
    """
    check_chains(x)
    state = evaluate(log_density, x.clone())
    _check_start(log_density=state.log_density)
    return state


def start_with_score(log_density: Callable[[Tensor], Tensor], x: Tensor) -> GradientState:
    """`start`, and the score too, which must be finite.

    Raises:
        TypeError: if x or the target's value is not floating point.
        ValueError: as `start`, or if the value has no gradient.
    """
    check_chains(x)
    check_real(x, event=(ANY,))
    state = evaluate_with_score(log_density, x.clone())
    _check_start(log_density=state.log_density, score=state.score.sum(1))
    return state


def evaluate(log_density: Callable[[Tensor], Tensor], x: Tensor) -> State:
    """The target at x, (C, D); NaN where x is not finite."""
    with torch.no_grad():
        return State(x, _value(log_density, x))


def evaluate_with_score(log_density: Callable[[Tensor], Tensor], x: Tensor) -> GradientState:
    """`evaluate`, and the score by automatic differentiation: a few times the cost.

    Where the density is 0 there is no score. It is given as 0, and no chain ever stands there.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = _value(log_density, x)
        score = (
            torch.autograd.grad(value.sum(), x, allow_unused=True)[0]
            if value.requires_grad
            else None
        )
    if score is None:
        raise ValueError(
            "log_density: expected a value with a gradient in x, got a constant or a detached "
            "tensor; a constant can be written 0 * x.sum(1)"
        )
    x, value = x.detach(), value.detach()
    if (outside := value.isneginf()).any():
        score = score.masked_fill(outside[:, None], 0.0)
    return GradientState(x, value, score)


def _value(log_density: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    if not x.detach().sum().isfinite():  # a quick look: rows are examined only if it fails
        lost = ~x.isfinite().all(1)
        if lost.any():  # a target may raise for such rows: show it others
            return _value(log_density, x.masked_fill(lost[:, None], 0)).masked_fill(lost, torch.nan)
    value: object = log_density(x)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"log_density: expected a floating-point tensor, got {kind}")
    if value.shape != x.shape[:1]:
        raise ValueError(
            f"log_density: expected shape ({len(x)},), one value a chain, got {tuple(value.shape)}"
        )
    return value


def _check_start(**values: Tensor) -> None:
    for name, value in values.items():
        if not (finite := value.isfinite()).all():
            chains = (~finite).nonzero().flatten().tolist()
            raise ValueError(
                f"x: expected starting points of finite {name}, got {value[~finite][:5].tolist()} "
                f"in chains {chains[:5]} ({len(chains)} in all)"
            )
