"""Flows: couplings of every kind, conditional ones, residual and continuous ones."""

import torch
from torch import Generator, Tensor

from coursepkg.models.copula import Gaussianiser
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows import (
    ActNorm,
    Affine,
    Chain,
    ConditionalTransformed,
    ContractiveMLP,
    Coupling,
    DequantisedEstimate,
    EstimatedFlow,
    FactorOut,
    FlowMatching,
    LULinear,
    Permutation,
    RationalQuadraticSpline,
    Reflow,
    Residual,
    StandardNormal,
    VariationalNoise,
    half,
    rotation,
)
from coursepkg.models.transformed import Transformed
from coursepkg.nets import ResidualMLP, TimedMLP
from tests.conformance.case import BAD_PLANE, Case, D, K, discrete, perturbed, plane, square
from tests.coursepkg.models.flows.truth import pressed


def coupling(dim: int, parity: int, monotone, generator: Generator) -> Coupling:
    passing = half(dim, parity=parity)
    moving = dim - int(passing.sum())
    net = ResidualMLP(dim - moving, monotone.size * moving, hidden=8, blocks=1, generator=generator)
    return Coupling(net, passing, monotone=monotone)


def realnvp(generator: Generator, *, dim: int = 2, by: float = 0.5) -> Transformed:
    layers = [
        ActNorm(dim),
        coupling(dim, 0, Affine(1.0), generator),
        Permutation(torch.arange(dim).flip(0)),
        coupling(dim, 0, Affine(1.0), generator),
        LULinear(rotation(dim, generator=generator)),
    ]
    return perturbed(Transformed(Chain(layers), StandardNormal(dim)), generator, by=by)


def spline(generator: Generator) -> Transformed:
    monotone = RationalQuadraticSpline(bins=4, reach=3.0, least=0.1)  # the quadrature sees it
    layers = [coupling(2, parity, monotone, generator) for parity in (0, 1)]
    return perturbed(Transformed(Chain(layers), StandardNormal(2)), generator, by=0.4)


def noise(generator: Generator) -> VariationalNoise:
    passes = torch.cat([torch.ones(D, dtype=torch.bool), half(D, parity=0)])
    net = ResidualMLP(D + D // 2, D, hidden=8, blocks=1, generator=generator)
    return VariationalNoise(Coupling(net, passes, monotone=Affine(1.0)), dim=D, levels=K)


def pixels() -> Gaussianiser:
    rows = torch.tensor([[0, 1, 2, 0], [1, 1, 2, 0], [1, 2, 0, 0]])
    return Gaussianiser(dim=D, levels=K, smoothing=0.5).fit(rows + 0.5)


def digits(generator: Generator) -> Dequantised:
    """So near the start that a cell's weights have a mean that draws can find."""
    flow = Chain([pixels(), FactorOut(realnvp(generator, by=0.2).transform, kept=2, dim=D)])
    law = Transformed(flow, StandardNormal(D))
    return Dequantised(law, levels=K, noise=perturbed(noise(generator), generator, by=0.2))


def conditional(generator: Generator) -> ConditionalTransformed:
    passes = torch.tensor([True, True, True, False])
    layers = []
    for order in ([0, 1, 2, 3], [0, 1, 3, 2]):
        net = ResidualMLP(3, 2, hidden=8, blocks=1, generator=generator)
        layers += [
            Permutation(torch.tensor(order)),
            Coupling(net, passes, monotone=Affine(1.0)),
        ]
    flow = ConditionalTransformed(Chain(layers), StandardNormal(2), given=2)
    return perturbed(flow, generator, by=0.3)  # farther, and its mass leaves the grid


def conditions(n: int, generator: Generator) -> Tensor:
    return 3 * torch.randn(n, 2, generator=generator)


def residual(generator: Generator) -> Residual:
    net = ContractiveMLP([2, 8, 2], contraction=0.6, steps=60, generator=generator)
    return Residual(pressed(net, generator), dim=2, tolerance=1e-9, sure=6)


def field(generator: Generator, dim: int = 2, *, by: float = 0.5) -> TimedMLP:
    return perturbed(TimedMLP(dim, hidden=8, blocks=1, generator=generator), generator, by=by)


def estimated(generator: Generator) -> EstimatedFlow:
    return EstimatedFlow([residual(generator)], StandardNormal(2))


def continuous_levels(generator: Generator) -> DequantisedEstimate:
    density = FlowMatching(field(generator, D, by=0.2), dim=D, steps=3)
    return DequantisedEstimate(density, levels=K, transform=pixels())


def pairs(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, 2, 2, generator=generator)


def density(name: str, make, *, side: float = 20.0, M: int = 600) -> Case:
    return Case(name, make, plane, grid=square(side, M), refused=BAD_PLANE)


CASES = [
    density("RealNVP", realnvp, side=30.0),
    density("spline-flow", spline),
    discrete("Dequantised-flow", digits),
    Case("ConditionalTransformed", conditional, plane, grid=square(30.0, 700), refused=BAD_PLANE,
         condition=conditions),
    density("residual-flow-exact", lambda g: Transformed(residual(g), StandardNormal(2)), M=250),
    density("EstimatedFlow", estimated, side=9.0, M=40),
    density("FlowMatching", lambda g: FlowMatching(field(g), dim=2, steps=6), side=9.0, M=40),
    discrete("DequantisedEstimate", continuous_levels),
    Case("Reflow", lambda g: Reflow(field(g), dim=2), pairs),
    Case("Chain", lambda g: realnvp(g).transform, plane, refused=BAD_PLANE),
    Case("ActNorm", lambda g: perturbed(ActNorm(2), g), plane, refused=BAD_PLANE),
    Case("FactorOut", lambda g: FactorOut(perturbed(ActNorm(1), g), kept=1, dim=2), plane,
         refused=BAD_PLANE),
    Case("Coupling", lambda g: spline(g).transform, plane, refused=BAD_PLANE),
    Case("Residual", residual, plane, refused=BAD_PLANE),
]  # fmt: skip

# A base has no weights, and noise has a law of its own and says nothing about x.
ELSEWHERE = {
    StandardNormal: "tests/coursepkg/models/flows/test_chain.py",
    VariationalNoise: "tests/coursepkg/models/flows/test_noise.py",
}
