r"""Two gradients of a mean, ∂/∂μ E f(z) with z ~ N(μ, σ²): through the draw, and by its density.

Both are unbiased. The first needs the derivative of f, the second only its values.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator
from coursepkg.validate import check_floating, check_positive

Function = Callable[[Tensor], Tensor]  # (R, M) -> (R,)


def pathwise_gradient(
    f: Function, mean: Tensor, std: Tensor, *, draws: int, generator: Generator
) -> Tensor:
    """R draws of ∂f(μ + σ ε)/∂μ = f'(z), (R, M).   Source: :eq:`pathwise-gradient`.

    Args:
        f: differentiable, (R, M) -> (R,).
        mean: μ, (M,).
        std: σ > 0, (M,).
        draws: R.
        generator: source of ε.
    """
    z = _draws(mean, std, draws, generator).requires_grad_()
    return torch.autograd.grad(f(z).sum(), z)[0]


def score_gradient(
    f: Function, mean: Tensor, std: Tensor, *, draws: int, baseline: float = 0.0,
    generator: Generator,
) -> Tensor:  # fmt: skip
    """R draws of (f(z) - b) ∂ log q(z)/∂μ, (R, M).   Source: :eq:`score-gradient`.

    Args:
        f: any function, (R, M) -> (R,); it is not differentiated.
        mean: μ, (M,).
        std: σ > 0, (M,).
        draws: R.
        baseline: b, a number that does not depend on z. It changes the variance, not the mean.
        generator: source of z.
    """
    with torch.no_grad():
        z = _draws(mean, std, draws, generator)
        return (f(z) - baseline)[:, None] * (z - mean) / std.square()


def _draws(mean: Tensor, std: Tensor, draws: int, generator: Generator) -> Tensor:
    check_generator(generator)
    check_counts(draws=draws)
    check_floating(mean, "mean")
    check_floating(std, "std")
    if mean.ndim != 1 or std.shape != mean.shape or len(mean) == 0:
        raise ValueError(
            f"mean, std: expected one shape (M,), got {tuple(mean.shape)} and {tuple(std.shape)}"
        )
    check_positive(std=float(std.min()))
    eps = torch.randn(draws, len(mean), generator=generator, device=mean.device, dtype=mean.dtype)
    return (mean + std * eps).detach()
