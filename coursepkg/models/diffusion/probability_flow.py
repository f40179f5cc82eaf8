r"""The probability flow: a motion without noise that takes q(z) through all noise levels.

.. math:: \frac{dz}{d\lambda} = -\tfrac12 \alpha \sigma \hat v(z, \lambda) , \qquad
   \hat v = (\alpha z - \hat x) / \sigma .

With the angle α = cos ω, σ = sin ω it says dz/dω = v̂: hence the name velocity. As a field from
noise at t = 0 to data at t = 1 it is what `Continuous` follows, and so has a likelihood. Song et
al., *Score-based generative modeling through stochastic differential equations* (2021), 4.3.
"""

from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_numbers
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.continuous_time import Schedule
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.models.diffusion.solvers import Guess, ask, check_rising
from coursepkg.validate import check_methods


class ProbabilityFlow(nn.Module):
    """dz/dt of the flow from the schedule's noisy end, at t = 0, to its clear end, at t = 1.

    Source: :eq:`probability-flow`. Its density at the clear end, by `Continuous`, is that of the
    flow and not of z, unless the guess is exact; the noisy end is taken for N(0, I).

    Args:
        guess: says E[x | z].
        schedule: λ of the time 1 - t. It decides when the flow is where, not what it does.
    """

    def __init__(self, guess: Guess, schedule: Schedule) -> None:
        check_methods(guess, "__call__", name="guess")
        check_methods(schedule, "__call__", "slope", name="schedule")
        super().__init__()
        self.guess, self.schedule = guess, schedule

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        """The velocity of z (B, D) at times (B,), (B, D)."""
        log_snr, rise = self.schedule(1 - t), -self.schedule.slope(1 - t)  # λ, and dλ/dt > 0
        log_snr, rise = log_snr.to(z), rise.to(z)
        alpha, _ = signal_at(log_snr)
        return -rise[:, None] / 2 * alpha * (alpha * z - self.guess(z, log_snr))  # σ v̂


@torch.no_grad()
def reverse_sde(
    guess: Guess, z: Tensor, *, levels: Tensor, noise: float = 1.0, generator: Generator
) -> Tensor:
    r"""Euler–Maruyama steps of one of the processes that have the laws q(z) at all levels.

    .. math:: dz = \tfrac12 \sigma^2 \bigl( z + (1 + \kappa^2) \psi \bigr) d\lambda
       + \kappa \sigma\, dw , \qquad \psi = (\alpha \hat x - z) / \sigma^2 .

    Source: :eq:`reverse-sde`. κ = 1 is the forward process run backwards (Anderson 1982), κ = 0 the
    probability flow. Crude beside `ancestral`, which is exact while the guess does not change.

    Args:
        guess: says E[x | z].
        z: noise at the first level, (B, D).
        levels: rising log-SNRs, (T,), at least two.
        noise: κ >= 0.
        generator: of the noise.

    Raises:
        ValueError: if the levels do not rise, or κ is negative.
    """
    check_numbers(noise=noise)
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise: expected a finite number >= 0, got {noise}")
    for here, there in pairwise(check_rising(levels, z)):
        signal, step = signal_at(here.to(z).expand(len(z))), (there - here).to(z)
        psi = signal.score(z, ask(guess, z, here))
        drift = signal.sigma.square() / 2 * (z + (1 + noise**2) * psi)
        eps = standard_like(z).draw(generator=generator)
        z = z + drift * step + noise * signal.sigma * step.sqrt() * eps
    return z
