"""The programs of a renamed or copied environment run its Python, and no other."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.relocate import relocate

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
@pytest.mark.parametrize("name", ["new", "course-2", "a course"])
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
    for program in ["long", "uvs", *["short"] * (" " not in name)]:  # no #! takes a space
        assert says(new, str(programs / program)) == here
    assert says(new, "bash", "-c", ". .venv/bin/activate; echo $VIRTUAL_ENV") == here
    assert (programs / "binary").read_bytes() == before
    assert outside.read_text("utf-8") == f"#!{folder}/.venv/bin/python\n"
    assert "/opt/.venv" in (programs / "other").read_text("utf-8")
    assert relocate(programs) == set()


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
