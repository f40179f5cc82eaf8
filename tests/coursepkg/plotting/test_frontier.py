import numpy as np
import pytest

from coursepkg.plotting.frontier import frontier, neighbours, unbeaten

X, Y = [1.0, 1.0, 10.0, 11.0, 100.0, 5.0], [9.0, 8.0, 6.0, 5.0, 7.0, 8.0]


def test_unbeaten_are_those_that_nothing_cheaper_matches():
    """By the definition, pair by pair. Kills: ties in cost or in nats, rising y, order of input."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y = rng.integers(0, 6, (2, 12)).astype(float) + rng.random((2, 12)) * (_ % 2)
        found = unbeaten(x, y)
        slow = {
            (x[i], y[i])
            for i in range(12)
            if not any(
                x[j] <= x[i] and y[j] <= y[i] and (x[j] < x[i] or y[j] < y[i]) for j in range(12)
            )
        }
        assert {(x[i], y[i]) for i in found} == slow
        assert len(found) == len(slow)
        assert np.all(np.diff(x[found]) > 0)


def test_neighbours_are_joined_in_chains():
    """Kills: distances from the first of a group, a group that is lost."""
    assert neighbours(np.array([0.0, 0.08, 0.16, 0.3, 1.0])) == [[0, 1, 2], [3], [4]]
    assert neighbours(np.array([])) == []


def test_the_figure_numbers_the_unbeaten_and_marks_the_signs(ax):
    """Kills: names of others, one marker for all, close numbers over each other."""
    frontier(X, Y, ["=", "=", "≤", "=", "≤", "≈"], list("abcdef"), ax=ax)
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["1", "2–3", "1  b\n2  c\n3  d"]
    assert ax.texts[1].xy == (11.0, 5.0)
    drawn = {c.get_label(): c.get_offsets().data.tolist() for c in ax.collections}
    assert drawn["≤ bound"] == [[10, 6], [100, 7]]
    assert drawn["≈ estimate"] == [[5, 8]]
    assert len(drawn["= exact"]) == 3
    shapes = {tuple(c.get_paths()[0].vertices.round(6).flatten()) for c in ax.collections}
    assert len(shapes) == 3
    assert ax.get_xscale() == "log"


def test_what_costs_nothing_can_be_drawn(ax):
    frontier([0.0], [3.0], ["="], ["free"], ax=ax)
    assert ax.collections[0].get_offsets().data.tolist() == [[0.01, 3.0]]
    assert [handle.get_text() for handle in ax.get_legend().get_texts()] == ["= exact"]


@pytest.mark.parametrize("sign", ["—", "?"])
def test_points_of_another_sign_are_refused(ax, sign):
    with pytest.raises(ValueError, match=f"each of =, ≤, ≈, got '[{sign}]'"):
        frontier([1.0, 2.0], [3.0, 4.0], ["=", sign], ["a", "b"], ax=ax)
