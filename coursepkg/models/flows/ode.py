"""Initial value problems dx/dt = f(t, x): fixed steps, and steps that the error chooses."""

from collections.abc import Callable

import torch
from torch import Tensor

from coursepkg.counts import check_counts
from coursepkg.validate import check_finite, check_floating, check_positive

Slope = Callable[[float, Tensor], Tensor]

# Dormand and Prince (1980), RK5(4)7M: nodes, the rows of the stages, and fifth minus fourth order
NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def euler(f: Slope, x: Tensor, *, start: float, end: float, steps: int) -> Tensor:
    """x(end) by steps x + h f(t, x): an error of order h."""
    check_counts(steps=steps)
    _check(x, start, end)
    h = (end - start) / steps
    for n in range(steps):
        x = x + h * f(start + n * h, x)
    return x


def rk4(f: Slope, x: Tensor, *, start: float, end: float, steps: int) -> Tensor:
    """x(end) by the classical Runge–Kutta method, four slopes a step: an error of order h⁴.

    Args:
        f: the slope at time t and place x.
        x: where x is at `start`, any shape.
        start: first time.
        end: last time, before or after.
        steps: number of equal steps.

    Raises:
        ValueError: if steps < 1.
    """
    check_counts(steps=steps)
    _check(x, start, end)
    h = (end - start) / steps
    for n in range(steps):
        t = start + n * h
        k_1 = f(t, x)
        k_2 = f(t + h / 2, x + h / 2 * k_1)
        k_3 = f(t + h / 2, x + h / 2 * k_2)
        k_4 = f(t + h, x + h * k_3)
        x = x + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
    return x


def dormand_prince(
    f: Slope, x: Tensor, *, start: float, end: float, tolerance: float = 1e-6, most: int = 1000
) -> tuple[Tensor, int]:
    """x(end) by steps of order 5, whose size an embedded solution of order 4 chooses.

    A step whose estimated error exceeds `tolerance` · (1 + |x|), root mean square over all entries,
    is done again with a smaller one. All entries take the same steps.

    Args:
        f: the slope at time t and place x.
        x: where x is at `start`, any shape.
        start: first time.
        end: last time, before or after.
        tolerance: of the error of one step, absolute and relative.
        most: how many steps, refused ones included, are allowed.

    Returns:
        x(end), and the number of slopes that were asked for.

    Raises:
        ValueError: if `most` steps did not suffice, or the slope is not finite.
    """
    check_counts(most=most)
    _check(x, start, end)
    check_positive(tolerance=tolerance)
    t, h, k_1, asked = start, (end - start) / 10, f(start, x), 1
    for _ in range(most):
        h = h if abs(h) < abs(end - t) else end - t
        k = [k_1]
        for node, row in zip(NODES[1:], STAGES[1:], strict=True):
            y = x + h * sum(a * k_i for a, k_i in zip(row, k, strict=True))
            k.append(f(t + node * h, y))
        asked += 6
        gap = h * sum(e * k_i for e, k_i in zip(ERROR, k, strict=True)) / (1 + x.abs())
        error = torch.as_tensor(gap).square().mean().sqrt().item() / tolerance
        if not error < float("inf"):
            raise ValueError(f"f: expected finite slopes, got {error} as the error at t = {t:.4g}")
        if error <= 1:  # the last stage is the solution of order 5: its slope starts the next step
            x, k_1, done = y, k[-1], h == end - t
            if done:
                return x, asked
            t = t + h
        h = h * min(5.0, max(0.2, 0.9 * max(error, 1e-9) ** -0.2))
    raise ValueError(
        f"most: expected the end t = {end} within {most} steps, got to t = {t:.4g}; the problem "
        "may be stiff, or the tolerance too small"
    )


def _check(x: Tensor, start: float, end: float) -> None:
    check_floating(x)
    check_finite(start=start, end=end)
