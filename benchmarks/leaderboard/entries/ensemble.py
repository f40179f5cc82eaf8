"""PixelCNNs together: their conditionals averaged."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.entries.pixelcnn import D, gated_pixelcnn, pixelcnn
from coursepkg.data.digits import LEVELS, Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.orders import AveragedConditionals

NETS = 4


def averaged(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Networks of the raster's order, half of them gated."""
    kinds = [gated_pixelcnn, pixelcnn] * (1 if quick else NETS // 2)
    nets = [kind(split, generator, quick).net for kind in kinds]
    return CachedARM(AveragedConditionals(nets), dim=D, levels=LEVELS)


BOARD = DIGITS
ENTRIES = (Entry("average of 4 PixelCNNs", averaged, learned=weights),)
