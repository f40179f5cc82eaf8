"""Directed and undirected models of few variables."""

import torch
from torch import Generator, Tensor

from coursepkg.graphs.directed import Conditional, DirectedModel, LinearGaussian, Table
from coursepkg.graphs.lattice import Lattice
from coursepkg.graphs.table import JointTable
from coursepkg.graphs.undirected import UndirectedModel
from tests.conformance.case import BAD_PLANE, Case, D, K, discrete, plane, square


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


CASES = [
    discrete("JointTable", joint_table),
    discrete("DirectedModel-tables", directed_tables),
    Case("DirectedModel-Gaussian", directed_plane, plane, grid=square(12, 400), refused=BAD_PLANE),
    discrete("UndirectedModel", undirected),
    discrete("Lattice", lattice),
]  # fmt: skip

# A conditional says something about x and its parents: what is made of them has cases.
ELSEWHERE = {
    Conditional: "tests/coursepkg/graphs",
    LinearGaussian: "tests/coursepkg/graphs",
    Table: "tests/coursepkg/graphs",
}
