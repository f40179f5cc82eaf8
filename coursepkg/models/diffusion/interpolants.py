r"""Flow matching and diffusion are one: the straight path and the noisy z differ by a factor.

Flow matching looks at x_t = (1 - t) ε + t x, diffusion at z = α x + σ ε. Divide z by α + σ, and
t = α / (α + σ) is a straight path's time: with λ = log(α² / σ²)

.. math:: t = \frac{1}{1 + e^{-\lambda/2}} , \qquad x_t = \frac{z}{\alpha + \sigma} , \qquad
   E[x | z] = x_t + (1 - t)\, v(x_t, t) .

So a guess is a velocity field, and a velocity field a guess, exactly. Gao et al., *Diffusion meets
flow matching* (2024); Albergo, Boffi and Vanden-Eijnden, *Stochastic interpolants* (2023).
"""

import torch
from torch import Tensor, nn

from coursepkg.models.diffusion.signal import signal_at
from coursepkg.models.diffusion.solvers import Guess
from coursepkg.validate import check_methods, check_positive


def time_of(log_snr: Tensor) -> Tensor:
    """t of flow matching at log-SNRs λ, any shape.   Source: :eq:`flow-time`."""
    return torch.sigmoid(log_snr / 2)


def log_snr_of(t: Tensor) -> Tensor:
    """λ at times t of flow matching, any shape.   Source: :eq:`flow-time`."""
    return 2 * t.logit()


class FieldOfGuess(nn.Module):
    """The velocity field E[x - ε | x_t] of a guess: what flow matching would have learned.

    Source: :eq:`flow-velocity`. At the very ends nothing is defined that a computer could divide
    by, so that the guess is asked at log-SNRs up to `limit`, and the field stays as it is beyond.

    Args:
        guess: says E[x | z] at log-SNRs.
        limit: the largest |λ| at which it is asked; 14 is t = 0.0009 and 0.9991.
    """

    def __init__(self, guess: Guess, *, limit: float = 14.0) -> None:
        check_methods(guess, "__call__", name="guess")
        super().__init__()
        check_positive(limit=limit)
        self.guess, self.limit = guess, limit

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Maps x_t (B, D) and times (B,) to velocities (B, D)."""
        log_snr = log_snr_of(t.double().clamp(0, 1)).clamp(-self.limit, self.limit)
        signal = signal_at(log_snr)
        scale = (signal.alpha + signal.sigma).to(x)  # z = (α + σ) x_t
        guess = self.guess(scale * x, log_snr.to(x))
        return (guess - x) / time_of(-log_snr)[:, None].to(x)  # 1 - t


class GuessOfField(nn.Module):
    """E[x | z] of a velocity field: lets diffusion's solvers and bounds use a trained flow.

    Source: :eq:`flow-velocity`.

    Args:
        field: maps x_t (B, D) and times (B,) to velocities (B, D).
    """

    def __init__(self, field: nn.Module) -> None:
        check_methods(field, "__call__", name="field")
        super().__init__()
        self.field = field

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,) to E[x | z], (B, D)."""
        signal = signal_at(log_snr.to(z))
        x_t = z / (signal.alpha + signal.sigma)
        v: Tensor = self.field(x_t, time_of(log_snr.to(z)))
        return x_t + time_of(-log_snr.to(z))[:, None] * v
