"""Densities on pixels that were made Gaussian one by one: bounds, not likelihoods."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry
from coursepkg.data.digits import LEVELS, Split
from coursepkg.models.copula import GaussianCopula, Gaussianised
from coursepkg.models.mixtures.gaussian import GaussianMixture

D = 64


def gaussian_copula(split: Split, generator: Generator, quick: bool) -> GaussianCopula:
    """One correlation matrix; smoothing and shrinkage chosen on validation, among 9 pairs."""
    model = GaussianCopula(
        dim=D, levels=LEVELS, smoothing=0.3, shrinkage=0.05, copies=1 if quick else 20,
        generator=generator,
    )  # fmt: skip
    model.fit(split.train)
    return model


def gaussian_mixture(split: Split, generator: Generator, quick: bool) -> Gaussianised:
    """Full covariances, each drawn towards the pooled one.

    Chosen on validation among 8 to 64 components, 2 to 16 noisy copies of each image, and a prior
    worth 20 to 120 images.
    """
    copies = 1 if quick else 12
    density = GaussianMixture(
        2 if quick else 48, dim=D, floor=1e-3, shrinkage=60 * copies, steps=1 if quick else 15,
        tolerance=0.02, generator=generator,
    )  # fmt: skip
    model = Gaussianised(
        density, dim=D, levels=LEVELS, smoothing=0.3, copies=copies, generator=generator
    )
    return model.fit(split.train)


BOARD = DIGITS
ENTRIES = (
    Entry("Gaussian copula", gaussian_copula, seeds=3),
    Entry("mixture of Gaussians on Gaussianised pixels", gaussian_mixture, seeds=3),
)
