"""The examiner is examined: a good test kills the bug, a weak one is named."""

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = "from thing import double\n\n\ndef test_double():\n    assert double(3) == 6\n"
WEAK = GOOD.replace("double(3) == 6", "double(2) == 4  # 2 + 2 too")
SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{tree!r}, {repo!r}]
import typer
from tools import mutants
mutants.ROOT, mutants.PRELOAD = Path({tree!r}), []
try:
    mutants.main({only!r}, everything=False, base="", jobs=2)
except typer.Exit as end:
    sys.exit(int(end.exit_code))
"""
BUG = """
module = "thing"
tests = ["test_thing.py"]
[[mutant]]
name = "square for double"
old = "2 * x"
new = "x * x"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "thing.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "test_thing.py").write_text(GOOD)
    (tmp_path / "tests" / "mutants").mkdir(parents=True)
    (tmp_path / "tests" / "mutants" / "thing.toml").write_text(BUG)
    return tmp_path


def examine(tree: Path, only: tuple[str, ...] = ("thing",)) -> tuple[int, str]:
    repo = str(Path(__file__).parents[2])
    script = SCRIPT.format(tree=str(tree), repo=repo, only=list(only))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tree
    )
    return done.returncode, done.stdout + done.stderr


def test_a_good_test_kills_and_no_file_is_touched(tree):
    before = {p: p.read_bytes() for p in tree.rglob("*.py")}
    code, said = examine(tree)
    assert code == 0, said
    assert "1 of 1 killed" in said
    assert {p: p.read_bytes() for p in tree.rglob("*.py")} == before


def test_a_weak_test_lets_the_mutant_survive_and_is_named(tree):
    (tree / "test_thing.py").write_text(WEAK)
    code, said = examine(tree)
    assert code == 1
    assert "thing: square for double: SURVIVED" in said


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [("3 * x", "x", "stands 0 times"), ("2 * x", "2 *", "does not parse"), ("x", "y", "times")],
)
def test_a_mutant_that_does_not_apply_is_no_success(tree, old, new, complaint):
    """Kills: a stale mutant counted as killed because its source no longer runs."""
    bug = BUG.replace('"2 * x"', f'"{old}"').replace('"x * x"', f'"{new}"')
    (tree / "tests" / "mutants" / "thing.toml").write_text(bug)
    code, said = examine(tree)
    assert code == 1
    assert complaint in said


def test_tests_that_fail_without_a_bug_are_no_examiners(tree):
    (tree / "test_thing.py").write_text(GOOD.replace("== 6", "== 7"))
    code, said = examine(tree)
    assert code == 1
    assert "no bug at all" in said


def git(tree: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=tree, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_what_changed_since_the_base_is_examined_and_without_a_base_everything(tree):
    """Kills: a base that is read but not used; a base that a shallow clone lacks taken for HEAD."""
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(tree, *words)
    assert "1 mutants of 1 modules" in examine(tree, only=())[1]
    (tree / ".ci").mkdir()
    base = tree / ".ci" / "mutants-base"
    base.write_text(git(tree, "rev-parse", "HEAD"))
    assert "0 mutants of 0 modules" in examine(tree, only=())[1]
    (tree / "thing.py").write_text("def double(x):\n    return x + 2 * x - x\n")
    assert "1 mutants of 1 modules" in examine(tree, only=())[1]
    base.write_text("0" * 40)
    assert "1 mutants of 1 modules" in examine(tree, only=())[1]
