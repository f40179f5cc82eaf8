"""Seconds of one step of EM as the number of examples N and of components M grows.

The text says O(NMD² + MD³) for full Gaussians, O(NMD) for diagonal ones and O(NMDK) for
categoricals. N grows with M = 16, M with N = 2,000.
"""

import torch

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.em import Mixture
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.rng import seeded

D, K, REPEATS = 64, 17, 7


def step_of_em(N: int, M: int) -> Row:
    """Seconds of one step on N examples of D = 64 numbers, or of 17 levels."""
    generator = seeded(0)
    x = torch.randn(N, D, generator=generator)
    levels = torch.randint(K, (N, D), generator=generator)
    categorical = CategoricalMixture(M, dim=D, levels=K, shrinkage=1, generator=generator)
    return {
        "N": N,
        "M": M,
        "full_seconds": _seconds(GaussianMixture(M, dim=D, generator=generator), x),
        "diagonal_seconds": _seconds(DiagonalGaussianMixture(M, dim=D, generator=generator), x),
        "categorical_seconds": _seconds(categorical, categorical.spread(levels)),
    }


def _seconds(model: Mixture, x: torch.Tensor) -> float:
    return fastest(lambda: model.m_step(x, model.e_step(x)), repeats=REPEATS)


SIZES = ((1000, 16), (2000, 16), (4000, 16), (8000, 16), (2000, 4), (2000, 8), (2000, 32))
TABLE = Table("mixtures", SIZES, step_of_em)
