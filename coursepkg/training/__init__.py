"""Training loops: plain loops on Lightning Fabric."""

from coursepkg.training.loop import History, fit

__all__ = [
    "History",
    "fit",
]
