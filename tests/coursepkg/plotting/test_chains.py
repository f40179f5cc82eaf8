import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image, ImageSequence
from scipy.stats import rankdata

from coursepkg.plotting import COLOURS, chains
from tests.coursepkg.plotting.pixels import colour_at

DOT = to_rgb(COLOURS["samples"])


def test_a_trace_is_one_line_a_chain_against_steps_from_one(ax):
    """Kills: rows taken for chains, steps from zero."""
    x = torch.tensor([[1.0, 4], [2, 5], [3, 6]])
    assert chains.traces(x, ax=ax) is ax
    assert len(ax.lines) == 2
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 4], [2, 5], [3, 6]])
    assert [text.get_text() for text in ax.texts] == ["chain 1", "chain 2"]


def test_bars_of_ranks_are_a_slow_count(ax):
    """Kills: ranks within each chain, the wrong chain on top, a height without its unit."""
    x = np.random.default_rng(0).normal(size=(40, 3))
    x += np.array([0, 0.5, 1])
    chains.ranks(x, ax=ax, bins=4)
    rank = rankdata(x.ravel()).reshape(40, 3)
    boxes = {(p.get_x(), p.get_y()): p.get_height() for p in ax.patches}
    assert len(boxes) == 12
    for c in range(3):
        for cell in range(4):
            low = 0.5 + 30 * cell
            count = sum(low < r < low + 30 for r in rank[:, c])
            uniform = 40 / 4
            assert boxes[low, 2 - c] == pytest.approx(min(0.4 * count / uniform, 0.95))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["chain 3", "chain 2", "chain 1"]


def test_dashed_line_is_the_height_of_a_flat_row(ax):
    """Kills: the reference drawn elsewhere than at what agreement looks like."""
    x = np.arange(40.0).reshape(20, 2)  # the two chains take turns
    chains.ranks(x, ax=ax, bins=5)
    dashed = sorted({
        y for line in ax.lines if line.get_linestyle() == "--" for y in line.get_ydata()
    })
    tops = sorted({round(p.get_y() + p.get_height(), 9) for p in ax.patches})
    assert tops == pytest.approx(dashed)


def test_equal_states_share_their_rank(ax):
    """A chain that never moves holds the middle rank, whatever the order of its states."""
    chains.ranks(np.zeros((9, 1)), ax=ax, bins=3)
    assert [p.get_height() > 0 for p in ax.patches] == [False, True, False]


def test_a_row_never_reaches_into_the_one_above(ax):
    chains.ranks(np.repeat([[0.0, 1, 2, 3]], 50, axis=0), ax=ax, bins=8)
    assert max(p.get_height() for p in ax.patches) == pytest.approx(0.95)


def test_a_walk_goes_in_order_and_begins_at_the_square(ax):
    """Kills: coordinates exchanged, the square at the end."""
    points = torch.tensor([[0.0, 1], [2, 3], [4, 1]])
    assert chains.walk(points, ax=ax) is ax
    way, begin = ax.lines
    np.testing.assert_array_equal(way.get_xydata(), points)
    np.testing.assert_array_equal(begin.get_xydata(), [[0, 1]])
    assert begin.get_marker() == "s"


POINTS = np.array([[[1.0, 1], [1, 9]], [[5, 1], [5, 9]], [[9, 1], [9, 9]]])  # T = 3, C = 2


@pytest.fixture
def frames(ax):
    """The pictures of a film of two chains, who step to the right three times, and the axes."""
    ax.set(xlim=(0, 10), ylim=(0, 10))
    gif = Image.open(io.BytesIO(chains.film([(ax, POINTS)], trail=1, dpi=100)))
    pictures = [np.asarray(f.convert("RGB")) / 255 for f in ImageSequence.Iterator(gif)]
    ax.get_figure().canvas.draw()
    return gif, pictures, ax


def shows_dot(picture, ax, x, y, *, right=0):
    """Whether the colour of states is on the picture `right` pixels beside the point (x, y)."""
    column, row = ax.transData.transform((x, y))
    pixel = picture[round(picture.shape[0] - row), round(column) + right]
    return bool(np.abs(pixel - DOT).max() < 0.1)


def test_each_picture_holds_the_states_so_far_and_the_first_holds_all(frames):
    """Kills: off by one in time, a first picture that is empty, chains that share a place."""
    _, pictures, ax = frames
    assert len(pictures) == 4
    for picture, t in zip(pictures, (3, 1, 2, 3), strict=True):
        for i, x in enumerate((1, 5, 9)):
            for y in (1, 9):
                assert shows_dot(picture, ax, x, y) == (i < t), (t, x, y)


def test_only_the_present_state_is_a_large_dot(frames):
    """Kills: the large dot a step behind."""
    _, pictures, ax = frames
    for picture, t in zip(pictures, (3, 1, 2, 3), strict=True):
        large = [shows_dot(picture, ax, x, 9, right=3) for x in (1, 5, 9)]
        assert large == [i + 1 == t for i in range(3)]


def test_first_and_last_picture_are_alike_and_stay_longer(frames):
    gif, pictures, _ = frames
    np.testing.assert_array_equal(pictures[0], pictures[-1])
    stay = [f.info["duration"] for f in ImageSequence.Iterator(gif)]
    assert stay == [3000, 80, 80, 3000]
    assert gif.info["loop"] == 2


def test_a_trail_of_one_move_is_a_line_that_leads_to_the_present_state(frames):
    """Kills: a trail one move too short or too long."""
    _, pictures, ax = frames

    def dark(picture, x):
        column, row = ax.transData.transform((x, 1))
        middle = round(picture.shape[0] - row)
        return bool((picture[middle - 1 : middle + 2, round(column)] < 0.4).any())

    assert [dark(p, 3) for p in pictures] == [False, False, True, False]
    assert [dark(p, 7) for p in pictures] == [True, False, False, True]


def test_what_was_drawn_before_stays_and_white_stays_white(ax):
    """Kills: a palette that mixes the paper with the grey of the contours."""
    ax.set(xlim=(0, 10), ylim=(0, 10))
    shades = np.random.default_rng(0).uniform(size=(20, 20, 3))  # far more than the palette holds
    ax.imshow(shades, extent=(2, 4, 6, 8), aspect="auto")
    ax.axhspan(4.5, 5.5, color=COLOURS["model"])
    gif = Image.open(io.BytesIO(chains.film([(ax, POINTS)])))
    for frame in ImageSequence.Iterator(gif):
        picture = np.asarray(frame.convert("RGB")) / 255
        assert picture[0, 0].tolist() == [1, 1, 1]
        column, row = ax.transData.transform((5, 5))
        pixel = picture[round(picture.shape[0] - row), round(column)]
        assert pixel == pytest.approx(to_rgb(COLOURS["model"]), abs=0.05)
        assert len(frame.convert("RGB").getcolors()) <= 64
    assert gif.size == tuple(round(side * 100) for side in ax.get_figure().get_size_inches())


def test_a_film_is_light_and_leaves_no_moving_part_on_the_axes(ax):
    """60 states of 4 chains, as in the book: below 400 kB, the limit for a phone."""
    steps = torch.randn(60, 4, 2, generator=torch.Generator().manual_seed(0)).cumsum(0)
    ax.set(xlim=(-20, 20), ylim=(-20, 20))
    assert len(chains.film([(ax, steps)])) < 400_000
    assert all(line.get_animated() for line in ax.lines)  # so that a later drawing omits them
    assert colour_at(ax, *steps[-1, 0].tolist()) == (1, 1, 1)


def test_several_axes_are_filmed_at_once():
    fig, axes = plt.subplots(1, 2)
    try:
        for ax in axes:
            ax.set(xlim=(0, 10), ylim=(0, 10))
        film = chains.film([(axes[0], POINTS), (axes[1], POINTS[::-1])], trail=0)
        second = Image.open(io.BytesIO(film))
        second.seek(1)
        picture = np.asarray(second.convert("RGB")) / 255
        assert shows_dot(picture, axes[0], 1, 1)
        assert not shows_dot(picture, axes[0], 9, 1)
        assert shows_dot(picture, axes[1], 9, 1)
        assert not shows_dot(picture, axes[1], 1, 1)
        with pytest.raises(ValueError, match=r"one length T for all, got \[2, 3\]"):
            chains.film([(axes[0], POINTS), (axes[1], POINTS[:2])])
    finally:
        plt.close(fig)


@pytest.mark.parametrize(
    ("draw", "shape"),
    [
        (chains.traces, (3,)),
        (chains.traces, (0, 2)),
        (chains.ranks, (2, 3, 4)),
        (chains.walk, (2, 2, 2)),
    ],
)
def test_other_shapes_are_refused(ax, draw, shape):
    with pytest.raises(ValueError, match=r"expected \(T, C\) or \(T, 2\) with T >= 1, got"):
        draw(np.zeros(shape), ax=ax)


@pytest.mark.parametrize("shape", [(3, 2), (3, 1, 3), (0, 1, 2)])
def test_a_film_needs_points_of_the_plane(ax, shape):
    with pytest.raises(ValueError, match=r"expected \(T, C, 2\) with T >= 1, got"):
        chains.film([(ax, np.zeros(shape))])


def test_nan_is_refused(ax):
    with pytest.raises(ValueError, match="expected finite numbers, got 1 not"):
        chains.traces([[0.0, np.nan]], ax=ax)
