"""The small trained models that lie in the package, each built whole; ``coursepkg.load(name)``."""

from coursepkg.gallery.draws import Drawer, Writer
from coursepkg.gallery.loading import WORKS, Work, load, sign, signature

__all__ = ["WORKS", "Drawer", "Work", "Writer", "load", "sign", "signature"]
