r"""The best denoiser of a law on few states, by a table: nothing is learned, nothing missing.

Given z, pixel d has heard of the others by their own noisy values,

.. math:: \text{logit}_{dk} = \log \sum_{x : x_d = k} p(x) \prod_{j \ne d} N(z_j; α e_{x_j}, σ^2) .

up to a constant for each pixel. `LevelDenoiser` adds what z_d says, and p(x_d = k | z) is exact.
"""

import torch
from torch import Tensor, nn

from coursepkg.models.diffusion.signal import signal_at
from coursepkg.validate import check_levels


class TableNet(nn.Module):
    """What the other pixels tell of each, if x is one of a few known states.

    Args:
        states: the states, (S, D) levels.
        log_p: log-probabilities of the states, (S,); a constant added to all changes nothing.
        levels: number of levels K >= 2.

    Raises:
        ValueError: if a state has an impossible level, or there is not one number for each state.
    """

    def __init__(self, states: Tensor, log_p: Tensor, *, levels: int) -> None:
        super().__init__()
        check_levels(states, event=states.shape[1:], levels=levels)
        if log_p.shape != states.shape[:1]:
            expected, got = tuple(states.shape[:1]), tuple(log_p.shape)
            raise ValueError(f"log_p: expected shape {expected}, got {got}")
        self.log_p = nn.Parameter(log_p.clone())
        self.values: Tensor
        self.is_level: Tensor
        self.register_buffer("values", (2 * states / (levels - 1) - 1).to(log_p))
        self.register_buffer("is_level", nn.functional.one_hot(states.long(), levels).to(log_p))

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,) to logits, (B, D K), pixel by pixel."""
        alpha, sigma = signal_at(log_snr.to(z))
        away = (z[:, None] - alpha[..., None] * self.values) / sigma[..., None]  # (B, S, D)
        own = -away.square() / 2
        others = self.log_p[:, None] + own.sum(2, keepdim=True) - own
        most = others.amax(1, keepdim=True)
        shares = torch.einsum("bsd,sdk->bdk", (others - most).exp(), self.is_level)
        return shares.log().flatten(1)
