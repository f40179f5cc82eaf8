"""How the still picture of a live figure is written."""

from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image


def save(figure: Figure, path: Path) -> None:
    """Writes the figure in 64 colours, a third of the size, and closes it."""
    picture = BytesIO()
    figure.savefig(picture)
    plt.close(figure)
    Image.open(picture).convert("RGB").quantize(64).save(path, optimize=True)
