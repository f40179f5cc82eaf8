"""PixelCNN of the digits: one masked stack, and two gated ones."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.training import fit

D = 64
SMOOTHINGS = (0.01, 0.03, 0.1, 0.3, 1.0)


def pixelcnn(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """One stack of masked convolutions, with its blind spot."""
    net = PixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 64, window=7, blocks=3,
        dropout=0.4, generator=generator,
    )  # fmt: skip
    return trained(net, split, copies=1, strength=0.04, generator=generator, quick=quick)


def gated_pixelcnn(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Two gated stacks, without a blind spot."""
    net = GatedPixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 32, window=7, layers=3,
        dropout=0.4, generator=generator,
    )  # fmt: skip
    return trained(net, split, copies=1, strength=0.04, generator=generator, quick=quick)


def trained(
    net: PixelCNN | GatedPixelCNN, split: Split, *, copies: int, strength: float,
    generator: Generator, quick: bool,
) -> CachedARM:  # fmt: skip
    """Started from independent pixels; AdamW with one cycle of the rate and averaged weights.

    Trains on the images and on `copies` distorted ones of each; keeps the best epoch of validation.
    """
    net.start_from(_independent(split))
    model, rate, batch = CachedARM(net, dim=D, levels=LEVELS), 3e-3, 50
    distortions = [distorted(split.train, strength, generator) for _ in range(copies)]
    x, epochs = torch.cat([split.train, *distortions]), 1 if quick else 40
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=0.5)
    schedule = OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * (len(x) // batch), pct_start=0.1,
        cycle_momentum=False,
    )  # fmt: skip
    fit(
        model, x, valid=split.valid, epochs=epochs, batch_size=batch, optimizer=optimizer,
        schedule=schedule, ema=0.995, generator=generator, progress=False,
    )  # fmt: skip
    return model


def distorted(x: Tensor, strength: float, generator: Generator) -> Tensor:
    """Images (N, 64) under small random affine maps, rounded to levels again.

    Args:
        x: levels.
        strength: standard deviation of each entry of the map, where half an image is 1.
        generator: draws the maps.
    """
    maps = torch.eye(2, 3) + strength * torch.randn(len(x), 2, 3, generator=generator)
    images = x.view(-1, 1, *SHAPE).to(maps)
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, align_corners=False).flatten(1)
    return moved.round().long().clamp(0, LEVELS - 1)


def _independent(split: Split) -> Tensor:
    """Log-frequencies of the levels of each pixel, (64, 17), smoothed as validation likes it."""
    chains = [
        MarkovChain(0, dim=D, levels=LEVELS, tied=False, smoothing=a).fit(split.train)
        for a in SMOOTHINGS
    ]
    return min(chains, key=lambda chain: nats(chain, split.valid).value).table[:, 0]


BOARD = DIGITS
ENTRIES = (
    Entry("PixelCNN, one masked stack", pixelcnn, seeds=3, learned=weights),
    Entry("PixelCNN, two gated stacks", gated_pixelcnn, seeds=3, learned=weights),
)
