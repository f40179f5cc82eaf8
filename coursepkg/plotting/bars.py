"""Discrete laws, side by side."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from coursepkg.plotting.style import COLOURS

HATCHES = ("", "////", "....", "xxxx")


def bars(
    x: ArrayLike,
    heights: Mapping[str, ArrayLike],
    *,
    ax: Axes,
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draws one bar a name at each value, side by side, hatched from the second name on.

    Several names are told apart by a legend without a box (bars have no end to write at).

    Args:
        x: values, numbers (n,) or names.
        heights: name to heights, (n,).
        ax: where to draw.
        colours: name to colour; a name that is a role in `COLOURS` has one.
    """
    values, colours = np.asarray(x), COLOURS | dict(colours or {})
    is_number = values.dtype.kind in "iuf"
    centres = values.astype(float) if is_number else np.arange(len(values), dtype=float)
    gaps = np.diff(np.unique(centres))
    spacing = float(gaps.min()) if len(gaps) else 1.0
    width = 0.8 * spacing / len(heights)
    for i, (name, height) in enumerate(heights.items()):
        ax.bar(
            centres + (i - (len(heights) - 1) / 2) * width, np.asarray(height), width,
            color=colours.get(name), hatch=HATCHES[i % len(HATCHES)], edgecolor="white",
            label=name,
        )  # fmt: skip
    if is_number:
        ax.xaxis.set_major_locator(MaxNLocator(integer=values.dtype.kind in "iu"))
    else:
        ax.set_xticks(centres, labels=[str(value) for value in values])
    if len(heights) > 1:
        ax.legend()
    return ax
