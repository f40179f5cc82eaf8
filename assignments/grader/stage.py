"""What the sandbox shows as ``/grader``: the worker, and a ``coursepkg`` without the answers.

A master names the modules that its questions ask for. They are gone from the student's copy, and so
is whatever needs them; each face (a package's ``__init__``) offers what is left, so that
``from coursepkg.data import load_split`` works for everyone.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "grading-"
Import = ast.Import | ast.ImportFrom
# What a module imports of ours. To parse no more than this is fast; it is done for each student.
OURS = re.compile(r"^(?:from (?:coursepkg|\.).* import (?:\([^)]*\)|.*)|import coursepkg.*)", re.M)


class GraderError(RuntimeError):
    """The grader itself cannot do its work; no fault of any student."""


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, gone afterwards; if this process is killed, the next one removes it."""
    top = Path(tempfile.gettempdir())
    for left in top.glob(f"{PREFIX}*"):
        if (lock := _lock(left, fcntl.LOCK_NB)) >= 0:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=top))
        if (lock := _lock(folder)) >= 0:
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path, wait: int = 0) -> int:
    """A file descriptor that locks our folder until it is closed; -1 if it is locked or gone.

    The kernel takes the lock of a process that is killed.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return -1
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | wait)
        # it is ours, and was not removed before the lock was there
        if os.fstat(lock).st_uid == os.geteuid() and folder.exists():
            return lock
    except BlockingIOError:
        pass
    os.close(lock)
    return -1


@contextlib.contextmanager
def stage(deleted: tuple[str, ...] = ()) -> Iterator[Path]:
    """The folder that the sandbox shows as ``/grader``; gone afterwards."""
    with scratch() as folder:
        for module in ("worker", "clock", "statements", "channel", "plain", "seccomp"):
            shutil.copy(Path(__file__).with_name(f"{module}.py"), folder)
        copy_package(deleted, folder / "coursepkg")
        folder.chmod(0o755)
        yield folder


def copy_package(deleted: tuple[str, ...], target: Path) -> None:
    """A ``coursepkg`` without the master's ``delete`` list and without what needs it.

    Args:
        deleted: dotted names of modules and packages.
        target: the copy, a folder that does not exist yet.

    Raises:
        GraderError: there is no such module.
    """
    gone: set[Path] = set()
    for name in deleted:
        path = ROOT / name.replace(".", "/")
        found = {p for p in (path, path.with_suffix(".py")) if p.exists()}
        if not found:
            raise GraderError(f"the master deletes modules that do not exist: {name}")
        gone |= found

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {n for n in names if n == "__pycache__" or Path(folder, n) in gone}

    shutil.copytree(ROOT / "coursepkg", target, ignore=ignored)
    _mend(target, set(deleted))


def _mend(copy: Path, lost: set[str]) -> None:
    """Take from the copy all that needs something lost: modules, and names from the faces.

    Args:
        copy: its folder.
        lost: dotted names, ``coursepkg.bayes.coin`` or a face's ``coursepkg.bayes.BetaBernoulli``.
    """
    files = [_File(copy, path) for path in copy.rglob("*.py")]
    while new := {name for file in files for name in file.loses(lost)} - lost:
        lost |= new
    for file in files:
        file.mend(lost)


class _File:
    """A file of the copy, and what it imports.

    Args:
        copy: the copy's folder.
        path: the file.
    """

    def __init__(self, copy: Path, path: Path) -> None:
        text, parts = path.read_text(encoding="utf-8"), path.relative_to(copy.parent).parts
        self.path, self.face = path, path.name == "__init__.py"
        self.package = ".".join(("coursepkg", *parts[1:-1]))
        self.name = f"{self.package}.{path.stem}"
        self.tree = ast.parse(text if self.face else "\n".join(OURS.findall(text)))

    def broken(self, lost: set[str]) -> Iterator[tuple[Import, ast.alias]]:
        """The imports of something lost, or of something in what is lost."""
        for statement in self.tree.body:
            if not isinstance(statement, Import):
                continue
            for alias in statement.names:
                name = alias.name
                if isinstance(statement, ast.ImportFrom):
                    module = "." * statement.level + (statement.module or "")
                    name = f"{resolve_name(module, self.package)}.{name}"
                if not lost.isdisjoint(itertools.accumulate(name.split("."), "{}.{}".format)):
                    yield statement, alias

    def loses(self, lost: set[str]) -> set[str]:
        """What others cannot import any more: of a face some names, and else the module."""
        broken = [alias for _, alias in self.broken(lost)]
        if self.face:
            return {f"{self.package}.{alias.asname or alias.name}" for alias in broken}
        return {self.name} if broken else set()

    def mend(self, lost: set[str]) -> None:
        """Remove a module that cannot be imported; let a face import and list what is left."""
        if not self.face:
            if self.name in lost:
                self.path.unlink()
            return
        for statement, alias in list(self.broken(lost)):
            statement.names.remove(alias)
        kept = [node for node in self.tree.body if not isinstance(node, Import) or node.names]
        for node in kept:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                listed = ast.literal_eval(node.value)
                left = [name for name in listed if f"{self.package}.{name}" not in lost]
                node.value = ast.parse(repr(left), mode="eval").body
        self.path.write_text(ast.unparse(ast.Module(kept, [])), encoding="utf-8")
