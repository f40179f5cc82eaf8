"""Whose work a file is: what learning platforms write into the names of what they pack."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime

# `Ann Lee_123456_assignsubmission_file_`, a folder, or the same before a file's own name
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?")
# `leeann_LATE_12345_67890_x.ipynb`; without names `anon_AbC12_67890_x.ipynb`
CANVAS = re.compile(
    r"(?:(?P<name>\w+?)_)??(?P<late>LATE_)?(?P<id>\d+|anon_[^_]+)"
    r"_(?:(?P<upload>\d+)_.+|text\.html|link\.html)"
)
COPY = re.compile(r"(?:-Copy\d+| ?\(\d+\))+$")  # what Jupyter and browsers add to a second one
NOTEBOOK = re.compile(r"(?:\.ipynb(?:\.json|\.txt)?|\.json)$", re.IGNORECASE)
SCRIPT = re.compile(r"\.py(?:\.txt)?$", re.IGNORECASE)
ARCHIVE = re.compile(r"\.zip$", re.IGNORECASE)


@dataclass(frozen=True)
class Owner:
    """A student, as far as known.

    Attributes:
        id: the platform's number, or what the file or folder is called.
        name: the full name, or "".
        email: the address, or "".
        late: whether the platform's file name says so.
        handed: when it was handed in, if the platform says that.
        platform: "moodle", "canvas" or "".
    """

    id: str
    name: str = ""
    email: str = ""
    late: bool = False
    handed: datetime | None = None
    platform: str = ""


def owners(names: Iterable[str], folders: Container[str] = ()) -> dict[str, Owner]:
    """Whose each entry of a folder of submissions is, by the names of all of them.

    What could be Canvas's is, if no number belongs to two names: ``ann_2024_01_x.ipynb`` beside
    ``bob_2024_01_x.ipynb`` are two students' own names for their files. A folder's name has no
    ending.
    """
    names = list(names)
    plain = {name: name if name in folders else stem(name) for name in names}
    matches = {name: found for name in names if (found := CANVAS.fullmatch(name))}
    called = defaultdict(set)
    for found in matches.values():
        called[found["id"]].add(found["name"])
    canvas = matches if all(len(some) == 1 for some in called.values()) else {}
    result = {}
    for name in names:
        if found := MOODLE.fullmatch(name):
            result[name] = Owner(found["id"], found["name"], platform="moodle")
        elif found := canvas.get(name):
            late = found["late"] is not None
            result[name] = Owner(found["id"], found["name"] or "", late=late, platform="canvas")
        else:
            base = COPY.sub("", plain[name])
            result[name] = Owner(base if base in plain.values() else plain[name])
    return result


def stem(name: str) -> str:
    """The name without the ending that says what is in the file."""
    for ending in (NOTEBOOK, SCRIPT, ARCHIVE):
        if ending.search(name):
            return ending.sub("", name)
    return re.sub(r"\.(?:pdf|docx?|odt|html?|md|txt|rar|7z|t?gz|tar)$", "", name, flags=re.I)


def upload(name: str) -> int:
    """Canvas's running number of the upload, or 0."""
    found = CANVAS.fullmatch(name)
    return int(found["upload"] or 0) if found else 0


def own_name(name: str) -> str:
    """What the student called the file, without what a platform put before it."""
    if MOODLE.fullmatch(name):
        return name.partition("_assignsubmission_file_")[2] or name
    found = CANVAS.fullmatch(name)
    return name[found.end("upload") + 1 :] if found and found["upload"] else name
