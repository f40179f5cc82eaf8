"""Text to model character by character: Python's own language reference, or any file."""

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import torch
from torch import Tensor


class Text(NamedTuple):
    """Text without its repeated paragraphs; the first nine tenths train, the rest validates."""

    train: str
    valid: str
    source: str  # where it is from
    sha256: str  # of the text before the split: belongs beside every number


def load_text() -> Text:
    """Python's language reference as it ships with `pydoc`, about 337k and 37k characters.

    It differs between versions of Python, which `source` names. Its topics quote one another: 530
    of 2,608 paragraphs repeat (Python 3.11), and would be in both parts if they were kept.
    """
    whole = "\n\n".join(topics[name] for name in sorted(topics))
    return split_text(whole, source=f"pydoc_data.topics, Python {platform.python_version()}")


def read_text(path: str | Path) -> Text:
    """Any text of the reader's, split in the same way.

    Raises:
        ValueError: if the file is not UTF-8 or has fewer than two different paragraphs.
    """
    try:
        return split_text(Path(path).read_text(encoding="utf-8"), source=str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, got {error}") from error


def split_text(text: str, *, source: str) -> Text:
    """Keeps the first of equal paragraphs, then cuts between two paragraphs at nine tenths.

    Args:
        text: paragraphs with blank lines between them.
        source: where it is from.

    Raises:
        ValueError: if there are fewer than two different paragraphs.
    """
    pieces = (piece.strip("\n") for piece in re.split(r"\n[ \t]*\n", text))
    unique = list(dict.fromkeys(piece for piece in pieces if piece.strip()))
    if len(unique) < 2:
        raise ValueError(
            f"{source}: expected two or more different paragraphs with blank lines between them, "
            f"got {len(unique)}"
        )
    cut = min(round(0.9 * len(unique)), len(unique) - 1)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Text("\n\n".join(unique[:cut]), "\n\n".join(unique[cut:]), source, sha256)


@dataclass(frozen=True)
class Vocabulary:
    """Numbers the characters 0..K-1 in the order of `characters`."""

    characters: str

    def __post_init__(self) -> None:
        if len(set(self.characters)) != len(self.characters) or not self.characters:
            raise ValueError(f"characters: expected one or more, all different, got {self}")

    @classmethod
    def from_text(cls, text: str) -> "Vocabulary":
        """The characters of a text, by code point."""
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Maps a text of T characters to (T,) int64.

        Raises:
            ValueError: if a character is not in the vocabulary.
        """
        number = {character: k for k, character in enumerate(self.characters)}
        unknown = sorted(set(text) - set(number))
        if unknown:
            raise ValueError(f"text: expected the {len(self)} known characters, got {unknown} too")
        return torch.tensor([number[character] for character in text], dtype=torch.int64)

    def decode(self, ids: Tensor) -> str:
        """Maps (T,) back to the text.

        Raises:
            ValueError: if a number is not one of 0..K-1.
        """
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(self):
            raise ValueError(
                f"ids: expected 0..{len(self) - 1}, got {int(ids.min())} to {int(ids.max())}"
            )
        return "".join(self.characters[k] for k in ids.tolist())
