"""Negative log-likelihoods that carry their sign and their errors."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_integers, check_numbers
from coursepkg.evaluation.given import takes_condition
from coursepkg.protocols import (
    Bound,
    Energy,
    Estimated,
    Exact,
    UnnormalisedWeighted,
    Weighted,
)
from coursepkg.validate import check_finite, check_methods, count_rows

T = TypeVar("T")


@dataclass(frozen=True)
class Nats:
    """A negative log-likelihood per example, and how far to trust it.

    Args:
        value: mean over examples of -log p(x), or of what stands for it, nats.
        sign: "=" if exact, "≤" if an upper bound (log p was bounded below), "≈" if an estimate
            of log Z or of log p entered.
        error_data: standard error over the examples.
        error_draws: standard error over the Monte Carlo draws, given the examples; 0 if exact,
            NaN if a single draw leaves it unknown.
        error_seeds: standard error over training seeds; NaN if only one model was scored.
    """

    value: float
    sign: str
    error_data: float
    error_draws: float = 0.0
    error_seeds: float = math.nan

    def __post_init__(self) -> None:
        if self.sign not in {"=", "≤", "≈"}:
            raise ValueError(f"sign: expected one of =, ≤ and ≈, got {self.sign!r:.60}")
        check_numbers(value=self.value, error_data=self.error_data, error_draws=self.error_draws,
                      error_seeds=self.error_seeds)  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sign} {self.value:.2f} ± {self.error_data:.2f}"

    def bits_per_dim(self, D: int) -> float:
        """The value in bits per dimension: nats / (D log 2).

        Raises:
            TypeError: if D is not an integer.
            ValueError: if there are no dimensions.
        """
        check_counts(D=D)
        return self.value / (D * math.log(2))


def nats(
    model: object,
    x: Tensor,
    *,
    condition: Tensor | None = None,
    generator: Generator | None = None,
    draws: int = 1,
    log_Z: float | None = None,
    log_Z_error: float = 0.0,
    batch_size: int = 500,
) -> Nats:
    """Mean negative log-likelihood of x under the model, in nats per example.

    Reads what the model can say: `log_prob` gives =, `elbo` or else `log_weight` gives ≤,
    `log_prob_estimate` gives ≈, and so does `free_energy` or `unnormalised_log_weight` with an
    estimate of log Z. The value of a bound is no likelihood, and an unbiased Ẑ flatters on average:
    E[log Ẑ] ≤ log Z.

    Args:
        model: says something about p(x); evaluated in eval mode, left as it was.
        x: examples, (N, *event).
        condition: what a conditional model is given, one row for each example, (N, *shape).
        generator: source of the draws of a bound or an estimate.
        draws: how many draws to average per example. They make the number less noisy, and never
            the bound tighter: that is what `ImportanceBound` does, by averaging *weights*.
        log_Z: estimate for a model that knows log p(x) only up to log Z, nats.
        log_Z_error: its standard error, nats.
        batch_size: examples scored at once.

    Returns:
        `Nats`, with standard errors over the examples and over the draws kept apart.

    Raises:
        TypeError: if the model says nothing about p(x) (a GAN, say), an argument is missing, or
            a condition came for a model that takes none.
        ValueError: if x is empty, `condition` has other rows, or a value is NaN.
    """
    count_rows(x)
    check_counts(batch_size=batch_size)
    check_integers(draws=draws)
    if draws < 1:
        raise ValueError(f"draws: expected at least 1, got {draws}")
    check_methods(model)
    sign, drawn, says = _reading(model)
    _check_condition(model, says, condition, x)
    constant, error = _constant(model, log_Z, log_Z_error)
    if drawn:
        noise = _given(generator, f"generator: expected one, since {_name(model)} draws, got none")
        check_generator(noise)
        says = partial(says, generator=noise)
    score: list[Tensor] = []
    with torch.no_grad(), eval_mode(model):
        for _ in range(draws if drawn else 1):
            parts = _batches(x, condition, batch_size)
            score.append(torch.cat([_checked(says(b) if c is None else says(b, condition=c), b)
                                    for b, c in parts]))  # fmt: skip
    return _summary(constant - torch.stack(score).double(), sign, drawn=drawn, error=error)


def over_seeds(results: Sequence[Nats]) -> Nats:
    """Averages the same measurement of models trained from different seeds.

    Args:
        results: at least two, with one sign, on the same examples.

    Returns:
        The mean value, with the standard error over the seeds; the errors over examples do not
        shrink with more seeds, since the examples are the same, and are averaged.

    Raises:
        ValueError: if there are fewer than two results or the signs differ.
    """
    for result in results:
        if not isinstance(result, Nats):
            raise TypeError(f"results: expected Nats, got {result!r:.60}")
    if len(results) < 2 or len({r.sign for r in results}) != 1:
        raise ValueError(
            f"expected two or more results of one sign, got {[str(r) for r in results]}"
        )
    values = torch.tensor([r.value for r in results], dtype=torch.float64)
    return Nats(
        value=values.mean().item(),
        sign=results[0].sign,
        error_data=sum(r.error_data for r in results) / len(results),
        error_draws=math.sqrt(sum(r.error_draws**2 for r in results)) / len(results),
        error_seeds=(values.std() / math.sqrt(len(values))).item(),
    )


def _reading(model: object) -> tuple[str, bool, Callable[..., Tensor]]:
    """The sign of what the model says, whether it is drawn, and log p(x) or what stands for it."""
    if isinstance(model, Exact):
        return "=", False, model.log_prob
    if isinstance(model, Bound):
        return "≤", True, model.elbo
    if isinstance(model, Weighted):
        return "≤", True, model.log_weight
    if isinstance(model, Estimated):
        return "≈", True, model.log_prob_estimate
    if isinstance(model, Energy):
        return "≈", False, lambda x: -model.free_energy(x)
    if isinstance(model, UnnormalisedWeighted):
        return "≈", True, model.unnormalised_log_weight
    raise TypeError(
        f"{_name(model)} says nothing about p(x): expected log_prob, elbo, log_weight, "
        "log_prob_estimate, free_energy or unnormalised_log_weight, got none. A model that defines "
        "no density, such as a GAN, has no likelihood (—): judge its samples, by "
        "coursepkg.evaluation.samples"
    )


def _constant(model: object, log_Z: float | None, error: float) -> tuple[float, float]:
    """What must still be subtracted, and its error: log Z, or nothing if p is normalised."""
    if not isinstance(model, Energy | UnnormalisedWeighted):
        return 0.0, 0.0
    if log_Z is None:
        raise TypeError(
            f"log_Z: expected an estimate, since {_name(model)} knows log p(x) only up to log Z "
            "(annealed importance sampling estimates it, and Normalised sums over few states), got "
            "none"
        )
    found: dict[str, Any] = {"log_Z": log_Z, "log_Z_error": error}
    found = {k: v.item() if isinstance(v, Tensor) else v for k, v in found.items()}
    check_finite(**found)
    if found["log_Z_error"] < 0:
        raise ValueError(f"log_Z_error: expected a number >= 0, got {error}")
    return found["log_Z"], found["log_Z_error"]


def _check_condition(
    model: object, says: Callable[..., Tensor], condition: Tensor | None, x: Tensor
) -> None:
    if takes_condition(says) != (condition is not None):
        expected, got = ("one", "none") if condition is None else ("none", "one")
        raise TypeError(
            f"condition: expected {expected}, since what {_name(model)} says depends on "
            f"{'a condition' if condition is None else 'x only'}, got {got}"
        )
    if condition is not None and count_rows(condition, name="condition") != len(x):
        raise ValueError(f"condition: expected {len(x)} rows, as x has, got {len(condition)}")


def _checked(said: object, x: Tensor) -> Tensor:
    if not isinstance(said, Tensor) or said.shape != x.shape[:1]:
        what = tuple(said.shape) if isinstance(said, Tensor) else type(said).__name__
        raise ValueError(f"model: expected shape ({len(x)},), one number an example, got {what}")
    return said


def _batches(
    x: Tensor, condition: Tensor | None, size: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        yield x[rows], None if condition is None else condition[rows]


def _given(value: T | None, otherwise: str) -> T:
    if value is None:
        raise TypeError(otherwise)
    return value


def _summary(nll: Tensor, sign: str, *, drawn: bool, error: float) -> Nats:
    """Summarises nll (draws, N): error over examples from their means, over draws within them."""
    if nll.isnan().any():
        raise ValueError(f"expected numbers, got NaN for {int(nll.isnan().any(0).sum())} examples")
    (R, N), per_example = nll.shape, nll.mean(0)
    spread = (nll.var(0).sum() / R).sqrt().item() / N if R > 1 else math.nan
    error_data = (per_example.std() / math.sqrt(N)).item() if N > 1 else math.nan
    error_draws = math.hypot(spread, error) if drawn else error
    return Nats(per_example.mean().item(), sign, error_data, error_draws)


@contextmanager
def eval_mode(model: object) -> Iterator[None]:
    """Puts an `nn.Module` into eval mode for a block, then every part back as it was."""
    was = {m: m.training for m in model.modules()} if isinstance(model, nn.Module) else {}
    for module in was:
        module.training = False
    try:
        yield
    finally:
        for module, training in was.items():
            module.training = training


def _name(model: object) -> str:
    return type(model).__name__
