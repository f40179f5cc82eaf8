"""What a decoder's numbers mean: the law p(x | z), pixel by pixel.

A decoder puts out numbers, (B, ·). A likelihood reads them as the parameters of independent pixels:
categories, coins or normal laws.
"""

import math
from typing import Protocol

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.validate import check_binary, check_levels, check_positive, check_real


class Likelihood(Protocol):
    """A law of x given what the decoder puts out; its pixels are independent."""

    def inputs(self, x: Tensor) -> Tensor:
        """x as an encoder wants it, real numbers, (B, D); refuses what is no x."""

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z) of x (B, D), given the decoder's output (B, ·) -> (B,), nats."""

    def mean(self, output: Tensor) -> Tensor:
        """E[x | z], (B, D), a real number a pixel."""

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """x ~ p(x | z), (B, D)."""


class Categories:
    """Each pixel one of K levels, by K logits: output (B, D K), pixel by pixel.

    Args:
        dim: number of pixels D.
        levels: number of levels K >= 2.
    """

    def __init__(self, dim: int, levels: int) -> None:
        check_integers(dim=dim, levels=levels)
        if dim < 1 or levels < 2:
            raise ValueError(f"expected dim >= 1 and levels >= 2, got {dim} and {levels}")
        self.dim, self.levels = dim, levels

    def inputs(self, x: Tensor) -> Tensor:
        """Levels (B, D) as numbers from -1 to 1."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        return 2.0 * x / (self.levels - 1) - 1

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B, D) levels -> (B,), nats."""
        return self._log_p(output).gather(-1, x.long()[..., None]).squeeze(-1).sum(-1)

    def mean(self, output: Tensor) -> Tensor:
        """The mean level of each pixel, (B, D)."""
        p = self._log_p(output).exp()
        return p @ torch.arange(self.levels, device=p.device).to(p)

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Levels, (B, D)."""
        check_generator(generator)
        p = self._log_p(output).exp().reshape(-1, self.levels)
        return torch.multinomial(p, 1, generator=generator).view(len(output), self.dim)

    def _log_p(self, output: Tensor) -> Tensor:
        logits = output.reshape(len(output), self.dim, self.levels)
        return logits.log_softmax(-1)


class Coins:
    """Each pixel 0 or 1, by the log-odds of 1: output (B, D).

    Args:
        dim: number of pixels D.
    """

    def __init__(self, dim: int) -> None:
        check_counts(dim=dim)
        self.dim = dim

    def inputs(self, x: Tensor) -> Tensor:
        """Bits (B, D) as -1 and 1."""
        check_binary(x, event=(self.dim,))
        return 2 * x - 1

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B, D) zeros and ones -> (B,), nats."""
        _check_output(output, x)
        return logsigmoid((2 * x - 1) * output).sum(-1)

    def mean(self, output: Tensor) -> Tensor:
        """The probability of 1 of each pixel, (B, D)."""
        return output.sigmoid()

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Zeros and ones, (B, D)."""
        check_generator(generator)
        return torch.bernoulli(output.sigmoid(), generator=generator)


class Normals:
    """Each number normal, with one standard deviation for all: the output is the means, (B, D).

    Args:
        dim: number of variables D.
        std: standard deviation σ > 0.
    """

    def __init__(self, dim: int, std: float) -> None:
        check_counts(dim=dim)
        check_positive(std=std)
        self.dim, self.std = dim, std

    def inputs(self, x: Tensor) -> Tensor:
        """x itself, (B, D)."""
        check_real(x, event=(self.dim,))
        return x

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B, D) -> (B,), nats: a density, and so possibly positive."""
        _check_output(output, x)
        u = (x - output) / self.std
        return -u.square().sum(-1) / 2 - self.dim * math.log(self.std * math.sqrt(2 * math.pi))

    def mean(self, output: Tensor) -> Tensor:
        """The output itself, (B, D)."""
        return output

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Real numbers, (B, D)."""
        check_generator(generator)
        eps = torch.randn(
            output.shape, generator=generator, device=output.device, dtype=torch.float64
        )
        return output + self.std * eps.to(output)


def _check_output(output: Tensor, x: Tensor) -> None:
    """One number a pixel: fewer would be broadcast without a word."""
    if output.shape != x.shape:
        raise ValueError(f"decoder: expected shape {tuple(x.shape)}, got {tuple(output.shape)}")
