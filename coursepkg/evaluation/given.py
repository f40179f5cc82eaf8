"""A conditional model with its condition fixed."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws
from coursepkg.protocols import Bound, Estimated, Exact, Sampler, Weighted
from coursepkg.validate import check_methods, check_tensor, count_rows


def takes_condition(method: Callable[..., object]) -> bool:
    """Whether a method has the keyword `condition`: that of a conditional model has."""
    return "condition" in signature(method).parameters


class Given(nn.Module):
    """The law p(x | c) of a conditional model at one condition c: no longer conditional.

    Says what the model says, and nothing else: it has `log_prob` (=), `elbo` and `log_weight` (≤),
    `log_prob_estimate` (≈) and `sample` exactly where the model has them. (They are set on the
    instance, since what a class has, all of its instances have.)

    Args:
        model: takes ``condition=``, one row for each example.
        condition: c, one row, without the axis of the batch; a scalar for a label.

    Raises:
        TypeError: if c is no tensor, or the model not conditional.
    """

    condition: Tensor

    def __init__(self, model: object, condition: Tensor) -> None:
        check_tensor(condition, "condition")
        super().__init__()
        check_methods(model)
        self.model: Any = model
        self.register_buffer("condition", condition.clone())
        if isinstance(model, Exact) and takes_condition(model.log_prob):
            self.log_prob = self._log_prob
        if isinstance(model, Bound) and takes_condition(model.elbo):
            self.elbo = self._elbo
        if isinstance(model, Weighted) and takes_condition(model.log_weight):
            self.log_weight = self._log_weight
        if isinstance(model, Estimated) and takes_condition(model.log_prob_estimate):
            self.log_prob_estimate = self._log_prob_estimate
        if isinstance(model, Sampler) and takes_condition(model.sample):
            self.sample = self._sample
        if not isinstance(self, Exact | Bound | Weighted | Estimated | Sampler):
            raise TypeError(
                "model: expected one that takes condition=, got a "
                f"{type(model).__name__}, which does not"
            )

    def _log_prob(self, x: Tensor) -> Tensor:
        """log p(x | c), (B, *event) -> (B,), nats."""
        log_p: Tensor = self.model.log_prob(x, condition=self._rows(count_rows(x)))
        return log_p

    def _elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """A lower bound on log p(x | c), on average over `generator`, (B, *event) -> (B,), nats."""
        bound: Tensor = self.model.elbo(x, condition=self._rows(count_rows(x)), generator=generator)
        return bound

    def _log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log w with E w = p(x | c), (B, *event) -> (B,), nats."""
        log_w: Tensor = self.model.log_weight(
            x, condition=self._rows(count_rows(x)), generator=generator
        )
        return log_w

    def _log_prob_estimate(self, x: Tensor, *, generator: Generator) -> Tensor:
        """An unbiased estimate of log p(x | c), (B, *event) -> (B,), nats."""
        log_p: Tensor = self.model.log_prob_estimate(
            x, condition=self._rows(count_rows(x)), generator=generator
        )
        return log_p

    def _sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws x given c, (n, *event)."""
        check_draws(n, generator)
        x: Tensor = self.model.sample(n, condition=self._rows(n), generator=generator)
        return x

    def _rows(self, n: int) -> Tensor:
        """c for each of n examples, (n, *shape)."""
        return self.condition.expand(n, *self.condition.shape)
