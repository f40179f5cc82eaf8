import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from scipy.optimize import lsq_linear

from coursepkg.plotting import COLOURS, curves, interval, label_ends, path, spread


def boxes(ax):
    ax.figure.canvas.draw()
    return {text.get_text(): text.get_window_extent() for text in ax.texts}


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8))
def test_spread_is_the_least_move_that_leaves_the_gap(heights):
    """Kills: gap counted from the middle twice, no re-ordering, a one-sided push."""
    y = np.array(heights)
    order = np.argsort(y, kind="stable")
    # a first height and steps of at least `gap`: bounded least squares solves the same problem
    steps = np.tril(np.ones((len(y), len(y))))
    lower = np.r_[-np.inf, np.full(len(y) - 1, 9.5)]
    free = [np.inf] * len(y)
    expected = steps @ lsq_linear(steps, y[order], (lower, free), tol=1e-12).x
    np.testing.assert_allclose(spread(y, gap=9.5)[order], expected, atol=1e-4)


def test_spread_of_nothing_is_nothing():
    assert spread([], gap=1.0).shape == (0,)


def test_labels_never_overlap_and_keep_the_order_of_the_lines(ax):
    """Kills: labels written at the lines' heights without spreading."""
    curves([1, 2, 3], {f"curve {i}": [0, 1, 2 + i / 1000] for i in range(6)}, ax=ax)
    drawn = boxes(ax)
    assert len(drawn) == 6
    for one, other in itertools.combinations(drawn.values(), 2):
        assert not one.overlaps(other)
    centres = [drawn[f"curve {i}"].y0 for i in range(6)]
    assert centres == sorted(centres)


def test_a_label_stands_right_of_its_lines_last_finite_point(ax):
    """Kills: label at the first point, at the array's last entry, on the wrong line."""
    curves(range(4), {"long": [0, 0, 0, 5.0], "short": [3, 2, 1, np.nan]}, ax=ax)
    drawn = boxes(ax)
    for name, end in {"long": (3, 5), "short": (2, 1)}.items():
        x, y = ax.transData.transform(end)
        assert x < drawn[name].x0 < x + 20
        assert drawn[name].y0 < y < drawn[name].y1


def test_a_label_far_from_others_stays_at_its_height_on_logarithmic_axes(ax):
    """Kills: spreading in data units instead of points."""
    ax.set_yscale("log")
    curves([1, 2], {"a": [1, 1e-3], "b": [1, 1], "c": [1, 1e3]}, ax=ax)
    assert [text.xyann[1] for text in ax.texts] == pytest.approx([0, 0, 0], abs=1e-9)


def test_a_curve_without_a_finite_point_gets_no_label(ax):
    curves([1, 2], {"gone": [np.nan, np.inf], "here": [1, 2]}, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["here"]


def test_curves_draw_what_came_by_role_and_with_a_second_cue(ax):
    """Kills: colours by order, one style for all, a short curve stretched over x."""
    train, valid = torch.tensor([3.0, 2, 1]), torch.tensor([4.0, 3])
    assert curves([1, 2, 3], {"model": train, "bound": valid}, ax=ax) is ax
    one, other = ax.lines
    np.testing.assert_array_equal(one.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(other.get_xydata(), [[1, 4], [2, 3]])
    assert [to_hex(line.get_color()).upper() for line in ax.lines] == [
        COLOURS["model"], COLOURS["bound"],
    ]  # fmt: skip
    assert one.get_linestyle() != other.get_linestyle()


def test_given_colours_win_over_roles(ax):
    curves([1], {"model": [1]}, ax=ax, colours={"model": "#123456"})
    assert ax.lines[0].get_color() == "#123456"


def test_path_names_stand_at_the_weakest_regulariser_whatever_the_order(ax):
    """Kills: names at the strong end, where all coefficients are zero; strengths left unsorted."""
    strengths, w = [100.0, 1.0, 10.0], [[0, 0], [3, -3], [2, -1]]
    path(strengths, w, ["up", "down"], ax=ax)
    assert {text.get_text(): tuple(text.xy) for text in ax.texts} == {"up": (1, 3), "down": (1, -3)}
    drawn = boxes(ax)
    assert all(box.x1 < ax.transData.transform((1, 0))[0] for box in drawn.values())
    curve = next(line for line in ax.lines if line.get_label() == "up")
    np.testing.assert_array_equal(curve.get_xydata(), [[1, 3], [10, 2], [100, 0]])
    assert ax.get_xscale() == "log"


def test_more_than_seven_coefficients_still_differ(ax):
    """Kills: colours that come round again with the same style."""
    path([1, 2], np.zeros((2, 10)), [str(i) for i in range(10)], ax=ax)
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines[1:]}
    assert len(looks) == 10


def test_interval_reaches_from_minus_to_plus_the_error(ax):
    """Kills: the full length drawn on each side."""
    assert interval([1.0, 2], [5.0, 6], [0.5, 2], ax=ax) is ax
    bars = [segment for c in ax.collections for segment in c.get_segments()]
    np.testing.assert_allclose(bars, [[[1, 4.5], [1, 5.5]], [[2, 4], [2, 8]]])


def test_label_ends_can_be_used_on_lines_drawn_by_hand(ax):
    label_ends(ax.plot([0, 1], [2, 3], label="mine"), ax=ax, end=0)
    assert tuple(ax.texts[0].xy) == (0, 2)
