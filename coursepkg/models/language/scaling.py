"""Scaling laws: how the loss falls with parameters and data."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from torch import Tensor


class ScalingLaw(NamedTuple):
    r"""The loss of N parameters that have seen D symbols: E + A / N^a + B / D^b.

    Source: :eq:`scaling-law`; Hoffmann et al. (2022), equation 2.

    Args:
        floor: E, what no model of the family goes below.
        of_size: A.
        of_data: B.
        size_power: a.
        data_power: b.
    """

    floor: float
    of_size: float
    of_data: float
    size_power: float
    data_power: float

    def at(self, size: Tensor, data: Tensor) -> Tensor:
        """The loss at N and D, broadcast against each other."""
        return (
            self.floor + self.of_size / size**self.size_power + self.of_data / data**self.data_power
        )

    def best_size(self, compute: float) -> float:
        r"""The N for which the loss is least where 6 N D = `compute` operations are spent.

        :math:`N^{a + b} = \frac{a A}{b B} (C / 6)^b`. Source: :eq:`scaling-optimum`.
        """
        ratio = self.size_power * self.of_size / (self.data_power * self.of_data)
        total = self.size_power + self.data_power
        return float((ratio * (compute / 6) ** self.data_power) ** (1 / total))


def fit_scaling_law(size: Tensor, data: Tensor, loss: Tensor) -> ScalingLaw:
    """The law with the least squares of errors in log loss, of M runs, (M,) three times.

    Errors above a hundredth count linearly (Huber), so that one bad run does not decide. Several
    starts, of which the best is kept.

    Args:
        size: parameters N of each run.
        data: symbols D that it has seen.
        loss: what it pays, nats or bits a symbol.

    Raises:
        ValueError: if there are fewer than five runs, lengths differ, or a number is not above 0.
    """
    shapes = {tuple(x.shape) for x in (size, data, loss)}
    if len(shapes) != 1 or size.ndim != 1 or len(size) < 5:
        raise ValueError(f"expected five or more runs, as three equally long rows, got {shapes}")
    N, D, target = (x.double().numpy() for x in (size, data, loss))
    if not all(np.isfinite(x).all() and (x > 0).all() for x in (N, D, target)):
        raise ValueError("expected finite numbers > 0, got others")
    small, few = np.median(N), np.median(D)

    def errors(theta: np.ndarray) -> np.ndarray:
        floor, of_size, of_data = np.exp(theta[:3])  # terms at the median run
        terms = of_size * (N / small) ** -theta[3] + of_data * (D / few) ** -theta[4]
        return np.asarray(np.log(floor + terms) - np.log(target))

    lowest = math.log(target.min())
    starts = [
        np.array([lowest - 0.3, lowest - far, lowest - far, power, power])
        for far in (1, 2) for power in (0.3, 0.8)
    ]  # fmt: skip
    fits = [
        least_squares(errors, start, loss="huber", f_scale=0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        for start in starts
    ]
    best = min(fits, key=lambda fit: fit.cost).x
    floor, of_size, of_data = np.exp(best[:3])
    a, b = float(best[3]), float(best[4])
    return ScalingLaw(float(floor), float(of_size * small**a), float(of_data * few**b), a, b)


def operations(size: int, data: int) -> float:
    """About 6 N D: two for each parameter and symbol forward, four backward."""
    return 6.0 * size * data
