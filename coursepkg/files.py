"""Files that are written whole or not at all: an interruption, or a full disk, loses nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; what stands there replaces it when the block ends well.

    Whatever breaks off the block, `path` stays what it was, and nothing else is left.
    """
    new = path.with_name(path.name + ".new")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8, as `replacing` does."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")
