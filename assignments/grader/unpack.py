"""Notebooks out of archives and scripts, within limits: whoever packs them sizes them."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from pathlib import Path

from assignments.grader.names import NOTEBOOK, SCRIPT
from assignments.grader.submission import Unreadable, read_bytes

ARCHIVE_LIMIT = 64 << 20  # bytes of an archive
FILES = 2000  # in an archive
UNPACKED = 128 << 20  # bytes of all its notebooks together
RATIO = 200  # of a file to what it takes in the archive
ENTRY = b"PK\x01\x02"  # begins each line of an archive's table of contents
PERCENT = re.compile(r"^# (?:%%|In\[)(.*)$", re.MULTILINE)  # jupytext's mark and nbconvert's


def is_work(name: str) -> bool:
    """Whether the name is that of a notebook or of a script."""
    return bool(NOTEBOOK.search(name) or SCRIPT.search(name))


def members(path: Path) -> list[str]:
    """The notebooks and scripts in an archive, without what a Mac adds.

    Raises:
        Unreadable: it is no archive, or beyond the limits; the message says why.
    """
    with _open(path) as archive:
        inside = [one for one in archive.infolist() if is_work(one.filename) and _seen(one)]
    if sum(one.file_size for one in inside) > UNPACKED:
        raise Unreadable(f"its notebooks take more than {UNPACKED >> 20} MiB: clear all outputs")
    return [one.filename for one in inside]


def content(path: Path, member: str = "") -> bytes:
    """The bytes of a file, or of one in an archive; nothing is written anywhere.

    Raises:
        Unreadable: as `members`, or the file is damaged, encrypted or packed too tightly.
    """
    if not member:
        return _bytes(path)
    with _open(path) as archive:
        info = archive.getinfo(member)
        stored = info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        if not stored or info.flag_bits & 1:
            raise Unreadable(f"{member} is encrypted, or packed in a way that we do not read")
        if info.file_size > min(UNPACKED, RATIO * max(info.compress_size, 1024)):
            raise Unreadable(f"{member} is much larger than what it takes in the archive")
        try:
            with archive.open(info) as file:
                return file.read(info.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise Unreadable(f"{member} is damaged in the archive") from error


def notebook(path: Path, member: str, folder: Path) -> Path:
    """The file itself if it is a notebook; else one made of it, as ``folder/notebook.ipynb``.

    Raises:
        Unreadable: see `content`.
    """
    name = member or path.name
    if not member and not SCRIPT.search(name):
        return path
    data = content(path, member)
    made = folder / "notebook.ipynb"
    made.write_bytes(as_notebook(data) if SCRIPT.search(name) else data)
    return made


def as_notebook(script: bytes) -> bytes:
    """A py:percent script, or what nbconvert makes, as a notebook; any other is one cell.

    A cell's mark may name its kind and its nbgrader id: ``# %% [markdown]``.
    """
    text = script.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    marks = list(PERCENT.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)]
    cells = [{"cell_type": "code", "metadata": {}, "source": text[: ends[0]]}]
    for mark, end in zip(marks, ends[1:], strict=True):
        kind = "markdown" if "[markdown]" in mark[1] else "code"
        found = re.search(r'"grade_id": "([\w-]+)"', mark[1])
        metadata = {"nbgrader": {"grade_id": found[1]}} if found else {}
        cells.append({"cell_type": kind, "metadata": metadata, "source": text[mark.end() : end]})
    made = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made).encode()


def _bytes(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror}") from error


def _open(path: Path) -> zipfile.ZipFile:
    if path.lstat().st_size > ARCHIVE_LIMIT:
        raise Unreadable(f"the archive is larger than {ARCHIVE_LIMIT >> 20} MiB")
    data = _bytes(path)
    if data.count(ENTRY) > FILES:
        raise Unreadable(f"the archive holds more than {FILES} files")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise Unreadable("the archive is damaged, or not all of it was handed in") from error


def _seen(info: zipfile.ZipInfo) -> bool:
    """Whether it is neither hidden nor in a folder that is."""
    parts = info.filename.replace("\\", "/").split("/")
    return not any(part.startswith(("._", "__MACOSX", ".ipynb_checkpoints")) for part in parts)
