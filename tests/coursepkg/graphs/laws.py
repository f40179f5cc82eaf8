"""Graphs and random tables that several test files of this folder use."""

import itertools

import networkx as nx
import torch

from coursepkg.graphs.directed import DirectedModel, Table
from coursepkg.graphs.lattice import Lattice
from coursepkg.graphs.undirected import UndirectedModel

SEVEN = {"x1": "", "x2": "", "x3": "", "x4": "x1 x2 x3", "x5": "x1 x3", "x6": "x4", "x7": "x4 x5"}
EDGES = ("ab", "bc", "ad", "be", "ef")  # of the six variables a..f


def random_table(*levels, generator):
    """A law along the last axis for each cell of the others, far from uniform."""
    return torch.softmax(2 * torch.randn(*levels, generator=generator), -1)


def directed(parents, *, generator, levels=2):
    """A random model by its graph; parents are names with blanks between."""
    return DirectedModel({
        name: Table(random_table(*[levels] * (1 + len(of.split())), generator=generator),
                    parents=of.split())
        for name, of in parents.items()
    })  # fmt: skip


def undirected(cliques, *, generator, levels=2):
    """A random positive model by its cliques, strings of one-letter names."""
    names = sorted(set("".join(cliques)))
    factors = {tuple(c): torch.randn([levels] * len(c), generator=generator).exp() for c in cliques}
    return UndirectedModel(dict.fromkeys(names, levels), factors)


def crooked(height, width, *, periodic=False, generator, levels=3, beta=0.7):
    """A lattice without any symmetry but that of its pairs; a site energy for each site."""
    pair = torch.randn(levels, levels, generator=generator)
    site = torch.randn(height * width, levels, generator=generator)
    return Lattice(height, width, pair + pair.T, site, beta=beta, periodic=periodic)


def slow_energy(lattice, x):
    """By networkx's list of neighbours."""
    W, D = lattice.width, lattice.height * lattice.width
    grid = nx.grid_2d_graph(lattice.height, W, periodic=lattice.periodic)
    value = sum(lattice.site[i, x[i]].item() for i in range(D))
    for (r, c), (r2, c2) in grid.edges:
        value += lattice.pair[x[r * W + c], x[r2 * W + c2]].item()
    return value


def triples(names, *, largest):
    """All a, b, given with single a before b and at most `largest` names given."""
    for a, b in itertools.combinations(names, 2):
        rest = [name for name in names if name not in {a, b}]
        for size in range(largest + 1):
            for given in itertools.combinations(rest, size):
                yield a, b, given
