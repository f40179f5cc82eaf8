r"""The best denoiser of a law on few states, by a table: nothing is learned, nothing missing.

Given z, pixel d has heard of the others by their own noisy values,

.. math:: \text{logit}_{dk} = \log \sum_{x : x_d = k} p(x) \prod_{j \ne d} N(z_j; α e_{x_j}, σ^2) .

up to a constant for each pixel. `LevelDenoiser` adds what z_d says, and p(x_d = k | z) is exact.
"""

import torch
from torch import Tensor, nn

from coursepkg.models.diffusion.signal import signal_at
from coursepkg.validate import check_levels, check_real


class TableNet(nn.Module):
    """What the other pixels tell of each, if x is one of a few known states.

    Args:
        states: the states, (S, D) levels.
        log_p: log-probabilities of the states, (S,); a constant added to all changes nothing.
        levels: number of levels K >= 2.

    Raises:
        TypeError: if the states are no integers, or the log-probabilities no real numbers.
        ValueError: if a state has an impossible level, or there is not one finite number for each.
    """

    def __init__(self, states: Tensor, log_p: Tensor, *, levels: int) -> None:
        super().__init__()
        check_levels(states, event=states.shape[1:], levels=levels)
        if log_p.shape != states.shape[:1]:
            expected, got = tuple(states.shape[:1]), tuple(log_p.shape)
            raise ValueError(f"log_p: expected shape {expected}, got {got}")
        check_real(log_p, event=(), name="log_p")
        self.levels = levels
        self.log_p = nn.Parameter(log_p.clone())
        self.values: Tensor
        self.states: Tensor
        self.register_buffer("values", (2.0 * states / (levels - 1) - 1).to(log_p))
        self.register_buffer("states", states.long())

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        """Maps z (B, D) and log-SNRs (B,) to logits, (B, D K), pixel by pixel."""
        alpha, sigma = signal_at(log_snr.to(z))
        away = (z[:, None] - alpha[..., None] * self.values) / sigma[..., None]  # (B, S, D)
        own = -away.square() / 2
        others = self.log_p[:, None] + own.sum(2, keepdim=True) - own
        level = self.states.expand(others.shape)
        none = others.new_full((len(z), self.levels, z.shape[1]), -torch.inf)
        most = none.scatter_reduce(1, level, others, "amax")  # one for each level, (B, K, D)
        shares = torch.zeros_like(none).scatter_add(
            1, level, (others - most.gather(1, level)).exp()
        )
        return (most + shares.log()).mT.flatten(1)
