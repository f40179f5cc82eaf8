"""Graphs whose nodes are variables."""

from collections.abc import Collection, Mapping
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes

from coursepkg.plotting.style import COLOURS

Position = tuple[float, float]


def draw_graph(
    graph: nx.Graph,
    positions: Mapping[str, Position],
    *,
    ax: Axes,
    labels: Mapping[str, str] | None = None,
    known: Collection[str] = (),
    marked: Collection[tuple[str, str]] = (),
    size: float = 420,
    room: float = 0.4,
) -> Axes:
    """Draws nodes as circles with their names, and edges as lines, or arrows if they have a way.

    Args:
        graph: networkx's, directed or not, as a model's `graph`.
        positions: name to (x, y); all of one unit of length.
        ax: where to draw; its axes are hidden.
        labels: name to what is written in the circle.
        known: nodes that are drawn grey, with a thick rim, as is usual for observed variables.
        marked: edges that are drawn thick, in another colour.
        size: of a circle, in square points.
        room: left around the outermost nodes, in the units of the positions.
    """
    if missing := set(graph) - set(positions):
        raise ValueError(f"positions: expected one for each node, got none for {sorted(missing)}")
    nodes, edges = list(graph), list(graph.edges)
    chosen = {tuple(edge) for edge in marked}
    if not graph.is_directed():
        chosen |= {(b, a) for a, b in chosen}
    if stray := chosen - {*edges, *(edge[::-1] for edge in edges if not graph.is_directed())}:
        raise ValueError(f"marked: expected edges of the graph, got {sorted(stray)}")
    colour = ["0.85" if node in known else "white" for node in nodes]
    width = [2.2 if node in known else 1.0 for node in nodes]
    nx.draw_networkx_nodes(
        graph, positions, nodelist=nodes, ax=ax, node_size=size, node_color=colour,
        linewidths=width, edgecolors=COLOURS["data"],
    )  # fmt: skip
    arrows: dict[str, Any] = {"arrowsize": 11} if graph.is_directed() else {}
    for some, style in (
        ([edge for edge in edges if edge not in chosen], {"edge_color": "0.3", "width": 1.0}),
        (
            [edge for edge in edges if edge in chosen],
            {"edge_color": COLOURS["model"], "width": 2.6},
        ),
    ):
        if some:
            nx.draw_networkx_edges(
                graph, positions, edgelist=some, ax=ax, node_size=size, **style, **arrows
            )
    nx.draw_networkx_labels(
        graph, positions, labels=dict(labels or {n: n for n in nodes}), ax=ax, font_size=9
    )
    x, y = np.array([positions[node] for node in nodes]).T
    ax.set(xlim=(x.min() - room, x.max() + room), ylim=(y.min() - room, y.max() + room))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax
