"""Importance weights, averaged: on average, more draws make the bound no looser."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.evaluation.given import takes_condition
from coursepkg.protocols import UnnormalisedWeighted, Weighted
from coursepkg.validate import check_methods


class ImportanceBound(nn.Module):
    r"""log of the mean of R importance weights of a model.

    :math:`\log \frac1R \sum_{r=1}^R w_r` with :math:`\mathbb{E}\, w_r = p(x)`. A mean of weights is
    a weight, so this is said under the model's own name: `log_weight` (≤), or, for weights of
    Z p(x), `unnormalised_log_weight` (≈). On average it does not fall as R grows, at R times the
    cost, and tends to log p(x) if the weights are bounded: Burda, Grosse and Salakhutdinov,
    *Importance weighted autoencoders* (2016), theorem 1.

    Args:
        model: draws one weight; conditional or not.
        draws: R >= 1.

    Raises:
        TypeError: if the model draws no weights.
        ValueError: if draws < 1.
    """

    def __init__(self, model: Weighted | UnnormalisedWeighted, draws: int) -> None:
        check_integers(draws=draws)
        check_methods(model)
        super().__init__()
        if draws < 1:
            raise ValueError(f"draws: expected at least 1, got {draws}")
        self.model, self.draws = model, draws
        if isinstance(model, Weighted):
            self._weight: Callable[..., Tensor] = model.log_weight
            self.log_weight = self._mean_given if takes_condition(self._weight) else self._mean
        elif isinstance(model, UnnormalisedWeighted):
            self._weight = model.unnormalised_log_weight
            self.unnormalised_log_weight = self._mean
        else:
            raise TypeError(
                "model: expected log_weight or unnormalised_log_weight, got a "
                f"{type(model).__name__}, which has neither"
            )

    def _mean(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log of the mean weight, (B, *event) -> (B,), nats."""
        log_w = [self._weight(x, generator=generator) for _ in range(self.draws)]
        return torch.logsumexp(torch.stack(log_w), dim=0) - math.log(self.draws)

    def _mean_given(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """log of the mean weight, with one condition an example, (B, *event) -> (B,), nats."""
        log_w = [
            self._weight(x, condition=condition, generator=generator) for _ in range(self.draws)
        ]
        return torch.logsumexp(torch.stack(log_w), dim=0) - math.log(self.draws)
