"""Affine coupling flows of the digits, each pixel made Gaussian first: bounds, of levels."""

import torch
from torch import Generator, Tensor, nn

from benchmarks.leaderboard.board import DIGITS, Entry, learned_inside
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.evaluation import ImportanceBound
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows.chain import Chain, Permutation, StandardNormal
from coursepkg.models.flows.coupling import Coupling, checkerboard, half
from coursepkg.models.flows.elementwise import Affine, Monotone
from coursepkg.models.flows.noise import VariationalNoise
from coursepkg.models.transformed import Transformed
from coursepkg.nets.residual import ResidualMLP

D, SMOOTHING = 64, 0.3


def untrained(split: Split, generator: Generator, quick: bool) -> Dequantised:
    """Couplings that are still the identity: the independent pixels, as a check of the bound."""
    return flow_of(split, Affine(), noise=None, generator=generator)


def uniform_noise(split: Split, generator: Generator, quick: bool) -> Dequantised:
    """Affine couplings, trained through uniform noise."""
    model = flow_of(split, Affine(), noise=None, generator=generator)
    return trained(model, split, quick=quick, generator=generator)


def variational_noise(split: Split, generator: Generator, quick: bool) -> Dequantised:
    """Affine couplings, trained together with noise that knows the picture."""
    noise = noise_of(generator)
    model = flow_of(split, Affine(), noise=noise, generator=generator)
    return trained(model, split, quick=quick, generator=generator)


def weighted(model: Dequantised, quick: bool) -> ImportanceBound:
    """The same model, scored by 64 importance weights."""
    return ImportanceBound(model, 2 if quick else 64)


def flow_of(
    split: Split, monotone: Monotone, *, noise: VariationalNoise | None, generator: Generator
) -> Dequantised:
    """Eight couplings on Gaussianised pixels, a random permutation after every second."""
    layers: list[nn.Module] = [
        Gaussianiser(dim=D, levels=LEVELS, smoothing=SMOOTHING).fit(split.train + 0.5)
    ]
    for n in range(8):
        if n and n % 2 == 0:
            layers.append(Permutation(torch.randperm(D, generator=generator)))
        net = ResidualMLP(
            D // 2, monotone.size * D // 2, hidden=128, blocks=1, dropout=0.3, generator=generator
        )
        layers.append(Coupling(net, half(D, parity=n % 2), monotone=monotone))
    law = Transformed(Chain(layers), StandardNormal(D))
    return Dequantised(law, levels=LEVELS, noise=noise, dtype=torch.float64)


def noise_of(generator: Generator) -> VariationalNoise:
    """Four affine couplings on (x, ε) that never move x."""
    layers = []
    for n in range(4):
        net = ResidualMLP(D + D // 2, D, hidden=64, blocks=1, generator=generator)
        passes = torch.cat([_all(D), checkerboard((1, *SHAPE), parity=n % 2)])
        layers.append(Coupling(net, passes, monotone=Affine()))
    return VariationalNoise(Chain(layers), dim=D, levels=LEVELS)


def trained(model: Dequantised, split: Split, *, quick: bool, generator: Generator) -> Dequantised:
    """By the recipe of `one_cycle`."""
    one_cycle(
        model, split.train, valid=split.valid, epochs=1 if quick else 60, batch_size=50, rate=2e-3,
        decay=0.5, clip=10.0, generator=generator,
    )  # fmt: skip
    return model


def _all(n: int) -> Tensor:
    return torch.ones(n, dtype=torch.bool)


BOARD = DIGITS
ENTRIES = (
    Entry("untrained flow on Gaussianised pixels", untrained),
    Entry("RealNVP, uniform noise", uniform_noise, seeds=3),
    Entry("RealNVP, variational noise", variational_noise, seeds=3),
    Entry("RealNVP, variational noise, 64 weights", variational_noise, seeds=3, look=weighted,
          learned=learned_inside, draws=4),
)  # fmt: skip
