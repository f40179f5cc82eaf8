r"""What is seen at a noise level, z = α x + σ ε with ε ~ N(0, I), and how its parts convert.

Of x, ε, the velocity v = α ε - σ x and the score of q(z | x), -ε / σ, any one gives the others,
once z is known: a network may predict the one that is easiest to learn. Salimans and Ho,
*Progressive distillation for fast sampling of diffusion models* (2022), appendix D. How noisy z is,
is said by its *log-SNR* λ = log(α² / σ²): with α² + σ² = 1 it says both.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from coursepkg.divergences import excess


class Signal(NamedTuple):
    """How much of x, and how much of ε, is in z = α x + σ ε; α² + σ² = 1.

    Both (B, 1), to be spread over the D coordinates of x.
    """

    alpha: Tensor
    sigma: Tensor

    def mix(self, x: Tensor, eps: Tensor) -> Tensor:
        """z = α x + σ ε, (B, D)."""
        return self.alpha * x + self.sigma * eps

    def x_from_noise(self, z: Tensor, eps: Tensor) -> Tensor:
        """x = (z - σ ε) / α, (B, D).   Source: :eq:`noise-prediction`."""
        return (z - self.sigma * eps) / self.alpha

    def x_from_velocity(self, z: Tensor, v: Tensor) -> Tensor:
        """x = α z - σ v, (B, D): no division, whatever the noise."""
        return self.alpha * z - self.sigma * v

    def x_from_score(self, z: Tensor, psi: Tensor) -> Tensor:
        """x = (z + σ² ψ) / α, (B, D), Tweedie's formula.   Source: :eq:`noisy-score`."""
        return (z + self.sigma.square() * psi) / self.alpha

    def noise(self, z: Tensor, x: Tensor) -> Tensor:
        """ε = (z - α x) / σ, (B, D)."""
        return (z - self.alpha * x) / self.sigma

    def velocity(self, z: Tensor, x: Tensor) -> Tensor:
        """v = α ε - σ x = (α z - x) / σ, (B, D)."""
        return (self.alpha * z - x) / self.sigma

    def score(self, z: Tensor, x: Tensor) -> Tensor:
        """∇ log q(z | x) = -ε / σ = (α x - z) / σ², (B, D); at E[x | z] it is ∇ log q(z)."""
        return (self.alpha * x - z) / self.sigma.square()


def signal_at(log_snr: Tensor) -> Signal:
    """α = √sigmoid(λ) and σ = √sigmoid(-λ) of log-SNRs λ, (B,); each (B, 1)."""
    log_snr = log_snr[:, None]
    return Signal(torch.sigmoid(log_snr).sqrt(), torch.sigmoid(-log_snr).sqrt())


def kl_to_noise(x: Tensor, log_snr: Tensor) -> Tensor:
    """KL(q(z | x) ‖ N(0, I)) at log-SNRs λ: (B, D) and (B,) -> (B,), nats."""
    log_snr = log_snr.to(x)[:, None]
    alpha_squared = torch.sigmoid(log_snr)
    wide = -alpha_squared - logsigmoid(-log_snr)  # σ² - 1 - log σ², never log 0
    little = excess(-alpha_squared.clamp(max=0.1))  # the same, where its terms cancel
    kl = alpha_squared * x.square() + torch.where(alpha_squared < 0.1, little, wide)
    return kl.sum(1) / 2
