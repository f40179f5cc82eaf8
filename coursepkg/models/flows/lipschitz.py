r"""Largest singular values: by power iteration, of anything linear, and of a convolution exactly.

A linear map stretches no vector by more than its largest singular value σ; a network is
Lipschitz with the product of its layers' σ, if no slope of its nonlinearity exceeds 1.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear, normalize, silu

from coursepkg.counts import check_counts, check_integer_lists, check_numbers
from coursepkg.rng import global_state_from
from coursepkg.validate import check_floating, check_positive

LIPSWISH = 1.1  # SiLU's largest slope is 1.0998


def power_iteration(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], start: Tensor, *,
    steps: int,
) -> Tensor:  # fmt: skip
    r"""σ of a linear map W by r ← WᵀW r / ‖WᵀW r‖: at most σ, and nearer with every step.

    The error falls like (σ_2 / σ_1)^(4 · steps), as the Rayleigh quotient of WᵀW.
    Source: :eq:`power-iteration`.

    Args:
        forward: r -> W r.
        backward: y -> Wᵀ y.
        start: r to start from, not orthogonal to the singular vector that is sought.
        steps: number of iterations >= 1.

    Returns:
        ‖W r‖ with ‖r‖ = 1, (), differentiable in W, with r held fixed.

    Raises:
        ValueError: if steps < 1.
    """
    check_counts(steps=steps)
    with torch.no_grad():
        r = start
        for _ in range(steps):
            y = forward(r)
            y = backward(y / _unit(y))  # W may be so small, or large, that WᵀW is 0, or infinite
            r = normalize((y / _unit(y)).flatten(), dim=0).view_as(start)
    y = forward(r)
    sigma: Tensor = (y / _unit(y)).norm() * _unit(y)
    return sigma


def _unit(y: Tensor) -> Tensor:
    """The power of 2 above the largest entry, (): to divide by it rounds nothing; 1 for zeros."""
    exponent = torch.frexp(y.detach().abs().max()).exponent
    return torch.ldexp(y.new_ones(()), exponent)


def convolution_norm(
    kernel: Tensor, shape: tuple[int, int], *, start: Tensor, steps: int
) -> Tensor:
    """σ of the convolution of images with zeros around them, by power iteration, ().

    It is not the σ of the kernel as a matrix (C_out, C_in · k · k), which may be k times too small.
    Source: :eq:`convolution-norm`.

    Args:
        kernel: (C_out, C_in, k, k) with odd k.
        shape: height and width of the images.
        start: an image to start from, (C_in, H, W).
        steps: number of iterations.

    Raises:
        ValueError: if shapes do not fit.
    """
    _check_kernel(kernel)
    check_floating(start, "start")
    if start.shape != (kernel.shape[1], *shape) or kernel.shape[-1] % 2 == 0:
        raise ValueError(
            f"start, kernel: expected shapes (C_in, {shape[0]}, {shape[1]}) and (C_out, C_in, k, k)"
            f" with odd k, got {tuple(start.shape)} and {tuple(kernel.shape)}"
        )
    padding = kernel.shape[-1] // 2
    return power_iteration(
        lambda r: conv2d(r[None], kernel, padding=padding)[0],
        lambda y: conv_transpose2d(y[None], kernel, padding=padding)[0],
        start, steps=steps,
    )  # fmt: skip


def circular_convolution_norm(kernel: Tensor, shape: tuple[int, int]) -> Tensor:
    """σ of the convolution of images that wrap around, exactly, ().

    Such a map is diagonal in Fourier space up to a small matrix of channels for each frequency.
    Sedghi, Gupta and Long, *The singular values of convolutional layers* (2019), theorem 6.

    Args:
        kernel: (C_out, C_in, k, k), k at most the sides.
        shape: height and width of the images.
    """
    _check_kernel(kernel)
    check_integer_lists(shape=shape)
    blocks = torch.fft.fft2(kernel, s=shape).permute(2, 3, 0, 1)  # a matrix for each frequency
    sigma: Tensor = torch.linalg.svdvals(blocks)
    return sigma.max()


def _check_kernel(kernel: Tensor) -> None:
    check_floating(kernel, "kernel")
    if kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3]:
        raise ValueError(f"kernel: expected shape (C_out, C_in, k, k), got {tuple(kernel.shape)}")


class SpectralLinear(nn.Module):
    """Linear map whose σ is at most `bound`: W is scaled down by power iteration where it exceeds.

    The iteration starts from the same vector every time, so that equal weights mean equal maps. Its
    σ is a little low, and so the true one may exceed `bound` by as little.

    Args:
        inputs: size of x.
        outputs: size of the result.
        bound: of the largest singular value, > 0.
        steps: power iterations at every use.
        generator: draws the initial weights and the vector.

    Raises:
        ValueError: if the bound or the number of steps is not above zero.
    """

    def __init__(
        self, inputs: int, outputs: int, *, bound: float, steps: int = 20, generator: Generator
    ) -> None:
        check_counts(inputs=inputs, outputs=outputs)
        super().__init__()
        check_counts(steps=steps)
        check_positive(bound=bound)
        self.bound, self.steps = bound, steps
        self.start: Tensor
        with global_state_from(generator):
            self.linear = nn.Linear(inputs, outputs)
            self.register_buffer("start", torch.randn(inputs))

    def weight(self) -> Tensor:
        """W / max(1, σ / bound), (outputs, inputs)."""
        W: Tensor = self.linear.weight
        sigma = power_iteration(lambda r: W @ r, lambda y: W.T @ y, self.start, steps=self.steps)
        return W / (sigma / self.bound).clamp(min=1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs) to (B, outputs)."""
        return linear(x, self.weight(), self.linear.bias)


class ContractiveMLP(nn.Module):
    """A perceptron with ‖g(x) - g(y)‖ ≤ contraction · ‖x - y‖: every layer has its equal share.

    Up to what power iteration misses with few steps and singular values that lie close together.
    Nonlinearity SiLU / 1.1, whose slope is at most 1 (LipSwish: Chen, Behrmann, Duvenaud and
    Jacobsen, *Residual flows*, 2019, section 3.3).

    Args:
        widths: sizes of the layers, input first and output last.
        contraction: Lipschitz constant, 0 < contraction < 1.
        steps: power iterations of each layer.
        generator: draws the initial weights.

    Raises:
        ValueError: if the contraction is none, or there are fewer than two sizes.
    """

    def __init__(
        self, widths: Sequence[int], *, contraction: float, steps: int = 20, generator: Generator
    ) -> None:
        check_integer_lists(widths=widths)
        check_counts(steps=steps)
        super().__init__()
        check_numbers(contraction=contraction)
        if not 0 < contraction < 1:
            raise ValueError(
                f"contraction: expected a Lipschitz constant in (0, 1), got {contraction}"
            )
        if len(widths) < 2:
            raise ValueError(f"widths: expected at least two sizes, got {list(widths)}")
        share = contraction ** (1 / (len(widths) - 1))
        self.widths, self.contraction = tuple(widths), contraction
        self.layers = nn.ModuleList(
            SpectralLinear(*size, bound=share, steps=steps, generator=generator)
            for size in pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, widths[0]) to (B, widths[-1])."""
        first, *rest = self.layers
        x = first(x)
        for layer in rest:
            x = layer(silu(x) / LIPSWISH)
        return x
