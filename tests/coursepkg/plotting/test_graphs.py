import matplotlib.pyplot as plt
import networkx as nx
import pytest
from matplotlib.colors import to_hex

from coursepkg.plotting import COLOURS, draw_graph

PLACES = {"a": (0.0, 0.0), "b": (1.0, 0.0), "c": (2.0, 1.0)}


def drawn(graph, **options):
    fig, ax = plt.subplots()
    try:
        assert draw_graph(graph, PLACES, ax=ax, **options) is ax
        fig.canvas.draw()
    finally:
        plt.close(fig)
    return ax


def test_every_node_has_a_circle_and_a_name_at_its_place():
    """Kills: names in another order than circles."""
    ax = drawn(nx.Graph(["cb", "ba"]), labels={"a": "$x_a$", "b": "B", "c": "C"})
    circles = ax.collections[0].get_offsets()
    assert sorted(map(tuple, circles.tolist())) == sorted(PLACES.values())
    names = {text.get_text(): text.get_position() for text in ax.texts}
    assert names == {"$x_a$": (0, 0), "B": (1, 0), "C": (2, 1)}
    assert not ax.axison


def test_a_directed_graph_has_arrows_and_an_undirected_one_has_none():
    assert len(drawn(nx.DiGraph(["ab", "cb"])).patches) == 2
    assert not drawn(nx.Graph(["ab", "cb"])).patches


def test_known_nodes_are_grey_with_a_thick_rim():
    """Two cues. Kills: the others are marked."""
    circles = drawn(nx.Graph(["ab", "bc"]), known=["b"]).collections[0]
    places = [tuple(place) for place in circles.get_offsets().tolist()]
    rims = dict(zip(places, circles.get_linewidths(), strict=True))
    fills = dict(zip(places, map(to_hex, circles.get_facecolors()), strict=True))
    assert rims[1.0, 0.0] > rims[0.0, 0.0] == rims[2.0, 1.0]
    assert fills[0.0, 0.0] == "#ffffff" != fills[1.0, 0.0]


@pytest.mark.parametrize("edge", [("a", "b"), ("b", "a")])
def test_marked_edges_are_thick_and_coloured_whichever_way_they_are_named(edge):
    lines = drawn(nx.Graph(["ab", "bc"]), marked=[edge]).collections[1:]
    width = {line.get_linewidth()[0]: to_hex(line.get_edgecolor()[0]) for line in lines}
    assert width[max(width)] == COLOURS["model"].lower()
    assert len(width) == 2
    (thick,) = [line for line in lines if line.get_linewidth()[0] == max(width)]
    assert sorted(map(tuple, thick.get_segments()[0].tolist())) == [PLACES["a"], PLACES["b"]]


@pytest.mark.parametrize(
    ("graph", "options", "message"),
    [
        (nx.Graph(["ad"]), {}, r"positions: expected one for each node, got none for \['d'\]"),
        (nx.Graph(["ab"]), {"marked": [("a", "c")]}, "marked: expected edges"),
        (nx.DiGraph(["ab"]), {"marked": [("b", "a")]}, "marked: expected edges"),
    ],
)
def test_what_cannot_be_drawn_is_refused(graph, options, message):
    with pytest.raises(ValueError, match=message):
        drawn(graph, **options)
