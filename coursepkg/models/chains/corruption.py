"""Ways to spoil an example: laws C(x̃ | x) that can be drawn from and that say their probabilities.

A chain of a denoiser alternates one of these with the denoiser. It can only reach what corruption
and denoiser reach together; a corruption that spoils little makes a slow chain.
"""

import math
from typing import Protocol

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator, check_integers, check_numbers
from coursepkg.validate import check_levels, check_positive, check_real


class Corruption(Protocol):
    """A law C(x̃ | x)."""

    def corrupt(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One x̃ for each x, (B, D) -> (B, D)."""

    def log_prob(self, noisy: Tensor, x: Tensor) -> Tensor:
        """log C(x̃ | x) of each pair, both (B, D), -> (B,), nats."""


class PixelCorruption(Corruption, Protocol):
    """A law C(x̃ | x) = Π_d C(x̃_d | x_d) of levels 0..K-1."""

    levels: int

    def table(self) -> Tensor:
        """log C(x̃_d | x_d) of one variable, rows x_d, columns x̃_d, (K, ·)."""


class Redraw:
    """Redraws each variable with probability s, uniformly: C = Π_d ((1 - s) [x̃_d = x_d] + s / K).

    Source: :eq:`redraw`. What was redrawn cannot be told from what was not. Reaches every x̃ from
    every x if s > 0.

    Args:
        share: probability s that a variable is redrawn, 0 <= s <= 1.
        levels: number of levels K >= 2.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, share: float, *, levels: int) -> None:
        check_integers(levels=levels)
        _check(share, levels)
        self.share, self.levels = share, levels

    def corrupt(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One x̃ of levels 0..K-1 for each x, (B, D) -> (B, D)."""
        check_generator(generator)
        check_levels(x, levels=self.levels)
        fresh = torch.randint(self.levels, x.shape, generator=generator, device=x.device)
        return torch.where(_coins(x, self.share, generator=generator), fresh.to(x), x)

    def log_prob(self, noisy: Tensor, x: Tensor) -> Tensor:
        """log C(x̃ | x), (B, D) twice -> (B,), nats."""
        check_levels(noisy, event=tuple(x.shape[1:]), levels=self.levels)
        return self.table().to(x.device)[x.long(), noisy.long()].sum(1)

    def table(self) -> Tensor:
        """log C(x̃_d | x_d) of one variable, rows x_d, columns x̃_d, (K, K)."""
        kept = torch.eye(self.levels, dtype=torch.float64)
        p = (1 - self.share) * kept + self.share / self.levels
        return p.log().to(torch.get_default_dtype())


class Mask:
    """Hides each variable with probability s: x̃_d is x_d, or the extra level K, "missing".

    Source: :eq:`mask`. A variable that is seen is right, so that the denoiser only fills in.

    Args:
        share: probability s that a variable is hidden, 0 <= s <= 1.
        levels: number of levels K >= 2.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, share: float, *, levels: int) -> None:
        check_integers(levels=levels)
        _check(share, levels)
        self.share, self.levels = share, levels

    def corrupt(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One x̃ of levels 0..K for each x, (B, D) -> (B, D)."""
        check_levels(x, levels=self.levels)
        return x.masked_fill(_coins(x, self.share, generator=generator), self.levels)

    def log_prob(self, noisy: Tensor, x: Tensor) -> Tensor:
        """log C(x̃ | x), (B, D) twice -> (B,), nats; -inf if what is seen is not x."""
        check_levels(noisy, event=tuple(x.shape[1:]), levels=self.levels + 1)
        return self.table().to(x.device)[x.long(), noisy.long()].sum(1)

    def table(self) -> Tensor:
        """log C(x̃_d | x_d) of one variable, rows x_d, columns x̃_d, (K, K + 1)."""
        kept = torch.eye(self.levels, dtype=torch.float64)
        p = torch.cat([(1 - self.share) * kept, self.share * torch.ones_like(kept[:, :1])], dim=1)
        return p.log().to(torch.get_default_dtype())


class HideOne:
    """Hides one variable, chosen uniformly: C = 1/D for each x̃ with one "missing".

    With the right denoiser the chain is Gibbs sampling, one variable at a time.

    Args:
        levels: number of levels K >= 2.

    Raises:
        ValueError: if K < 2.
    """

    def __init__(self, *, levels: int) -> None:
        check_counts(levels=levels)
        _check(0.0, levels)
        self.levels = levels

    def corrupt(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One x̃ of levels 0..K for each x, (B, D) -> (B, D)."""
        check_generator(generator)
        check_levels(x, levels=self.levels)
        place = torch.randint(x.shape[1], (len(x), 1), generator=generator, device=x.device)
        return x.scatter(1, place, self.levels)

    def log_prob(self, noisy: Tensor, x: Tensor) -> Tensor:
        """log C(x̃ | x), (B, D) twice -> (B,), nats; -inf unless one is hidden, the rest x."""
        check_levels(noisy, event=tuple(x.shape[1:]), levels=self.levels + 1)
        hidden = noisy == self.levels
        possible = (hidden.sum(1) == 1) & (hidden | (noisy == x)).all(1)
        chance = torch.full((len(x),), -math.log(x.shape[1]), device=x.device)
        return chance.to(torch.get_default_dtype()).masked_fill(~possible, -math.inf)


class GaussianNoise:
    """Adds normal noise: x̃ = x + σ ε, ε ~ N(0, I).

    Args:
        sigma: standard deviation σ > 0, in units of x.

    Raises:
        ValueError: if σ is not above 0.
    """

    def __init__(self, sigma: float) -> None:
        check_positive(sigma=sigma)
        self.sigma = sigma

    def corrupt(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One x̃ for each real x, (B, D) -> (B, D)."""
        check_generator(generator)
        check_real(x)
        eps = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return x + self.sigma * eps

    def log_prob(self, noisy: Tensor, x: Tensor) -> Tensor:
        """log C(x̃ | x), (B, D) twice -> (B,), nats: a density."""
        check_real(noisy, event=tuple(x.shape[1:]), name="noisy")
        eps = (noisy - x) / self.sigma
        constant = x.shape[1] * math.log(self.sigma * math.sqrt(2 * math.pi))
        return -eps.square().sum(1) / 2 - constant


def _coins(x: Tensor, share: float, *, generator: Generator) -> Tensor:
    check_generator(generator)
    return torch.rand(x.shape, generator=generator, device=x.device) < share


def _check(share: float, levels: int) -> None:
    check_numbers(share=share)
    check_integers(levels=levels)
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected a probability, got {share}")
    if levels < 2:
        raise ValueError(f"levels: expected at least 2, got {levels}")
