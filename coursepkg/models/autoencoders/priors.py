r"""Laws of one source, for independent component analysis: log-density, its slope, exact draws.

A law acts on each source by itself, whatever the shape. Its `score` is :math:`ψ = d \ln p / ds`,
with the sign that this has: where the density falls, ψ is negative. The scale of a law does not
matter, since the rows of W absorb it; its shape does.
"""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_counts, check_draws


class SourcePrior(nn.Module):
    """A law p(s) of each source, independent of the others."""

    def log_density(self, s: Tensor) -> Tensor:
        """log p(s_i) of each source, (B, D) -> (B, D), nats."""
        raise NotImplementedError

    def score(self, s: Tensor) -> Tensor:
        """ψ(s_i) = d log p / ds at each source, (B, D) -> (B, D)."""
        raise NotImplementedError

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim), on the device of `generator`."""
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
        angle = math.pi / 2 * _uniform(n, dim, generator)
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
        check_draws(n, generator)
        place = generator.device
        sign = 2 * torch.randint(2, (n, dim), generator=generator, device=place) - 1
        return sign + torch.randn(n, dim, generator=generator, device=place)


class Cauchy(SourcePrior):
    """p(s) = 1 / (π (1 + s²)): tails so heavy that there is no variance, super-Gaussian."""

    def log_density(self, s: Tensor) -> Tensor:
        """-log π - log(1 + s²)."""
        least, most = s.abs().clamp(max=1), s.abs().clamp(min=1)  # 1 + s² = least² + most²
        return -math.log(math.pi) - 2 * most.log() - (least / most).square().log1p()

    def score(self, s: Tensor) -> Tensor:
        """-2 s / (1 + s²): what is far out hardly pulls."""
        return -2 * s / (1 + s.square())

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim): the tangent of a uniform angle."""
        angle = math.pi * (_uniform(n, dim, generator) - 0.5)
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
        check_draws(n, generator)
        return torch.randn(n, dim, generator=generator, device=generator.device)


class Switching(SourcePrior):
    """`Sech` or `Bimodal`, for each source the law whose κ is positive at its present outputs.

    κ of the two laws is opposite, so that exactly one has it, unless both are 0. That the source is
    stable under that law does not follow: its best length is another, and with it κ. Lee, Girolami
    and Sejnowski (1999), who name the rule extended infomax. Before `adapt` all sources are `Sech`.
    Source: :eq:`ica-stability`.

    Args:
        dim: number of sources D.

    Raises:
        ValueError: here if D is not positive, in every method if it gets another number of sources.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        check_counts(dim=dim)
        self.heavy: Tensor  # whose law is `Sech`, bool (D,)
        self.register_buffer("heavy", torch.ones(dim, dtype=torch.bool))
        self.peaked, self.flat = Sech(), Bimodal()

    def log_density(self, s: Tensor) -> Tensor:
        """That of each source's law."""
        self._check(s.shape[-1])
        return torch.where(self.heavy, self.peaked.log_density(s), self.flat.log_density(s))

    def score(self, s: Tensor) -> Tensor:
        """That of each source's law."""
        self._check(s.shape[-1])
        return torch.where(self.heavy, self.peaked.score(s), self.flat.score(s))

    def sample(self, n: int, dim: int, *, generator: Generator) -> Tensor:
        """Draws (n, dim), where dim is D."""
        self._check(dim)
        peaked = self.peaked.sample(n, dim, generator=generator)
        flat = self.flat.sample(n, dim, generator=generator)
        return torch.where(self.heavy.to(peaked.device), peaked, flat)

    def adapt(self, s: Tensor) -> None:
        """Chooses by the sign of the stability of `Sech`; that of `Bimodal` is its opposite."""
        self._check(s.shape[-1])
        self.heavy.copy_(stability(self.peaked, s) > 0)

    def _check(self, dim: int) -> None:
        """A single law would be broadcast to all sources, without a word."""
        if dim != len(self.heavy):
            raise ValueError(f"s: expected {len(self.heavy)} sources, got {dim}")


def stability(prior: SourcePrior, s: Tensor) -> Tensor:
    """κ = E[s²] E[-ψ'(s)] - E[-ψ(s) s] of each source, (N, D) -> (D,).

    Where the sources stand apart, with mean 0, the mean log-likelihood has the curvature
    -(κ_i + κ_j) along a turn of two. A positive sum makes it a maximum along turns, and no more:
    for a maximum in every direction, with lengths at their best, E[-ψ(s) s] = 1, the laws of this
    module ask (1 + κ_i)(1 + κ_j) > 1 of every two, which is stronger where the signs differ.
    Source: :eq:`ica-stability`; Cardoso and Laheld (1996), Amari, Chen and Cichocki (1997).
    """
    with torch.enable_grad():
        s = s.detach().requires_grad_()
        psi = prior.score(s)
        (slope,) = torch.autograd.grad(psi.sum(), s)
    s, psi = s.detach(), psi.detach()
    return (psi * s).mean(0) - s.square().mean(0) * slope.mean(0)


def log_cosh(s: Tensor) -> Tensor:
    """log cosh s, also where cosh s overflows, with all its derivatives: |s| has none at 0.

    Near 0 by cosh s = 1 + 2 sinh² (s / 2), since there the two logarithms cancel.
    """
    small = s.clamp(-1, 1)
    near = (2 * (small / 2).sinh().square()).log1p()
    return torch.where(small == s, near, s - logsigmoid(2 * s) - math.log(2))


def _uniform(n: int, dim: int, generator: Generator) -> Tensor:
    """From 0 to 1, (n, dim), in double precision."""
    check_draws(n, generator)
    return torch.rand(n, dim, generator=generator, dtype=torch.float64, device=generator.device)
