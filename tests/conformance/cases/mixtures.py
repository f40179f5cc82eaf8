"""Mixtures, fitted by EM."""

import torch
from torch import Generator, Tensor

from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.density_network import MixtureDensityNetwork
from coursepkg.models.mixtures.em import Mixture
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.models.mixtures.gtm import GTM
from coursepkg.nets.mlp import MLP
from tests.conformance.case import BAD_PLANE, Case, D, K, discrete, levels, plane, square


def categorical_mixture(generator: Generator) -> CategoricalMixture:
    model = CategoricalMixture(3, dim=D, levels=K, width=0.5, shrinkage=0.5, smoothing=0.5,
                               generator=generator)  # fmt: skip
    return model.fit(levels(30, generator) // 2 * 2)


def density_network(generator: Generator) -> MixtureDensityNetwork:
    net = MLP([2, 8, 3 * 5], generator=generator)
    return MixtureDensityNetwork(net, components=3, dim=2, conditions=2, floor=0.2)


def conditions(n: int, generator: Generator) -> Tensor:
    return 3 * torch.randn(n, 2, generator=generator)


CASES = [
    discrete("CategoricalMixture", categorical_mixture),
    Case("GaussianMixture-full",
         lambda g: GaussianMixture(3, dim=2, floor=0.2, shrinkage=3, generator=g).fit(plane(30, g)),
         plane, grid=square(14, 400), refused=BAD_PLANE),
    Case("GaussianMixture-diagonal",
         lambda g: DiagonalGaussianMixture(3, dim=2, floor=0.2, generator=g).fit(plane(30, g)),
         plane, grid=square(14, 400), refused=BAD_PLANE),
    Case("MixtureDensityNetwork", density_network, plane, grid=square(14, 400), refused=BAD_PLANE,
         condition=conditions),
    Case("GTM",
         lambda g: GTM(side=4, bumps=2, dim=2, strength=0.1, steps=5).fit(plane(30, g)),
         plane, grid=square(15, 400), refused=BAD_PLANE),
]  # fmt: skip

ELSEWHERE = {Mixture: "tests/coursepkg/models/mixtures"}  # abstract
