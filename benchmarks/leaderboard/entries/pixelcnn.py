"""PixelCNN of the digits: one masked stack, and two gated ones."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.pixelcnn import PixelCNN

D = 64
TOLD = 7  # numbers that tell a distortion: its map's, and that there is one


def pixelcnn(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """One stack of masked convolutions, with its blind spot."""
    net = PixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 64, window=7, blocks=3,
        conditions=TOLD, generator=generator,
    )  # fmt: skip
    return trained(net, split, generator=generator, quick=quick)


def gated_pixelcnn(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Two gated stacks, without a blind spot."""
    net = GatedPixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 40, window=7, layers=3,
        conditions=TOLD, dropout=0.05, generator=generator,
    )  # fmt: skip
    return trained(net, split, generator=generator, quick=quick)


def trained(
    net: PixelCNN | GatedPixelCNN, split: Split, *, generator: Generator, quick: bool
) -> CachedARM:
    """Trained on the images and on distorted copies of them, told how each was distorted.

    Scored without a condition, which is what the images themselves are told: a law of images, and
    not of their distortions. Source: Jun et al., "Distribution augmentation for generative
    modeling" (2020). Started from independent pixels; by the recipe of `one_cycle`. Dropout, decay,
    copies and their strength were chosen on validation, one seed each.
    """
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    copies, epochs = (1, 1) if quick else (10, 8)
    parts = [(split.train, split.train.new_zeros(len(split.train), TOLD).to(net.place))]
    parts += [distorted(split.train, 0.12, generator) for _ in range(copies)]
    x, told = map(torch.cat, zip(*parts, strict=True))
    model = ConditionalARM(net, dim=D, levels=LEVELS, conditions=TOLD)
    one_cycle(
        model, x, condition=told, valid=split.valid,
        valid_condition=told.new_zeros(len(split.valid), TOLD), epochs=epochs, batch_size=50,
        rate=5e-3, decay=0.5, generator=generator,
    )  # fmt: skip
    return CachedARM(net, dim=D, levels=LEVELS)


def distorted(x: Tensor, strength: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Images (N, 64) under small random affine maps, rounded to levels, and what they are told.

    Args:
        x: levels.
        strength: standard deviation of each entry of the map, where half an image is 1.
        generator: draws the maps.

    Returns:
        Levels, and for each image the six entries in units of `strength`, and 1: (N, 7).
    """
    entries = torch.randn(len(x), 2, 3, generator=generator)
    images = x.view(-1, 1, *SHAPE).to(entries)
    grid = affine_grid(
        torch.eye(2, 3) + strength * entries, list(images.shape), align_corners=False
    )
    moved = grid_sample(images, grid, align_corners=False).flatten(1)
    told = torch.cat([entries.flatten(1), entries.new_ones(len(x), 1)], dim=1)
    return moved.round().long().clamp(0, LEVELS - 1), told


BOARD = DIGITS
ENTRIES = (
    Entry("PixelCNN, one masked stack", pixelcnn, seeds=3, learned=weights),
    Entry("PixelCNN, two gated stacks", gated_pixelcnn, seeds=3, learned=weights),
)
