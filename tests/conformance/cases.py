"""A small instance of every model that the package exports, with input it must take and refuse."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

from coursepkg.bayes.coin import BetaBernoulli
from coursepkg.bayes.variational import MeanField, NormalGamma
from coursepkg.data import toy
from coursepkg.data.languages import Automaton, Dyck
from coursepkg.data.ratings import NoisyOr
from coursepkg.enumeration import Normalised, NormalisedBound
from coursepkg.graphs.directed import Conditional, DirectedModel, LinearGaussian, Table
from coursepkg.graphs.lattice import Lattice
from coursepkg.graphs.table import JointTable
from coursepkg.graphs.undirected import UndirectedModel
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.models.boltzmann.machine import BoltzmannMachine
from coursepkg.models.copula import CorrelatedNormal, GaussianCopula, Gaussianised, Gaussianiser
from coursepkg.models.energy import GaussianEnergy, NeuralEnergy
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.models.mixtures.gtm import GTM
from coursepkg.models.nonparametric import CosineSeries, Histogram, KernelDensity
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.models.rbm.spins import SpinRBM
from coursepkg.nets.conv import CausalCNN
from coursepkg.nets.mlp import WindowMLP
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import PseudoLikelihood, RatioMatching
from coursepkg.objectives.score import (
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    SlicedScoreMatching,
)
from coursepkg.samplers.weighting import Proposal, RejectionSampler
from tests.oracles import states


@dataclass(frozen=True)
class Case:
    """One instance.

    Args:
        make: builds it from a generator.
        data: draws n inputs that it must accept, (n, *event).
        space: all inputs if they are few, else none.
        grid: points (M, *event) on which a density can be summed, and the volume of a cell.
        refused: inputs that must raise, each with a word of the message.
        coins: what it says rests on draws of zeros and ones, which differ between precisions.
    """

    name: str
    make: Callable[[Generator], Any]
    data: Callable[[int, Generator], Tensor]
    space: Tensor | None = None
    grid: tuple[Tensor, float] | None = None
    refused: list[tuple[Any, str]] = field(default_factory=list)
    coins: bool = False


K, D = 3, 4


def levels(n: int, generator: Generator) -> Tensor:
    return torch.randint(K, (n, D), generator=generator)


BAD_LEVELS = [
    (torch.zeros(2, D + 1, dtype=torch.int64), "shape"),
    (torch.zeros(D, dtype=torch.int64), "shape"),
    (torch.zeros(0, D, dtype=torch.int64), "at least one"),
    (torch.full((2, D), K), "levels"),
    (torch.full((2, D), -1), "levels"),
    (torch.zeros(2, D), "integer"),
    ([[0] * D], "Tensor"),
]


def perturbed(model: torch.nn.Module, generator: Generator) -> torch.nn.Module:
    """Parameters far from any symmetric start, so that nothing passes on zeros."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.5)
    return model


def window_arm(generator: Generator) -> ARM:
    return perturbed(ARM(WindowMLP(2, 8, K, generator=generator), dim=D, levels=K), generator)


def convolution_arm(generator: Generator) -> ARM:
    net = CausalCNN(dim=D, levels=K, embedding=2, channels=5, window=3, blocks=[2], dropout=0.2,
                    generator=generator)  # fmt: skip
    return perturbed(ARM(net, dim=D, levels=K), generator)


def fitted_chain(order: int, *, tied: bool) -> Callable[[Generator], MarkovChain]:
    def make(generator: Generator) -> MarkovChain:
        chain = MarkovChain(order, dim=D, levels=K, tied=tied, smoothing=0.5)
        return chain.fit(levels(30, generator) // 2 * 2)  # level 1 is rare, so p is not uniform

    return make


def square(side: float, M: int) -> tuple[Tensor, float]:
    """Midpoints of M² cells of [-side, side]², and the area of a cell."""
    x = (torch.arange(M, dtype=torch.float64) + 0.5) * (2 * side / M) - side
    return torch.cartesian_prod(x, x), (2 * side / M) ** 2


def line(low: float, high: float, M: int) -> tuple[Tensor, float]:
    h = (high - low) / M
    return low + (torch.arange(M, dtype=torch.float64) + 0.5) * h, h


def plane(n: int, generator: Generator) -> Tensor:
    return 2 * torch.randn(n, 2, generator=generator)


BAD_LINE = [
    (torch.zeros(2, 1), "shape"),
    (torch.zeros(0), "at least one"),
    (torch.zeros(3, dtype=torch.int64), "floating"),
    (torch.tensor([torch.nan]), "NaN"),
]
BAD_PLANE = [
    (torch.zeros(2, 3), "shape"),
    (torch.zeros(2), "shape"),
    (torch.zeros(0, 2), "at least one"),
    (torch.zeros(3, 2, dtype=torch.int64), "floating"),
    (torch.tensor([[0, torch.inf]]), "inf"),
]


def inside(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, generator=generator).clamp(-5, 5)


def mean_and_precision(n: int, generator: Generator) -> Tensor:
    u = torch.randn(n, 2, generator=generator)
    return torch.stack([u[:, 0], u[:, 1].exp()], dim=1)


def half_plane() -> tuple[Tensor, float]:
    """Midpoints of cells of (μ, τ) in [-8, 8] × [0, 12], and the area of a cell."""
    (mu, width), (tau, height) = line(-8, 8, 400), line(0, 12, 600)
    return torch.cartesian_prod(mu, tau), width * height


BAD_BELIEF = [*BAD_PLANE, (torch.tensor([[0.0, -1.0]]), "tau > 0")]


def categorical_mixture(generator: Generator) -> CategoricalMixture:
    model = CategoricalMixture(3, dim=D, levels=K, width=0.5, shrinkage=0.5, smoothing=0.5,
                               generator=generator)  # fmt: skip
    return model.fit(levels(30, generator) // 2 * 2)


def copula(generator: Generator) -> GaussianCopula:
    model = GaussianCopula(dim=D, levels=K, smoothing=0.5, shrinkage=0.1, copies=2,
                           generator=generator)  # fmt: skip
    return model.fit(levels(30, generator) // 2 * 2)


def gaussianised_mixture(generator: Generator) -> Gaussianised:
    density = GaussianMixture(2, dim=D, floor=0.1, shrinkage=5, generator=generator)
    model = Gaussianised(density, dim=D, levels=K, smoothing=0.5, copies=2, generator=generator)
    return model.fit(levels(30, generator) // 2 * 2)


def discrete(name: str, make: Callable[[Generator], Any]) -> Case:
    return Case(name, make, levels, space=states(K, D), refused=BAD_LEVELS)


def planar(name: str, make: Callable[[], Any], *, side: float = 9.0, M: int = 600) -> Case:
    return Case(name, lambda _: make(), plane, grid=square(side, M), refused=BAD_PLANE)


def bits(n: int, generator: Generator) -> Tensor:
    return torch.randint(2, (n, D), generator=generator).to(torch.get_default_dtype())


BAD_BITS = [
    (torch.zeros(2, D + 1), "shape"),
    (torch.zeros(D), "shape"),
    (torch.zeros(0, D), "at least one"),
    (torch.full((2, D), 2.0), "zeros and ones"),
    (torch.full((2, D), 0.5), "zeros and ones"),
    (torch.full((2, D), torch.nan), "NaN"),
    (torch.zeros(2, D, dtype=torch.int64), "floating"),
]


def binary(name: str, make: Callable[[Generator], Any], *, coins: bool = False) -> Case:
    return Case(name, make, bits, space=states(2, D).double(), refused=BAD_BITS, coins=coins)


def rbm(generator: Generator) -> torch.nn.Module:
    return perturbed(RBM(D, 3, generator=generator, scale=1.0), generator)


def dbn(generator: Generator) -> DBN:
    machines = [RBM(D, 3, generator=generator), RBM(3, 2, generator=generator)]
    model = DBN(machines, samples=2)
    perturbed(model, generator)
    return model


def dbm(generator: Generator) -> DBM:
    model = DBM((D, 3, 2), generator=generator, samples=2)
    perturbed(model, generator)
    return model


def table_over(names: str, generator: Generator) -> Tensor:
    """A law along the last axis for all levels of the others."""
    return torch.softmax(torch.randn([K] * len(names), generator=generator), -1)


def joint_table(generator: Generator) -> JointTable:
    p = torch.softmax(torch.randn(K**D, generator=generator), 0)
    return JointTable([*"abcd"], p.view([K] * D))


def directed_tables(generator: Generator) -> DirectedModel:
    """b -> a <- d -> c."""
    return DirectedModel({
        family[-1]: Table(table_over(family, generator), parents=family[:-1])
        for family in map(tuple, ("bda", "b", "dc", "d"))
    })


def directed_plane(generator: Generator) -> DirectedModel:
    bias, weight = torch.randn(2, generator=generator).tolist()
    return DirectedModel({
        "a": LinearGaussian(bias, 1.2),
        "b": LinearGaussian(0.3, 0.8, {"a": weight}),
    })


def undirected(generator: Generator) -> UndirectedModel:
    factors = {tuple(c): 3 * table_over(c, generator) + 0.1 for c in ("abc", "cd", "da")}
    return UndirectedModel(dict.fromkeys("abcd", K), factors)


def lattice(generator: Generator) -> Lattice:
    pair = torch.randn(K, K, generator=generator)
    return Lattice(2, 2, pair + pair.T, torch.randn(D, K, generator=generator), beta=0.6)


def spins(generator: Generator) -> torch.nn.Module:
    return perturbed(SpinRBM(D, 3, beta=0.7, generator=generator, scale=0.5), generator)


def gaussian_rbm(generator: Generator) -> torch.nn.Module:
    return perturbed(GaussianRBM(2, 3, sigma=0.8, generator=generator, scale=0.5), generator)


def boltzmann(generator: Generator) -> torch.nn.Module:
    return perturbed(BoltzmannMachine(D, 2, generator=generator, scale=0.5), generator)


def logistic_autoregression(generator: Generator) -> torch.nn.Module:
    return perturbed(LogisticAutoregression(dim=D, strength=0.1), generator)


def tree_autoregression(generator: Generator) -> TreeAutoregression:
    model = TreeAutoregression(dim=D, trees=5, coin=0.2, generator=generator)
    return model.fit(bits(30, generator))


CASES = [
    discrete("JointTable", joint_table),
    discrete("DirectedModel-tables", directed_tables),
    Case("DirectedModel-Gaussian", directed_plane, plane, grid=square(12, 400), refused=BAD_PLANE),
    discrete("UndirectedModel", undirected),
    discrete("Lattice", lattice),
    binary("RBM", rbm),
    Case("SpinRBM", spins, lambda n, g: 2 * bits(n, g) - 1, space=2 * states(2, D).double() - 1,
         refused=[*BAD_BITS[:3], (torch.zeros(2, D), "-1 and"), *BAD_BITS[5:]]),
    Case("GaussianRBM", gaussian_rbm, plane, grid=square(20, 400), refused=BAD_PLANE),
    binary("BoltzmannMachine", boltzmann),
    binary("LogisticAutoregression", logistic_autoregression),
    binary("TreeAutoregression", tree_autoregression),
    binary("DBN", dbn, coins=True),
    binary("DBM", dbm, coins=True),
    binary("NormalisedBound-DBN", lambda g: NormalisedBound(dbn(g)), coins=True),
    binary("NormalisedBound-DBM", lambda g: NormalisedBound(dbm(g)), coins=True),
    binary("Normalised-RBM", lambda g: Normalised(rbm(g))),
    discrete("ARM-window", window_arm),
    discrete("ARM-convolution", convolution_arm),
    discrete("MarkovChain-order0", fitted_chain(0, tied=False)),
    discrete("MarkovChain-order2", fitted_chain(2, tied=True)),
    discrete("CategoricalMixture", categorical_mixture),
    discrete("GaussianCopula", copula),
    discrete("Gaussianised-mixture", gaussianised_mixture),
    Case("GaussianMixture-full",
         lambda g: GaussianMixture(3, dim=2, floor=0.2, shrinkage=3, generator=g).fit(plane(30, g)),
         plane, grid=square(14, 400), refused=BAD_PLANE),
    Case("GaussianMixture-diagonal",
         lambda g: DiagonalGaussianMixture(3, dim=2, floor=0.2, generator=g).fit(plane(30, g)),
         plane, grid=square(14, 400), refused=BAD_PLANE),
    Case(
        "BetaBernoulli",
        lambda _: BetaBernoulli(8.0, 4.0),
        lambda n, g: torch.rand(n, generator=g),
        grid=line(0, 1, 2000),
        refused=[(torch.tensor([0.5, 1.5]), "1.5"), (torch.tensor([-0.1]), "-0.1")],
    ),
    Case("Histogram-line",
         lambda g: Histogram(8, low=-5, high=5, smoothing=0.5).fit(inside(30, g)), inside,
         grid=line(-6, 6, 1200), refused=BAD_LINE),
    Case("Histogram-plane",
         lambda g: Histogram(4, low=-9, high=9, dim=2, smoothing=0.5).fit(
             plane(30, g).clamp(-9, 9)),
         lambda n, g: plane(n, g).clamp(-9, 9), grid=square(10, 200), refused=BAD_PLANE),
    Case("KernelDensity-line", lambda g: KernelDensity(0.4).fit(inside(30, g)), inside,
         grid=line(-9, 9, 2000), refused=BAD_LINE),
    Case("KernelDensity-plane", lambda g: KernelDensity(0.6, dim=2).fit(plane(30, g)), plane,
         grid=square(12, 300), refused=BAD_PLANE),
    Case("GTM",
         lambda g: GTM(side=4, bumps=2, dim=2, strength=0.1, steps=5).fit(plane(30, g)),
         plane, grid=square(15, 400), refused=BAD_PLANE),
    Case("NormalGamma", lambda _: NormalGamma(0.5, 2.0, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
    Case("MeanField", lambda _: MeanField(0.5, 0.8, 3.0, 2.0), mean_and_precision,
         grid=half_plane(), refused=BAD_BELIEF),
    Case("GaussianMixture-line", lambda _: toy.two_gaussians(),
         lambda n, g: torch.randn(n, generator=g), grid=line(-9, 9, 4000), refused=BAD_LINE),
    Case("Gumbel", lambda _: toy.Gumbel(0.5, 1.3), lambda n, g: torch.randn(n, generator=g),
         grid=line(-8, 40, 8000), refused=BAD_LINE),
    binary("NoisyOr",
           lambda _: NoisyOr(torch.tensor([0.3, 0.6]), torch.tensor([0.1, 0.2, 0.05, 0.3]),
                             torch.tensor([[0.5, 0, 0.7, 0.2], [0.4, 0.9, 0, 0]]))),
    binary("IndependentBernoulli",
           lambda _: IndependentBernoulli(torch.tensor([0.3, 0.5, 0.6, 0.9]))),
    Case("GaussianEnergy", lambda g: perturbed(GaussianEnergy(2, generator=g), g), plane,
         grid=square(14, 400), refused=BAD_PLANE),
    Case("NeuralEnergy",
         lambda g: perturbed(NeuralEnergy(2, [6], scale=1.5, generator=g), g), plane,
         grid=square(12, 300), refused=BAD_PLANE),
    planar("GaussianMixture-plane", toy.eight_gaussians, M=300),
    planar("Banana", toy.Banana, side=30, M=900),
    planar("Checkerboard", toy.Checkerboard, side=8, M=512),
]  # fmt: skip

# Laws over strings, not over tensors: the contract holds in spirit, and is tested beside them.
# A rejection sampler draws and scores nothing: its draws are tested against the law it was given.
# A cosine series may be negative: it is fitted, and is no law. Nor is a Gaussianiser, a map.
# A correlated normal fits correlations only: of data with other scales the likelihood may fall.
# An objective trains a model that it is given; what is said about x, that model says.
# A conditional says something about x and its parents: the models that are made of it have cases.
ELSEWHERE = {
    Harmonium: "tests/coursepkg/models/rbm",  # abstract
    Conditional: "tests/coursepkg/graphs",
    LinearGaussian: "tests/coursepkg/graphs",
    Table: "tests/coursepkg/graphs",
    CosineSeries: "tests/coursepkg/bayes",
    CorrelatedNormal: "tests/coursepkg/bayes",
    Gaussianiser: "tests/coursepkg/bayes",
    Automaton: "tests/coursepkg/data",
    Dyck: "tests/coursepkg/data",
    Proposal: "tests/coursepkg/samplers",
    RejectionSampler: "tests/coursepkg/samplers",
    ExactLikelihood: "tests/coursepkg/objectives",
    PseudoLikelihood: "tests/coursepkg/objectives",
    RatioMatching: "tests/coursepkg/objectives",
    ExplicitScoreMatching: "tests/coursepkg/objectives",
    SlicedScoreMatching: "tests/coursepkg/objectives",
    DenoisingScoreMatching: "tests/coursepkg/objectives",
    NoiseContrastive: "tests/coursepkg/objectives",
    StochasticMaximumLikelihood: "tests/coursepkg/objectives",
}
