"""What all measures ask of two sets of rows, and how far apart rows are."""

import torch
from torch import Tensor

from coursepkg.validate import check_real


def check_pair(
    x: Tensor, y: Tensor, *, least: int = 1, names: tuple[str, str] = ("x", "y")
) -> None:
    """Checks that both are finite floating-point rows of one width, and enough of them.

    Args:
        x: one set, should be (M, D).
        y: the other, should be (N, D).
        least: how many rows each needs.
        names: what they are called, for the message.

    Raises:
        TypeError: if one is no floating-point tensor.
        ValueError: if a shape is wrong, an entry not finite, or there are too few rows.
    """
    shape = getattr(x, "shape", ())  # what is no tensor is refused below
    width = tuple(shape[1:]) if len(shape) == 2 else (1,)
    for rows, name in zip((x, y), names, strict=True):
        check_real(rows, event=width, name=name)
        if len(rows) < least:
            raise ValueError(f"{name}: expected at least {least} rows, got {len(rows)}")


def distances(x: Tensor, y: Tensor) -> Tensor:
    """‖x_m - y_n‖, (M, D) and (N, D) -> (M, N), by differences: equal rows are at 0, exactly."""
    kind = torch.promote_types(x.dtype, y.dtype)
    return torch.cdist(x.to(kind), y.to(kind), compute_mode="donot_use_mm_for_euclid_dist")
