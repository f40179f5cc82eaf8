"""Losses beside the negative bound: rate against distortion, and cures for a latent that is unused.

Each wraps a model with `terms` and is trained in its place; what the model says stays its own.
"""

import math
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts
from coursepkg.models.autoencoders.vae import Terms
from coursepkg.protocols import Weighted
from coursepkg.validate import check_methods, check_positive


class TwoTerms(Protocol):
    """A model whose bound is a log-likelihood less divergences."""

    def terms(self, x: Tensor, *, generator: Generator) -> Terms:
        """log p(x | z) with z ~ q(z | x), (B,), and KL of each latent variable, (B, M), nats."""


class RateWeighted(nn.Module):
    """Distortion + β · rate: -log p(x | z) + β KL(q(z | x) ‖ p(z)).   Source: :eq:`beta-loss`.

    No bound unless β is at least 1. Higgins et al., *beta-VAE* (2017).

    Args:
        model: has `terms`.
        beta: price of a nat of rate, β > 0.
    """

    def __init__(self, model: TwoTerms, beta: float) -> None:
        super().__init__()
        check_methods(model, "terms")
        check_positive(beta=beta)
        self.model, self.beta = model, beta

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, *event) -> (B,), nats."""
        log_likelihood, kl = self.model.terms(x, generator=generator)
        return self.beta * kl.sum(-1) - log_likelihood


class WarmUp(nn.Module):
    """The negative bound, its KL at a price that rises from 0 to 1 over the first steps.

    Each call in train mode is a step. In eval mode it is the negative bound, so that epochs are
    compared on equal terms. Bowman et al., *Generating sentences from a continuous space* (2016).

    Args:
        model: has `terms`.
        steps: how many steps the price rises for, >= 1.
    """

    step: Tensor

    def __init__(self, model: TwoTerms, steps: int) -> None:
        super().__init__()
        check_methods(model, "terms")
        check_counts(steps=steps)
        self.model, self.steps = model, steps
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, *event) -> (B,), nats."""
        price = 1.0
        if self.training:
            price = min(1.0, int(self.step) / self.steps)
            self.step += 1
        log_likelihood, kl = self.model.terms(x, generator=generator)
        return price * kl.sum(-1) - log_likelihood


class FreeBits(nn.Module):
    """The negative bound, each latent variable's KL counted as `free` nats if it is less.

    Below that its rate costs nothing, and it is not driven to zero. The KL is a mean over the
    batch: Kingma et al., *Improved variational inference with inverse autoregressive flow* (2016).

    Args:
        model: has `terms`.
        free: nats of each latent variable, > 0.
    """

    def __init__(self, model: TwoTerms, free: float) -> None:
        super().__init__()
        check_methods(model, "terms")
        check_positive(free=free)
        self.model, self.free = model, free

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, *event) -> (B,), nats; the second part is the same for the whole batch."""
        log_likelihood, kl = self.model.terms(x, generator=generator)
        return kl.mean(0).clamp(min=self.free).sum() - log_likelihood


class ImportanceLoss(nn.Module):
    """Minus the log of the mean of R weights: training by the tighter bound.   Source: :eq:`iwae`.

    Burda, Grosse and Salakhutdinov, *Importance weighted autoencoders* (2016).

    Args:
        model: draws one weight.
        draws: number of weights R >= 1.
    """

    def __init__(self, model: Weighted, draws: int) -> None:
        super().__init__()
        check_methods(model, "log_weight")
        check_counts(draws=draws)
        self.model, self.draws = model, draws

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """(B, *event) -> (B,), nats."""
        log_w = [self.model.log_weight(x, generator=generator) for _ in range(self.draws)]
        return math.log(self.draws) - torch.stack(log_w).logsumexp(0)
