"""A small U-Net that is told how noisy its input is.

Ronneberger, Fischer and Brox, *U-Net* (2015); with the noise as Ho, Jain and Abbeel (2020) tell it:
sines and cosines, then a scale and a shift in each block.
"""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, silu

from coursepkg.counts import (
    check_counts,
    check_integer_lists,
    check_integers,
    check_share,
    check_sizes,
)
from coursepkg.nets.patches import as_images
from coursepkg.rng import global_state_from


class NoiseEmbedding(nn.Module):
    """Log-SNRs λ as sines and cosines of 1, 1/2, 1/4, ... of λ, and behind them a condition.

    Args:
        size: of what comes out.
        conditions: size E of a condition, 0 for none.
        frequencies: how many sines, and as many cosines.
        generator: draws the initial weights.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self, size: int, *, conditions: int = 0, frequencies: int = 6, generator: Generator
    ) -> None:
        check_integers(conditions=conditions)
        super().__init__()
        check_counts(size=size, frequencies=frequencies)
        if conditions < 0:
            raise ValueError(f"conditions: expected a size >= 0, got {conditions}")
        self.conditions = conditions
        self.scales: Tensor
        self.register_buffer("scales", 0.5 ** torch.arange(frequencies), persistent=False)
        with global_state_from(generator):
            self.net = nn.Sequential(
                nn.Linear(2 * frequencies + conditions, size), nn.SiLU(), nn.Linear(size, size)
            )

    def forward(self, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps log-SNRs (B,), and conditions (B, E) if there are, to (B, size).

        Raises:
            ValueError: if the conditions have another shape, or a network without is given some.
        """
        expected = (len(log_snr), self.conditions)
        if condition is not None and condition.shape != expected:
            raise ValueError(f"condition: expected shape {expected}, got {tuple(condition.shape)}")
        angle = log_snr[:, None] * self.scales
        told = [angle.sin(), angle.cos()]
        if self.conditions:
            given = log_snr.new_zeros(len(log_snr), self.conditions)
            told.append(given if condition is None else condition.to(given))
        result: Tensor = self.net(torch.cat(told, dim=1))
        return result


class ToldBlock(nn.Module):
    """h + W(dropout(a((1 + s) · V a(norm(h)) + b))), 3×3 convolutions V and W; s and b are told."""

    def __init__(self, channels: int, told: int, dropout: float) -> None:
        check_counts(channels=channels, told=told)
        check_share(dropout=dropout)
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(4, channels // 8 or 1, channels), channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.told = nn.Linear(told, 2 * channels)
        self.last = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), nn.Conv2d(channels, channels, 3, padding=1)
        )
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Maps features (B, C, H, W) and what is told (B, ·) to features."""
        scale, shift = self.told(told)[..., None, None].chunk(2, dim=1)
        inner = (1 + scale) * self.first(silu(self.norm(h))) + shift
        result: Tensor = h + self.last(inner)
        return result


class UNet(nn.Module):
    """Down to half the side and up again, with the way across; the output starts at 0.

    Each pixel has a bias of its own in the features: digits are centred.

    Args:
        shape: channels C, height H, width W of the input; even sides.
        outputs: numbers a pixel of the result.
        hidden: channels of the features; twice as many at half the side.
        conditions: size E of a condition, 0 for none.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.

    Raises:
        ValueError: if a side is odd or another number is impossible.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, *, hidden: int, conditions: int = 0,
        dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_sizes(conditions=conditions)
        check_share(dropout=dropout)
        super().__init__()
        (C, H, W), wide, told = shape, 2 * hidden, 4 * hidden
        check_counts(channels=C, height=H, width=W, outputs=outputs, hidden=hidden)
        if H % 2 or W % 2:
            raise ValueError(f"shape: expected even sides, got {H} and {W}")
        self.shape = shape
        self.told = NoiseEmbedding(told, conditions=conditions, generator=generator)
        with global_state_from(generator):
            self.first = nn.Conv2d(C, hidden, 3, padding=1)
            self.place = nn.Parameter(torch.zeros(hidden, H, W))
            self.fine = nn.ModuleList(ToldBlock(hidden, told, dropout) for _ in range(2))
            self.down = nn.Conv2d(hidden, wide, 1)
            self.coarse = nn.ModuleList(ToldBlock(wide, told, dropout) for _ in range(2))
            self.up = nn.Conv2d(wide, hidden, 1)
            self.across = nn.Conv2d(2 * hidden, hidden, 1)
            self.back = nn.ModuleList(ToldBlock(hidden, told, dropout) for _ in range(2))
            self.last = nn.Sequential(nn.SiLU(), nn.Conv2d(hidden, outputs, 1))
        for weights in self.last[1].parameters():
            nn.init.zeros_(weights)

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, C·H·W), log-SNRs (B,) and conditions (B, E) to (B, H·W·outputs).

        Raises:
            ValueError: if z or the conditions have another size.
        """
        told = self.told(log_snr.to(z), condition)
        h = self.first(as_images(z, self.shape)) + self.place
        for block in self.fine:
            h = block(h, told)
        low = self.down(avg_pool2d(h, 2))
        for block in self.coarse:
            low = block(low, told)
        h = self.across(torch.cat([h, interpolate(self.up(low), scale_factor=2.0)], dim=1))
        for block in self.back:
            h = block(h, told)
        result: Tensor = self.last(h)
        return result.movedim(1, -1).flatten(1)  # pixel by pixel
