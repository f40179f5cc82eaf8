"""What heads attend to when a sequence repeats itself."""

import torch
from torch import Tensor


def previous_score(weights: Tensor) -> Tensor:
    """Mean weight on the place before, (B, heads, T, T) -> (heads,); 1 if a head sees it alone."""
    return weights.diagonal(-1, -2, -1).mean((0, -1))


def induction_score(weights: Tensor, *, period: int) -> Tensor:
    """Mean weight on what followed the same symbol one period ago, (B, heads, T, T) -> (heads,).

    Place t of the second period attends to place t - period + 1. Source: :eq:`induction`; Olsson et
    al., *In-context learning and induction heads* (2022).

    Raises:
        ValueError: if no place has such a predecessor.
    """
    T = weights.shape[-1]
    if not 1 < period < T:
        raise ValueError(f"period: expected 2 to {T - 1}, got {period}")
    t = torch.arange(period, T, device=weights.device)
    return weights[..., t, t - period + 1].mean((0, -1))
