"""The 8×8 digits of scikit-learn: the one data set on which every family is compared."""

from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor

LEVELS = 17  # grey levels 0..16
SHAPE = (8, 8)
N_IMAGES = 1797


class Split(NamedTuple):
    """Images in file order, so that numbers compare: 1000 train, 350 validation, 447 test."""

    train: Tensor
    valid: Tensor
    test: Tensor


def load_levels() -> Tensor:
    """All images as integer levels 0..16, (1797, 64) int64, in file order.

    Raises:
        ValueError: if the installed file is not the expected one.
    """
    x = torch.from_numpy(load_digits().data).round().long()
    _check(x)
    return x


def load_split() -> Split:
    """The course's split of `load_levels`: rows [:1000], [1000:1350] and [1350:]."""
    x = load_levels()
    return Split(x[:1000], x[1000:1350], x[1350:])


def load_labels() -> Split:
    """The digits 0..9 that the images show, split alike; (1000,), (350,), (447,) int64."""
    y = torch.from_numpy(load_digits().target).long()
    return Split(y[:1000], y[1000:1350], y[1350:])


def binarise(x: Tensor) -> Tensor:
    """Level >= 8 becomes 1, the others 0; same shape, default floating-point dtype."""
    return (x >= LEVELS // 2).to(torch.get_default_dtype())


def _check(x: Tensor) -> None:
    if tuple(x.shape) != (N_IMAGES, 64) or int(x.sum()) != 561718:
        raise ValueError(
            f"digits: expected {N_IMAGES} images of 64 pixels with levels that sum to 561718, got "
            f"shape {tuple(x.shape)} with sum {int(x.sum())}; reinstall scikit-learn"
        )
