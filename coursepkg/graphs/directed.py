"""Directed graphical models, or Bayesian networks: each variable given its parents.

The nodes of a directed graph without cycles are the variables, and the joint law is the product of
one conditional a node. Write the conditionals down, each with the names of its parents, and the
graph is there.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import networkx as nx
import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_generator
from coursepkg.enumeration import check_states
from coursepkg.graphs.table import (
    JointTable,
    align,
    as_names,
    check_acyclic,
    check_disjoint,
    check_each_level,
    check_given,
    check_law,
    check_names,
)
from coursepkg.validate import check_finite, check_floating, check_positive, check_real


class Conditional(nn.Module, ABC):
    """The law of one variable given its parents.

    Attributes:
        parents: their names.
        levels: number of levels of the variable; None if it is real.
    """

    parents: tuple[str, ...]
    levels: int | None

    @abstractmethod
    def log_prob(self, x: Tensor, given: Tensor) -> Tensor:
        """log p(x | given), (B,) and the parents (B, P) -> (B,), nats."""

    @abstractmethod
    def sample(self, given: Tensor, *, generator: Generator) -> Tensor:
        """Draws x given the parents (B, P), (B,)."""


class Table(Conditional):
    """A variable with K levels whose probabilities stand in a table.

    Args:
        p: (K_1, ..., K_P, K), an axis for each parent and the variable's own last; the last axis
            sums to 1.
        parents: names, in the order of the axes.
    """

    p: Tensor

    def __init__(self, p: Tensor, *, parents: Iterable[str] = ()) -> None:
        super().__init__()
        self.parents = as_names(parents)
        check_law(p, name="p")
        if p.ndim != 1 + len(self.parents):
            raise ValueError(
                f"p: expected {1 + len(self.parents)} axes, for the parents {self.parents} and the "
                f"variable itself, got shape {tuple(p.shape)}"
            )
        self.register_buffer("p", p)
        self.levels = p.shape[-1]

    def log_prob(self, x: Tensor, given: Tensor) -> Tensor:
        """log p(x | given): one look into the table."""
        check_given(given, self.p.shape, x)
        log_p: Tensor = self.p[*given.T, x].log()
        return log_p

    def sample(self, given: Tensor, *, generator: Generator) -> Tensor:
        """Draws a level from the parents' row of the table."""
        check_generator(generator)
        check_given(given, self.p.shape)
        row = self.p[tuple(given.T)].expand(len(given), -1)
        return torch.multinomial(row, 1, generator=generator).squeeze(1)


class LinearGaussian(Conditional):
    """A real variable, normal around a weighted sum of its parents.

    x = bias + Σ_j weight_j · parent_j + std · ε with standard normal ε.

    Args:
        bias: the mean where all parents are 0.
        std: standard deviation of what the parents do not explain.
        weights: parent's name to weight.
    """

    bias: Tensor
    std: Tensor
    weight: Tensor

    def __init__(self, bias: float, std: float, weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        dtype = torch.get_default_dtype()
        check_positive(std=std)
        check_positive(std=torch.tensor(std, dtype=dtype).item())
        weights = dict(weights or {})
        check_finite(bias=bias, **weights)
        self.parents, self.levels = tuple(weights), None
        self.register_buffer("bias", torch.tensor(bias, dtype=dtype))
        self.register_buffer("std", torch.tensor(std, dtype=dtype))
        self.register_buffer("weight", torch.tensor(list(weights.values()), dtype=dtype))

    def log_prob(self, x: Tensor, given: Tensor) -> Tensor:
        """log N(x; bias + weights · parents, std²)."""
        check_real(x, event=(), like=self)
        check_floating(given, "given")
        eps = (x - self.bias - given @ self.weight) / self.std
        return -eps.square() / 2 - self.std.log() - math.log(2 * math.pi) / 2

    def sample(self, given: Tensor, *, generator: Generator) -> Tensor:
        """Draws x: the mean, and noise."""
        check_generator(generator)
        check_floating(given, "given")
        eps = torch.randn(
            len(given), generator=generator, dtype=self.bias.dtype, device=self.bias.device
        )
        return self.bias + given @ self.weight + self.std * eps


class DirectedModel(nn.Module):
    """The product of its conditionals, p(x) = Π_i p(x_i | parents of i).

    Says: `log_prob`, exact (=).   Source: :eq:`directed-factorisation`.

    Args:
        conditionals: a variable's name to its law given its parents; the order of the names is
            that of the columns of x, and parents may come later. All `Table`, with integer x, or
            none.

    Raises:
        ValueError: if a parent is unknown, a table does not fit its parents, or there is a cycle.
    """

    def __init__(self, conditionals: Mapping[str, Conditional]) -> None:
        super().__init__()
        self.names = check_names(conditionals)
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(self.names)
        for name, law in conditionals.items():
            if not isinstance(law, Conditional):
                raise TypeError(f"{name}: expected a Conditional, got {type(law).__name__}")
            check_disjoint(set(self.names), name=[name], given=law.parents)
            self.graph.add_edges_from((parent, name) for parent in law.parents)
        check_acyclic(self.graph)
        self.conditionals = nn.ModuleList(conditionals.values())
        self._check_levels(conditionals)
        column = {name: i for i, name in enumerate(self.names)}
        self._family = [[column[parent] for parent in law.parents] for law in self._laws()]
        self._order = [column[name] for name in nx.topological_sort(self.graph)]

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = Σ_i log p(x_i | parents of i), (B, D) -> (B,), nats."""
        self._check(x)
        terms = [
            law.log_prob(x[:, i], x[:, parents])
            for i, (law, parents) in enumerate(zip(self._laws(), self._family, strict=True))
        ]
        return torch.stack(terms).sum(0)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Ancestral sampling, (n, D): every variable after its parents, and given them."""
        check_draws(n, generator)
        tensor = next(self.buffers())
        dtype = torch.int64 if self.levels else tensor.dtype
        x = torch.zeros(n, len(self.names), dtype=dtype, device=tensor.device)
        laws = self._laws()
        for i in self._order:
            x[:, i] = laws[i].sample(x[:, self._family[i]], generator=generator)
        return x

    def joint(self) -> JointTable:
        """All Π K_d probabilities, in double precision; exact marginals and conditionals follow.

        Raises:
            ValueError: if a variable is real, or there are too many cells.
        """
        if not self.levels:
            raise ValueError("joint: expected discrete variables, got real ones; see `gaussian`")
        check_states(math.prod(self.levels), what=f"the joint table of {len(self.names)} variables")
        factors = [
            align(law.p.double(), [*parents, i], len(self.names))
            for i, (law, parents) in enumerate(zip(self._laws(), self._family, strict=True))
            if isinstance(law, Table)
        ]
        return JointTable(self.names, math.prod(factors, start=torch.ones_like(factors[0])))

    def gaussian(self) -> "Moments":
        """Mean (D,) and covariance (D, D) of a model of `LinearGaussian` nodes.

        With x = b + G x + s ε, the mean is (I - G)⁻¹ b and the covariance
        (I - G)⁻¹ diag(s)² (I - G)⁻ᵀ.   Source: :eq:`linear-gaussian-joint`.
        """
        laws = [law for law in self._laws() if isinstance(law, LinearGaussian)]
        if len(laws) < len(self.names):
            raise ValueError("gaussian: expected LinearGaussian nodes only, got others")
        like = laws[0].bias
        G = torch.zeros(len(laws), len(laws), dtype=torch.float64, device=like.device)
        for i, (law, parents) in enumerate(zip(laws, self._family, strict=True)):
            G[i, parents] = law.weight.to(G)
        inverse = torch.linalg.inv(torch.eye(len(laws)).to(G) - G)
        root = inverse * torch.stack([law.std for law in laws])
        mean = inverse @ torch.stack([law.bias for law in laws]).to(G)
        return Moments(mean.to(like), (root @ root.T).to(like))

    def d_separated(
        self, a: str | Iterable[str], b: str | Iterable[str], *, given: str | Iterable[str] = ()
    ) -> bool:
        """Whether a and b are independent given `given`, as the graph says: see `d_separated`."""
        return d_separated(self.graph, a, b, given=given)

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels of each variable; empty if they are real."""
        return tuple(law.levels for law in self._laws() if law.levels is not None)

    def _laws(self) -> list[Conditional]:
        return [law for law in self.conditionals if isinstance(law, Conditional)]

    def _check(self, x: Tensor) -> None:
        if self.levels:
            check_each_level(x, self.levels)
        else:
            check_real(x, event=(len(self.names),), like=self)

    def _check_levels(self, conditionals: Mapping[str, Conditional]) -> None:
        if 0 < len(self.levels) < len(self.names):
            raise ValueError("expected variables that are all discrete or all real, got both")
        for name, law in conditionals.items():
            if isinstance(law, Table):
                levels = tuple(conditionals[parent].levels for parent in law.parents)
                if levels != law.p.shape[:-1]:
                    raise ValueError(
                        f"{name}: expected a table with {levels} rows, the levels of "
                        f"{law.parents}, got shape {tuple(law.p.shape)}"
                    )


class Moments(NamedTuple):
    """Mean and covariance of a joint normal law."""

    mean: Tensor  # (D,)
    covariance: Tensor  # (D, D)


def d_separated(
    graph: nx.DiGraph, a: str | Iterable[str], b: str | Iterable[str], *,
    given: str | Iterable[str] = (),
) -> bool:  # fmt: skip
    """Whether every trail from a to b is blocked once `given` is known; O(nodes + arrows).

    Then a and b are independent given those, in every law that factorises over the graph. If not,
    tables drawn at random make them dependent with probability one.

    A trail follows arrows in either direction. At each node on its way it is blocked if

    - the node is known, and the trail does not have two arrows that meet there, or
    - two arrows meet there, and neither the node nor a descendant of it is known.

    Args:
        graph: directed, without cycles.
        a: a node or several.
        b: a node or several.
        given: nodes that are known.

    Raises:
        TypeError: if the graph is not a directed one.
        ValueError: if it has a cycle, or a node is unknown or stands twice.
    """
    check_acyclic(graph)
    a, b, given = as_names(a), as_names(b), as_names(given)
    check_disjoint(graph, a=a, b=b, given=given)
    ends, known = set(b), set(given)
    trails, seen = [(node, True) for node in a], set[tuple[str, bool]]()
    while trails:
        node, against = trails.pop()  # against: the trail came up, against an arrow
        if (node, against) in seen:
            continue
        seen.add((node, against))
        if node in ends:
            return False
        down = [(child, False) for child in graph.successors(node)]
        back = [(parent, True) for parent in graph.predecessors(node)]
        if node not in known:
            trails += down + back if against else down
        elif not against:
            trails += back  # arrows meet here, or above: a trail that went down comes back up
    return True
