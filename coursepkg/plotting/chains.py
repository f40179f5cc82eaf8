"""Markov chains: traces, ranks, walks on a plane, and a film of such walks."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.stats import rankdata

from coursepkg.plotting.lines import label_ends
from coursepkg.plotting.style import COLOURS

STILL, FRAME = 3000, 80  # milliseconds that the first and last picture stay, and all others
REPEATS = 2  # after the first showing; then the film rests on its last picture


def traces(draws: ArrayLike, *, ax: Axes) -> Axes:
    """Draws one coordinate of each chain against the step, chains numbered at their ends.

    Args:
        draws: (T, C), one column a chain.
        ax: where to draw.
    """
    x = _as_chains(draws, 2)
    lines: list[Line2D] = []
    for c, chain in enumerate(x.T, start=1):
        lines += ax.plot(np.arange(1, len(x) + 1), chain, linewidth=0.8, label=f"chain {c}")
    return label_ends(lines, ax=ax)


def ranks(draws: ArrayLike, *, ax: Axes, bins: int = 20) -> Axes:
    """Draws, a row a chain, how often its states take each rank among those of all chains.

    Chains that agree have flat rows, level with the dashed line. Equal states share the mean of
    their ranks. A bar that would leave its row is cut at the row's top, 2.4 times that line.

    Args:
        draws: (T, C), one column a chain.
        ax: where to draw.
        bins: cells of equal width for the T·C ranks.
    """
    x = _as_chains(draws, 2)
    T, C = x.shape
    rank = rankdata(x, axis=None).reshape(T, C)
    edges = np.linspace(0.5, T * C + 0.5, bins + 1)
    for c in range(C):
        count, _ = np.histogram(rank[:, c], edges)
        floor = C - 1 - c  # the first chain on top
        height = count * bins / T / 2.5  # a uniform chain reaches 0.4 of its row
        ax.bar(
            edges[:-1], np.minimum(height, 0.95), np.diff(edges), floor, align="edge",
            color=COLOURS["samples"], edgecolor="white", linewidth=0.4,
        )  # fmt: skip
        ax.axhline(floor, color="0.6", linewidth=0.6)
        ax.axhline(floor + 0.4, color=COLOURS["data"], linestyle="dashed", linewidth=0.8)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, C))
    ax.set_yticks(np.arange(C) + 0.4, labels=[f"chain {c}" for c in range(C, 0, -1)])
    return ax


def walk(points: ArrayLike, *, ax: Axes, colour: str = COLOURS["samples"]) -> Axes:
    """Draws a chain's way on the plane: a dot a state, and an open square where it began.

    Args:
        points: (T, 2).
        ax: where to draw.
        colour: of line and dots.
    """
    x, y = _as_chains(points, 2).T
    ax.plot(x, y, "o-", color=colour, markersize=2, linewidth=0.6, alpha=0.8)
    ax.plot(x[:1], y[:1], "s", markeredgecolor=COLOURS["data"], markerfacecolor="white")
    return ax


def film(
    walks: Sequence[tuple[Axes, ArrayLike]],
    *,
    trail: int = 3,
    dpi: int = 100,
    colours: int = 64,
) -> bytes:
    """Films chains walking over axes that are drawn already, as an animated GIF.

    The first picture is still and shows the whole walk, for readers whose screen or paper does not
    move; the last is the same. In between, picture t holds the states 1..t of every chain, with
    its last `trail` moves as a line and its present state as a ringed dot.

    Args:
        walks: pairs of axes, all in one figure, and points (T, C, 2), with one T for all.
        trail: moves that are drawn as a line.
        dpi: pixels an inch; it is what decides the size of the file, with `colours`.
        colours: size of the palette that all pictures share, at most 256.

    Returns:
        The file's bytes.

    Raises:
        ValueError: if lengths differ, or points are not (T, C, 2) and finite.
    """
    places = [(ax, _as_chains(points, 3)) for ax, points in walks]
    lengths = {len(x) for _, x in places}
    if len(lengths) != 1:
        raise ValueError(f"walks: expected one length T for all, got {sorted(lengths)}")
    (T,) = lengths
    times = [T, *range(1, T + 1)]
    pictures = [Image.fromarray(x) for x in _pictures(places, times, trail, dpi)]
    palette = _palette(pictures[0], colours)  # the first picture has all that will be seen
    small = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    file = io.BytesIO()
    small[0].save(
        file, "GIF", save_all=True, append_images=small[1:], loop=REPEATS, optimize=True,
        duration=[STILL, *[FRAME] * (T - 1), STILL],
    )  # fmt: skip
    return file.getvalue()


def _pictures(
    places: list[tuple[Axes, NDArray[np.float64]]], times: Sequence[int], trail: int, dpi: int
) -> Iterator[NDArray[np.uint8]]:
    """Pixels (height, width, 3) at each time: the background once, then only what moves."""
    fig = places[0][0].get_figure(root=True)
    assert fig is not None
    fig.set_dpi(dpi)
    canvas = FigureCanvasAgg(fig)
    artists = [(ax, x, _artists(ax, x.shape[1])) for ax, x in places]
    canvas.draw()  # without the artists, which are animated
    background = canvas.copy_from_bbox(fig.bbox)
    for t in times:
        canvas.restore_region(background)
        for ax, x, (seen, heads, *tails) in artists:
            seen.set_data(*x[:t].reshape(-1, 2).T)
            heads.set_data(*x[t - 1].T)
            for c, tail in enumerate(tails):
                tail.set_data(*x[max(t - 1 - trail, 0) : t, c].T)
            for artist in (*tails, seen, heads):
                ax.draw_artist(artist)
        # few shades, black and white among them, so far apart that Pillow finds each again
        yield (np.round(np.asarray(canvas.buffer_rgba())[..., :3] / 15) * 15).astype(np.uint8)


def _palette(picture: Image.Image, colours: int) -> Image.Image:
    """The most frequent colours as they are: a clustering would grey the paper."""
    counted = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.array([colour for _, colour in counted[:colours]]).ravel().tolist())
    return palette


def _artists(ax: Axes, C: int) -> list[Line2D]:
    """Dots for states seen, ringed dots for the present ones, and a line for each chain."""
    colour, ring = COLOURS["samples"], COLOURS["data"]
    seen = ax.plot([], [], "o", color=colour, markersize=2, animated=True)
    heads = ax.plot([], [], "o", color=colour, markersize=7, markeredgecolor=ring, animated=True)
    tails = [ax.plot([], [], "-", color=ring, linewidth=1, animated=True)[0] for _ in range(C)]
    return [*seen, *heads, *tails]


def _as_chains(draws: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    x = np.asarray(draws, dtype=float)
    if x.ndim != dimensions or x.size == 0 or (dimensions == 3 and x.shape[2] != 2):
        shape = {2: "(T, C) or (T, 2)", 3: "(T, C, 2)"}[dimensions]
        raise ValueError(f"draws: expected {shape} with T >= 1, got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"draws: expected finite numbers, got {int((~np.isfinite(x)).sum())} not")
    return x
