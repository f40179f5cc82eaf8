"""The student's coursepkg: nothing of what a master deletes, and everything else as it was."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from assignments.grader import stage as staging
from assignments.grader.master import read_master
from assignments.grader.stage import ROOT, GraderError, copy_package, scratch, stage
from tools import assignments as tool

MASTERS = {
    path.stem: read_master(path).deleted for path in sorted((ROOT / tool.MASTERS).glob("*.py"))
}
each_master = pytest.mark.parametrize("master", MASTERS)


def dotted(folder: Path) -> set[str]:
    """The modules of the package below a folder."""
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    return {".".join(path.parts).removesuffix(".__init__") for path in files}


# --- each master ------------------------------------------------------------------------------

# Imports each module of each copy, in one Python that imports torch once; where coursepkg is
# installed, it is not to be found there.
IMPORT_ALL = """
import importlib, json, pathlib, sys
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
result = {}
for folder in sys.argv[1:]:
    for name in [n for n in sys.modules if n.partition(".")[0] == "coursepkg"]:
        del sys.modules[name]
    sys.path.insert(0, folder)
    offered = result[folder] = {}
    for path in pathlib.Path(folder).rglob("*.py"):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        offered[name] = dir(module)
        assert {*getattr(module, "__all__", ())} <= {*offered[name]}, name
    sys.path.remove(folder)
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def offered(tmp_path_factory) -> dict[str, dict[str, list[str]]]:
    """The names in each module that can be imported: of each master's copy, and of a bare one.

    In a bare one the deleted modules are gone and all faces are empty.
    """
    top = tmp_path_factory.mktemp("copies")
    for master, deleted in MASTERS.items():
        copy_package(deleted, top / master / "coursepkg")
        bare = top / f"bare {master}" / "coursepkg"
        shutil.copytree(ROOT / "coursepkg", bare, ignore=shutil.ignore_patterns("__pycache__"))
        for name in deleted:
            path = bare.parent / name.replace(".", "/")
            shutil.rmtree(path) if path.is_dir() else path.with_suffix(".py").unlink()
        for face in bare.rglob("__init__.py"):
            face.write_text("", encoding="utf-8")
    folders = sorted(map(str, top.iterdir()))
    command = [sys.executable, "-I", "-B", "-c", IMPORT_ALL, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=top)
    result = {Path(key).name: value for key, value in json.loads(done.stdout).items()}
    for master in MASTERS:
        assert dotted(top / master) == result[master].keys()
    return result


@pytest.mark.slow
@each_master
def test_what_is_left_can_be_imported_and_what_can_be_imported_is_left(offered, master):
    """Kills: a face that imports what is gone; a module that is gone without need."""
    left = offered[master].keys()
    assert left == offered[f"bare {master}"].keys()
    deleted = [f"{name}." for name in MASTERS[master]]
    assert not [name for name in left if any(f"{name}.".startswith(other) for other in deleted)]
    assert "load_split" in offered[master]["coursepkg.data"]


@pytest.mark.slow
@each_master
def test_a_face_offers_exactly_what_is_not_the_answer(offered, master):
    """Kills: the reference under its short name; a name that an honest student misses."""
    left, seen = offered[master], 0
    for name in left:
        face = import_module(name)
        for key in getattr(face, "__all__", ()):
            home = getattr(getattr(face, key), "__module__", None)
            if isinstance(home, str) and home.startswith("coursepkg."):
                assert (key in left[name]) == (home in left), (name, key)
                seen += 1
    assert seen > 50


# --- a small package --------------------------------------------------------------------------

PACKAGE = {
    "__init__": """
try:
    from nowhere import version
except ImportError:
    version = 2
""",
    "secret": "answer, question = 42, 6",
    "near": """'''A module.

    from coursepkg.secret import answer
'''
from coursepkg.secret import (
    answer,
)
def near(): return answer
""",
    "far": "from coursepkg.short import near\ndef far(): return near()",
    "last": "import math\nimport coursepkg.far as other",
    "free": "from math import pi\n# from coursepkg.secret import answer\nfree = secret = pi",
    "shorter": "from coursepkg.short import free as much",
    "shortest": "from coursepkg.short import reply",
    "short/__init__": """
from coursepkg.far import far
from coursepkg.free import free, secret as open_secret
from coursepkg.near import near
from coursepkg.secret import answer as reply, question
from . import own
from .own import mine as ours
__all__ = ["far", "free", "near", "open_secret", "ours", "own", "question", "reply"]
""",
    "short/own": "'''It says:\n\n    from coursepkg.secret import answer\n'''\nmine = 3",
    "short/other": "from .. import far\nmine = 4",
}


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """Where a copy of the small package goes."""
    for name, text in PACKAGE.items():
        path = tmp_path / "course" / "coursepkg" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    compiled = tmp_path / "course/coursepkg/__pycache__/secret.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"42")
    monkeypatch.setattr(staging, "ROOT", tmp_path / "course")
    return tmp_path / "copy" / "coursepkg"


def listed(face: Path) -> list[str]:
    """A face's ``__all__``."""
    space: dict = {}
    exec(face.read_text(encoding="utf-8").splitlines()[-1], space)
    return space["__all__"]


def test_what_needs_a_deleted_module_goes_with_it(copy):
    """Kills: one step of the way only; what comes through a face; a text taken for an import."""
    copy_package(("coursepkg.secret",), copy)
    assert dotted(copy.parent) == {"coursepkg"} | {
        f"coursepkg.{name}" for name in ("free", "short", "short.own", "shorter")}  # fmt: skip
    face = (copy / "short/__init__.py").read_text(encoding="utf-8")
    assert listed(copy / "short/__init__.py") == ["free", "open_secret", "ours", "own"]
    assert [word for word in ("secret", "answer", "reply", "far", "near") if word in face] == [
        "secret"]  # fmt: skip
    assert "coursepkg.free import free, secret as open_secret" in face
    assert "from nowhere import version" in (copy / "__init__.py").read_text(encoding="utf-8")


def test_without_a_delete_list_everything_is_there(copy):
    """Kills: a face that loses what nobody deletes; bytecode, which holds a reference."""
    copy_package((), copy)
    assert not [*copy.rglob("*.pyc")]
    assert len(dotted(copy.parent)) == len(PACKAGE)
    assert len(listed(copy / "short/__init__.py")) == 8


def test_a_package_is_deleted_with_all_that_it_holds(copy):
    """Kills: a package's module that is left under its own name."""
    copy_package(("coursepkg.short",), copy)
    assert dotted(copy.parent) == {
        "coursepkg",
        *map("coursepkg.{}".format, ("secret", "near", "free")),
    }
    assert not (copy / "short").exists()


# --- the folder -------------------------------------------------------------------------------


def test_the_sandbox_gets_the_worker_and_the_package_without_bytecode():
    """Kills: a reference that is still there as a package; a worker that cannot read its own."""
    with stage(("coursepkg.bayes.coin", "coursepkg.models")) as folder:
        ours = {
            "worker.py",
            "clock.py",
            "statements.py",
            "channel.py",
            "plain.py",
            "seccomp.py",
            "coursepkg",
        }
        assert {path.name for path in folder.iterdir()} == ours
        assert not [*folder.rglob("coin*"), *folder.rglob("models")]
        assert (folder / "coursepkg/py.typed").exists()
        assert folder.stat().st_mode & 0o777 == 0o755
    assert not folder.exists()


HOLD = """
import sys, tempfile, time
from assignments.grader.stage import scratch
tempfile.tempdir = sys.argv[1]
with scratch() as folder:
    (folder / "inside").mkdir()
    print(folder, flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process with a scratch folder of its own below this one."""
    words = [sys.executable, "-S", "-c", HOLD, str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    return process, Path(process.stdout.readline().rstrip())


def test_a_killed_graders_folder_goes_when_the_next_one_starts(tmp_path, monkeypatch):
    """Kills: a folder for each grader that was killed; the folder of one that is at work."""
    monkeypatch.setattr(staging.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "other").mkdir()
    (tmp_path / "grading-notes").write_text("a file of the user's", encoding="utf-8")
    (tmp_path / "grading-link").symlink_to(tmp_path / "other")
    (killed, gone), (working, kept) = hold(tmp_path), hold(tmp_path)
    killed.kill()
    killed.wait()
    assert (gone / "inside").is_dir()
    with scratch() as ours:
        assert ours.is_dir()
        assert not gone.exists()
        assert (kept / "inside").is_dir()
    working.kill()
    working.wait()
    with scratch():
        pass
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"other", "grading-notes", "grading-link"}
    for process in (killed, working):
        process.stdout.close()


def test_another_users_folder_is_left(tmp_path, monkeypatch):
    """Kills: root who removes what another user's grader is about to lock."""
    monkeypatch.setattr(staging.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "grading-theirs").mkdir()
    real = os.geteuid()
    monkeypatch.setattr(staging.os, "geteuid", lambda: real + 1)
    assert staging._lock(tmp_path / "grading-theirs") == -1
    monkeypatch.undo()
    os.close(lock := staging._lock(tmp_path / "grading-theirs"))
    assert lock >= 0


def test_a_folder_that_was_removed_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    """Kills: a grader that works in a folder which another took for a dead one's."""
    monkeypatch.setattr(staging.tempfile, "tempdir", str(tmp_path))
    real, waited = fcntl.flock, []

    def flock(lock: int, how: int) -> None:
        if not waited:
            waited.append(shutil.rmtree(next(tmp_path.glob("grading-*"))))
        real(lock, how)

    monkeypatch.setattr(staging.fcntl, "flock", flock)
    with scratch() as folder:
        assert waited
        assert folder.is_dir()


@pytest.mark.parametrize("name", ["coursepkg.bayes.no_such_module", "coursepkg.nothing"])
def test_a_master_that_deletes_what_does_not_exist_is_refused(name, tmp_path):
    """Kills: a typing error in a master that leaves the reference in reach."""
    with pytest.raises(GraderError, match=f"do not exist: {name}"):
        copy_package(("coursepkg.bayes.coin", name), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
