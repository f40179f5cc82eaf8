"""Find the submissions: which notebook belongs to whom."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEPTH = 5  # folders below a student's own in which a notebook is looked for
SAFE = re.compile(r"[\w@+-][\w.@+ -]{0,80}", re.ASCII)


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, or a student without one.

    Attributes:
        student: the id: a folder's or a file's name; a second one of the same id gets ``~2``.
        path: the notebook; None if there is none.
        note: what the instructor and the student should know about how it was found.
    """

    student: str
    path: Path | None
    note: str = ""

    @property
    def slug(self) -> str:
        """A file name for its reports, whatever the id is made of."""
        if SAFE.fullmatch(self.student):
            return self.student
        digest = hashlib.sha256(os.fsencode(self.student)).hexdigest()[:16]
        # SAFE has no "~": nobody can call himself what another's file is called.
        return re.sub(r"[^\w@+-]", "_", self.student, flags=re.ASCII)[:60] + "~" + digest


def find(folder: Path, name: str) -> list[Submission]:
    """The submissions: ``STUDENT.ipynb``, ``STUDENT/....ipynb`` or ``STUDENT/NAME/NAME.ipynb``.

    Args:
        folder: where they are.
        name: the assignment's; of a student's notebooks those called ``assignment-NAME``, as the
            site's download is, or ``NAME``, as nbgrader's copy is, and a chapter perhaps, count,
            if there are any.
    """
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() or not entry.is_dir():
            if entry.suffix == ".ipynb" or entry.is_symlink():
                found.setdefault(entry.name.removesuffix(".ipynb"), []).append(entry)
        else:
            notebooks = sorted(_notebooks(entry))
            named = [path for path in notebooks if path.stem == f"assignment-{name}"]
            named += [path for path in notebooks if path.stem == name]
            found.setdefault(entry.name, []).extend(named or notebooks)
    return list(_numbered(found))


def _notebooks(folder: Path) -> Iterator[Path]:
    for top, folders, files in os.walk(folder):
        deep = len(Path(top).relative_to(folder).parts) >= DEPTH
        folders[:] = [] if deep else [name for name in folders if not name.startswith(".")]
        names = [name for name in files if name.endswith(".ipynb") and not name.startswith(".")]
        yield from (Path(top, name) for name in names)  # a Mac adds "._NAME.ipynb", which is none


def _numbered(found: dict[str, list[Path]]) -> Iterator[Submission]:
    for student, paths in sorted(found.items()):
        if not paths:
            yield Submission(student, None, "the folder holds no notebook (.ipynb)")
        note = f"{len(paths)} notebooks have the id {student}: each was graded" if paths[1:] else ""
        for number, path in enumerate(paths, start=1):
            unique = student if number == 1 else f"{student}~{number}"
            while number > 1 and unique in found:
                unique += "~"
            yield Submission(unique, path, note)
