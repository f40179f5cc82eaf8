"""The 8×8 digits of scikit-learn: the one data set on which every family is compared.

Source: E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits" (1998), UCI Machine
Learning Repository, CC BY 4.0; scikit-learn (BSD-3) ships its test set.
"""

import hashlib
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from coursepkg.validate import check_levels

LEVELS = 17  # grey levels 0..16
SHAPE = (8, 8)
N_IMAGES = 1797
# of the levels, then the labels, a byte each
_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


class Split(NamedTuple):
    """Images or labels that train, validate and test."""

    train: Tensor
    valid: Tensor
    test: Tensor


def load_levels() -> Tensor:
    """All images as integer levels 0..16, (1797, 64) int64, in file order.

    Raises:
        ValueError: if the installed file is not the expected one.
    """
    x, _ = _read()
    return x


def load_split() -> Split:
    """The course's split of `load_levels`: rows [:1000], [1000:1350] and [1350:].

    In file order, so that numbers compare: 1000 train, 350 validate, 447 test.

    Raises:
        ValueError: if the installed file is not the expected one.
    """
    x = load_levels()
    return Split(x[:1000], x[1000:1350], x[1350:])


def load_labels() -> Split:
    """The digits 0..9 that the images show, split alike; (1000,), (350,), (447,) int64.

    Raises:
        ValueError: if the installed file is not the expected one.
    """
    _, y = _read()
    return Split(y[:1000], y[1000:1350], y[1350:])


def binarise(x: Tensor) -> Tensor:
    """Level >= 8 becomes 1, the others 0; same shape, default floating-point dtype."""
    check_levels(x, levels=LEVELS)
    return (x >= LEVELS // 2).to(torch.get_default_dtype())


def _read() -> tuple[Tensor, Tensor]:
    """Levels and labels of all images."""
    file = load_digits()
    x, y = torch.from_numpy(file.data).round().long(), torch.from_numpy(file.target).long()
    content = torch.cat([x.flatten(), y]).to(torch.uint8)
    found = hashlib.sha256(content.numpy().tobytes()).hexdigest()
    if tuple(x.shape) != (N_IMAGES, 64) or found != _SHA256:
        raise ValueError(
            f"digits: expected {N_IMAGES} images of 64 pixels with sha256 {_SHA256}, got shape "
            f"{tuple(x.shape)} with {found}; reinstall scikit-learn"
        )
    return x, y
