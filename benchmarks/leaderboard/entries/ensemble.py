"""PixelCNNs together: conditionals averaged in each order of scanning, laws over the orders."""

import torch
from torch import Generator, Tensor

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.entries.pixelcnn import D, gated_pixelcnn, pixelcnn
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.orders import AveragedConditionals, Ensemble, Reordered

NETS, SCANS = 4, 3  # networks of an order, and orders


def averaged(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Networks of the raster's order, half of them gated: their conditionals averaged."""
    return _averaged(split, generator, quick)


def over_scans(split: Split, generator: Generator, quick: bool) -> Ensemble:
    """The same for the raster in three of its directions; the average of the three laws."""
    members = []
    for order in scans()[:SCANS]:
        seen = Split(*(part[:, order] for part in split))
        members.append(Reordered(_averaged(seen, generator, quick), order))
    return Ensemble(members)


def scans() -> list[Tensor]:
    """The raster in its four directions: as it is, from the end, mirrored, and upside down."""
    raster = torch.arange(D).view(SHAPE)
    turned = (raster, raster.flip(0, 1), raster.flip(1), raster.flip(0))
    return [order.flatten() for order in turned]


def _averaged(split: Split, generator: Generator, quick: bool) -> CachedARM:
    kinds = [gated_pixelcnn, pixelcnn] * (1 if quick else NETS // 2)
    nets = [kind(split, generator, quick).net for kind in kinds]
    return CachedARM(AveragedConditionals(nets), dim=D, levels=LEVELS)


BOARD = DIGITS
ENTRIES = (
    Entry("average of 4 PixelCNNs", averaged, learned=weights),
    Entry("average of 4 PixelCNNs in each of 3 orders", over_scans, learned=weights),
)
