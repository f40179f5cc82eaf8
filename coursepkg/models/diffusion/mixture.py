r"""The ideal model of a Gaussian mixture: E[x | z] in closed form. A solver's error is its own.

If x ~ Σ_k π_k N(μ_k, Σ_k), then z = α x + σ ε ~ Σ_k π_k N(α μ_k, C_k) with C_k = α² Σ_k + σ² I,
and with the responsibilities r_k(z) of its components

.. math:: \operatorname{E}[x | z] = \sum_k r_k(z)
   \bigl(\mu_k + \alpha \Sigma_k C_k^{-1} (z - \alpha \mu_k)\bigr) .
"""

import math

import torch
from torch import Tensor, nn

from coursepkg.models.diffusion.signal import Signal, signal_at
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.validate import check_methods, check_real


class MixtureGuess(nn.Module):
    """E[x | z] of z = α x + σ ε with x from a mixture.   Source: :eq:`mixture-guess`.

    Args:
        mixture: the law of x; what it says now, since it is copied.
    """

    def __init__(self, mixture: GaussianMixture) -> None:
        check_methods(mixture, "log_joint", name="mixture")
        super().__init__()
        self.dim = mixture.dim
        axes, spreads, _ = torch.linalg.svd(mixture.scale_tril)  # more exact than of Σ itself
        self.log_weights, self.means, self.variances, self.axes = (
            nn.Buffer(each.clone(), persistent=False)
            for each in (mixture.log_weights, mixture.means, spreads.square(), axes)
        )  # Σ_k = axes_k diag(variances_k) axes_kᵀ

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,) to E[x | z], (B, D)."""
        (alpha, _), away, spread = self._seen(z, log_snr)
        r = self._log_joint(away, spread).softmax(1)  # (B, M)
        shift = alpha[..., None] * self.variances / spread * away
        of_each = self.means + torch.einsum("mde,bme->bmd", self.axes, shift)
        return torch.einsum("bm,bmd->bd", r, of_each)

    def log_prob(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """log q(z) at each noise, (B, D) and (B,) -> (B,), nats."""
        _, away, spread = self._seen(z, log_snr)
        return self._log_joint(away, spread).logsumexp(1)

    def _seen(self, z: Tensor, log_snr: Tensor) -> tuple[Signal, Tensor, Tensor]:
        """α, σ; z - α μ_k along the axes of Σ_k, and the variance of z there; (B, M, D) each."""
        check_real(z, event=(self.dim,), name="z", like=self)
        signal = signal_at(log_snr.to(z))
        alpha, sigma = signal.alpha[..., None], signal.sigma[..., None]  # (B, 1, 1)
        away = torch.einsum("mde,bmd->bme", self.axes, z[:, None] - alpha * self.means)
        return signal, away, alpha.square() * self.variances + sigma.square()

    def _log_joint(self, away: Tensor, spread: Tensor) -> Tensor:
        """log of π_k N(z; α μ_k, C_k), (B, M)."""
        quadratic = (away.square() / spread + spread.log()).sum(2)
        return self.log_weights - (quadratic + self.dim * math.log(2 * math.pi)) / 2
