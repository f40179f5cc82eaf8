r"""From noise to data in few steps, along the probability-flow equation or beside it.

In y = z / α and s = σ / α, the noise-to-signal ratio, the equation is dy/ds = (y - x̂) / s = ε̂:
its slope is the guess of ε. Song et al., *Score-based generative modeling through stochastic
differential equations* (2021); Karras, Aittala, Aila and Laine, *Elucidating the design space of
diffusion-based generative models* (2022).

A `guess` maps z (B, D) and log-SNRs (B,) to E[x | z], (B, D); levels are log-SNRs that rise, from
the noisiest. What is returned is z at the last level, without a graph. The guess is asked as it
is: a network should be in eval mode, or its dropout draws from torch's global state.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.signal import Signal, signal_at
from coursepkg.validate import ANY, check_finite, check_positive, check_real

Guess = Callable[[Tensor, Tensor], Tensor]


def power_levels(steps: int, *, least: float, most: float, power: float = 7.0) -> Tensor:
    """Log-SNRs whose σ / α, to the power 1 / `power`, falls evenly; (steps + 1,), float64.

    Karras et al. (2022), equation 5: the larger the power, the more of the steps are spent on
    little noise; for a very large one λ rises evenly.

    Args:
        steps: number of steps.
        least: log-SNR of the noisy end.
        most: log-SNR of the clear end.
        power: their ρ > 0.

    Raises:
        ValueError: if a number is impossible.
    """
    check_counts(steps=steps)
    check_finite(least=least, most=most)
    check_positive(power=power, rise=most - least)
    last = math.exp((least - most) / (2 * power))  # over the first, which may overflow
    if last == 0:
        raise ValueError(f"power: expected one that fits ends {most - least} apart, got {power}")
    return least - 2 * power * torch.linspace(1, last, steps + 1, dtype=torch.float64).log()


@torch.no_grad()
def ddim(guess: Guess, z: Tensor, *, levels: Tensor) -> Tensor:
    """z_s = α_s x̂ + σ_s ε̂: keeps both guesses for a step.   Source: :eq:`ddim-step`.

    Song, Meng and Ermon, *Denoising diffusion implicit models* (2021), equation 12, σ = 0; it is
    Euler's method in s.

    Args:
        guess: says E[x | z]; a network in eval mode.
        z: noise at the first level, (B, D).
        levels: rising log-SNRs, (T,), at least two.

    Raises:
        ValueError: if the levels do not rise, or z or a guess has a wrong shape.
    """
    for here, there in pairwise(check_rising(levels, z)):
        x, eps = _parts(guess, z, here)
        z = _signal(there, z).mix(x, eps)
    return z


@torch.no_grad()
def heun(guess: Guess, z: Tensor, *, levels: Tensor) -> Tensor:
    """Two slopes a step and their mean: an error of order 2, for two calls of the guess.

    Karras et al. (2022), algorithm 1. Arguments and errors as those of `ddim`: a network
    in eval mode.
    """
    for here, there in pairwise(check_rising(levels, z)):
        x, eps = _parts(guess, z, here)
        signal = _signal(there, z)
        _, eps_there = _parts(guess, signal.mix(x, eps), there)
        step = _ratio(there, z) - _ratio(here, z)
        z = signal.alpha * (z / _signal(here, z).alpha + step * (eps + eps_there) / 2)
    return z


@torch.no_grad()
def multistep(guess: Guess, z: Tensor, *, levels: Tensor) -> Tensor:
    r"""DPM-Solver++(2M): exact for a constant x̂, of order 2 for one that changes.

    .. math:: z_s = \frac{\sigma_s}{\sigma_t} z_t + \alpha_s (1 - e^{-h}) D ,\quad
       D = x̂_t + \frac{h}{2 h_{before}} (x̂_t - x̂_{before}) .

    With h = Δλ / 2. One call of the guess a step. Arguments and errors as those of `ddim`;
    a network in eval mode.
    Source: :eq:`exponential-step`; Lu et al., *DPM-Solver++* (2022), algorithm 2.
    """
    before: tuple[Tensor, Tensor] | None = None  # the last step's guess, and its h
    for here, there in pairwise(check_rising(levels, z)):
        h = (there - here) / 2
        x = ask(guess, z, here)
        towards = x if before is None else x + h / (2 * before[1]) * (x - before[0])
        at, to = _signal(here, z), _signal(there, z)
        z = to.sigma / at.sigma * z - to.alpha * torch.expm1(-h).to(z) * towards
        before = x, h
    return z


@torch.no_grad()
def ancestral(guess: Guess, z: Tensor, *, levels: Tensor, generator: Generator) -> Tensor:
    """Draws z_s ~ q(z_s | z_t, x̂): the reversed equation with noise.

    Args:
        guess: says E[x | z].
        z: noise at the first level, (B, D).
        levels: rising log-SNRs, (T,), at least two.
        generator: of the noise.

    Raises:
        ValueError: if the levels do not rise, or z or a guess has a wrong shape.
    """
    for here, there in pairwise(check_rising(levels, z)):
        x = ask(guess, z, here)
        at, to = _signal(here, z), _signal(there, z)
        kept = torch.exp(here - there).to(z)  # SNR_t / SNR_s: how much of z_t the mean keeps
        mean = kept * at.alpha.reciprocal() * to.alpha * z + (1 - kept) * to.alpha * x
        std = to.sigma * (1 - kept).sqrt()
        z = mean + std * standard_like(z).draw(generator=generator)
    return z


def ask(guess: Guess, z: Tensor, log_snr: Tensor) -> Tensor:
    """The guess at one level, (B, D).

    Raises:
        ValueError: if it has another shape than z.
    """
    x = guess(z, log_snr.to(z).expand(len(z)))
    if x.shape != z.shape:
        raise ValueError(f"guess: expected shape {tuple(z.shape)}, got {tuple(x.shape)}")
    return x


def _parts(guess: Guess, z: Tensor, log_snr: Tensor) -> tuple[Tensor, Tensor]:
    """x̂ and ε̂ of z at one level."""
    x = ask(guess, z, log_snr)
    return x, _signal(log_snr, z).noise(z, x)


def _signal(log_snr: Tensor, like: Tensor) -> Signal:
    alpha, sigma = signal_at(log_snr[None])
    return Signal(alpha.to(like), sigma.to(like))


def _ratio(log_snr: Tensor, like: Tensor) -> Tensor:
    """s = σ / α."""
    return torch.exp(-log_snr / 2).to(like)


def check_rising(levels: Tensor, z: Tensor) -> Tensor:
    """The levels in double precision, if they rise and z is a batch of real vectors (B, D).

    Raises:
        ValueError: if they do not.
    """
    check_real(z, event=(ANY,), name="z")
    rising = levels.isfinite().all() and (levels.diff() > 0).all()
    if levels.ndim != 1 or len(levels) < 2 or not rising:
        raise ValueError(
            "levels: expected two or more finite rising log-SNRs, got "
            f"{levels.flatten()[:5].tolist()}"
        )
    return levels.double()
