"""Slow, plain computations that several test files compare against."""

import torch
from torch import Tensor


def states(levels: int, D: int) -> Tensor:
    """All levels^D vectors of D levels, (levels^D, D) int64, the last coordinate fastest."""
    return torch.cartesian_prod(*[torch.arange(levels)] * D).view(-1, D)


def state_index(x: Tensor, levels: int) -> Tensor:
    """Row of x (..., D) in `states`, (...,) int64."""
    place = levels ** torch.arange(x.shape[-1] - 1, -1, -1)
    return (x * place).sum(-1)
