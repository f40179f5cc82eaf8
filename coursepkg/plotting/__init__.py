"""Figures in the course's style; functions take arrays and `ax`, and return `ax`."""

from coursepkg.plotting.bars import bars
from coursepkg.plotting.chains import film, ranks, traces, walk
from coursepkg.plotting.fields import density2d, image_grid, receptive_fields, signed_weights
from coursepkg.plotting.frontier import frontier
from coursepkg.plotting.graphs import draw_graph
from coursepkg.plotting.lines import curves, interval, label_ends, path, spread
from coursepkg.plotting.style import COLOURS, LINE_STYLES, text_colour, use_style

__all__ = [
    "COLOURS",
    "LINE_STYLES",
    "bars",
    "curves",
    "density2d",
    "draw_graph",
    "film",
    "frontier",
    "image_grid",
    "interval",
    "label_ends",
    "path",
    "ranks",
    "receptive_fields",
    "signed_weights",
    "spread",
    "text_colour",
    "traces",
    "use_style",
    "walk",
]
