"""What the critic pays for steepness: a price on ‖∇D‖², and the points where it is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.validate import check_floating, check_positive

LEAST = 1e-24  # a slope of 0 has no direction: below √LEAST the root counts as flat


class Penalty(Protocol):
    """A price on the critic's slope, added to its loss."""

    def points(self, real: Tensor, fake: Tensor, *, generator: Generator) -> Tensor:
        """Where the slope is measured: (B, *event), of B real and B generated examples."""

    def price(self, squared_slope: Tensor) -> Tensor:
        """What the squared norms of the gradients cost, (B,) -> (B,)."""


def squared_slopes(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """‖∇_x D(x)‖² of each example, (B, *event) -> (B,), with a graph to the critic's parameters.

    Args:
        critic: maps (B, *event) to scores (B,), each of its own example only: batch normalisation
            would count the examples' effects on each other too.
        x: where; it is not changed.
    """
    check_floating(x)
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1)


@dataclass(frozen=True)
class _ZeroCentred:
    """weight / 2 · ‖∇D‖²: flat is free."""

    weight: float

    def __post_init__(self) -> None:
        check_positive(weight=self.weight)

    def price(self, squared_slope: Tensor) -> Tensor:
        """weight / 2 · ‖∇D‖², (B,) -> (B,)."""
        return self.weight / 2 * squared_slope


class R1Penalty(_ZeroCentred):
    """weight / 2 · ‖∇D‖² at the data.  Source: Mescheder, Geiger and Nowozin 2018."""

    def points(self, real: Tensor, fake: Tensor, *, generator: Generator) -> Tensor:
        """The real examples."""
        return real


class R2Penalty(_ZeroCentred):
    """weight / 2 · ‖∇D‖² at the samples.  Source: Mescheder, Geiger and Nowozin 2018."""

    def points(self, real: Tensor, fake: Tensor, *, generator: Generator) -> Tensor:
        """The generated examples."""
        return fake


@dataclass(frozen=True)
class UnitSlope:
    """weight · (‖∇D‖ - 1)² at random places between data and samples.

    Source: Gulrajani et al. 2017, who take weight 10.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        check_positive(weight=self.weight)

    def points(self, real: Tensor, fake: Tensor, *, generator: Generator) -> Tensor:
        """A uniform place on the line from each real to its generated example."""
        check_generator(generator)
        u = torch.rand(len(real), generator=generator, device=real.device).to(real)
        return torch.lerp(real, fake, u.view(-1, *[1] * (real.ndim - 1)))

    def price(self, squared_slope: Tensor) -> Tensor:
        """weight · (‖∇D‖ - 1)², (B,) -> (B,)."""
        return self.weight * (squared_slope.clamp_min(LEAST).sqrt() - 1).square()
