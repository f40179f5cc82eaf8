"""No target of the Makefile passes when one of its tools fails, in make 4 and in make 3.81.

make 3.81, which macOS ships, does not know `.SHELLFLAGS`; ``make .SHELLFLAGS=-c`` behaves like it.
The tools are stubs, in a tree that has only what the Makefile asks for.
"""

import os
import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

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
# writes down how it was called; fails if that is what $FAIL says, or if $FAIL is "all"
STUB = """#!/usr/bin/env bash
call="${0##*/} $*"
echo "$call" >> calls
[ "$FAIL" != all ] && [[ "$FAIL" = "" || "$call" != *"$FAIL"* ]]
"""
PYTHON = """#!/usr/bin/env bash
[ "$*" = "-m venv .venv" ] || exit 0
mkdir -p .venv/bin; cp stub .venv/bin/python; for tool in pip uv; do cp stub .venv/bin/$tool; done
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
    assert {"ruff", "mypy", "pytest", "python", "pip", "jupyter-book"} <= set(TOOLS)
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


def set_up(tree: Path, *words: str, fail: str = "") -> tuple[int, list[str]]:
    code, calls, _ = make(tree, ".venv/.installed", "PYTHON=path/python", *words, fail=fail)
    assert (tree / ".venv" / ".installed").exists() == (code == 0)
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
    assert calls[-1].startswith("pip ")


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
