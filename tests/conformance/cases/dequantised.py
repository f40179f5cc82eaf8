"""Levels under a density: the copula and its kin."""

from dataclasses import replace

import torch
from torch import Generator, Tensor

from coursepkg.evaluation import ImportanceBound
from coursepkg.models.copula import CorrelatedNormal, GaussianCopula, Gaussianised, Gaussianiser
from coursepkg.models.dequantised import FittedDequantised, UniformNoise
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.models.transformed import Transformed
from tests.conformance.case import BAD_PLANE, Case, D, K, discrete, levels, line


def copula(generator: Generator) -> GaussianCopula:
    model = GaussianCopula(dim=D, levels=K, smoothing=0.5, shrinkage=0.1, copies=2,
                           generator=generator)  # fmt: skip
    return model.fit(levels(30, generator) // 2 * 2)


def gaussianised_mixture(generator: Generator) -> Gaussianised:
    density = GaussianMixture(2, dim=D, floor=0.1, shrinkage=5, generator=generator)
    model = Gaussianised(density, dim=D, levels=K, smoothing=0.5, copies=2, generator=generator)
    return model.fit(levels(30, generator) // 2 * 2)


def inside_the_levels(n: int, generator: Generator) -> Tensor:
    return levels(n, generator) + torch.rand(n, D, generator=generator)


def the_square() -> tuple[Tensor, float]:
    """Midpoints of cells of [0, K)², on which each level has as many, and the area of one."""
    x, width = line(0, K, 300)
    return torch.cartesian_prod(x, x), width**2


BAD_SQUARE = [*BAD_PLANE, (torch.tensor([[0.0, K]]), "0 <= y"), (torch.tensor([[-0.1, 1]]), "0 <=")]
BAD_HEIGHTS = [
    (torch.zeros(2, 3), "shape"),
    (torch.zeros(0, D), "at least one"),
    (torch.full((1, D), K), "floating"),
    (torch.full((1, D), K + 0.0), "0 <= y"),
]


def transformed(generator: Generator) -> Transformed:
    pixels = Gaussianiser(dim=2, levels=K, smoothing=0.5)
    model = Transformed(pixels, CorrelatedNormal(dim=2, shrinkage=0.1))
    return model.fit(inside_the_levels(30, generator)[:, :2] / 1.5)


def dequantised_mixture(generator: Generator) -> FittedDequantised:
    density = DiagonalGaussianMixture(2, dim=D, floor=0.2, generator=generator)
    model = FittedDequantised(density, levels=K, copies=2, generator=generator)
    return model.fit(levels(30, generator) // 2 * 2)


def inside(model: FittedDequantised) -> float:
    """The mass of the mixture within [0, K)^D: sums of products of normal probabilities."""
    f = model.density
    law = torch.distributions.Normal(f.means, f.variances.sqrt())
    box = (law.cdf(torch.tensor(K + 0.0)) - law.cdf(torch.tensor(0.0))).prod(1)
    return (f.log_weights.exp() * box).sum().item()


CASES = [
    discrete("GaussianCopula", copula),
    discrete("Gaussianised-mixture", gaussianised_mixture),
    discrete("ImportanceBound-copula", lambda g: ImportanceBound(copula(g), 3)),
    Case("Gaussianiser", lambda g: copula(g).density.transform, inside_the_levels,
         refused=BAD_HEIGHTS),
    Case("Transformed", transformed, lambda n, g: inside_the_levels(n, g)[:, :2],
         grid=the_square(), refused=BAD_SQUARE),
    replace(discrete("FittedDequantised", dequantised_mixture), mass=inside),
]  # fmt: skip

# A correlated normal fits correlations only: of data with other scales the likelihood may fall.
# Noise has a law of its own, and says nothing about x.
ELSEWHERE = {
    CorrelatedNormal: "tests/coursepkg/models/test_copula.py",
    UniformNoise: "tests/coursepkg/models/test_dequantised.py",
}
