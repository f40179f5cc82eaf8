"""Undirected graphical models, or Markov random fields: a product of factors, up to its constant.

A factor says how well the levels of the few variables in it go together. Variables that share a
factor are neighbours in the graph, so that the variables of each factor form a clique.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import combinations

import networkx as nx
import torch
from torch import Tensor, nn

from coursepkg.counts import check_counts
from coursepkg.enumeration import Unnormalised, check_states
from coursepkg.graphs.table import (
    JointTable,
    align,
    as_names,
    check_disjoint,
    check_each_level,
    check_names,
)
from coursepkg.validate import check_floating


class UndirectedModel(Unnormalised):
    """Named discrete variables and factors φ_C >= 0 on cliques: p(x) = Π_C φ_C(x_C) / Z.

    Says: `free_energy`, so log p(x) up to log Z (≈). Where the sum over all states can be paid,
    `log_z` is exact, and `joint` says `log_prob` (=).   Source: :eq:`undirected-factorisation`.
    Without factors all states are equally likely.

    Args:
        levels: a variable's name to its number of levels; the order is that of the columns of x.
        factors: names of a clique to its table, an axis for each name in this order.

    Raises:
        ValueError: if a name is unknown, a table does not fit, or a factor is negative.
    """

    def __init__(
        self, levels: Mapping[str, int], factors: Mapping[tuple[str, ...], Tensor]
    ) -> None:
        super().__init__()
        check_counts(**levels)
        self.names, self.levels = check_names(levels), tuple(levels.values())
        self.cliques = tuple(as_names(clique) for clique in factors)
        self.graph = nx.Graph()
        self.graph.add_nodes_from(self.names)
        for clique, table in zip(self.cliques, factors.values(), strict=True):
            check_disjoint(self.names, clique=clique)
            check_floating(table, f"factor of {clique}")
            expected = tuple(levels[name] for name in clique)
            if table.shape != expected:
                raise ValueError(
                    f"factor of {clique}: expected shape {expected}, got {tuple(table.shape)}"
                )
            if not (table.isfinite() & (table >= 0)).all():
                raise ValueError(
                    f"factor of {clique}: expected finite numbers >= 0, got the smallest "
                    f"{table.min().item():.4g} and the largest {table.max().item():.4g}"
                )
            self.graph.add_edges_from(combinations(clique, 2))
        self._columns = [[self.names.index(name) for name in clique] for clique in self.cliques]
        self.log_factors = nn.ParameterList(
            nn.Parameter(table.log(), requires_grad=False) for table in factors.values()
        )

    def log_density(self, x: Tensor) -> Tensor:
        """log p̃(x) = Σ_C log φ_C(x_C), (B, D) levels -> (B,), nats, unnormalised."""
        check_each_level(x, self.levels)
        terms = [
            table[tuple(x[:, columns].T)]
            for table, columns in zip(self.log_factors, self._columns, strict=True)
        ]
        return sum(terms, start=self._zeros(len(x)))

    def energy(self, x: Tensor) -> Tensor:
        """E(x) = Σ_C E_C(x_C) with E_C = -log φ_C, (B, D) -> (B,), nats; inf where a factor is 0.

        Source: :eq:`energy-cliques`.
        """
        return -self.log_density(x)

    def free_energy(self, x: Tensor) -> Tensor:
        """The energy itself, since no variable is hidden, (B, D) -> (B,), nats."""
        return self.energy(x)

    def log_z(self) -> Tensor:
        """log Z = log Σ_x Π_C φ_C(x_C), (), nats, exactly, by all Π K_d states.

        Source: :eq:`partition-function`.

        Raises:
            ValueError: if there are too many states.
        """
        return self._log_table().logsumexp(tuple(range(len(self.names)))).to(self._zeros())

    def joint(self) -> JointTable:
        """All Π K_d probabilities, in double precision; exact marginals and conditionals follow.

        Raises:
            ValueError: if there are too many cells, or the factors rule out every state.
        """
        log_p = self._log_table()
        if log_p.isneginf().all():
            raise ValueError("factors: expected a state that all of them allow, got none")
        return JointTable(self.names, log_p.flatten().softmax(0).view(self.levels))

    def separated(
        self, a: str | Iterable[str], b: str | Iterable[str], *, given: str | Iterable[str] = ()
    ) -> bool:
        """Whether every path from a to b passes through a known node.

        Then a and b are independent given those.   Source: :eq:`global-markov`.

        Args:
            a: a name or several.
            b: a name or several.
            given: names that are known.

        Raises:
            ValueError: if a name is unknown or stands twice.
        """
        a, b, known = as_names(a), as_names(b), as_names(given)
        check_disjoint(self.names, a=a, b=b, given=known)
        rest = self.graph.subgraph(set(self.names) - set(known))
        reached = set().union(*(nx.node_connected_component(rest, node) for node in a))
        return reached.isdisjoint(b)

    def _log_table(self) -> Tensor:
        """log p̃ of all states, in double precision: of many factors the sum is large."""
        check_states(math.prod(self.levels), what=f"a sum over {len(self.names)} variables")
        return sum(
            (
                align(table, columns, len(self.names))
                for table, columns in zip(self.log_factors, self._columns, strict=True)
            ),
            start=self._zeros(*self.levels).double(),
        )

    def _zeros(self, *shape: int) -> Tensor:
        """Of the factors' type: the logarithm of the product of none."""
        return next(iter(self.log_factors), torch.empty(0)).new_zeros(shape)


def clique_energies(joint: JointTable) -> dict[tuple[str, ...], Tensor]:
    r"""Splits -log p into a sum over sets of variables, E(x) = Σ_A E_A(x_A), one table for a set.

    E_A(x_A) = -Σ_{B ⊆ A} (-1)^{|A \ B|} log p(x_B, 0 elsewhere). A table is 0 wherever one of its
    variables is at level 0. If p is Markov on a graph, E_A is zero for every A that is no clique of
    it: the theorem of Hammersley and Clifford.   Source: :eq:`canonical-energies`.

    Args:
        joint: a law that is positive everywhere.

    Returns:
        Names to table, for all 2^D sets of names, the empty one among them: -log p(0, ..., 0).

    Raises:
        ValueError: if a state has probability 0.
    """
    if not isinstance(joint, JointTable):
        raise TypeError(f"joint: expected a JointTable, got {type(joint).__name__}")
    if not (joint.p > 0).all():
        raise ValueError(
            f"joint: expected probabilities > 0, got {int((joint.p == 0).sum())} that are 0"
        )
    check_states(2**joint.p.ndim * joint.p.numel(), what="a table for every set of variables")
    levels = dict(zip(joint.names, joint.p.shape, strict=True))
    tables: dict[tuple[str, ...], Tensor] = {(): -joint.p.double().log()}
    for d, name in enumerate(joint.names):
        at_zero = {A: table.narrow(d, 0, 1) for A, table in tables.items()}
        beyond = {(*A, name): table - at_zero[A] for A, table in tables.items()}
        tables = at_zero | beyond
    return {A: table.view([levels[name] for name in A]).to(joint.p) for A, table in tables.items()}
