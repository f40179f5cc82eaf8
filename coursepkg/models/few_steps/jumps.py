r"""Flow maps: where a flow will be, in one call of a network instead of many steps of a solver.

A velocity field v carries noise at t = 0 to data at t = 1. Its average velocity on the way from x
at time t to time r,

.. math:: u(x, t, r) = \frac{1}{r - t} \int_t^r v(x_s, s) \, ds , \qquad x_t = x ,

says where x will be: x_r = x + (r - t) u(x, t, r). Euler's method takes v(x, t) for u.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts
from coursepkg.models.flows.chain import StandardNormal
from coursepkg.validate import check_methods, check_real

Average = Callable[[Tensor, Tensor, Tensor], Tensor]  # x (B, D), t (B,), r (B,) -> u (B, D)


def jump(average: Average, x: Tensor, t: Tensor, r: Tensor) -> Tensor:
    """x_r = x + (r - t) u(x, t, r), (B, D) and times (B,) -> (B, D).   Source: :eq:`flow-map`.

    Raises:
        ValueError: if the average velocity has not the shape of x, or a time is not one number for
            each row.
    """
    check_times(x, t, r)
    u = average(x, t, r)
    check_alike(u, x, what="average", like="x")
    return x + (r - t)[:, None] * u


class EulerAverage(nn.Module):
    """v(x, t), whatever r: what Euler's method takes for the average, right on a straight path.

    Args:
        field: maps x (B, D) and times (B,) to velocities (B, D).
    """

    def __init__(self, field: nn.Module) -> None:
        check_methods(field, "__call__", name="field")
        super().__init__()
        self.field = field

    def forward(self, x: Tensor, t: Tensor, r: Tensor) -> Tensor:
        """Maps x (B, D) and two times (B,) to (B, D)."""
        v: Tensor = self.field(x, t)
        return v


class EndAverage(nn.Module):
    """u(x, t, 1) from a network of x and t: a map to the end of the path, and to nowhere else.

    Args:
        net: maps x (B, D) and times (B,) to u(x, t, 1), (B, D).
    """

    def __init__(self, net: nn.Module) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, t: Tensor, r: Tensor) -> Tensor:
        """Maps x (B, D) and two times (B,), of which r is 1, to (B, D)."""
        if not (r == 1).all():
            raise ValueError(f"r: expected 1, the only end that it knows, got {r[r != 1][0]:.4g}")
        u: Tensor = self.net(x, t)
        return u


class Jumps(nn.Module):
    """Draws by jumps of equal length along a flow map, from noise to data.

    It says nothing about the density of x.

    Args:
        average: maps x (B, D) and times t, r (B,) to average velocities (B, D).
        dim: number of variables D.
        steps: number of jumps.

    Raises:
        ValueError: if there are no steps.
    """

    def __init__(self, average: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(average, "__call__", name="average")
        super().__init__()
        check_counts(dim=dim, steps=steps)
        self.average, self.dim, self.steps = average, dim, steps
        self.base = StandardNormal(dim)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        return self.decode(self.base.sample(n, generator=generator))

    def decode(self, x: Tensor) -> Tensor:
        """Where noise x (B, D) is at t = 1, (B, D)."""
        check_real(x, event=(self.dim,), like=self)
        times = torch.linspace(0, 1, self.steps + 1).to(x)
        for t, r in pairwise(times):
            x = jump(self.average, x, t.expand(len(x)), r.expand(len(x)))
        return x


class Restarts(nn.Module):
    """Draws by jumps to the end, each from less noise than the one before.

    After a jump, x̂ goes back to time t by fresh noise, x_t = (1 - t) ε + t x̂. Song, Dhariwal, Chen
    and Sutskever, *Consistency models* (2023), algorithm 1.

    Args:
        average: knows u(x, t, 1).
        dim: number of variables D.
        steps: number of jumps; they start at 0, 1/steps, 2/steps, ...
    """

    def __init__(self, average: nn.Module, *, dim: int, steps: int) -> None:
        check_methods(average, "__call__", name="average")
        super().__init__()
        check_counts(dim=dim, steps=steps)
        self.average, self.steps = average, steps
        self.base = StandardNormal(dim)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        x = self.base.sample(n, generator=generator)
        for step in range(self.steps):
            t = step / self.steps
            if step:
                x = (1 - t) * self.base.sample(n, generator=generator) + t * x
            start = x.new_full((n,), t)
            x = jump(self.average, x, start, torch.ones_like(start))
        return x


def check_alike(found: Tensor, expected: Tensor, *, what: str, like: str) -> None:
    """Checks that two networks, or a network and its input, have one shape.

    Raises:
        ValueError: if they have not.
    """
    if found.shape != expected.shape:
        raise ValueError(
            f"{what}: expected shape {tuple(expected.shape)} as {like}, got {tuple(found.shape)}"
        )


def check_times(x: Tensor, *times: Tensor) -> None:
    """Checks that times are one number for each row of x, (B, D) and (B,).

    Raises:
        ValueError: if one is not.
    """
    for t in times:
        if t.shape != x.shape[:1]:
            raise ValueError(
                f"times: expected shape {tuple(x.shape[:1])}, one for each row of x, got "
                f"{tuple(t.shape)}"
            )
