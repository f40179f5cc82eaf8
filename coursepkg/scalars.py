"""What counts as a number where one is asked for."""

from numbers import Real

import torch
from torch import Tensor


def is_number(value: object) -> bool:
    """Whether it is a real number, or a tensor () that holds one; True is none."""
    if isinstance(value, Tensor):
        return value.ndim == 0 and value.dtype != torch.bool and not value.is_complex()
    return isinstance(value, Real) and not isinstance(value, bool)
