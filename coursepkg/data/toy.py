"""Toy laws on the line and in the plane: the true log-density, and a sampler that is exact.

Each has `log_prob` and `sample`, so that anything estimated from its draws has a truth beside it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_draws
from coursepkg.validate import check_finite, check_floating, check_positive, check_real


class IsotropicMixture:
    """p(x) = Σ_k weights_k N(x; means_k, scales_k² I), on the line or in D dimensions.

    Args:
        means: (K,) on the line, (K, D) in space.
        scales: standard deviations, (K,).
        weights: (K,), >= 0 with sum 1; equal when left out.

    Raises:
        ValueError: if shapes differ or the weights are no law.
    """

    def __init__(self, means: Tensor, scales: Tensor, weights: Tensor | None = None) -> None:
        check_real(means, name="means")
        K = len(means)
        weights = torch.full((K,), 1 / K) if weights is None else weights
        check_floating(scales, "scales")
        check_floating(weights, "weights")
        if scales.shape != (K,) or weights.shape != (K,):
            raise ValueError(
                f"scales, weights: expected shape ({K},) like means, got {tuple(scales.shape)} and "
                f"{tuple(weights.shape)}"
            )
        if not (weights >= 0).all() or not math.isclose(weights.sum().item(), 1, abs_tol=1e-6):
            raise ValueError(f"weights: expected >= 0 with sum 1, got {weights.tolist()}")
        check_positive(smallest_scale=scales.min().item())
        check_positive(smallest_variance=scales.square().min().item())
        self.means, self.scales, self.weights = means, scales, weights

    def log_prob(self, x: Tensor) -> Tensor:
        """Maps (B,) or (B, D), as the means are, to (B,), nats."""
        event = tuple(self.means.shape[1:])
        check_real(x, event=event)
        squares = (x.unsqueeze(1) - self.means).square().reshape(*x.shape[:1], len(self.means), -1)
        log_normals = -squares.sum(-1) / (2 * self.scales**2) - math.prod(event) * (
            self.scales.log() + math.log(2 * math.pi) / 2
        )  # (B, K); an empty product is 1: the line has one dimension
        return torch.logsumexp(self.weights.log() + log_normals, dim=1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n,) or (n, D)."""
        check_draws(n, generator)
        k = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        means = self.means[k]
        noise = torch.randn(means.shape, generator=generator, dtype=means.dtype)
        return means + self.scales[k].reshape(n, *[1] * (means.ndim - 1)) * noise


@dataclass(frozen=True)
class Gumbel:
    """The law of a maximum: skewed, exp(-z - e^-z) / scale with z = (x - mode) / scale."""

    mode: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_finite(mode=self.mode)
        check_positive(scale=self.scale)

    def log_prob(self, x: Tensor) -> Tensor:
        """Maps (B,) to (B,), nats."""
        check_real(x, event=())
        z = (x - self.mode) / self.scale
        return -z - torch.exp(-z) - math.log(self.scale)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n,): minus the logarithm of an exponential is a Gumbel."""
        check_draws(n, generator)
        return self.mode - self.scale * torch.empty(n).exponential_(generator=generator).log()


@dataclass(frozen=True)
class Banana:
    """x_1 ~ N(0, width²), and x_2 ~ N(bend (x_1² - width²), 1) given x_1; the mean is zero."""

    bend: float = 0.5
    width: float = 1.5

    def __post_init__(self) -> None:
        check_finite(bend=self.bend)
        check_positive(width=self.width)

    def log_prob(self, x: Tensor) -> Tensor:
        """Maps (B, 2) to (B,), nats."""
        check_real(x, event=(2,))
        z = torch.stack([x[:, 0] / self.width, x[:, 1] - self._middle(x[:, 0])], dim=1)
        return -z.square().sum(1) / 2 - math.log(2 * math.pi * self.width)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, 2)."""
        check_draws(n, generator)
        z = torch.randn(n, 2, generator=generator)
        x_1 = self.width * z[:, 0]
        return torch.stack([x_1, self._middle(x_1) + z[:, 1]], dim=1)

    def _middle(self, x_1: Tensor) -> Tensor:
        return self.bend * (x_1**2 - self.width**2)


@dataclass(frozen=True)
class Checkerboard:
    """Uniform on every other square of a board on [-side, side]², lower left square included.

    Zero elsewhere, so that -inf is the truth there and no smooth model fits the edges.
    """

    squares: int = 4
    side: float = 4.0

    def __post_init__(self) -> None:
        check_counts(squares=self.squares)
        check_positive(side=self.side)
        if self.squares % 2:
            raise ValueError(f"squares: expected an even number a side, got {self.squares}")

    def log_prob(self, x: Tensor) -> Tensor:
        """Maps (B, 2) to (B,), nats."""
        check_real(x, event=(2,))
        square = torch.floor((x + self.side) / self._step)
        inside = ((square >= 0) & (square < self.squares)).all(1) & (square.sum(1) % 2 == 0)
        log_area = math.log((2 * self.side) ** 2 / 2)  # half of the board
        return torch.full_like(x[:, 0], -log_area).masked_fill(~inside, -math.inf)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, 2): any row, then one of its half as many squares, then a point in it."""
        check_draws(n, generator)
        row = torch.randint(self.squares, (n,), generator=generator)
        column = 2 * torch.randint(self.squares // 2, (n,), generator=generator) + row % 2
        within = torch.rand(n, 2, generator=generator)
        return (torch.stack([column, row], dim=1) + within) * self._step - self.side

    @property
    def _step(self) -> float:
        return 2 * self.side / self.squares


def two_gaussians() -> IsotropicMixture:
    """On the line: a broad hill of weight 0.7 left of a narrow one."""
    return IsotropicMixture(
        torch.tensor([-1.5, 2.0]), torch.tensor([1.0, 0.5]), torch.tensor([0.7, 0.3])
    )


def eight_gaussians() -> IsotropicMixture:
    """In the plane: eight round hills, equal, on a circle of radius 4."""
    return IsotropicMixture(_circle(torch.arange(8) * math.pi / 4, radius=4), torch.full((8,), 0.5))


def two_moons(*, scale: float = 0.2, points: int = 128) -> IsotropicMixture:
    """In the plane: two half circles of radius 2 that interlock, blurred by Gaussian noise.

    Each arc is a fine row of `points` equal Gaussians, so that the density is exact for what is
    drawn; with the default the row is seen as a curve (its steps are a quarter of `scale`).
    """
    check_counts(points=points)
    check_positive(scale=scale)
    angle = (torch.arange(points) + 0.5) * math.pi / points
    upper, shift = _circle(angle, radius=2), torch.tensor([1.0, 0.5])
    return IsotropicMixture(
        torch.cat([upper - shift, shift - upper]), torch.full((2 * points,), scale)
    )


def _circle(angle: Tensor, *, radius: float) -> Tensor:
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)
