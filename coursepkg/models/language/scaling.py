"""Scaling laws: how the loss falls with parameters and data."""

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from coursepkg.validate import check_positive

LARGEST = 700.0  # log of a size that a float can hold


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

        Raises:
            ValueError: if the compute or one of A, B, a, b is not a finite number above 0: then
                there is no best size. Or if it is no float.
        """
        check_positive(
            compute=compute, of_size=self.of_size, of_data=self.of_data,
            size_power=self.size_power, data_power=self.data_power,
        )  # fmt: skip
        ratio = self.size_power * self.of_size / (self.data_power * self.of_data)
        total = self.size_power + self.data_power
        log_size = (math.log(ratio) + self.data_power * math.log(compute / 6)) / total
        if abs(log_size) > LARGEST:
            raise ValueError(f"expected powers whose best size is a float, got e^{log_size:.4g}")
        return math.exp(log_size)


def fit_scaling_law(size: Tensor, data: Tensor, loss: Tensor) -> ScalingLaw:
    """The law with the least squares of errors in log loss, of M runs, (M,) three times.

    Errors above a hundredth count linearly (Huber), so that one bad run does not decide. Several
    starts, of which the best is kept. The powers are as the runs say, even below 0.

    Args:
        size: parameters N of each run.
        data: symbols D that it has seen.
        loss: what it pays, nats or bits a symbol.

    Raises:
        ValueError: if there are fewer than five runs, lengths differ, a number is not above 0, or
            sizes or numbers of symbols are fewer than three: two do not tell a power from a floor.
    """
    N, D, target = _checked(size=size, data=data, loss=loss)
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


def _checked(**runs: Tensor) -> list[np.ndarray]:
    """The numbers of the runs, in double precision, if five can be fitted to them."""
    rows = {
        name: torch.as_tensor(row).detach().cpu().double().numpy() for name, row in runs.items()
    }
    shapes = {name: row.shape for name, row in rows.items()}
    if len(set(shapes.values())) != 1 or rows["loss"].ndim != 1 or len(rows["loss"]) < 5:
        raise ValueError(f"expected five or more runs, as three equally long rows, got {shapes}")
    for name, row in rows.items():
        if not (np.isfinite(row).all() and (row > 0).all()):
            raise ValueError(f"{name}: expected finite numbers > 0, got {row.tolist()}")
    for name in ("size", "data"):
        if (kinds := len(np.unique(rows[name]))) < 3:
            raise ValueError(f"{name}: expected three or more different ones, got {kinds}")
    return list(rows.values())


def operations(size: int, data: int) -> float:
    """About 6 N D: two for each parameter and symbol forward, four backward."""
    check_positive(size=size, data=data)
    return 6.0 * size * data
