"""What is on the canvas at a point: the truth about a figure."""

import numpy as np
from matplotlib.axes import Axes


def colour_at(ax: Axes, x: float, y: float) -> tuple[float, ...]:
    """Red, green and blue in 0..1 where the axes show (x, y)."""
    canvas = ax.figure.canvas
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba()) / 255
    column, row = ax.transData.transform((x, y))
    return tuple(image[round(image.shape[0] - row), round(column), :3].tolist())
