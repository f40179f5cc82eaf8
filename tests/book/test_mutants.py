"""The examiner is examined: a good test kills the bug, a weak one is named.

It runs in a process of its own, from a copy of its source: the one in force, so that the bugs which
it plants in itself are in the copy too.
"""

import shutil
import signal
import subprocess
import sys
from importlib.abc import SourceLoader
from pathlib import Path

import pytest

from tools import mutants

ROOT = Path(__file__).parents[2]
GOOD = "from thing import double\n\n\ndef test_double():\n    assert double(3) == 6\n"
WEAK = GOOD.replace("double(3) == 6", "double(2) == 4  # 2 + 2 too")
SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{tree!r}, {tools!r}]
sys.path.append({root!r})
import typer
import examiner as mutants
mutants.ROOT = mutants.changed.ROOT = Path({tree!r})
mutants.PRELOAD = []
mutants.CPU_TIME, mutants.HANG, mutants.TIMEOUT = {seconds}
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
    tmp_path = tmp_path / "tree"
    tmp_path.mkdir()
    (tmp_path / "thing.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "test_thing.py").write_text(GOOD)
    (tmp_path / "tests" / "mutants").mkdir(parents=True)
    (tmp_path / "tests" / "mutants" / "thing.toml").write_text(BUG)
    return tmp_path


def examine(
    tree: Path,
    only: tuple[str, ...] = ("thing",),
    seconds: tuple[int, int, int] = (60, 60, 120),
) -> tuple[int, str]:
    assert isinstance(mutants.__loader__, SourceLoader)
    tools = tree.with_name("tools")
    tools.mkdir(exist_ok=True)
    source = mutants.__loader__.get_source("tools.mutants")
    (tools / "examiner.py").write_text(source, encoding="utf-8")
    script = SCRIPT.format(
        tree=str(tree), tools=str(tools), root=str(ROOT), only=list(only), seconds=seconds
    )
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


@pytest.mark.parametrize(("own", "verdict"), [("", "SURVIVED"), ("other", "1 of 1 killed")])
def test_a_mutant_may_name_the_tests_that_must_notice_it(tree, own, verdict):
    """Kills: tests that are named and not run, or run although they are not named."""
    (tree / "test_thing.py").write_text(WEAK)
    (tree / "test_other.py").write_text(GOOD)
    named = f'tests = ["test_{own}.py"]\n' if own else ""
    (tree / "tests" / "mutants" / "thing.toml").write_text(BUG + named)
    assert verdict in examine(tree)[1]


MARKED = GOOD.replace("def test", "import pytest\n\n@pytest.mark.equation('twice')\ndef test")


@pytest.mark.parametrize(
    ("marked", "module", "verdict"),
    [
        (MARKED, "thing", "1 of 1 killed"),
        (MARKED.replace("== 6", "> 0") + GOOD.replace("double()", "more()"), "thing", "SURVIVED"),
        (MARKED.replace("== 6", "== 2 * x").replace("3", "x := 3"), "tests.test_thing", "1 of 1"),
    ],
    ids=["the marked test", "another test", "the formula stands in the test"],
)
def test_a_bug_in_a_formula_must_be_noticed_by_the_test_of_its_equation(
    tree, marked, module, verdict
):
    """Kills: an equation whose own test sees nothing, since some other test happens to."""
    (tree / "tests" / "test_thing.py").write_text(marked)
    (tree / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n  equation(label): x\naddopts = --import-mode=importlib\n"
        "pythonpath = .\n"
    )
    bug = BUG[BUG.index("[[") :] + f'module = "{module}"\nequation = "twice"\n'
    (tree / "tests" / "mutants" / "equations.01.toml").write_text(bug)
    said = examine(tree, only=("equations.01",))[1]
    assert verdict in said, said


def test_what_the_examiner_itself_uses_is_examined_too(tree):
    """Kills: a module that is loaded before the bug is planted, and keeps its bugs to itself."""
    shutil.copytree(ROOT / "tools", tree / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    test = (
        "from tools.equations import WELL_FORMED as form\ndef test(): assert form.fullmatch('a-b')"
    )
    (tree / "test_thing.py").write_text(test)
    bug = BUG.replace('"thing"', '"tools.equations"').replace("2 * x", "[a-z0-9]*(-")
    (tree / "tests" / "mutants" / "thing.toml").write_text(bug.replace("x * x", "[a-z0-9]*(_"))
    assert "1 of 1 killed" in examine(tree)[1]


def test_tests_that_fail_without_a_bug_are_no_examiners(tree):
    (tree / "test_thing.py").write_text(GOOD.replace("== 6", "== 7"))
    code, said = examine(tree)
    assert code == 1
    assert "no bug at all" in said


def plant(tree: Path, bugs: dict[str, str], hangs: str = "") -> None:
    """Puts in each bug for the line of `double`; `hangs` names the one that may hang."""
    table = BUG[: BUG.index("[[mutant]]")]
    for name, new in bugs.items():
        table += f'[[mutant]]\nname = "{name}"\nold = """    return 2 * x"""\nnew = """{new}"""\n'
        table += "hangs = true\n" * (name == hangs)
    (tree / "tests" / "mutants" / "thing.toml").write_text(table)


NOT_KILLED = {
    "survivor": ("    return x + x", "SURVIVED"),
    "name": ("    return 2 * y", "BROKEN: NameError"),
    "unbound": ("    y += x\n    return y", "BROKEN: NameError"),
    "group": ("    raise ExceptionGroup('', [ValueError(), NameError()])", "BROKEN: NameError"),
    "name at import": ("    return 2 * x\ny = z", "BROKEN: NameError"),
    "import": ("    import nosuch", "BROKEN: ImportError"),
    "import from": ("    from os import nosuch", "BROKEN: ImportError"),
    "memory": ("    raise MemoryError", "BROKEN: MemoryError"),
    "value at import": ("    return 2 * x\nint('z')", "BROKEN: pytest ended with 2"),
    "signal": ("    import os\n    os.kill(os.getpid(), 11)", "BROKEN: ended by SIGSEGV"),
    "exit": ("    import os\n    os._exit(5)", "BROKEN: pytest ended with 5"),
}


def test_only_a_test_that_fails_kills(tree):
    """Kills: a mutant that crashes, cannot be imported or names what is not, counted as killed."""
    killed = {
        "failure": "    return 3 * x",
        "error": "    raise ValueError(x)",
        "group of errors": "    raise ExceptionGroup('', [ValueError()])",
        "recursion": "    return double(x)",
        "what it reads does not parse": "    return eval('2 *')",
    }
    plant(tree, {name: new for name, (new, _) in NOT_KILLED.items()} | killed)
    code, said = examine(tree)
    assert code == 1
    assert f"{len(killed)} of {len(killed) + len(NOT_KILLED)} killed" in said
    for name, (_, what) in NOT_KILLED.items():
        assert f"thing: {name}: {what}\n" in said, said
    assert f"{len(NOT_KILLED)} problems" in said


@pytest.mark.parametrize("new", ["    while True: pass", "    import time; time.sleep(99)"])
def test_a_mutant_that_hangs_is_killed_only_if_that_is_its_bug(tree, new):
    """Kills: every endless loop taken for a bug that was noticed; two minutes for each of them."""
    plant(tree, {"allowed": new, "surprise": new}, hangs="allowed")
    waits = "sleep" in new
    code, said = examine(tree, seconds=(20, 20, 10) if waits else (2, 4, 120))
    assert code == 1
    assert "thing: surprise: BROKEN: out of time (if that is the bug: hangs = true)" in said
    assert "thing: allowed" not in said
    assert "1 of 2 killed" in said


def test_tests_too_slow_to_tell_a_mutant_that_hangs_are_named(tree):
    """Kills: a test set that runs out of time by itself and kills every mutant that may hang."""
    plant(tree, {"allowed": "    while True: pass"}, hangs="allowed")
    slow = GOOD.replace("    assert", "    while True: double(1)\n    assert")
    (tree / "test_thing.py").write_text(slow)
    code, said = examine(tree, seconds=(60, 2, 120))
    assert code == 1
    assert "thing: no bug at all: killed" in said


@pytest.mark.parametrize(
    ("code", "late", "expected"),
    [(0, False, "SURVIVED"), (1, False, "killed"), (-signal.SIGXCPU, False, "BROKEN: out of time"),
     (-signal.SIGKILL, True, "BROKEN: out of time"), (-signal.SIGKILL, False, "BROKEN: ended by"),
     (91, False, "BROKEN: NameError"), (99, False, "BROKEN: pytest ended with 99")],
)  # fmt: skip
def test_each_end_has_its_verdict(code, late, expected):
    """Kills: out of memory (the kernel's SIGKILL) taken for out of time (ours)."""
    mutant = mutants.Mutant("thing", "name", "a", "b", ("test_thing.py",))
    assert mutants.verdict(mutant, code, late=late).startswith(expected)


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


def write(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


@pytest.fixture
def shared(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two modules, their tests, and what these share; ROOT is there."""
    bugs = {f"tests/mutants/{name}.toml": BUG.replace('"thing"', f'"{name}"').replace(
        "test_thing.py", f"tests/{folder}/test_{name}.py::test") for folder, name in
        [("first", "one"), ("second", "two")]}  # fmt: skip
    write(tree, {
        "one.py": "", "two.py": "", "tests/conftest.py": "import tests.deep.fixtures",
        "tests/deep/fixtures.py": "", "tests/deep/__init__.py": "", "tests/law.py": "",
        "tests/unused.py": "", "tests/statistics.py": "from tests import law\nimport statistics",
        "tests/first/conftest.py": "", "tests/first/test_one.py": "import one, unused",
        "tests/second/test_two.py": "def test():\n    from tests.statistics import x",
        **bugs,
    })  # fmt: skip
    (tree / "tests" / "mutants" / "thing.toml").unlink()
    monkeypatch.setattr(mutants, "ROOT", tree)
    return tree


@pytest.mark.parametrize(
    ("changed", "selected"),
    [
        ("one.py", ["one"]),
        ("tests/mutants/two.toml", ["two"]),
        ("tests/first/test_one.py", ["one"]),
        ("tests/first/conftest.py", ["one"]),
        ("tests/statistics.py", ["two"]),
        ("tests/law.py", ["two"]),
        ("tests/conftest.py", ["one", "two"]),
        ("tests/deep/fixtures.py", ["one", "two"]),
        ("tests/deep/__init__.py", ["one", "two"]),
        ("tests/unused.py", []),
        ("README.md", []),
    ],
)
def test_a_change_selects_the_modules_whose_tests_read_it(shared, monkeypatch, changed, selected):
    """Kills: a shared file that may lose its assertions and nothing is examined again."""
    monkeypatch.setattr(mutants.changed, "since", lambda base: {changed})
    found = mutants._selected(everything=False, base="HEAD", only=[])
    assert [path.stem for path, _ in found] == selected


def test_all_and_names_select_whatever_changed(shared, monkeypatch):
    """Kills: --all that means all that changed."""
    monkeypatch.setattr(mutants.changed, "since", lambda base: set())
    for everything, only, selected in [(True, [], ["one", "two"]), (False, ["two"], ["two"])]:
        found = mutants._selected(everything=everything, base="HEAD", only=only)
        assert [path.stem for path, _ in found] == selected


def test_in_this_course_a_shared_file_selects_its_readers(monkeypatch):
    """Kills: names that are resolved in the toy above and not in the real tree."""
    monkeypatch.setattr(mutants.changed, "since", lambda base: {"tests/oracles.py"})
    found = {path.stem for path, _ in mutants._selected(everything=False, base="HEAD", only=[])}
    assert "models.rbm.binary" in found
    assert "tools.pairs" not in found
    monkeypatch.setattr(mutants.changed, "since", lambda base: {"tests/conftest.py"})
    found = {path.stem for path, _ in mutants._selected(everything=False, base="HEAD", only=[])}
    assert found == {path.stem for path in (mutants.ROOT / "tests" / "mutants").glob("*.toml")}
