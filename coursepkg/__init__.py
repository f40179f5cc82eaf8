"""Reference implementations of the course on generative models, one family a file or a folder.

``coursepkg.load(name)`` builds a trained model of `coursepkg.gallery`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursepkg.gallery.loading import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Looks `load` up when it is asked for, or every import of ours would import all models."""
    if name == "load":
        from coursepkg.gallery import loading

        return loading.load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
