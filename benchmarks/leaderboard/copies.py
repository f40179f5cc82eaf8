"""Images and distorted copies of them to learn from, each told how it was distorted.

A law of images, and not of their distortions, is what a network then says when told that there was
none. Source: Jun et al., "Distribution augmentation for generative modeling" (2020).
"""

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from coursepkg.data.digits import LEVELS, SHAPE

BENDS = (3, 3)  # where the elastic map is drawn; it is smooth between
TOLD = 6 + 2 * BENDS[0] * BENDS[1] + 1  # what tells a distortion, and that there is one


def among_copies(
    x: Tensor, *, originals: int, copies: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """The images so many times, and so many distorted copies of each, no two alike.

    Args:
        x: levels, (N, 64).
        originals: how often the images stand there as they are.
        copies: how often distorted.
        generator: draws the distortions.

    Returns:
        Levels (M, 64) with M = N (originals + copies), and what tells how each was distorted,
        (M, 25), zeros for an original. Row m is of image m modulo N.
    """
    parts = [(x, torch.zeros(len(x), TOLD))] * originals
    parts += [distorted(x, generator) for _ in range(copies)]
    levels, told = map(torch.cat, zip(*parts, strict=True))
    return levels, told


def distorted(x: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Images (N, 64) under random affine and elastic maps, rounded, and what tells these, (N, 25).

    Half an image is 1: entries of the affine map move by 0.12, the elastic one by 0.05.
    """
    affine = torch.randn(len(x), 2, 3, generator=generator)
    bends = torch.randn(len(x), 2, *BENDS, generator=generator)
    images = x.view(-1, 1, *SHAPE).to(affine)
    grid = affine_grid(torch.eye(2, 3) + 0.12 * affine, list(images.shape), align_corners=False)
    smooth = interpolate(bends, SHAPE, mode="bicubic", align_corners=True).movedim(1, -1)
    moved = grid_sample(images, grid + 0.05 * smooth, align_corners=False).flatten(1)
    told = torch.cat([affine.flatten(1), bends.flatten(1), affine.new_ones(len(x), 1)], dim=1)
    return moved.round().long().clamp(0, LEVELS - 1), told
