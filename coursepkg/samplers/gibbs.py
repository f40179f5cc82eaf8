"""Gibbs sampling: redraw one coordinate at a time from its law given all the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.samplers.run import check_chains
from coursepkg.validate import check_floating


class FullConditional(Protocol):
    """Draws coordinate d of every chain from p(x_d | x_j, j ≠ d)."""

    def __call__(self, d: int, x: Tensor, *, generator: Generator) -> Tensor:
        """Maps x (C, D) to new values of x_d, (C,); must not look at the old ones, x[:, d]."""


class GibbsState(NamedTuple):
    """Where the chains are; one row a chain."""

    x: Tensor  # (C, D)


class GibbsInfo(NamedTuple):
    """What one sweep did; one row a chain."""

    moved: Tensor  # (C,) bool: some coordinate has another value


def sweep(
    conditional: FullConditional, state: GibbsState, order: Iterable[int], *, generator: Generator
) -> tuple[GibbsState, GibbsInfo]:
    """Redraws the coordinates of `order` one after the other, each given the newest of all others.

    Source: :eq:`gibbs-update`.

    Raises:
        ValueError: if the conditional returns anything but (C,) finite values of x's type.
    """
    x = state.x.clone()
    for d in order:
        x_d = conditional(d, x, generator=generator)
        _check_draw(x_d, x)
        x[:, d] = x_d
    return GibbsState(x), GibbsInfo((x != state.x).any(1))


@dataclass(frozen=True)
class SystematicGibbs:
    """A sweep redraws x_1, x_2, ..., x_D in this order, each given the newest of all the others.

    Source: :eq:`gibbs-update`. Leaves the law invariant whose conditionals are given; a sweep
    need not be reversible, although each of its D updates is. It costs D draws from a conditional,
    so T sweeps cost D · T. Where states of positive probability hang together in several pieces,
    the chain cannot leave its piece, and the conditionals do not fix the law.

    Args:
        conditional: called as ``conditional(d, x, generator=generator)``, d = 0..D-1.
    """

    conditional: FullConditional

    def init(self, x: Tensor) -> GibbsState:
        """Takes x (C, D), real or integer."""
        return _start(x)

    def step(self, state: GibbsState, *, generator: Generator) -> tuple[GibbsState, GibbsInfo]:
        """Makes one sweep of every chain."""
        order = range(state.x.shape[1])
        return sweep(self.conditional, state, order, generator=generator)


@dataclass(frozen=True)
class RandomScanGibbs:
    """A sweep redraws D coordinates, each chosen uniformly, with replacement.

    Source: :eq:`gibbs-update`. Reversible. All chains visit the coordinates in the same random
    order, which is independent of where they are. It costs what a systematic sweep costs, and does
    not come to (1 - 1/D)ᴰ of the coordinates on average, about one in three.

    Args:
        conditional: called as ``conditional(d, x, generator=generator)``, d = 0..D-1.
    """

    conditional: FullConditional

    def init(self, x: Tensor) -> GibbsState:
        """Takes x (C, D), real or integer."""
        return _start(x)

    def step(self, state: GibbsState, *, generator: Generator) -> tuple[GibbsState, GibbsInfo]:
        """Makes one sweep of every chain."""
        check_generator(generator)
        D = state.x.shape[1]
        order = torch.randint(D, (D,), generator=generator, device=generator.device).tolist()
        return sweep(self.conditional, state, order, generator=generator)


class TableConditional:
    """The conditionals of a law over D variables that is written out as a table.

    Source: :eq:`gibbs-conditional`. The table has Π K_d entries; a draw costs O(K_d) a chain.

    Args:
        p: the joint law, (K_1, ..., K_D), >= 0; it need not be normalised.

    Raises:
        ValueError: if p has a negative entry, or nothing above 0.
    """

    def __init__(self, p: Tensor) -> None:
        check_floating(p, "p")
        if not (p.ndim and p.isfinite().all() and (p >= 0).all() and p.sum() > 0):
            raise ValueError("p: expected a table of finite numbers >= 0, not all of them 0")
        self.p, self.levels = p, torch.tensor(p.shape, device=p.device)

    def __call__(self, d: int, x: Tensor, *, generator: Generator) -> Tensor:
        """Draws x_d, (C,) levels.

        Raises:
            ValueError: if x is not (C, D) of the table's levels, or if the other coordinates have
                probability 0, so that no law is given.
        """
        check_generator(generator)
        if x.shape[1:] != self.levels.shape or not ((x >= 0) & (x < self.levels)).all():
            raise ValueError(
                f"x: expected (C, {self.p.ndim}) with levels below {tuple(self.p.shape)}, got "
                f"{tuple(x.shape)} with levels from {x.min()} to {x.max()}"
            )
        others = x[:, [j for j in range(self.p.ndim) if j != d]]
        weights = self.p.movedim(d, -1)[tuple(others.T)].expand(len(x), -1)  # (C, K_d)
        if (impossible := weights.sum(1) == 0).any():
            raise ValueError(
                f"x: expected coordinates that can occur together, got {x[impossible][0].tolist()}"
                f", of which those other than {d} have probability 0"
            )
        return torch.multinomial(weights, 1, generator=generator).squeeze(1)


class GaussianConditional:
    """The conditionals of N(μ, Σ), each a normal.   Source: :eq:`gibbs-gaussian`.

    With Λ = Σ⁻¹, x_d given the others has the mean μ_d - Σ_{j≠d} Λ_dj (x_j - μ_j) / Λ_dd and the
    variance 1 / Λ_dd. A draw costs O(D) a chain.

    Args:
        mean: μ, (D,).
        covariance: Σ, (D, D), symmetric and positive definite.

    Raises:
        ValueError: if shapes differ or Σ is no covariance.
    """

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        check_floating(mean, "mean")
        check_floating(covariance, "covariance")
        if covariance.shape != 2 * mean.shape:
            raise ValueError(
                "mean, covariance: expected shapes (D,) and (D, D), got "
                f"{tuple(mean.shape)} and {tuple(covariance.shape)}"
            )
        factor, failed = torch.linalg.cholesky_ex(covariance.double())
        if failed or not torch.allclose(covariance, covariance.T):
            raise ValueError("covariance: expected a symmetric, positive definite matrix")
        self.mean, self.precision = mean.double(), torch.cholesky_inverse(factor)

    def __call__(self, d: int, x: Tensor, *, generator: Generator) -> Tensor:
        """Draws x_d, (C,)."""
        check_generator(generator)
        others, at_d = self.precision[d].clone(), self.precision[d, d]
        others[d] = 0
        pull = (x.double() - self.mean) @ others
        noise = torch.randn(len(x), generator=generator, dtype=x.dtype, device=x.device)
        return (self.mean[d] - pull / at_d + noise / at_d.sqrt()).to(x)


def _start(x: Tensor) -> GibbsState:
    check_chains(x)
    if not x.isfinite().all():
        raise ValueError(f"x: expected finite numbers, got {int((~x.isfinite()).sum())} NaN or inf")
    return GibbsState(x.clone())


def _check_draw(x_d: Tensor, x: Tensor) -> None:
    if x_d.shape != x.shape[:1] or x_d.dtype != x.dtype or not x_d.isfinite().all():
        raise ValueError(
            f"conditional: expected ({len(x)},) finite values of {x.dtype}, got "
            f"{tuple(x_d.shape)} of {x_d.dtype}: {x_d.flatten()[:3].tolist()}..."
        )
