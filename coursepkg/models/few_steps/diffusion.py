r"""A diffusion model as a flow: the teacher of chapter 17, in the times of a map that jumps.

x_t = (1 - t) ε + t x is z = α x + σ ε but for its length: with c = √(t² + (1 - t)²), α = t / c,
σ = (1 - t) / c and z = x_t / c. The velocity of the flow is E[x - ε | x_t] = x̂ - ε̂.
"""

from torch import Tensor, nn

from coursepkg.models.diffusion.signal import signal_at

EDGE = 1e-4  # times nearer to 0 or 1 are taken for this far: the log-SNR is infinite at both ends


class DiffusionField(nn.Module):
    """The velocity field of a diffusion whose network predicts v = α ε - σ x.

    Source: :eq:`diffusion-field`.

    Args:
        net: maps z (B, D) and log-SNRs (B,) to guesses of v, (B, D).
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Maps x_t (B, D) and times (B,) in [0, 1] to velocities (B, D)."""
        log_snr = 2 * t.clamp(EDGE, 1 - EDGE).logit()
        alpha, sigma = signal_at(log_snr)
        z = (alpha + sigma) * x
        v: Tensor = self.net(z, log_snr)
        return (alpha - sigma) * z - (alpha + sigma) * v
