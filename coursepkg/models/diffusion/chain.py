r"""The forward chain: T small steps from an image to noise.

z_t = √(1 - β_t) z_{t-1} + √β_t ε keeps a variance of one. After t steps, with
ᾱ_t = ∏_{τ≤t} (1 - β_τ), z_t = √ᾱ_t x + √(1 - ᾱ_t) ε: any step is reached in one.
Sohl-Dickstein et al., *Deep unsupervised learning using nonequilibrium thermodynamics* (2015);
Ho, Jain and Abbeel, *Denoising diffusion probabilistic models* (2020).
"""

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_counts, check_numbers
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian, standard_like
from coursepkg.models.diffusion.signal import Signal
from coursepkg.validate import check_positive, check_tensor


def linear_betas(T: int, *, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """β_1, ..., β_T in equal steps, (T,), float64.   Ho et al. (2020), whose T is 1000.

    These ends are made for T = 1000. A short chain does not end in noise: with T = 10, ᾱ_T = 0.90.

    Args:
        T: number of steps.
        first: β_1.
        last: β_T.

    Raises:
        ValueError: if T is not positive, or an end no share.
    """
    check_counts(T=T)
    for name, beta in (("first", first), ("last", last)):
        check_numbers(**{name: beta})
        if not 0 < beta < 1:
            raise ValueError(f"{name}: expected a share inside (0, 1), got {beta}")
    return torch.linspace(first, last, T, dtype=torch.float64)


def cosine_betas(T: int, *, offset: float = 0.008, most: float = 0.999) -> Tensor:
    """Those for which ᾱ_t falls like a squared cosine of t / T, (T,), float64.

    Nichol and Dhariwal, *Improved denoising diffusion probabilistic models* (2021), equation 17.

    Args:
        T: number of steps.
        offset: how far into the cosine the chain begins, so that its first steps are no smaller.
        most: the largest β; the cosine ends at ᾱ = 0, which is no step.

    Raises:
        TypeError: if T is no integer.
        ValueError: if T is not positive, or the offset negative.
    """
    check_counts(T=T)
    check_numbers(offset=offset)
    check_positive(most=most)
    if not 0 <= offset < float("inf"):
        raise ValueError(f"offset: expected a finite number >= 0, got {offset}")
    t = torch.linspace(0, 1, T + 1, dtype=torch.float64)
    angle = (t + offset) / (1 + offset) * math.pi / 2
    # cos² a - cos² b = sin(b - a) sin(b + a): of many steps, the cosines nearly cancel
    fall = angle.diff().sin() * (angle[1:] + angle[:-1]).sin()
    return (fall / angle[:-1].cos().square()).clamp_max(most)


def _falls(log_snr: Tensor) -> bool:
    return (
        log_snr.ndim == 1
        and len(log_snr) > 0
        and bool(log_snr.isfinite().all() and (log_snr.diff() < 0).all())
    )


def check_falling(log_snr: Tensor) -> Tensor:
    """The log-SNRs in double precision, if they are λ_1 > ... > λ_T, at least one.

    Raises:
        ValueError: if they are not finite, or do not fall.
    """
    if not _falls(log_snr):
        raise ValueError(
            f"log_snr: expected (T,) finite falling numbers, at least one, got shape "
            f"{tuple(log_snr.shape)} with {log_snr.flatten()[:10].tolist()}"
        )
    return log_snr.double()


def betas_of(log_snr: Tensor) -> Tensor:
    """The β of a chain whose log-SNRs are λ_1 > ... > λ_T, (T,) -> (T,), float64.

    Raises:
        ValueError: if the log-SNRs are not finite, or do not fall.
    """
    log_snr = check_falling(log_snr)
    log_alpha_bar = logsigmoid(torch.cat([log_snr.new_full((1,), math.inf), log_snr]))
    return -log_alpha_bar.diff().expm1()


class NoiseChain(nn.Module):
    """q(z_t | z_{t-1}) = N(√(1 - β_t) z_{t-1}, β_t I) for t = 1, ..., T, and z_0 = x.

    Its β stay in double precision, whatever type a model that holds it is cast to.

    Args:
        beta: the variances of the steps, (T,), each inside (0, 1).

    Raises:
        ValueError: if they are not, or ᾱ rounds to 0, or does not fall at a step.
    """

    def __init__(self, beta: Tensor) -> None:
        check_tensor(beta, "beta")
        super().__init__()
        if beta.ndim != 1 or len(beta) == 0 or not ((beta > 0) & (beta < 1)).all():
            got = f"shape {tuple(beta.shape)} with {beta.flatten()[:5].tolist()}"
            raise ValueError(f"beta: expected (T,) numbers inside (0, 1), got {got}")
        self.beta: Tensor
        self.register_buffer("beta", beta.double(), persistent=False)
        if not (_falls(self.log_snr) and self.alpha_bar[-1] > 0):
            raise ValueError(
                "beta: expected steps after which ᾱ falls and stays above 0, got ᾱ from "
                f"{self.alpha_bar[0].item()} to {self.alpha_bar[-1].item()}"
            )

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.beta)

    @property
    def alpha_bar(self) -> Tensor:
        """ᾱ_t = ∏_{τ≤t} (1 - β_τ), (T,), float64.   Source: :eq:`alpha-bar`."""
        return (1 - self.beta).cumprod(0)

    @property
    def log_snr(self) -> Tensor:
        """λ_t = log(ᾱ_t / (1 - ᾱ_t)), (T,), float64."""
        log_alpha_bar = (-self.beta).log1p().cumsum(0)  # of little noise, ᾱ would round to 1
        return log_alpha_bar - self._noise_variance.log()

    @property
    def _noise_variance(self) -> Tensor:
        """1 - ᾱ_t, (T,), float64."""
        return -(-self.beta).log1p().cumsum(0).expm1()

    def signal(self, t: Tensor, like: Tensor) -> Signal:
        """√ᾱ_t and √(1 - ᾱ_t) of each t (B,), in `like`'s type; (B, 1) each."""
        at = self._check(t, like) - 1
        squares = self.alpha_bar[at], self._noise_variance[at]
        return Signal(*(each[:, None].sqrt().to(like) for each in squares))

    def forward(self, z: Tensor, t: Tensor, *, generator: Generator) -> Tensor:
        """Draws z_t given z_{t-1}: (B, D), (B,) -> (B, D).   Source: :eq:`forward-step`."""
        beta = self.beta[self._check(t, z) - 1][:, None].to(z)
        return (1 - beta).sqrt() * z + beta.sqrt() * standard_like(z).draw(generator=generator)

    def noisy(self, x: Tensor, t: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """z_t given x, and its ε: (B, D), (B,) -> both (B, D).   Source: :eq:`diffusion-kernel`."""
        eps = standard_like(x).draw(generator=generator)
        return self.signal(t, x).mix(x, eps), eps

    def posterior(self, x: Tensor, z: Tensor, t: Tensor) -> DiagonalGaussian:
        """q(z_{t-1} | z_t, x), for t >= 2; z = z_t, all (B, D).   Source: :eq:`forward-posterior`.

        Its mean by a guess of ε in place of x is :eq:`mean-prediction`.

        Raises:
            ValueError: if a t is 1: z_0 is x, and has no density; if x and z differ in shape.
        """
        if x.shape != z.shape:
            raise ValueError(f"x: expected the shape of z, {tuple(z.shape)}, got {tuple(x.shape)}")
        if (self._check(t, z) == 1).any():
            raise ValueError("t: expected steps 2..T, since z_0 is x itself, got a 1")
        beta, left = self.beta[t - 1], self._noise_variance[t - 1]  # 1 - ᾱ_t
        before = self._noise_variance[t - 2]
        of_x = self.alpha_bar[t - 2].sqrt() * beta / left
        of_z = (1 - beta).sqrt() * before / left
        std = (beta * before / left).sqrt()
        of_x, of_z, std = (each[:, None].to(z) for each in (of_x, of_z, std))
        return DiagonalGaussian(of_x * x + of_z * z, std.expand_as(z))

    def _check(self, t: Tensor, like: Tensor) -> Tensor:
        whole = not t.is_floating_point() and bool(((t >= 1) & (t <= self.T)).all())
        if t.shape != like.shape[:1] or not whole:
            raise ValueError(
                f"t: expected {len(like)} integers from 1 to {self.T}, one a row, got "
                f"{tuple(t.shape)} such as {t.flatten()[:5].tolist()}"
            )
        return t

    def _apply(self, convert: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        beta = self.beta
        super()._apply(convert, recurse)  # type: ignore[no-untyped-call]
        self.beta = beta.to(self.beta.device)  # moved, but not cast
        return self
