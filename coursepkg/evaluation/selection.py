"""How much the best of many is too good."""

import torch
from torch.special import log_ndtr

from coursepkg.counts import check_integers

WIDEST = 40.0  # nothing that a double can say lies so far out


def best_of_many(M: int) -> float:
    r"""c_M, the mean of the largest of M independent standard normal numbers.

    The lowest of M equally good scores, each of which scatters by σ, lies c_M σ below their mean.
    By the trapezoidal rule from :math:`\mathbb{E}\, y = \int_0^\infty P(y > u) - P(y < -u)\, du`.
    Source: :eq:`best-of-many`.

    Args:
        M: how many there are, at least 1.

    Raises:
        ValueError: if M is less than 1.
    """
    check_integers(M=M)
    if M < 1:
        raise ValueError(f"M: expected at least 1 number, got {M}")
    if M == 1:
        return 0.0  # by symmetry, which rounding would miss
    u = torch.linspace(0, WIDEST, 40_001, dtype=torch.float64)
    up, down = float(M) * log_ndtr(u), float(M) * log_ndtr(-u)  # of many, 1 - P is lost in 1
    return torch.trapezoid(-up.expm1() - down.exp(), u).item()
