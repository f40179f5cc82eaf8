"""Divergences as sums of terms that are never negative, so that nothing cancels.

Of two laws that nearly agree, Σ p log p and Σ p log q are nearly the same: their difference is what
rounding left, and may be below 0. Since p and q have equal sums, KL(p ‖ q) is also
Σ p (r - 1 - log r) with r = q / p, and there each term is >= 0.
"""

import torch
from torch import Tensor


def excess(x: Tensor) -> Tensor:
    """x - log(1 + x) >= 0, x > -1; same shape. Also near 0, where the two cancel.

    There with u = x / (2 + x), x = 2u / (1 - u) and log(1 + x) = 2 (u + u³/3 + u⁵/5 + ...).
    """
    close = x.abs() < 0.1
    u = torch.where(close, x, 0.0) / (2 + torch.where(close, x, 0.0))
    series = u * x - 2 * u**3 * sum(u ** (2 * k) / (2 * k + 3) for k in range(6))
    return torch.where(close, series, x - x.log1p())


def divergence_terms(p: Tensor, q: Tensor) -> Tensor:
    """q - p - p log(q / p) >= 0, which is q where p is 0, and infinite where q alone is; p's shape.

    Their sum is KL(p ‖ q) if p and q have equal sums. Both may be any numbers >= 0, and broadcast.
    """
    seen = p > 0  # 0 log 0 has a value, but no slope
    close = seen & ((q - p).abs() < p / 2)
    near = p * excess(torch.where(close, q - p, 0.0) / torch.where(seen, p, 1.0))
    log_ratio = torch.where(seen, p, 1.0).log() - torch.where(seen, q, 1.0).log()
    far = q - p + torch.where(seen, p * log_ratio, 0.0)
    return torch.where(close, near, far)
