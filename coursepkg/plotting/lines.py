"""Curves with their names written at their ends, instead of a legend."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from coursepkg.plotting.style import COLOURS, LINE_STYLES, text_colour


def curves(
    x: ArrayLike,
    heights: Mapping[str, ArrayLike],
    *,
    ax: Axes,
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draws one curve a name, over x or over as much of x as the curve has.

    A name that is a role in `COLOURS` gets its colour, the others the next of the style; line
    styles alternate. Set the axes' scales and limits first: names are spread by what is seen.

    Args:
        x: positions, (n,).
        heights: name to heights, (m,) with m <= n; NaN leaves a gap.
        ax: where to draw.
        colours: name to colour, where neither of the two defaults will do.
    """
    x, colours = np.asarray(x), COLOURS | dict(colours or {})
    lines = []
    for i, (name, height) in enumerate(heights.items()):
        y, style = np.asarray(height), LINE_STYLES[i % len(LINE_STYLES)]
        lines += ax.plot(x[: len(y)], y, linestyle=style, color=colours.get(name), label=name)
    label_ends(lines, ax=ax)
    return ax


def path(strengths: ArrayLike, coefficients: ArrayLike, names: Sequence[str], *, ax: Axes) -> Axes:
    """Draws each coefficient against the strength of the regulariser, on a logarithmic axis.

    Names stand on the left, at the weakest regulariser, where coefficients differ most.

    Args:
        strengths: (n,), all > 0.
        coefficients: (n, M).
        names: M of them.
        ax: where to draw.
    """
    order = np.argsort(np.asarray(strengths))
    x, w = np.asarray(strengths)[order], np.asarray(coefficients)[order]
    ax.set_xscale("log")
    ax.spines["left"].set_visible(False)
    ax.spines["right"].set_visible(True)
    ax.yaxis.tick_right()
    ax.axhline(0, color="0.7", linewidth=0.8)
    lines = []
    for i, name in enumerate(names):
        style = LINE_STYLES[i // 7 % len(LINE_STYLES)]  # the style has seven colours
        lines += ax.plot(x, w[:, i], linestyle=style, label=name)
    label_ends(lines, ax=ax, end=0)
    return ax


def interval(
    x: ArrayLike, y: ArrayLike, error: ArrayLike, *, ax: Axes, colour: str = COLOURS["model"]
) -> Axes:
    """Draws points with bars from y - error to y + error.

    Args:
        x: positions, (n,).
        y: heights, (n,).
        error: half lengths, (n,), or lower and upper lengths, (2, n).
        ax: where to draw.
        colour: of points and bars.
    """
    ax.errorbar(
        np.asarray(x), np.asarray(y), np.asarray(error), fmt="o", color=colour, capsize=2.5,
        elinewidth=1.2,
    )  # fmt: skip
    return ax


def label_ends(lines: Iterable[Line2D], *, ax: Axes, end: int = -1) -> Axes:
    """Writes each line's label beside its last (or first) finite point, moved only to not overlap.

    Args:
        lines: what `ax.plot` returned.
        ax: the axes they are in.
        end: -1 for the right-hand end, 0 for the left-hand one.
    """
    visible = [(line, points) for line in lines if len(points := _finite(line))]
    ends = np.array([points[end] for _, points in visible]).reshape(-1, 2)
    ax.autoscale_view()
    heights = ax.transData.transform(ends)[:, 1] * 72 / ax.figure.dpi
    moves = spread(heights, gap=9.5) - heights
    for (line, _), (x, y), move in zip(visible, ends, moves, strict=True):
        ax.annotate(
            str(line.get_label()), (x, y), (5 if end else -5, move), textcoords="offset points",
            ha="left" if end else "right", va="center", fontsize=8, annotation_clip=False,
            color=text_colour(line.get_color()),
        )  # fmt: skip
    return ax


def spread(heights: ArrayLike, *, gap: float) -> NDArray[np.float64]:
    """The nearest heights, in least squares, that keep their order and lie `gap` apart at least.

    Subtracting `gap` times the rank turns "apart" into "not decreasing": isotonic regression.
    """
    y = np.asarray(heights, dtype=float)
    order = np.argsort(y, kind="stable")
    steps = gap * np.arange(len(y))
    placed = np.empty_like(y)
    if len(y):
        placed[order] = isotonic_regression(y[order] - steps).x + steps
    return placed


def _finite(line: Line2D) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.asarray(line.get_xydata(), dtype=float)
    keep = np.isfinite(points).all(1)
    return points[keep]
