"""What is drawn in two dimensions: images in tiles, weights with a sign, densities."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from numpy.typing import ArrayLike, NDArray

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
    largest = float(np.nanmax(np.abs(w)))
    return _tiles(w, columns, mpl.colormaps["PuOr"], (-largest, largest), captions, ax=ax)


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
