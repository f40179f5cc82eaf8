"""What is drawn in two dimensions: tiles of images, of weights, of what is seen; densities."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from coursepkg.plotting.style import COLOURS

MISSING = "#F5C9A3"  # pale orange: neither black, white nor a grey


def image_grid(
    images: ArrayLike,
    *,
    ax: Axes,
    columns: int | None = None,
    shape: tuple[int, int] | None = None,
    high: float | None = None,
    captions: Sequence[str] = (),
) -> Axes:
    """Draws images as grey tiles, 0 black and `high` white; NaN, a missing pixel, is pale orange.

    Args:
        images: (n, H, W), or flat (n, H·W).
        ax: where to draw.
        columns: tiles a row; by default as many as make the whole about square.
        shape: (H, W) of flat images that are not square.
        high: the value of white; by default the largest there is.
        captions: one for each row, written on the left.
    """
    x = _as_images(images, shape)
    high = float(np.nanmax(x)) if high is None else high
    return _tiles(x, columns, mpl.colormaps["gray"], (0, high), captions, ax=ax)


def signed_weights(
    weights: ArrayLike,
    *,
    ax: Axes,
    columns: int | None = None,
    shape: tuple[int, int] | None = None,
    captions: Sequence[str] = (),
) -> Axes:
    """Draws weights as tiles: orange below zero, white at zero, purple above, one scale for all.

    Args:
        weights: (n, H, W), or flat (n, H·W).
        ax: where to draw.
        columns: tiles a row.
        shape: (H, W) of flat weights that are not square.
        captions: one for each row, written on the left.
    """
    w = _as_images(weights, shape)
    largest = float(np.nanmax(np.abs(w))) or 1.0  # if all are 0, 0 is white all the same
    return _tiles(w, columns, mpl.colormaps["PuOr"], (-largest, largest), captions, ax=ax)


def receptive_fields(
    seen: ArrayLike, *, place: int, ax: Axes, captions: Sequence[str] = ()
) -> Axes:
    """Draws which pixels each of several predictions of one pixel sees, in the raster's order.

    Blue is what it sees of the past, grey the rest of the past, white what is still covered; a
    pixel that it sees and must not is orange and bears a cross. The predicted pixel is outlined.

    Args:
        seen: bool (n, H, W), or flat (n, H·W).
        place: the predicted pixel, counted from 0 along the rows.
        ax: where to draw.
        captions: one for each tile, written above it.

    Raises:
        ValueError: if `place` is no pixel, or `seen` are no images.
    """
    sees = _as_images(seen, None) != 0
    n, height, width = sees.shape
    if not 0 <= place < height * width:
        raise ValueError(f"place: expected 0 to {height * width - 1}, got {place}")
    covered = np.arange(height * width).reshape(height, width) >= place
    kind = np.where(sees, 2 + covered, ~covered)  # 0 covered, 1 past, 2 seen, 3 a leak
    cmap = ListedColormap(["white", "0.85", COLOURS["model"], COLOURS["samples"]])
    _tiles(kind.astype(float), n, cmap, (0, 3), (), ax=ax)
    for i, tile in enumerate(kind):
        left = i * (width + 1)
        corner = (left + place % width, place // width)
        ax.add_patch(Rectangle((left, 0), width, height, fill=False, edgecolor="0.6"))
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=2))
        rows, columns = np.nonzero(tile == 3)
        ax.plot(left + columns + 0.5, rows + 0.5, "x", color="black")
    for i, caption in enumerate(captions):
        centre = i * (width + 1) + width / 2
        ax.text(centre, -0.5, caption, ha="center", va="bottom", fontsize=8)
    return ax


def density2d(x: ArrayLike, y: ArrayLike, density: ArrayLike, *, ax: Axes) -> Axes:
    """Draws a density on a grid, dark blue at zero and yellow at its largest, with equal units.

    Args:
        x: positions of the columns, (n,).
        y: positions of the rows, (m,).
        density: (m, n), as from `log_prob(...).exp()`.
        ax: where to draw.
    """
    mesh = ax.pcolormesh(
        np.asarray(x), np.asarray(y), np.asarray(density), cmap="cividis", vmin=0,
        shading="gouraud",
    )  # fmt: skip
    mesh.set_rasterized(True)
    ax.set_aspect("equal")
    return ax


def _as_images(images: ArrayLike, shape: tuple[int, int] | None) -> NDArray[np.float64]:
    x = np.asarray(images, dtype=float)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        shape = shape or (side, side)
        if shape[0] * shape[1] != x.shape[1]:
            raise ValueError(f"images: expected {shape[0]}×{shape[1]} pixels, got {x.shape[1]}")
        x = x.reshape(-1, *shape)
    if x.ndim != 3 or len(x) == 0:
        raise ValueError(f"images: expected (n, H, W) or (n, H·W) with n >= 1, got {x.shape}")
    return x


def _tiles(
    x: NDArray[np.float64],
    columns: int | None,
    cmap: Colormap,
    limits: tuple[float, float],
    captions: Sequence[str],
    *,
    ax: Axes,
) -> Axes:
    """One mesh per tile, so that the gaps between tiles are the page and never a value."""
    n, height, width = x.shape
    columns = columns or min(n, max(1, round((n * height / width) ** 0.5)))
    cmap = cmap.with_extremes(bad=MISSING)
    step_x, step_y = width + 1, height + 1  # a gap of one pixel
    for i, image in enumerate(x):
        left, top = i % columns * step_x, i // columns * step_y
        ax.imshow(
            np.ma.masked_invalid(image), cmap=cmap, vmin=limits[0], vmax=limits[1],
            extent=(left, left + width, top + height, top),
        )  # fmt: skip
    rows = -(-n // columns)
    ax.set(xlim=(0, columns * step_x - 1), ylim=(rows * step_y - 1, 0), xticks=[])
    ax.set_yticks([i * step_y + height / 2 for i in range(len(captions))], labels=list(captions))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax
