"""A joint law written out as one table: the model without structure, and the truth for the others.

n variables of k levels fill k^n cells, so a table of more than `coursepkg.enumeration.LIMIT` cells
is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx
import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_integers
from coursepkg.divergences import divergence_terms
from coursepkg.enumeration import check_states
from coursepkg.validate import check_floating, check_levels, check_whole


class JointTable(nn.Module):
    """The joint law of D named variables, a probability for each combination of their levels.

    Says: `log_prob`, exact (=).

    Args:
        names: of the variables, in the order of the table's axes.
        p: probabilities, (K_1, ..., K_D), >= 0, with sum 1.

    Raises:
        ValueError: if names and axes do not match, or p is no law.
    """

    p: Tensor

    def __init__(self, names: Sequence[str], p: Tensor) -> None:
        super().__init__()
        self.names = check_names(names)
        check_floating(p, "p")
        check_states(p.numel(), what=f"a table over {p.ndim} variables")
        if p.ndim != len(self.names):
            raise ValueError(f"p: expected an axis for each of {self.names}, got {tuple(p.shape)}")
        if not (p >= 0).all() or abs(p.sum().item() - 1) > 1e-5:
            raise ValueError(
                f"p: expected probabilities >= 0 with sum 1, got sum {p.sum().item():.6g} and "
                f"smallest {p.min().item():.4g}"
            )
        self.register_buffer("p", p)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) levels -> (B,), nats; -inf where p is 0."""
        check_each_level(x, self.p.shape)
        log_p: Tensor = self.p[tuple(x.T)].log()
        return log_p

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D) levels: a cell with its probability."""
        check_draws(n, generator)
        cell = torch.multinomial(self.p.flatten(), n, replacement=True, generator=generator)
        return torch.stack(torch.unravel_index(cell, self.p.shape), 1)

    def marginal(self, *names: str, given: Mapping[str, int] | None = None) -> Tensor:
        """p(names | given), an axis for each name in this order.   Source: :eq:`table-inference`.

        Args:
            names: the variables that are asked for; all others are summed out.
            given: observed variables and their levels.

        Raises:
            ValueError: if a name is unknown or stands twice, or the observation has probability 0.
        """
        given = dict(given or {})
        check_disjoint(self.names, names=names, given=given)
        p = self.p.double()
        for name, level in given.items():
            axis = self.names.index(name)
            check_integers(**{name: level})
            if not 0 <= level < p.shape[axis]:
                raise ValueError(f"{name}: expected a level 0..{p.shape[axis] - 1}, got {level}")
            p = p.narrow(axis, level, 1)
        if p.sum() == 0:
            raise ValueError(f"given: expected what can occur, got {given} of probability 0")
        kept = _summed(p, self.names, names).squeeze(
            _axes(self.names, set(self.names) - set(names))
        )
        ascending = sorted(names, key=self.names.index)
        probs: Tensor = kept.permute([ascending.index(name) for name in names]) / p.sum()
        return probs.to(self.p)

    def mutual_information(
        self, a: str | Iterable[str], b: str | Iterable[str], *, given: str | Iterable[str] = ()
    ) -> Tensor:
        """I(a; b | given), (), nats: what b tells about a to those who know `given`.

        Zero iff a and b are independent given those.   Source: :eq:`conditional-information`.

        Args:
            a: a name or several.
            b: a name or several.
            given: names that are known.

        Raises:
            ValueError: if a name is unknown or stands twice.
        """
        a, b, given = as_names(a), as_names(b), as_names(given)
        check_disjoint(self.names, a=a, b=b, given=given)

        def law(*names: str) -> Tensor:
            return _summed(self.p.double(), self.names, {*names, *given})

        apart = law(*a) * law(*b) / law()  # what p(a, b, given) would be
        return divergence_terms(law(*a, *b), apart.nan_to_num(0.0)).sum().to(self.p)


def align(table: Tensor, axes: Sequence[int], ndim: int) -> Tensor:
    """Gives a table over a few variables the axes of all, of length 1 where it has none.

    Args:
        table: one axis for each entry of `axes`.
        axes: which variable each axis of the table belongs to.
        ndim: number of variables.
    """
    shape = [1] * ndim
    for axis, length in zip(axes, table.shape, strict=True):
        shape[axis] = length
    return table.permute(sorted(range(len(axes)), key=axes.__getitem__)).reshape(shape)


def as_names(names: Any) -> tuple[str, ...]:
    """One name, or several, as a tuple; so is what is no name, which `check_names` refuses."""
    return tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (names,)


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Checks that names are different, and that there are some."""
    names = as_names(names)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names: expected different names, at least one, got {names}")
    return names


def check_disjoint(known: Iterable[str], **groups: Iterable[str]) -> None:
    """Checks that groups hold known names, each once, and that only `given` is empty.

    Raises:
        ValueError: that names the group.
    """
    known, seen = set(known), set[str]()
    for group, iterable in groups.items():
        names = list(iterable)
        if unknown := [name for name in names if name not in known]:
            raise ValueError(
                f"{group}: expected names among {sorted(known, key=str)}, got {unknown}"
            )
        if (twice := [name for name in names if name in seen]) or len(set(names)) < len(names):
            raise ValueError(f"{group}: expected each name in one place, got {twice or names}")
        if not names and group != "given":
            raise ValueError(f"{group}: expected at least one name, got none")
        seen.update(names)


def check_acyclic(graph: nx.DiGraph) -> None:
    """Checks that the graph has arrows, and that none of its trails along them comes back.

    Raises:
        TypeError: if it is not a directed graph.
        ValueError: if it has a cycle.
    """
    if not isinstance(graph, nx.DiGraph):
        raise TypeError(f"graph: expected a networkx.DiGraph, got {type(graph).__name__}")
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError(f"graph: expected no cycle, got the arrows {nx.find_cycle(graph)}")


def check_each_level(x: Tensor, levels: Sequence[int]) -> None:
    """Checks that x is (B, D) with levels 0..K_d - 1 in column d.

    Raises:
        TypeError: if x is not an integer tensor.
        ValueError: if the shape or a level is wrong.
    """
    check_levels(x, event=(len(levels),), levels=max(levels))
    for d, K in enumerate(levels):
        if (highest := int(x[:, d].max())) >= K:
            raise ValueError(f"x: expected levels 0..{K - 1} in column {d}, got {highest}")


def check_given(given: Tensor, levels: Sequence[int], x: Tensor | None = None) -> None:
    """Checks levels of P parents, (B, P), and of what is given them, (B,), if it is there.

    Args:
        given: the parents'; there may be none.
        levels: numbers of levels, of the parents and then of x.
        x: levels.

    Raises:
        TypeError: if one is no tensor of integers.
        ValueError: if a shape or a level is wrong.
    """
    check_whole(given, "given")
    if x is not None:
        check_levels(x, event=(), levels=levels[-1])
    rows = next(iter(given.shape), 0) if x is None else len(x)
    if given.shape != (rows, len(levels) - 1):
        raise ValueError(f"given: expected ({rows}, {len(levels) - 1}), got {tuple(given.shape)}")
    if len(levels) > 1:
        check_each_level(given, levels[:-1])


def check_law(p: Tensor, *, name: str) -> None:
    """Checks that p holds finite numbers >= 0 that sum to 1 along its last axis.

    Raises:
        TypeError: if p is not a tensor.
        ValueError: if it does not.
    """
    check_floating(p, name)
    if p.ndim == 0 or not (p >= 0).all() or not torch.allclose(
        p.sum(-1), torch.ones((), dtype=p.dtype, device=p.device), atol=1e-5
    ):  # fmt: skip
        raise ValueError(
            f"{name}: expected probabilities >= 0 that sum to 1 along the last axis, got sums "
            f"{p.sum(-1).flatten()[:4].tolist() if p.ndim else p.tolist()}"
        )


def _axes(order: Sequence[str], names: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(order.index(name) for name in names))


def _summed(p: Tensor, order: Sequence[str], keep: Iterable[str]) -> Tensor:
    """Sums out all variables that are not kept; their axes stay, with length 1."""
    axes = _axes(order, set(order) - set(keep))
    return p.sum(axes, keepdim=True) if axes else p
