"""Find the submissions: which notebook belongs to whom, and what is to be said of the others.

Nobody vanishes: whatever stands in the folder belongs to somebody, and somebody whose files hold
no notebook gets a row that says so.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from assignments.grader import unpack
from assignments.grader.names import ARCHIVE, COPY, Owner, own_name, owners, stem, upload
from assignments.grader.submission import Unreadable

DEPTH = 5  # folders below a student's own in which a notebook is looked for
SAFE = re.compile(r"[\w@+-][\w.@+ -]{0,80}", re.ASCII)
STUB = re.compile(rb'(?:^|["\n]|\\n)[ \t]*raise NotImplementedError')
ATTEMPT = re.compile(r"-(\d{1,3})$")  # what a platform adds to a file of a name that it has
NOTED = 8  # names of files in a note
NOBODY = Owner("")


@dataclass(frozen=True)
class Submission:
    """One student's work.

    Attributes:
        student: the id.
        path: the file that is graded, or the archive that holds it; None if there is none.
        note: what the instructor and the student should know about how it was found.
        member: the notebook's name in the archive, or "".
        file: what `path` and `member` are called below the folder of submissions.
        owner: what is known of the student.
    """

    student: str
    path: Path | None
    note: str = ""
    member: str = ""
    file: str = ""
    owner: Owner = NOBODY

    @property
    def slug(self) -> str:
        """A file name for its reports, whatever the id is made of."""
        if SAFE.fullmatch(self.student):
            return self.student
        digest = hashlib.sha256(os.fsencode(self.student)).hexdigest()[:16]
        # SAFE has no "~": nobody can call himself what another's file is called.
        return re.sub(r"[^\w@+-]", "_", self.student, flags=re.ASCII)[:60] + "~" + digest


@dataclass(frozen=True)
class Work:
    """A notebook or a script that somebody handed in: what speaks for grading this one.

    Attributes:
        path: the file, or the archive that holds it.
        member: its name in the archive, or "".
        file: what it is called below the folder of submissions.
        answers: functions asked for that it defines, less the stubs that are left in it.
    """

    path: Path
    member: str
    file: str
    answers: int

    @property
    def stem(self) -> str:
        """The student's own name for it, without its ending."""
        return stem(own_name(Path(self.member or self.path.name).name))


def find(
    folder: Path,
    name: str,
    functions: Iterable[str] = (),
    known: Callable[[Owner], Owner] = lambda owner: owner,
) -> list[Submission]:
    """The submissions, one a student.

    An entry of the folder is a student's file or folder, in Moodle's, Canvas's or nbgrader's
    names or in one's own. Of several notebooks the last attempt counts in which anything is
    answered, then the one with the most answers, then the one with the assignment's name.

    Args:
        folder: where they are.
        name: the assignment's.
        functions: what its questions ask for: a notebook is blank if it has none of them.
        known: who somebody is on the class's roster.
    """
    names = sorted(entry.name for entry in folder.iterdir() if _seen(entry.name))
    work: dict[str, list[Work]] = {}
    rest: dict[str, list[str]] = {}
    students: dict[str, Owner] = {}
    folders = {name for name in names if _is_folder(folder / name)}
    for entry, owner in owners(names, folders).items():
        student = known(owner)
        before = students.get(student.id, student)
        students[student.id] = replace(before, late=before.late or student.late)
        mine, others = work.setdefault(student.id, []), rest.setdefault(student.id, [])
        for path in _files(folder / entry):
            _sort(path, str(path.relative_to(folder)), list(functions), mine, others)
    return [_choose(students[key], work[key], rest[key], name) for key in sorted(students)]


def handed(submission: Submission) -> datetime | None:
    """When it was handed in: as the platform says, or by the file's own time."""
    if submission.owner.handed or submission.path is None or submission.owner.platform:
        return submission.owner.handed
    return datetime.fromtimestamp(submission.path.lstat().st_mtime).astimezone()


def _seen(name: str) -> bool:
    """Whether it is none of what editors and other systems leave beside one's files."""
    return not name.startswith((".", "__MACOSX")) and name not in {"Thumbs.db", "desktop.ini"}


def _is_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink()


def _files(entry: Path) -> Iterator[Path]:
    if not _is_folder(entry):
        yield entry
        return
    for top, folders, files in os.walk(entry):
        deep = len(Path(top).relative_to(entry).parts) >= DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if _seen(name))
        yield from (Path(top, name) for name in sorted(files) if _seen(name))


def _sort(path: Path, file: str, functions: list[str], mine: list[Work], others: list[str]) -> None:
    """Adds the file, or what an archive holds, to the student's work or to the other files."""
    if ARCHIVE.search(path.name):
        try:
            inside = unpack.members(path)
        except Unreadable as error:
            others.append(f"{file} ({error})")
            return
        mine += [Work(path, m, f"{file}/{m}", _answers(path, m, functions)) for m in inside]
        if not inside:
            others.append(f"{file} (no notebook in it)")
    elif unpack.is_work(path.name) or path.is_symlink():
        mine.append(Work(path, "", file, _answers(path, "", functions)))
    else:
        others.append(file)


def _answers(path: Path, member: str, functions: list[str]) -> int:
    """Nothing is parsed or run: the bytes say enough to tell a blank notebook from a worked one."""
    try:
        data = unpack.content(path, member)
    except Unreadable:
        return -1000
    asked = (rf"(?:\b|\\n)def\s+{function}\b".encode() for function in functions)
    return sum(re.search(pattern, data) is not None for pattern in asked) - len(STUB.findall(data))


def _choose(owner: Owner, work: list[Work], others: list[str], name: str) -> Submission:
    if not work:
        files = f": {_listed(others)}" if others else ""
        return Submission(owner.id, None, f"no notebook (.ipynb) was found{files}", owner=owner)
    proper = {f"assignment-{name}": 2, name: 1}
    stems = {one.stem for one in work} | proper.keys()

    def rank(one: Work) -> tuple[bool, int, int, int, float, int]:
        again = ATTEMPT.search(one.stem)
        base = ATTEMPT.sub("", one.stem)
        attempt = int(again[1]) if again and base in stems else 0
        right = proper.get(COPY.sub("", base if attempt else one.stem), 0)
        time = one.path.lstat().st_mtime
        return one.answers > 0, attempt, one.answers, right, time, upload(one.path.name)

    first, *left = sorted(work, key=rank, reverse=True)
    said = []
    if left:
        said.append(f"{len(work)} notebooks were handed in; graded: {first.file}")
        said.append(f"not graded: {_listed([one.file for one in left])}")
    elif first.member or not first.path.name.endswith(".ipynb"):
        said.append(f"graded: {first.file}")
    if others:
        said.append(f"no notebooks: {_listed(others)}")
    if owner.late:
        said.append("the learning platform marked it as late")
    return Submission(owner.id, first.path, "; ".join(said), first.member, first.file, owner)


def _listed(files: list[str]) -> str:
    more = [f"and {len(files) - NOTED} more"] if len(files) > NOTED else []
    return ", ".join(files[:NOTED] + more)
