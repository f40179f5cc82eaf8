r"""Laws of one source, for independent component analysis: log-density, its slope, exact draws.

A law acts on each source by itself, whatever the shape. Its `score` is :math:`ψ = d \ln p / ds`,
with the sign that this has: where the density falls, ψ is negative. The scale of a law does not
matter, since the rows of W absorb it; its shape does.
"""

import math

import torch
from torch import Generator, Tensor, nn


class SourcePrior(nn.Module):
    """A law p(s) of each source, independent of the others."""

    def log_density(self, s: Tensor) -> Tensor:
        """log p(s_i) of each source, (B, D) -> (B, D), nats."""
        raise NotImplementedError

    def score(self, s: Tensor) -> Tensor:
        """ψ(s_i) = d log p / ds at each source, (B, D) -> (B, D)."""
        raise NotImplementedError

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim)."""
        raise NotImplementedError

    def adapt(self, s: Tensor) -> None:
        """Chooses what there is to choose, by sources s, (N, D); nothing, for most laws."""


class Sech(SourcePrior):
    """p(s) = 1 / (π cosh s): a peak and tails that fall as e^-|s|, super-Gaussian.

    Source: :eq:`sech-prior`.
    """

    def log_density(self, s: Tensor) -> Tensor:
        """-log π - log cosh s."""
        return -math.log(math.pi) - log_cosh(s)

    def score(self, s: Tensor) -> Tensor:
        """-tanh s."""
        return -s.tanh()

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim): the distribution function is (2/π) arctan e^s."""
        angle = math.pi / 2 * torch.rand(n, dim, generator=generator, dtype=torch.float64)
        return angle.tan().clamp_min(1e-16).log().to(torch.get_default_dtype())


class Bimodal(SourcePrior):
    """p(s) = ½ N(s; -1, 1) + ½ N(s; 1, 1): two hills that have merged, flat-topped, sub-Gaussian.

    Source: :eq:`bimodal-prior`.
    """

    def log_density(self, s: Tensor) -> Tensor:
        """log N(s; 0, 1) - ½ + log cosh s."""
        return -(s.square() + math.log(2 * math.pi) + 1) / 2 + log_cosh(s)

    def score(self, s: Tensor) -> Tensor:
        """-s + tanh s."""
        return s.tanh() - s

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim): a fair sign, then a normal law around it."""
        sign = 2 * torch.randint(2, (n, dim), generator=generator) - 1
        return sign + torch.randn(n, dim, generator=generator)


class Cauchy(SourcePrior):
    """p(s) = 1 / (π (1 + s²)): tails so heavy that there is no variance, super-Gaussian."""

    def log_density(self, s: Tensor) -> Tensor:
        """-log π - log(1 + s²)."""
        return -math.log(math.pi) - s.square().log1p()

    def score(self, s: Tensor) -> Tensor:
        """-2 s / (1 + s²): what is far out hardly pulls."""
        return -2 * s / (1 + s.square())

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim): the tangent of a uniform angle."""
        angle = math.pi * (torch.rand(n, dim, generator=generator, dtype=torch.float64) - 0.5)
        return angle.tan().to(torch.get_default_dtype())


class Normal(SourcePrior):
    """p(s) = N(s; 0, 1): the one law with which no rotation of the sources can be told."""

    def log_density(self, s: Tensor) -> Tensor:
        """-s²/2 - ½ log 2π."""
        return -(s.square() + math.log(2 * math.pi)) / 2

    def score(self, s: Tensor) -> Tensor:
        """-s."""
        return -s

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim)."""
        return torch.randn(n, dim, generator=generator)


class Switching(SourcePrior):
    """`Sech` or `Bimodal`, for each source the one under which it is stable.

    At a separation exactly one of the two is: Lee, Girolami and Sejnowski (1999), who name the rule
    extended infomax. Before `adapt` all sources are `Sech`.   Source: :eq:`ica-stability`.

    Args:
        dim: number of sources D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.heavy: Tensor  # whose law is `Sech`, bool (D,)
        self.register_buffer("heavy", torch.ones(dim, dtype=torch.bool))
        self.peaked, self.flat = Sech(), Bimodal()

    def log_density(self, s: Tensor) -> Tensor:
        """That of each source's law."""
        return torch.where(self.heavy, self.peaked.log_density(s), self.flat.log_density(s))

    def score(self, s: Tensor) -> Tensor:
        """That of each source's law."""
        return torch.where(self.heavy, self.peaked.score(s), self.flat.score(s))

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim), where dim is D."""
        peaked = self.peaked.sample(n, dim, generator=generator)
        return torch.where(self.heavy, peaked, self.flat.sample(n, dim, generator=generator))

    def adapt(self, s: Tensor) -> None:
        """Chooses by the sign of the stability of `Sech`; that of `Bimodal` is its opposite."""
        self.heavy.copy_(stability(self.peaked, s) > 0)


def stability(prior: SourcePrior, s: Tensor) -> Tensor:
    """κ = E[s²] E[-ψ'(s)] - E[-ψ(s) s] of each source, (N, D) -> (D,).

    Two sources are told apart, in first order, if the sum of theirs is positive.
    Source: :eq:`ica-stability`; Cardoso and Laheld (1996), Amari, Chen and Cichocki (1997).
    """
    with torch.enable_grad():
        s = s.detach().requires_grad_()
        psi = prior.score(s)
        (slope,) = torch.autograd.grad(psi.sum(), s)
    s, psi = s.detach(), psi.detach()
    return (psi * s).mean(0) - s.square().mean(0) * slope.mean(0)


def log_cosh(s: Tensor) -> Tensor:
    """log cosh s, also where cosh s overflows."""
    return s.abs() + (-2 * s.abs()).exp().log1p() - math.log(2)
