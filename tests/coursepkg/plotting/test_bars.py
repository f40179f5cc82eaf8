import itertools

import numpy as np
import pytest

from coursepkg.plotting import bars


def rectangles(ax):
    return [(p.get_x(), p.get_x() + p.get_width(), p.get_height()) for p in ax.patches]


@pytest.mark.parametrize("x", [[0, 1, 2], [0.0, 0.1, 0.2], ["a", "b", "c"]])
def test_bars_stand_side_by_side_around_their_value(ax, x):
    """Kills: bars drawn over one another, off centre, or as wide as the next value."""
    heights = {"data": [1, 2, 3], "model": [3, 2, 1]}
    assert bars(x, heights, ax=ax) is ax
    found = sorted(rectangles(ax))
    assert [h for *_, h in found] == [1, 3, 2, 2, 3, 1]
    for (_, right, _), (left, _, _) in itertools.pairwise(found):
        assert right <= left + 1e-9
    centres = [(found[i][0] + found[i + 1][1]) / 2 for i in (0, 2, 4)]
    np.testing.assert_allclose(centres, x if isinstance(x[0], (int, float)) else [0, 1, 2])


def test_names_on_the_axis_are_the_values(ax):
    bars(["heads", "tails"], {"data": [0.7, 0.3]}, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["heads", "tails"]
    assert ax.get_legend() is None  # one law needs no names


def test_the_second_law_is_hatched_and_named(ax):
    """Kills: colour as the only cue."""
    bars([0, 1], {"data": [1, 2], "model": [2, 1]}, ax=ax)
    assert {p.get_hatch() for p in ax.patches} == {"", "////"}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["data", "model"]


def test_a_single_value_can_be_drawn(ax):
    bars([3], {"data": [1]}, ax=ax)
    assert rectangles(ax) == [(pytest.approx(2.6), pytest.approx(3.4), 1)]


def test_bars_at_one_value(ax):
    """Kills: the least of no gaps."""
    bars([2, 2], {"data": [1, 3]}, ax=ax)
    assert [patch.get_height() for patch in ax.patches] == [1, 3]
