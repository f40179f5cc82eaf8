"""The course's colours, by what a thing is and never by its order, and its matplotlib style."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.typing import ColorType

COLOURS = {
    "data": "#000000",
    "model": "#0072B2",
    "samples": "#D55E00",
    "latent": "#009E73",
    "prior": "#CC79A7",
    "bound": "#E69F00",
}
"""Okabe and Ito's palette, which readers with any colour vision can tell apart, by role."""

LINE_STYLES = ("solid", "dashed", "dotted", "dashdot")
"""The second cue: lines that differ in colour differ in style too."""


def use_style() -> None:
    """Applies the course's style to all later figures; a notebook calls it in its first cell."""
    plt.style.use("coursepkg.plotting.course")


def text_colour(colour: ColorType) -> tuple[float, float, float]:
    """The same hue, dark enough for text on white (a contrast of 4.5 at least)."""
    red, green, blue = (0.6 * np.array(to_rgb(colour))).tolist()
    return red, green, blue
