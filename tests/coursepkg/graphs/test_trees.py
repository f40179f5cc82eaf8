import itertools
import math

import networkx as nx
import pytest
import torch

from coursepkg.graphs.directed import DirectedModel, Table
from coursepkg.graphs.trees import chow_liu
from tests.oracles import states


def data(generator, n=300):
    """Noisy copies along x2 - x1 - x3, and x4, x5 behind x3."""
    copies = {"x2": ("x1", 0.8, 0.75), "x3": ("x1", 0.9, 0.8), "x4": ("x3", 0.99, 0.3),
              "x5": ("x3", 0.7, 0.6)}  # fmt: skip
    model = DirectedModel(
        {"x1": Table(torch.tensor([0.6, 0.4]))}
        | {name: Table(torch.tensor([[p, 1 - p], [1 - q, q]]), parents=[of])
           for name, (of, p, q) in copies.items()}
    )  # fmt: skip
    return model.sample(n, generator=generator)


@pytest.mark.equation("chow-liu")
def test_no_tree_has_a_higher_likelihood(generator):
    """All 125 trees of five variables, by counting. Kills: a minimum spanning tree."""
    x = data(generator)
    model = chow_liu(x, levels=2, smoothing=1e-9)
    found = model.log_prob(x).mean().item()
    best = -math.inf
    for code in itertools.product(range(5), repeat=3):
        tree = nx.from_prufer_sequence(list(code))
        total = 0.0
        for parent, child in [(None, 0), *nx.bfs_edges(tree, 0)]:
            for row in states(2, 2).tolist():
                here = (x[:, child] == row[0]) & (parent is None or x[:, parent] == row[1])
                given = len(x) if parent is None else int((x[:, parent] == row[1]).sum())
                count = int(here.sum())
                if count and (parent is not None or row[1] == 0):
                    total += count * math.log(count / given)
        best = max(best, total / len(x))
    assert found == pytest.approx(best, abs=1e-6)


@pytest.mark.equation("chow-liu")
@pytest.mark.parametrize("levels", [2, 3])
def test_the_likelihood_is_information_minus_entropy(levels, generator):
    """The formula, from the counts. Kills: a constant lost."""
    x = data(generator)
    x[::3] *= levels - 1
    model = chow_liu(x, levels=levels, smoothing=1e-9)

    def entropy(columns):
        shares = x[:, columns].unique(dim=0, return_counts=True)[1] / len(x)
        return torch.special.entr(shares).sum().item()

    alone = sum(entropy([d]) for d in range(5))
    gained = sum(
        entropy([i]) + entropy([j]) - entropy([i, j])
        for i, j in (sorted((int(a[1]) - 1, int(b[1]) - 1)) for a, b in model.graph.edges)
    )
    assert gained > 0.1, "vacuous: independent"
    assert model.log_prob(x).mean().item() == pytest.approx(gained - alone, abs=1e-6)


def test_the_graph_that_made_the_data_is_found(generator):
    """Up to the direction of its arrows."""
    model = chow_liu(data(generator, n=20_000), levels=2, smoothing=1.0)
    edges = {tuple(sorted(edge)) for edge in model.graph.edges}
    assert edges == {("x1", "x2"), ("x1", "x3"), ("x3", "x4"), ("x3", "x5")}


def test_smoothing_is_that_of_a_few_more_observations(generator):
    """Two variables of three levels: (n + α/9) / (N + α). Kills: α for each cell."""
    x = torch.tensor([[0, 1], [0, 1], [2, 0]])
    p = chow_liu(x, levels=3, smoothing=4.5).joint().p
    count = torch.zeros(3, 3)
    count[0, 1], count[2, 0] = 2, 1
    torch.testing.assert_close(p, (count + 0.5) / 7.5)


@pytest.mark.parametrize(
    ("x", "smoothing", "message"),
    [(torch.full((2, 3), 2), 1.0, "levels 0..1"),
     (torch.zeros(2, 3, dtype=torch.int64), 0.0, "smoothing"),
     (torch.zeros(0, 3, dtype=torch.int64), 1.0, "at least one"),
     (torch.zeros(4, 1, dtype=torch.int64), 1.0, "two columns")],
)  # fmt: skip
def test_data_that_are_none_are_refused(x, smoothing, message):
    with pytest.raises(ValueError, match=message):
        chow_liu(x, levels=2, smoothing=smoothing)


def test_a_smoothing_that_single_precision_cannot_say():
    """A level that was never seen: its row is even. Kills: 0 / 0 in float32, refused as a table."""
    torch.set_default_dtype(torch.float32)
    try:
        x = torch.tensor([[0, 0], [0, 0], [1, 0]])
        model = chow_liu(x, levels=3, smoothing=1e-50)
        torch.testing.assert_close(model._laws()[1].p[2], torch.full((3,), 1 / 3))
    finally:
        torch.set_default_dtype(torch.float64)
