"""Gaussian diffusion of the digits: bounds in continuous time and of 1,000 steps."""

from torch import Generator, Tensor, nn

from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.pixelcnn import TOLD
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.diffusion import (
    ContinuousDiffusion,
    LevelDenoiser,
    LogisticSchedule,
)
from coursepkg.nets import LevelHead, UNet

D, CHANNELS = 64, 8
SCHEDULE = LogisticSchedule(most=11.0, least=-9.0, centre=2.5, scale=1.5)


class LevelNet(nn.Module):
    """A U-Net whose numbers a pixel are read as curves over the levels; starts at independence."""

    def __init__(self, split: Split, *, hidden: int, dropout: float, generator: Generator) -> None:
        super().__init__()
        self.net = UNet((1, *SHAPE), CHANNELS, hidden=hidden, conditions=TOLD, dropout=dropout,
                        generator=generator)  # fmt: skip
        self.head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
        self.head.start_from(best_chain(split, 0, tied=False).table[:, 0])

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, 64), log-SNRs (B,) and what is told (B, 7) to logits (B, 64 · 17)."""
        logits: Tensor = self.head(self.net(z, log_snr, condition))
        return logits


def around(net: nn.Module) -> ContinuousDiffusion:
    """The model in continuous time, of any network."""
    denoiser = LevelDenoiser(net, dim=D, levels=LEVELS)
    return ContinuousDiffusion(denoiser, SCHEDULE, points=100, steps=1000)
