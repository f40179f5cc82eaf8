"""Graphical models: directed by conditionals, undirected by factors."""

from coursepkg.graphs.directed import (
    Conditional,
    DirectedModel,
    LinearGaussian,
    Moments,
    Table,
    d_separated,
)
from coursepkg.graphs.lattice import (
    CRITICAL,
    CheckerboardGibbs,
    Lattice,
    LatticeInfo,
    LatticeState,
    ising,
    onsager_energy,
    potts,
    spontaneous_magnetisation,
)
from coursepkg.graphs.table import JointTable
from coursepkg.graphs.trees import chow_liu
from coursepkg.graphs.undirected import UndirectedModel, clique_energies

__all__ = [
    "CRITICAL",
    "CheckerboardGibbs",
    "Conditional",
    "DirectedModel",
    "JointTable",
    "Lattice",
    "LatticeInfo",
    "LatticeState",
    "LinearGaussian",
    "Moments",
    "Table",
    "UndirectedModel",
    "chow_liu",
    "clique_energies",
    "d_separated",
    "ising",
    "onsager_energy",
    "potts",
    "spontaneous_magnetisation",
]
