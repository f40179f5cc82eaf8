"""Mixtures of independent categoricals, with and without counts spread over adjacent levels."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry
from coursepkg.data.digits import LEVELS, Split
from coursepkg.evaluation import nats
from coursepkg.models.mixtures.categorical import CategoricalMixture


def plain(split: Split, generator: Generator, quick: bool) -> CategoricalMixture:
    """Counts as they are, beside the prior's; the number of components by validation."""
    mixtures = [
        CategoricalMixture(
            M, dim=64, levels=LEVELS, shrinkage=3, smoothing=0.1, steps=2 if quick else 100,
            tolerance=1e-3, generator=generator,
        ).fit(split.train)
        for M in ((2,) if quick else (10, 20, 40))
    ]  # fmt: skip
    return min(mixtures, key=lambda mixture: nats(mixture, split.valid).value)


def spread(split: Split, generator: Generator, quick: bool) -> CategoricalMixture:
    """Each count spread over adjacent levels, which pays for many more components.

    Chosen on validation among 40 to 1,000 components, widths of 1 to 4 levels, and a prior worth
    0.25 to 2 examples.
    """
    mixture = CategoricalMixture(
        2 if quick else 300, dim=64, levels=LEVELS, width=2, shrinkage=0.25, smoothing=0.1,
        steps=2 if quick else 100, tolerance=1e-3, generator=generator,
    )  # fmt: skip
    return mixture.fit(split.train)


BOARD = DIGITS
ENTRIES = (
    Entry("mixture of categoricals", plain, seeds=3),
    Entry("mixture of categoricals, counts spread over adjacent levels", spread, seeds=3),
)
