"""What the table of deep machines measures is what it says; the seconds are not tested."""

import pytest

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import deep


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(deep, "REPEATS", 1)
    monkeypatch.setattr(deep, "LEAST", 1e-4)
    monkeypatch.setattr(deep, "WIDE", 10)


@pytest.mark.usefixtures("quick")
def test_a_row_for_each_question():
    """Kills: a width timed twice, one axis under the name of the other."""
    sizes = [("log Z", "width", 4)]
    sizes += [(what, *at) for at in (("width", 5), ("depth", 3)) for what in deep.PASSES]
    assert {size[:2] for size in deep.TABLE.sizes} == {size[:2] for size in sizes}
    rows = measure(deep.TABLE._replace(sizes=sizes))
    assert [(row["what"], row["against"], row["n"]) for row in rows] == sizes
    assert all(row["seconds"] > 0 for row in rows)


def test_width_and_depth_shape_the_layers(monkeypatch):
    """Kills: n layers of n units, one layer where there are two."""
    shapes = []
    monkeypatch.setattr(deep, "fastest", lambda *_, **__: 0.0)
    monkeypatch.setattr(deep, "WIDE", 10)
    small = deep.deep_machine([2])
    monkeypatch.setattr(deep, "deep_machine", lambda hidden: shapes.append(hidden) or small)
    deep.cost("Gibbs", "width", 5)
    deep.cost("Gibbs", "depth", 3)
    assert shapes == [[5, 5], [10, 10, 10]]


def test_both_towers_have_the_layers_that_are_named():
    assert deep.deep_machine([7, 5, 3]).sizes == [64, 7, 5, 3]
    shapes = [tuple(machine.W.shape) for machine in deep.belief_network([7, 5, 3]).machines]
    assert shapes == [(64, 7), (7, 5), (5, 3)]


def test_a_sum_over_more_states_takes_longer(monkeypatch):
    """2^4 against 2^14 terms, a thousand times as many. Kills: timing the construction, a cache."""
    monkeypatch.setattr(deep, "REPEATS", 2)
    few, many = (deep.cost("log Z", "width", M)["seconds"] for M in (4, 14))
    assert many > 5 * few


def test_nothing_is_timed_with_gradients(monkeypatch):
    """Kills: a graph that is kept for log Z."""
    made = []

    def fastest(work, **_):
        made.append(work().requires_grad)
        return 0.0

    monkeypatch.setattr(deep, "fastest", fastest)
    deep.cost("log Z", "width", 4)
    assert made == [False]
