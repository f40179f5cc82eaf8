import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb

from coursepkg.plotting import COLOURS, text_colour


def luminance(rgb):
    """Relative luminance by WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.usefixtures("ax")
def test_every_label_can_be_read_on_white():
    """Kills: orange text as light as the orange line."""
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    for colour in [*COLOURS.values(), *cycle]:
        assert 1.05 / (luminance(text_colour(colour)) + 0.05) >= 4.5, colour


def test_the_hue_of_a_label_is_that_of_its_line():
    red, green, blue = text_colour("#D55E00")
    assert (red / to_rgb("#D55E00")[0]) == pytest.approx(green / to_rgb("#D55E00")[1])
    assert blue == 0


def test_use_style_changes_the_size_the_font_and_the_layout(ax):
    """Kills: a style file that is not packaged or not found."""
    assert mpl.rcParams["font.size"] == 9
    assert mpl.rcParams["font.family"] == ["DejaVu Sans"]
    assert ax.figure.get_size_inches().tolist() == [6.3, 2.8]
    assert type(ax.figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
    assert mpl.rcParams["figure.facecolor"] == "white"
