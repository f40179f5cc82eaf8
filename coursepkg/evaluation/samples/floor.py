"""How bad data look beside data: what a measure must be compared with."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers, check_numbers
from coursepkg.evaluation.samples.checks import check_pair


class NoiseFloor(NamedTuple):
    """A measure of data against data.

    Args:
        mean: over random divisions.
        quantile: what the share `level` of them does not exceed.
        values: all of them, (R,).
    """

    mean: float
    quantile: float
    values: Tensor


def noise_floor(
    measure: Callable[[Tensor, Tensor], float],
    data: Tensor,
    *,
    size: int | None = None,
    splits: int = 100,
    level: float = 0.95,
    generator: Generator,
) -> NoiseFloor:
    """The measure of two disjoint random parts of the data, over and over.

    Parts have as many rows as the samples that are to be judged: most measures depend on that. The
    divisions overlap, so that their spread says how a measure varies, and no error bar follows.

    Args:
        measure: maps two sets of rows to a number.
        data: rows, (N, D).
        size: rows in each part; by default half of them.
        splits: how many divisions R.
        level: of the quantile; 0.95 for a distance, 0.05 for a share that should be large.
        generator: draws the divisions, on the CPU.

    Raises:
        TypeError: if the data are no floating-point tensor.
        ValueError: if there are too few rows, no division, or the level is out of range.
    """
    check_generator(generator)
    check_pair(data, data, least=2, names=("data", "data"))
    size = len(data) // 2 if size is None else size
    check_integers(size=size, splits=splits)
    if not 1 <= size <= len(data) // 2:
        raise ValueError(f"size: expected 1 <= size <= {len(data) // 2}, got {size}")
    check_numbers(level=level)
    if splits < 1 or not 0 <= level <= 1:
        raise ValueError(f"expected splits >= 1 and 0 <= level <= 1, got {splits} and {level}")
    values = []
    for _ in range(splits):
        order = torch.randperm(len(data), generator=generator)
        values.append(measure(data[order[:size]], data[order[size : 2 * size]]))
    found = torch.tensor(values, dtype=torch.float64)
    return NoiseFloor(found.mean().item(), found.quantile(level).item(), found)
