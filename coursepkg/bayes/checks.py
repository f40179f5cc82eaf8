"""What all regressions ask of their data."""

from torch import Tensor

from coursepkg.counts import check_counts
from coursepkg.validate import check_finite, check_floating, check_real, check_tensor


def check_design(X: Tensor, y: Tensor) -> None:
    """Checks that X is (N, M) and y (N,), both of finite real numbers.

    Raises:
        TypeError: if one is no floating-point tensor.
        ValueError: if a shape is wrong, or an entry not finite.
    """
    check_tensor(X, "X")
    check_tensor(y, "y")
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ValueError(
            f"X, y: expected shapes (N, M) and (N,), got {tuple(X.shape)} and {tuple(y.shape)}"
        )
    check_real(X, name="X")
    check_real(y, event=(), name="y")


def check_fit(w: Tensor, X: Tensor, y: Tensor) -> None:
    """Checks that weights w, (..., M), go with X and y, as `check_design` does."""
    check_design(X, y)
    check_floating(w, "w")
    if w.shape[-1:] != X.shape[1:]:
        raise ValueError(f"w: expected shape (..., {X.shape[1]}), got {tuple(w.shape)}")


def check_shrink(value: Tensor, threshold: float) -> None:
    """Checks that a threshold is a number >= 0, for real numbers."""
    check_floating(value, "value")
    check_finite(threshold=threshold)
    if threshold < 0:
        raise ValueError(f"threshold: expected a number >= 0, got {threshold}")


def check_limits(tolerance: float, **steps: int) -> None:
    """Checks that an iteration has a tolerance, and steps to go."""
    check_finite(tolerance=tolerance)
    check_counts(**steps)


def check_path(penalties: Tensor) -> None:
    """Checks that penalties are (P,), all > 0."""
    check_real(penalties, event=(), name="penalties")
    if not (penalties > 0).all():
        raise ValueError(f"penalties: expected numbers > 0, got {penalties.min().item():.4g}")
