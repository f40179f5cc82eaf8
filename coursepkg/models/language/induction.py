"""What heads attend to when a sequence repeats itself."""

import torch
from torch import Tensor

from coursepkg.validate import check_floating, check_whole


def induction_score(weights: Tensor, y: Tensor) -> Tensor:
    """Mean weight on what followed the present symbol before, (B, heads, T, T) -> (heads,).

    Over the places t whose symbol has stood before: their weight on all s with y_{s-1} = y_t.
    Source: :eq:`induction`; Olsson et al., *In-context learning and induction heads* (2022).

    Args:
        weights: of attention, rows sum to 1.
        y: what was read, (B, T) symbols.

    Raises:
        ValueError: if the shapes do not belong together, or no symbol comes twice.
    """
    check_whole(y, "y")
    check_floating(weights, "weights")
    T = y.shape[-1] if y.ndim else 0
    expected = (*y.shape[:1], *weights.shape[1:2], T, T)
    if y.ndim != 2 or weights.shape != expected:
        raise ValueError(f"weights: expected shape {expected}, got {tuple(weights.shape)}")
    followed = (y[:, :, None] == y[:, None, :]).tril(-1)  # [t, s]: y_s = y_t, s < t
    target = torch.cat([torch.zeros_like(followed[..., :1]), followed[..., :-1]], dim=2)
    again = target.any(2)
    if not again.any():
        raise ValueError("y: expected a symbol that comes twice, got none")
    found = (weights * target[:, None]).sum(-1)  # (B, heads, T)
    return found.movedim(1, 0)[:, again].mean(1)
