"""Statistical assertions with a stated false-failure rate `alpha` and a stated power.

`detects` is the smallest error that the test must catch with probability at least 1 - alpha; a
sample too small for that fails at once, so that no test passes for want of data.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

ALPHA = 1e-6


def assert_cdf(
    x: Tensor, cdf: Callable[[Tensor], Tensor], *, detects: float, alpha: float = ALPHA
) -> None:
    """x (n,) is i.i.d. with continuous distribution function `cdf` (Dvoretzky–Kiefer–Wolfowitz)."""
    n = len(x)
    envelope = math.sqrt(math.log(2 / alpha) / (2 * n))
    _enough(2 * envelope, detects, n)
    F = cdf(x.sort().values)
    assert F.isfinite().all(), "cdf is not finite at a draw"
    i = torch.arange(n, dtype=F.dtype)
    distance = torch.maximum((i + 1) / n - F, F - i / n).max().item()
    assert distance <= envelope, f"KS distance {distance:.4f} > {envelope:.4f}"


def assert_mean(x: Tensor, expected: float, *, detects: float, alpha: float = ALPHA) -> None:
    """x (n,) is i.i.d. with mean `expected` (normal approximation: use n in the thousands)."""
    n, standard_error = len(x), x.std().item() / math.sqrt(len(x))
    normal = torch.distributions.Normal(0.0, 1.0)
    z = normal.icdf(torch.tensor(1 - alpha / 2, dtype=torch.float64)).item()
    _enough(2 * z * standard_error, detects, n)
    error = x.mean().item() - expected
    assert abs(error) <= z * standard_error, f"off by {error:.4g}, allowed {z * standard_error:.4g}"


def assert_probs(outcomes: Tensor, probs: Tensor, *, detects: float, alpha: float = ALPHA) -> None:
    """outcomes (n,) in 0..C-1 are i.i.d. with probabilities probs (C,).

    L1 distance between frequencies and probabilities, by Bretagnolle–Huber–Carol:
    P(‖f - p‖₁ >= ε) <= 2^C exp(-n ε² / 2). `detects` is in L1 distance.
    """
    n, C = len(outcomes), len(probs)
    assert math.isclose(probs.sum().item(), 1, abs_tol=1e-6), f"probs sum to {probs.sum()}"
    envelope = math.sqrt(2 * (C * math.log(2) + math.log(1 / alpha)) / n)
    _enough(2 * envelope, detects, n)
    frequency = torch.bincount(outcomes, minlength=C) / n
    assert len(frequency) == C, f"outcome {int(outcomes.max())} has no probability"
    assert not (frequency[probs == 0] > 0).any(), "an impossible outcome was drawn"
    distance = (frequency - probs).abs().sum().item()
    assert distance <= envelope, f"L1 distance {distance:.4f} > {envelope:.4f}"


def _enough(resolution: float, detects: float, n: int) -> None:
    need = math.ceil(n * (resolution / detects) ** 2)
    assert resolution <= detects, f"n = {n} detects {resolution:.3g}; {detects} needs n = {need}"
