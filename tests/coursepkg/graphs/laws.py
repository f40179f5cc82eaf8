"""Graphs and random tables that several test files of this folder use."""

import itertools

import torch

from coursepkg.graphs.directed import DirectedModel, Table
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


def triples(names, *, largest):
    """All a, b, given with single a before b and at most `largest` names given."""
    for a, b in itertools.combinations(names, 2):
        rest = [name for name in names if name not in {a, b}]
        for size in range(largest + 1):
            for given in itertools.combinations(rest, size):
                yield a, b, given
