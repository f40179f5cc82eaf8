import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from coursepkg.plotting import COLOURS, density2d, image_grid, receptive_fields, signed_weights
from tests.coursepkg.plotting.pixels import colour_at

BLACK, WHITE = (0, 0, 0), (1, 1, 1)


def test_tiles_run_along_rows_and_pixels_keep_their_place(ax):
    """Kills: tiles down columns, images upside down or transposed."""
    images = torch.zeros(3, 2, 2)
    images[1, 0, 1] = 4  # second tile, top right
    images[2, 1, 0] = 4  # third tile, on the second row of tiles, bottom left
    assert image_grid(images, ax=ax, columns=2) is ax
    white = {(4.5, 0.5), (0.5, 4.5)}
    for x in (0.5, 1.5, 3.5, 4.5):
        for y in (0.5, 1.5, 3.5, 4.5):
            page = x > 3 and y > 3  # there is no fourth tile
            expected = WHITE if page or (x, y) in white else BLACK
            assert colour_at(ax, x, y) == pytest.approx(expected, abs=0.01), (x, y)


def test_the_gap_between_tiles_is_the_page(ax):
    image_grid(np.zeros((2, 4, 4)), ax=ax, columns=2, high=1)
    assert colour_at(ax, 4.5, 2) == WHITE
    assert colour_at(ax, 2, 2) == BLACK


def test_white_is_high_and_black_is_zero(ax):
    """Kills: each tile stretched to its own range."""
    image_grid([[[8.0]], [[16.0]], [[4.0]]], ax=ax, columns=3, high=16)
    shades = [colour_at(ax, x, 0.5)[0] for x in (0.5, 2.5, 4.5)]
    assert shades == pytest.approx([0.5, 1, 0.25], abs=0.01)


def test_flat_images_are_cut_into_rows(ax):
    """Kills: width and height exchanged."""
    flat = np.arange(6.0).reshape(1, 6)
    image_grid(flat, ax=ax, shape=(2, 3))
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0, 1, 2], [3, 4, 5]])


def test_missing_pixels_are_orange_and_do_not_spoil_the_scale(ax):
    """Kills: max instead of nanmax."""
    image_grid([[[np.nan, 0.0, 2.0]]], ax=ax)
    assert colour_at(ax, 0.5, 0.5) == pytest.approx(to_rgb("#F5C9A3"), abs=0.01)
    assert colour_at(ax, 2.5, 0.5) == WHITE


def test_captions_stand_beside_the_middle_of_their_rows(ax):
    image_grid(np.zeros((4, 3, 3)), ax=ax, columns=2, high=1, captions=["data", "samples"])
    assert ax.get_yticks().tolist() == [1.5, 5.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["data", "samples"]


@pytest.mark.parametrize("shape", [(0, 4), (3,), (1, 2, 2, 2)])
def test_other_shapes_are_refused(ax, shape):
    with pytest.raises(ValueError, match="expected"):
        image_grid(np.zeros(shape), ax=ax)


def test_flat_images_that_are_not_square_need_a_shape(ax):
    with pytest.raises(ValueError, match="expected 3×3 pixels, got 8"):
        image_grid(np.zeros((2, 8)), ax=ax)


def test_weights_have_one_scale_with_zero_in_its_middle(ax):
    """Kills: the range from min to max, a scale for each tile."""
    signed_weights([[[1.0]], [[-4.0]], [[0.0]]], ax=ax, columns=3)
    puor = mpl.colormaps["PuOr"]
    for x, level in ((0.5, 0.625), (2.5, 0.0), (4.5, 0.5)):
        assert colour_at(ax, x, 0.5) == pytest.approx(puor(level)[:3], abs=0.02)


def test_density_rows_are_y_and_its_largest_value_is_the_brightest(ax):
    """Kills: the grid transposed; colours that start at the smallest value instead of zero."""
    x, y = np.linspace(0, 4, 5), np.linspace(0, 2, 3)
    density = np.ones((3, 5))
    density[1, 3] = 4
    assert density2d(x, y, torch.tensor(density), ax=ax) is ax
    cividis = mpl.colormaps["cividis"]
    assert colour_at(ax, 3, 1) == pytest.approx(cividis(1.0)[:3], abs=0.03)
    assert colour_at(ax, 1, 0.5) == pytest.approx(cividis(0.25)[:3], abs=0.03)
    assert ax.get_aspect() == 1


@pytest.fixture
def fields():
    """Two 3×3 fields of pixel 4: one sees pixels 1 and 3, the other itself and pixel 8."""
    seen = np.zeros((2, 9), bool)
    seen[0, [1, 3]] = seen[1, [4, 8]] = True
    return seen


def test_each_pixel_has_the_colour_of_what_it_is(ax, fields):
    """Kills: the place itself counted as past, columns for rows, seen for unseen."""
    assert receptive_fields(fields, place=4, ax=ax) is ax
    blue, orange = (to_rgb(COLOURS[role]) for role in ("model", "samples"))
    grey = (0.85,) * 3
    expected = [
        [grey, blue, grey, blue, WHITE, WHITE, WHITE, WHITE, WHITE],
        [grey, grey, grey, grey, orange, WHITE, WHITE, WHITE, orange],
    ]
    for tile, colours in enumerate(expected):
        for pixel, colour in enumerate(colours):  # beside the centre, where a cross may stand
            x, y = 4 * tile + pixel % 3 + 0.2, pixel // 3 + 0.5
            assert colour_at(ax, x, y) == pytest.approx(colour, abs=0.01), (tile, pixel)


def test_what_must_not_be_seen_bears_a_cross(ax, fields):
    receptive_fields(fields, place=4, ax=ax)
    crosses = [tuple(point) for line in ax.lines for point in line.get_xydata()]
    assert crosses == [(5.5, 1.5), (6.5, 2.5)]


def test_every_tile_outlines_the_place_and_bears_its_caption(ax):
    """On 2×3 images. Kills: the place divided by the height."""
    receptive_fields(np.zeros((2, 2, 3)), place=5, ax=ax, captions=["one", "two"])
    corners = [box.get_xy() for box in ax.patches if box.get_width() == 1]
    assert corners == [(2, 1), (6, 1)]
    assert [(t.get_text(), t.get_position()[0]) for t in ax.texts] == [("one", 1.5), ("two", 5.5)]


def test_the_place_must_be_a_pixel(ax):
    for place in (-1, 4):
        with pytest.raises(ValueError, match=f"place: expected 0 to 3, got {place}"):
            receptive_fields(np.zeros((1, 4)), place=place, ax=ax)


def test_weights_that_are_all_zero_are_white(ax):
    """Kills: a scale from 0 to 0, on which zero is the darkest orange."""
    signed_weights(np.zeros((1, 2, 2)), ax=ax)
    assert colour_at(ax, 0.5, 0.5) == pytest.approx((0.97, 0.97, 0.97), abs=0.02)
