"""Probabilistic PCA on pixels that were made Gaussian one by one: a bound, as for all of those."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry
from coursepkg.data.digits import LEVELS, Split
from coursepkg.evaluation import nats
from coursepkg.models.autoencoders.ppca import PPCA
from coursepkg.models.copula import Gaussianised

D = 64


def ppca(split: Split, generator: Generator, quick: bool) -> Gaussianised:
    """The dimension of the code by validation."""
    models = [
        Gaussianised(
            PPCA(M, dim=D), dim=D, levels=LEVELS, smoothing=0.3, copies=1 if quick else 20,
            generator=generator,
        ).fit(split.train)
        for M in ((2,) if quick else (16, 32, 48, 56, 60, 63))
    ]  # fmt: skip
    return min(models, key=lambda model: nats(model, split.valid, generator=generator).value)


BOARD = DIGITS
ENTRIES = (Entry("probabilistic PCA on Gaussianised pixels", ppca, seeds=3),)
