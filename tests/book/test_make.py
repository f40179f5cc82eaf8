"""No target of the Makefile passes when one of its tools fails, in make 4 and in make 3.81.

make 3.81, which macOS ships, does not know `.SHELLFLAGS`; ``make .SHELLFLAGS=-c`` behaves like it.
The tools are stubs, in a tree that has only what the Makefile asks for.
"""

import os
import re
import shutil
import subprocess
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

MAKEFILE = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
TOOLS = sorted(set(re.findall(r"\$\(BIN\)/([\w-]+)", MAKEFILE)))
STAGES = re.findall(r"(?m)^(\.make/\w+):", MAKEFILE)
PHONY = re.search(r"(?m)^\.PHONY: (.*)$", MAKEFILE)[1].split()
TARGETS = [*(target for target in PHONY if target not in {"help", "clean"}), *STAGES]
OLD_MAKE = ".SHELLFLAGS=-c"
WAYS = pytest.mark.parametrize("way", [(), (OLD_MAKE,)], ids=["make 4", "make 3.81"])
FILES = """_config.yml _toc.yml requirements.txt pyproject.toml coursepkg/a.py tools/assignments.py
    tests/test_a.py tests/mutants/a.toml benchmarks/a.py benchmarks/results/a.json book/intro.md
    notebooks/01_a.md notebooks/01_a.ipynb assignments/masters/a.py assignments/grader/a.py"""
# writes down how it was called, but not what only asks (has pip a version, is all there); fails if
# that is what $FAIL says, or, when it does something, if $FAIL is "all"
STUB = """#!/usr/bin/env bash
call="${0##*/} $*"
case $call in
  *"-c import sys"*|*--version|*--dry-run*)
    [ "$FAIL" = all ] || [[ "$FAIL" = "" || "$call" != *"$FAIL"* ]]; exit;;
esac
echo "$call" >> calls
[ "$FAIL" != all ] && [[ "$FAIL" = "" || "$call" != *"$FAIL"* ]]
"""
PYTHON = """#!/usr/bin/env bash
[ "$*" = "-m venv --clear .venv" ] || exit 0
rm -rf .venv; mkdir -p .venv/bin; cp stub .venv/bin/python; cp stub .venv/bin/uv
"""


def script(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Everything that a stage needs, nothing done yet, and stubs for tools."""
    for name in FILES.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\ntorchvision==9\n", encoding="utf-8")
    for tool in TOOLS:
        script(tmp_path / ".venv" / "bin" / tool, STUB)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


def make(tree: Path, *words: str, fail: str = "") -> tuple[int, list[str], set[str]]:
    """Exit code, calls of the tools, and the stamps that are there afterwards."""
    (tree / "calls").write_text("", encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    env |= {"FAIL": fail, "PATH": f"{tree / 'path'}{os.pathsep}{env['PATH']}"}
    done = subprocess.run(
        ["make", *words], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    (tree / "said").write_text(done.stdout + done.stderr, encoding="utf-8")
    stamps = {str(stamp.relative_to(tree)) for stamp in tree.glob(".make/*")}
    return done.returncode, (tree / "calls").read_text("utf-8").splitlines(), stamps


def test_the_lists_hold_what_the_makefile_has():
    """Kills: a pattern that finds no target, so that nothing is tested."""
    assert {"ruff", "mypy", "pytest", "python", "uv", "jupyter-book"} <= set(TOOLS)
    assert {"check", "test", "book", "mutants", "notebooks", "launch", "grader"} <= set(TARGETS)
    assert {".make/lint", ".make/nbval", ".make/site", ".make/pages"} <= set(STAGES)


@WAYS
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_fails_whichever_of_its_tools_fails(tree, target, way):
    """Kills: a recipe of several commands whose last one alone decides."""
    code, calls, stamps = make(tree, target, *way)
    assert code == 0, (tree / "said").read_text("utf-8")
    assert calls
    assert stamps >= ({target} & set(STAGES))
    for failing in ["all", *(calls if target in STAGES else {calls[0], calls[-1]})]:
        subprocess.run(["rm", "-rf", tree / ".make"], check=True)
        code, again, stamps = make(tree, target, *way, fail=failing)
        assert code != 0, f"{target} passes though this fails: {failing}"
        assert target not in stamps
        assert failing == "all" or failing in again
        if target in STAGES:  # alone, they do one thing after the other
            assert len(again) <= calls.index(failing) + 1 if failing != "all" else len(again) == 1


def test_without_its_flags_the_old_make_would_pass(tree):
    """The trap is real: what the test above tries would otherwise not fail."""
    plain = MAKEFILE.replace("SHELL := bash -eu -o pipefail", "SHELL := bash")
    assert plain != MAKEFILE
    (tree / "Makefile").write_text(plain, encoding="utf-8")
    code, _, stamps = make(tree, ".make/lint", OLD_MAKE, fail="all")
    assert code == 0
    assert ".make/lint" in stamps


def test_nothing_is_newer_than_make_3_81():
    """Kills: a feature that macOS's make reads as something else, without a word."""
    newer = r"\.ONESHELL|\.SHELLFLAGS *[:?+]?=|\.EXTRA_PREREQS|\$\((file|guile|let|intcmp) |" \
        r"^(undefine|private|load) |^\w+ *(!|:::?)=|^define .*=|&:"  # fmt: skip
    for line in (".ONESHELL:", "define stage =", "FILES != ls", "A ::= b", "x := $(file <a)"):
        assert re.search(newer, line)
    assert not re.search(newer, MAKEFILE, re.MULTILINE)


def test_a_stage_that_passed_does_not_run_again_until_its_file_changes(tree):
    """Kills: a stamp that no one leaves; a prerequisite that is missing."""
    assert make(tree, "check")[1]
    assert make(tree, "check")[:2] == (0, [])
    os.utime(tree / "notebooks" / "01_a.md", (2**32 - 9, 2**32 - 9))
    assert "python -m tools.pairs" in make(tree, "check")[1]


CPU = "--index-url https://download.pytorch.org/whl/cpu torch==2.13.0"


@pytest.fixture
def bare(tree: Path) -> Path:
    """A fresh clone on Linux, without a card: python can make a .venv, whose pip is a stub."""
    subprocess.run(["rm", "-rf", tree / ".venv"], check=True)
    script(tree / "stub", STUB)
    script(tree / "path" / "python", PYTHON)
    script(tree / "path" / "uname", "#!/usr/bin/env bash\necho Linux\n")
    script(tree / "path" / "nvidia-smi", "#!/usr/bin/env bash\nexit 9\n")
    return tree


def stamp(tree: Path) -> str:
    file = tree / ".venv" / ".installed"
    return file.read_text("utf-8").strip() if file.exists() else ""


def set_up(tree: Path, *words: str, fail: str = "") -> tuple[int, list[str]]:
    code, calls, _ = make(tree, ".venv/.installed", "PYTHON=path/python", *words, fail=fail)
    assert stamp(tree) == (str(tree.resolve()) if code == 0 else "")
    return code, [call for call in calls if "torch==" in call or "requirements" in call]


def test_linux_without_a_card_takes_the_cpu_build_of_the_constraints(bare):
    """Kills: two gigabytes of CUDA by default; torch after everything that depends on it."""
    code, (first, second) = set_up(bare)
    assert code == 0
    assert first.endswith(CPU)
    assert "--no-deps" in first
    assert second.startswith("uv pip install")
    assert second.endswith("-c constraints.txt -r requirements.txt")
    assert "own index" not in (bare / "said").read_text("utf-8")


@pytest.mark.parametrize(("system", "card"), [*product(["Linux", "Darwin"], [0, 9])])
def test_only_linux_without_a_card_asks_the_cpu_index(bare, system, card):
    """Kills: the CPU build for who has a card; an index without wheels for macOS."""
    script(bare / "path" / "uname", f"#!/usr/bin/env bash\necho {system}\n")
    script(bare / "path" / "nvidia-smi", f"#!/usr/bin/env bash\nexit {card}\n")
    code, calls = set_up(bare)
    assert code == 0
    assert [CPU in call for call in calls][:-1] == [True] * (system == "Linux" and card == 9)


def test_an_index_that_cannot_be_reached_costs_one_line(bare):
    """Kills: offline, with a CPU wheel in pip's own configuration, no set-up."""
    code, calls = set_up(bare, fail="whl/cpu")
    assert code == 0
    assert len(calls) == 2
    said = (bare / "said").read_text("utf-8")
    assert "no torch==2.13.0 from https://download.pytorch.org/whl/cpu: it comes from pip's" in said


@pytest.mark.parametrize("failing", ["uv pip", "install -c constraints.txt uv"])
def test_what_uv_cannot_install_pip_does(bare, failing):
    """Kills: no set-up behind a proxy that only pip's own settings know."""
    code, calls = set_up(bare, fail=failing)
    assert code == 0
    assert calls[-1].endswith("install -c constraints.txt -r requirements.txt")
    assert calls[-1].startswith("python -m pip ")


def test_an_index_that_is_named_is_asked_alone_and_must_answer(bare):
    """Kills: TORCH_INDEX overruled; another build than the one that was asked for, silently."""
    named = "TORCH_INDEX=https://example.org/cuda"
    code, calls = set_up(bare, named)
    assert code == 0
    assert [call.split("--index-url ")[1] for call in calls[:-1]] == [
        "https://example.org/cuda torch==2.13.0"
    ]
    (bare / ".venv" / ".installed").unlink()
    assert set_up(bare, named, fail="example.org")[0] != 0


@WAYS
@pytest.mark.parametrize("failing", ["pip", "-r requirements.txt", "-e ."])
def test_a_failed_set_up_leaves_no_stamp(bare, failing, way):
    """Kills: an installation that broke half way and counts as done; a fallback that hides it."""
    assert set_up(bare, *way, fail=failing)[0] != 0


def test_make_b_runs_everything_once(tree):
    """Kills: a set-up for the targets, and another for the stages that they run side by side."""
    code, calls, _ = make(tree, "-B", "check")
    assert code == 0
    assert len(calls) == len(set(calls))
    assert {"ruff check -q", "mypy --no-error-summary"} <= set(calls)


WHOLE = ["relocate", "torch==", "constraints.txt uv", "-r requirements.txt", "-e .", "fetch"]


def sets_up(tree: Path, *words: str, fail: str = "") -> bool:
    """Whether make thinks that .venv must be set up, and then does all that belongs to it."""
    code, calls, _ = make(tree, ".venv/.installed", "PYTHON=path/python", *words, fail=fail)
    assert code == 0, (tree / "said").read_text("utf-8")
    assert not calls or [w for w, c in zip(WHOLE, calls, strict=True) if w not in c] == []
    assert not calls or stamp(tree) == str(tree.resolve())
    return bool(calls)


@WAYS
@pytest.mark.parametrize("how", [["mv"], ["cp", "-a"]], ids=["renamed", "copied"])
def test_a_stamp_of_another_folder_is_not_believed(bare, tmp_path_factory, how, way):
    """Kills: in a renamed folder programs that do not run; in a copy, those of the original."""
    assert sets_up(bare, *way)
    assert not sets_up(bare, *way)
    other = tmp_path_factory.mktemp("another") / "folder"
    subprocess.run([*how, bare, other], check=True)
    assert sets_up(other, *way)
    assert not sets_up(other, *way)


def test_a_link_to_the_environment_of_another_folder_is_that_of_the_other(bare, tmp_path_factory):
    """Kills: a worktree, whose .venv is a link, that installs itself into the shared one."""
    assert sets_up(bare)
    tree = tmp_path_factory.mktemp("worktree")
    for part in bare.iterdir():
        if part.name != ".venv":
            subprocess.run(["cp", "-a", part, tree], check=True)
    (tree / ".venv").symlink_to(bare / ".venv")
    assert not sets_up(tree)


def test_a_stamp_without_the_packages_is_not_believed(bare):
    """Kills: half the packages gone, and "No such file or directory" from each stage."""
    assert sets_up(bare)
    (bare / ".venv" / ".installed").write_text("", encoding="utf-8")  # touched by hand: fits
    assert not sets_up(bare)
    assert sets_up(bare, fail="--dry-run")
    (bare / ".venv" / "bin" / "uv").unlink()
    code, calls, _ = make(bare, ".venv/.installed")
    assert code == 0
    assert any(call.endswith("-r requirements.txt") for call in calls)


def test_what_is_there_is_kept(bare):
    """Kills: a .venv that was interrupted half way, or made by hand or by uv, begun anew."""
    assert sets_up(bare)
    (bare / ".venv" / ".installed").unlink()
    (bare / ".venv" / "mine").touch()
    assert sets_up(bare)
    assert (bare / ".venv" / "mine").exists()


def test_a_python_that_is_gone_is_replaced(bare):
    """Kills: a link to the Python of before an update, or of another machine: a traceback."""
    assert sets_up(bare)
    python = bare / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    (bare / ".venv" / "bin" / "uv").write_text("#!/nowhere\n", encoding="utf-8")
    assert sets_up(bare)


PIPLESS = """#!/usr/bin/env bash
case "$*" in
  *ensurepip*) touch .venv/pip;;
  "-m pip"*) [ -e .venv/pip ] || exit 1;;
esac
exec path/stub/python "$@"
"""


def test_without_pip_it_is_brought_back(bare):
    """Kills: `.venv` of an interrupted set-up or of `uv venv`: "No such file: .venv/bin/pip"."""
    assert sets_up(bare)
    script(bare / "path" / "stub" / "python", STUB)
    script(bare / ".venv" / "bin" / "python", PIPLESS)
    (bare / ".venv" / ".installed").unlink()
    code, calls, _ = make(bare, ".venv/.installed")
    assert code == 0
    assert "ensurepip" in calls[0]


@WAYS
def test_without_any_pip_one_line_says_what_to_do(bare, way):
    """Kills: pip's traceback, twice, and no word on what to do."""
    assert sets_up(bare)
    (bare / ".venv" / ".installed").unlink()
    assert set_up(bare, *way, fail=" --version") == (2, [])
    first, second, *_ = (bare / "said").read_text("utf-8").splitlines()
    assert first.startswith("── set-up")
    assert second.endswith("rm -rf .venv, and call make again")


def value(tree: Path, name: str, **environment: str) -> str:
    """What a recipe sees."""
    (tree / "Makefile").write_text(f"{MAKEFILE}\nshow:\n\t@echo {name}\n", encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    done = subprocess.run(
        ["make", "-s", "show"], cwd=tree, env=env | environment, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def test_a_shim_of_a_version_that_is_not_active_is_passed_over(tree):
    """Kills: the first python3.11 of the path, which says "command not found", and nothing else."""
    script(tree / "shims" / "python3.11", "#!/bin/sh\necho 'pyenv: not found' >&2\nexit 127\n")
    script(tree / "good" / "python3.11", "#!/bin/sh\nexit 0\n")
    path = os.pathsep.join([str(tree / "shims"), str(tree / "good"), os.environ["PATH"]])
    assert value(tree, "$(PYTHON)", PATH=path) == str(tree / "good" / "python3.11")


def test_an_old_python_is_passed_over(tree):
    """Kills: python3 of the system because it is there; one that can make no environment."""
    for name in ("python3.11", "python3.12", "python3"):
        script(tree / "old" / name, "#!/bin/sh\nexit 1\n")
    script(tree / "good" / "python3.12", "#!/bin/sh\nexit 0\n")
    for tool in ("bash", "find", "mkdir", "cat", "head"):
        (tree / "good" / tool).symlink_to(shutil.which(tool))
    path, make = f"{tree / 'old'}{os.pathsep}{tree / 'good'}", shutil.which("make")
    (tree / "good" / "make").symlink_to(make)
    assert value(tree, "$(PYTHON)", PATH=path) == str(tree / "good" / "python3.12")
    (tree / "good" / "python3.12").unlink()
    assert value(tree, "$(PYTHON)", PATH=path) == "python3"


def test_who_cannot_write_at_home_has_caches_in_the_environment(tree):
    """Kills: pip, uv, Matplotlib, Jupyter or the plays that end with Permission denied."""
    (tree / "file").touch()
    inside = str(tree.resolve() / ".venv" / "home")
    assert value(tree, "$$HOME", HOME=str(tree / "file" / "home")) == inside
    assert value(tree, "$$HOME", HOME="") == inside
    (tree / "home").mkdir()
    assert value(tree, "$$HOME", HOME=str(tree / "home")) == str(tree / "home")


def test_what_the_machine_is_set_up_to_leads_nowhere_else(tree):
    """Kills: pip that installs for the user, or elsewhere; the modules of another Python."""
    elsewhere = {"PIP_USER": "1", "PIP_TARGET": "/x", "PIP_PREFIX": "/x", "PYTHONHOME": "/x",
                 "PYTHONSAFEPATH": "1", "PYTHONUTF8": "0"}  # fmt: skip
    shown = " ".join(f"{name}=$${{{name}-}}" for name in elsewhere)
    assert value(tree, f'"{shown}"', **elsewhere) == (
        "PIP_USER=0 PIP_TARGET= PIP_PREFIX= PYTHONHOME= PYTHONSAFEPATH= PYTHONUTF8=1"
    )


def test_folders_for_cd_lead_nowhere_else(bare, monkeypatch):
    """Kills: CDPATH, by which `cd .venv/..` says where it went, and may go elsewhere."""
    monkeypatch.setenv("CDPATH", str(bare))
    assert sets_up(bare)
    assert not sets_up(bare)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_named(bare):
    """Kills: a traceback of venv's."""
    bare.chmod(0o555)
    try:
        done = subprocess.run(
            ["make", ".venv/.installed"], cwd=bare, capture_output=True, text=True, check=False
        )
    finally:
        bare.chmod(0o755)
    assert done.returncode != 0
    assert f"{bare} cannot be written to: copy the course" in done.stdout


def test_a_build_that_was_interrupted_begins_anew(tree):
    """Kills: half a site, whose warnings the next build, of the other half, does not repeat."""
    assert make(tree, ".make/site")[0] == 0
    assert not (tree / "_build" / "unfinished").exists()
    for name in ("half", "unfinished"):
        (tree / "_build" / name).touch()
    assert make(tree, "-B", ".make/site")[0] == 0
    assert not (tree / "_build" / "half").exists()
    (tree / "_build" / "html").mkdir(exist_ok=True)
    for name in ("whole", "html/index.html"):  # a site that is newer than its table of contents
        (tree / "_build" / name).touch()
    assert make(tree, "-B", ".make/site")[0] == 0
    assert (tree / "_build" / "whole").exists()


def test_after_the_route_by_hand_make_begins_nothing_anew(bare):
    """Kills: stamps in the README that make does not know; all masters and pages a second time."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    stamps = re.search(r"(?m)^pwd -P > .*$", readme)[0]
    assert sets_up(bare)
    (bare / ".venv" / ".installed").unlink()
    subprocess.run(["bash", "-ec", stamps], cwd=bare, check=True)
    assert make(bare, "book")[:2] == (0, [])


def test_every_pin_takes_the_first_python_3_11():
    """Kills: a version that wants 3.11.5, where Debian 12 has 3.11.2."""
    lines = (Path(__file__).parents[2] / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines)
    wanted = {
        name: about["Requires-Python"]
        for name, version in pins.items()
        for found in metadata.distributions(name=name)
        if (about := found.metadata)["Version"].partition("+")[0] == version
    }
    assert len(wanted) > 150
    assert {n: w for n, w in wanted.items() if w and "3.11.0" not in SpecifierSet(w)} == {}
