"""Reference implementations of the course on generative models, one family a file or a folder."""

__version__ = "0.1.0"
