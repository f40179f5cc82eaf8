r"""Increasing maps of one variable, whose parameters a network computes.

Each has `size`, how many parameters θ a variable needs, `encode(x, theta)`, which returns z and
the logarithm of the slope ∂z/∂x, and `decode(z, theta)`. x and z are (B, M), θ is (B, size, M). At
θ = 0 each is the identity, so that a network whose last layer is zero starts the flow there.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

from coursepkg.counts import check_integers
from coursepkg.validate import check_positive


class Monotone(Protocol):
    """An increasing map of one variable."""

    @property
    def size(self) -> int:
        """How many parameters a variable needs."""

    def encode(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """z and log ∂z/∂x, each (B, M), of x (B, M) and θ (B, size, M)."""

    def decode(self, z: Tensor, theta: Tensor) -> Tensor:
        """x, (B, M)."""


@dataclass(frozen=True)
class Affine:
    r"""z = x e^s + t, with the log-scale bounded: s = bound · tanh(θ_1 / bound), t = θ_2.

    Without a bound a network that extrapolates makes scales that overflow.

    Args:
        bound: of |s|, > 0.

    Raises:
        ValueError: if the bound is not above zero.
    """

    bound: float = 2.0
    size: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_positive(bound=self.bound)

    def encode(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """z and log ∂z/∂x = s, each (B, M)."""
        s, t = self._read(theta)
        return x * s.exp() + t, s

    def decode(self, z: Tensor, theta: Tensor) -> Tensor:
        """x, (B, M)."""
        s, t = self._read(theta)
        return (z - t) * (-s).exp()

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        raw, t = theta.unbind(1)
        return self.bound * torch.tanh(raw / self.bound), t


@dataclass(frozen=True)
class RationalQuadraticSpline:
    r"""An increasing spline on [-reach, reach], the identity outside: its tails are linear.

    In bin k, from (x_k, z_k) to (x_{k+1}, z_{k+1}) with width w, height h, mean slope s = h / w and
    slopes d_k, d_{k+1} at its ends, with ξ = (x - x_k) / w:

    .. math::
        z = z_k + h \frac{s ξ^2 + d_k ξ(1-ξ)}{s + (d_k + d_{k+1} - 2 s) ξ(1-ξ)} , \qquad
        \frac{\partial z}{\partial x} =
        \frac{s^2 (d_{k+1} ξ^2 + 2 s ξ(1-ξ) + d_k (1-ξ)^2)}{(s + (d_k + d_{k+1} - 2s) ξ(1-ξ))^2}

    Durkan, Bekasov, Murray and Papamakarios, *Neural spline flows* (2019), equations 4, 5 and 29.
    The slope is 1 at ±reach, so that it has no jump there.   Source: :eq:`rational-quadratic`.

    Args:
        bins: number of bins K >= 2.
        reach: half the width of the square in which the spline bends, > 0.
        least: smallest share of a bin in the width and height, and smallest slope, > 0.

    Raises:
        ValueError: if a number is impossible.
    """

    bins: int = 8
    reach: float = 5.0
    least: float = 1e-3

    def __post_init__(self) -> None:
        check_positive(reach=self.reach, least=self.least)
        check_integers(bins=self.bins)
        if self.bins < 2:
            raise ValueError(f"bins: expected at least 2, got {self.bins}")
        if self.least * self.bins >= 1:
            raise ValueError(f"least: expected less than 1/{self.bins}, got {self.least}")

    @property
    def size(self) -> int:
        """K widths, K heights and K - 1 inner slopes."""
        return 3 * self.bins - 1

    def encode(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """z and log ∂z/∂x, each (B, M)."""
        inside = x.abs() < self.reach
        (x_k, w), (z_k, h), (d_0, d_1) = self._bin(torch.where(inside, x, 0), theta, axis=0)
        s, xi = h / w, (torch.where(inside, x, x_k) - x_k) / w
        rise, bend = xi * (1 - xi), d_0 + d_1 - 2 * s
        z = z_k + h * (s * xi**2 + d_0 * rise) / (s + bend * rise)
        slope = s**2 * (d_1 * xi**2 + 2 * s * rise + d_0 * (1 - xi) ** 2) / (s + bend * rise) ** 2
        return torch.where(inside, z, x), torch.where(inside, slope, 1).log()

    def decode(self, z: Tensor, theta: Tensor) -> Tensor:
        """x, (B, M): the root in [0, 1] of a quadratic in ξ, written so that nothing cancels."""
        inside = z.abs() < self.reach
        (x_k, w), (z_k, h), (d_0, d_1) = self._bin(torch.where(inside, z, 0), theta, axis=1)
        s, climb = h / w, torch.where(inside, z, z_k) - z_k
        bend = d_0 + d_1 - 2 * s
        a = h * (s - d_0) + climb * bend
        b = h * d_0 - climb * bend
        c = -s * climb
        root = (b**2 - 4 * a * c).clamp(min=0).sqrt()
        q = b + torch.where(b < 0, -root, root)
        xi = torch.where(b < 0, -q, -2 * c) / torch.where(b < 0, 2 * a, q)
        return torch.where(inside, x_k + xi * w, z)

    def _bin(self, value: Tensor, theta: Tensor, *, axis: int) -> list[tuple[Tensor, Tensor]]:
        """Left end and width, lower end and height, and both slopes of each value's bin, (B, M).

        The bin is looked up among the ends on the x axis (0) or on the z axis (1).
        """
        K = self.bins
        ends = [self._ends(theta[:, :K]), self._ends(theta[:, K : 2 * K])]  # (B, K + 1, M)
        one = math.log(math.expm1(1 - self.least))  # softplus(one) + least = 1: the identity at 0
        slopes = pad(softplus(theta[:, 2 * K :] + one) + self.least, (0, 0, 1, 1), value=1.0)
        k = (value[:, None] >= ends[axis][:, 1:-1]).sum(1, keepdim=True)  # (B, 1, M)
        low = [side.gather(1, k)[:, 0] for side in (*ends, slopes)]
        high = [side.gather(1, k + 1)[:, 0] for side in (*ends, slopes)]
        return [(low[0], high[0] - low[0]), (low[1], high[1] - low[1]), (low[2], high[2])]

    def _ends(self, raw: Tensor) -> Tensor:
        """Ends of the K bins on one axis, from -reach to reach, (B, K, M) -> (B, K + 1, M)."""
        share = self.least + (1 - self.least * self.bins) * raw.softmax(1)
        inner = 2 * self.reach * share.cumsum(1)[:, :-1] - self.reach
        edge = torch.full_like(raw[:, :1], self.reach)
        return torch.cat([-edge, inner, edge], dim=1)
