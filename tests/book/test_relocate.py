"""The programs of a renamed or copied environment run its Python, and no other."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.relocate import forget_halves, relocate, whole

SAYS = "import sys; print(sys.prefix)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A course with a real environment in which there are programs as pip and uv write them."""
    folder = tmp_path / "course"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    programs = folder / ".venv" / "bin"
    texts = {
        "short": f"#!{programs}/python3\n{SAYS}\n",
        "long": f"#!/bin/sh\n'''exec' \"{programs}/python\" \"$0\" \"$@\"\n' '''\n{SAYS}\n",
        "uvs": f"#!/bin/sh\n'''exec' '{programs}/python3' \"$0\" \"$@\"\n' '''\n{SAYS}\n",
        "other": "#!/usr/bin/env python3\nprint('/opt/.venv/bin/python')\n",
    }
    for name, text in texts.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    (programs / "binary").write_bytes(b"\0" + bytes(programs) + b"\0")
    return folder


def says(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
@pytest.mark.parametrize("name", ["new", "course-2", "a course", "long" * 60])
def test_programs_of_a_moved_environment_run_its_python(folder, move, name):
    """Kills: a first line that stays, pip's or uv's; `activate` left out; files elsewhere."""
    outside = folder.parent / "outside"
    outside.write_text(f"#!{folder}/.venv/bin/python\n", encoding="utf-8")
    (folder / ".venv" / "bin" / "link").symlink_to(outside)
    new = folder.parent / name
    before = (folder / ".venv" / "bin" / "binary").read_bytes()
    move(str(folder), new, symlinks=True) if move is shutil.copytree else move(folder, new)
    programs = new / ".venv" / "bin"
    assert relocate(programs) == {bytes(folder / ".venv")}
    here = f"{new / '.venv'}\n"
    for program in ("long", "uvs", "short"):  # no #! takes a space: then "short" is a long one
        assert says(new, str(programs / program)) == here
    assert says(new, "bash", "-c", ". .venv/bin/activate; echo $VIRTUAL_ENV") == here
    assert (programs / "binary").read_bytes() == before
    assert outside.read_text("utf-8") == f"#!{folder}/.venv/bin/python\n"
    assert (programs / "link").is_symlink()
    assert "/opt/.venv" in (programs / "other").read_text("utf-8")
    assert relocate(programs) == set()


@pytest.mark.parametrize("kind", ["short", "long", "uvs"])
def test_each_kind_of_program_says_where_it_was(folder, kind):
    """Alone. Kills: pip's first line only, its long lines or uv's not read."""
    for program in (folder / ".venv" / "bin").iterdir():
        if program.name not in {kind, "python", "python3"} and not program.is_symlink():
            program.unlink()
    new = folder.with_name("new")
    folder.rename(new)
    assert relocate(new / ".venv" / "bin") == {bytes(folder / ".venv")}
    assert says(new, str(new / ".venv" / "bin" / kind)) == f"{new / '.venv'}\n"


@pytest.mark.parametrize("name", ["venv", "env", ".venv-3.11"])
def test_an_environment_of_another_name_runs_its_python(folder, name):
    """Kills: venv, or env, that was renamed .venv."""
    old = folder / name
    (folder / ".venv").rename(old)
    for program in ("short", "long", "uvs"):
        text = (old / "bin" / program).read_text("utf-8").replace("/.venv/", f"/{name}/")
        (old / "bin" / program).write_text(text, encoding="utf-8")
    old.rename(folder / ".venv")
    assert relocate(folder / ".venv" / "bin") == {bytes(old)}
    for program in ("short", "long", "uvs"):
        assert says(folder, str(folder / ".venv" / "bin" / program)) == f"{folder / '.venv'}\n"


def test_an_environment_that_did_not_move_is_left_alone(folder):
    """Kills: files written again, under a hand that runs them; a link taken for a move."""
    programs = folder / ".venv" / "bin"
    before = {file: file.stat().st_mtime_ns for file in programs.iterdir()}
    worktree = folder.parent / "worktree"
    worktree.mkdir()
    (worktree / ".venv").symlink_to(folder / ".venv")
    assert relocate(programs) == set()
    assert relocate(worktree / ".venv" / "bin") == set()
    assert {file: file.stat().st_mtime_ns for file in programs.iterdir()} == before


def test_the_command_says_where_it_was(folder):
    """Kills: silence; programs of another folder than this one's."""
    new = folder.rename(folder.parent / "new")
    shutil.copytree(Path(__file__).parents[2] / "tools", new / "tools")
    command = [str(new / ".venv" / "bin" / "python"), "-m", "tools.relocate"]
    assert says(new, *command).startswith(f"── .venv was set up as {folder / '.venv'}: ")
    assert says(new, *command) == ""


def test_packages_of_which_half_is_there_are_forgotten(tmp_path):
    """Kills: a list that is not read, one that is missing; what Python compiles is asked for."""
    for name, files, listed in (
        ("whole", ["a.py", "b,c.py"], ["a.py", '"b,c.py"', "__pycache__/a.cpython-311.pyc"]),
        ("half", ["d.py"], ["d.py", "e.py"]),
        ("empty", [], None),
    ):
        about = tmp_path / f"{name}-1.dist-info"
        about.mkdir()
        for file in files:
            (tmp_path / file).write_text("", encoding="utf-8")
        if listed is not None:
            rows = [*listed, f"{about.name}/RECORD"]
            record = "".join(f"{row},sha256=x,1\n" for row in rows)
            (about / "RECORD").write_text(record, encoding="utf-8")
    assert forget_halves(tmp_path) == {"half-1.dist-info", "empty-1.dist-info"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.py", "b,c.py", "d.py", "whole-1.dist-info",
    ]  # fmt: skip
    assert forget_halves(tmp_path) == set()


def test_what_is_installed_here_is_whole():
    """Kills: a file that installers list and do not write, for which all would be forgotten."""
    lists = list(Path(pytest.__file__).parents[1].glob("*.dist-info"))
    assert len(lists) > 150
    assert [folder.name for folder in lists if not whole(folder)] == []
