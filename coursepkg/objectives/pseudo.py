"""Objectives for zeros and ones that compare x with its neighbours only, so that Z cancels.

The neighbours of x are the D vectors x^d in which one unit d is flipped. The law of one unit given
all others needs nothing else:   P(x_d | x_j, j ≠ d) = p(x) / (p(x) + p(x^d)) = σ(F(x^d) - F(x)).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_generator
from coursepkg.protocols import Energy
from coursepkg.validate import check_binary, check_methods


def log_odds(model: Energy, x: Tensor) -> Tensor:
    """log p(x) / p(x^d) = F(x^d) - F(x) for each unit d, (B, D) -> (B, D), nats; D + 1 energies."""
    B, D = x.shape
    flipped = (x[:, None] - torch.eye(D).to(x)).abs()  # (B, D, D): row d is x^d
    return model.free_energy(flipped.view(B * D, D)).view(B, D) - model.free_energy(x)[:, None]


class PseudoLikelihood(nn.Module):
    """-Σ_d log P(x_d | x_j, j ≠ d): every unit predicted from all the others.

    Source: :eq:`pseudo-likelihood` (Besag 1975). Consistent if the model contains the law of the
    data; its variance may be larger than that of maximum likelihood. It is *not* -log p(x) and no
    bound on it. D + 1 free energies an example.

    Args:
        model: has `free_energy` on zeros and ones, (B, D).
    """

    def __init__(self, model: Energy) -> None:
        check_methods(model, "free_energy")
        super().__init__()
        self.model = model

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Sum over the units, (B, D) -> (B,), nats; draws nothing."""
        check_binary(x, like=self)
        return -logsigmoid(log_odds(self.model, x)).sum(1)


class RatioMatching(nn.Module):
    """Σ_d P(1 - x_d | x_j, j ≠ d)²: the squared chance that the rest gives to the wrong value.

    Source: :eq:`ratio-matching` (Hyvärinen 2007). Consistent, like the pseudo-likelihood, and at
    most D: one absurd unit costs 1, not its -log P. No likelihood. D + 1 free energies.

    Args:
        model: has `free_energy` on zeros and ones, (B, D).
    """

    def __init__(self, model: Energy) -> None:
        check_methods(model, "free_energy")
        super().__init__()
        self.model = model

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Sum over the units, (B, D) -> (B,), without a unit; draws nothing."""
        check_binary(x, like=self)
        return torch.sigmoid(-log_odds(self.model, x)).square().sum(1)


@dataclass(frozen=True)
class BinaryConditional:
    """The conditionals of any law of zeros and ones, for the Gibbs kernels of `samplers.gibbs`.

    Source: :eq:`gibbs-conditional`. A draw costs two densities a chain, so a sweep 2D.

    Args:
        log_density: log p up to a constant, (C, D) -> (C,), nats.
    """

    log_density: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, d: int, x: Tensor, *, generator: Generator) -> Tensor:
        """Draws x_d, (C,)."""
        check_generator(generator)
        one, zero = x.clone(), x.clone()
        one[:, d], zero[:, d] = 1, 0
        gain = self.log_density(one) - self.log_density(zero)
        return torch.bernoulli(torch.sigmoid(gain), generator=generator)
