"""The power spectrum of a stationary process: how its variance is spread over frequencies.

It is a density over *frequencies* and not over values of the process: two processes with unlike
laws may share it. Frequencies f are in cycles a step, 0 <= f <= 1/2; S is two-sided, so that its
integral from -1/2 to 1/2 is the variance.
"""

import math

import torch
from scipy.signal import lfilter
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.validate import check_finite, check_floating, check_positive, check_real


def periodogram(x: Tensor) -> Tensor:
    """|Σ_t x_t exp(-2πi f t)|² / T at f = 0, 1/T, ..., 1/2; (..., T) -> (..., T // 2 + 1).

    The mean of x is removed first, so that f = 0 gives 0. Unbiased at 0 < f < 1/2 as T grows, but
    *not* consistent: its standard deviation stays as large as S(f).   Source: :eq:`periodogram`.
    """
    _check_path(x, shortest=2)
    T = x.shape[-1]
    away = x.double() - x.double().mean(-1, keepdim=True)
    power: Tensor = torch.fft.rfft(away).abs().square() / T
    return _in_precision_of(power, x)


def welch(x: Tensor, *, segment: int) -> Tensor:
    """Mean of the periodograms of segments that overlap by half, each faded in and out.

    Less noise for less resolution, as a wider kernel.   Source: :eq:`welch`.

    Args:
        x: one path or several, (..., T).
        segment: length of a segment, 2 <= segment <= T; frequencies are 1/segment apart.

    Returns:
        S at f = 0, 1/segment, ..., 1/2; (..., segment // 2 + 1).
    """
    check_integers(segment=segment)
    if segment < 2:
        raise ValueError(f"segment: expected a length >= 2, got {segment}")
    _check_path(x, shortest=segment)
    pieces = x.double().unfold(-1, segment, segment // 2)  # (..., pieces, segment)
    pieces = pieces - pieces.mean(-1, keepdim=True)
    window = torch.hann_window(segment, dtype=pieces.dtype, device=x.device)
    power: Tensor = torch.fft.rfft(window * pieces).abs().square() / window.square().sum()
    return _in_precision_of(power.mean(-2), x)


def ar_spectrum(coefficients: Tensor, *, sigma: float, frequencies: Tensor) -> Tensor:
    """S(f) = σ² / |1 - Σ_l a_l exp(-2πi f l)|² of x_t = Σ_l a_l x_{t-l} + ε_t.

    Source: :eq:`ar-spectrum`.

    Args:
        coefficients: a_1, ..., a_L, (L,), of a stationary process.
        sigma: standard deviation of the noise ε.
        frequencies: any shape, cycles a step.

    Returns:
        S, of the shape of `frequencies`.
    """
    _spectral_radius(coefficients, sigma)
    check_floating(frequencies, "frequencies")
    lag = torch.arange(1, len(coefficients) + 1, device=frequencies.device)
    angle = 2 * math.pi * frequencies.double()[..., None] * lag
    weights = coefficients.to(angle)  # near the edge of what is stationary 1 - Σ a_l cancels
    real = 1 - (weights * angle.cos()).sum(-1)
    imaginary = (weights * angle.sin()).sum(-1)
    return (sigma**2 / (real.square() + imaginary.square())).to(frequencies)


def ar_path(coefficients: Tensor, *, sigma: float, T: int, generator: Generator) -> Tensor:
    """Draws x_1, ..., x_T, (T,), of the stationary autoregressive process with Gaussian noise.

    It starts from zeros so long before that what is left of them is below rounding.
    """
    check_generator(generator)
    radius = _spectral_radius(coefficients, sigma)
    check_counts(T=T)
    before = math.ceil(math.log(1e-16) / math.log(max(radius, 1e-16))) + len(coefficients)
    noise = sigma * torch.randn(before + T, generator=generator, dtype=coefficients.dtype)
    x = lfilter([1.0], [1.0, *(-coefficients).tolist()], noise.numpy())
    return torch.as_tensor(x[before:], dtype=coefficients.dtype)


def _spectral_radius(coefficients: Tensor, sigma: float) -> float:
    """Largest modulus of a root; below 1 the process forgets its start, and has a spectrum."""
    check_positive(sigma=sigma)
    check_floating(coefficients, "coefficients")
    if coefficients.ndim != 1 or len(coefficients) == 0:
        raise ValueError(f"coefficients: expected shape (L,), got {tuple(coefficients.shape)}")
    check_real(coefficients, name="coefficients")
    companion = torch.diag(torch.ones_like(coefficients[1:], dtype=torch.float64), -1)
    companion[0] = coefficients  # in double precision: close roots lose half of the digits
    radius = float(torch.linalg.eigvals(companion).abs().max())
    if not radius < 1:
        raise ValueError(
            f"coefficients: expected a stationary process, spectral radius < 1, got {radius:.4g}"
        )
    return radius


def _in_precision_of(power: Tensor, x: Tensor) -> Tensor:
    """The power in the precision of x, if that can say it."""
    check_finite(largest_power=power.max().to(x.dtype).item())
    return power.to(x)


def _check_path(x: Tensor, *, shortest: int) -> None:
    check_floating(x)
    if x.ndim == 0 or x.shape[-1] < shortest or x.numel() == 0:
        raise ValueError(f"x: expected shape (..., T) with T >= {shortest}, got {tuple(x.shape)}")
    if not x.isfinite().all():
        raise ValueError(f"x: expected finite numbers, got {int((~x.isfinite()).sum())} NaN or inf")
