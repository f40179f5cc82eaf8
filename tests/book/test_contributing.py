"""CONTRIBUTING's worked example, done as it is written, in a clone without a network.

`make example` does all of it; the normal suite leaves out what executes chapters or takes minutes.
"""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = TEXT.split("\n## One change, from equation to mutant\n")[1].split("\n## ")[0]
STEP = re.compile(
    r"(?ms)^\*\*\d\. [^*]+\*\*,(?P<where>[^.]*`(?P<file>[\w/.]+)`[^.:]*).*?"
    r"^```(?:markdown|python|toml)\n(?P<code>.*?)^```$"
)
COMMANDS = EXAMPLE.rsplit("```bash\n", 1)[1].split("```")[0]
LONG = ["make notebooks", "make check"]


def commands() -> list[str]:
    return [line.split("#")[0].strip() for line in COMMANDS.strip().split("\n")]


def edit(where: str, text: str, code: str) -> str:
    """The file with the code at the place that the sentence names."""
    if section := re.search(r"the section \*(.+)\*", where):
        start = text.index(f"\n## {section[1]}\n") + 1
        end = text.index("\n## ", start)
        return f"{text[:end]}\n{code}{text[end:]}"
    if owner := re.search(r"the last method of `(\w+)`", where):
        (node,) = [
            node
            for node in ast.parse(text).body
            if isinstance(node, ast.ClassDef) and node.name == owner[1]
        ]
        lines = text.split("\n")
        lines[node.end_lineno : node.end_lineno] = ["", code.rstrip("\n")]
        return "\n".join(lines)
    assert "at the end of `" in where, f"no place in: {where}"
    space = "\n" if code.startswith("@") else ""  # two blank lines before a function
    return f"{text.rstrip()}\n{space}\n{code}"


def run(command: str, clone: Path) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    env |= {"PYTHONPATH": str(clone), "PIP_NO_INDEX": "1"}
    return subprocess.run(
        ["bash", "-ec", command], cwd=clone, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The tracked files as they are now, and an environment whose packages are the shared ones."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    root = tmp_path / "clone"
    for name in names.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    (root / ".venv").mkdir(exist_ok=True)
    for part in (ROOT / ".venv").resolve().iterdir():
        (root / ".venv" / part.name).symlink_to(part)
    (root / ".venv" / ".installed").unlink(missing_ok=True)
    (root / ".venv" / ".installed").touch()
    commit = "git -c user.name=a -c user.email=a@b commit -qm a"
    assert run(f"git init -q; git add -A; {commit}", root).returncode == 0
    return root


def take(clone: Path, first: int, last: int) -> None:
    """Makes the edits of the steps from `first` to `last`."""
    steps = list(STEP.finditer(EXAMPLE))
    assert [Path(step["file"]).suffix for step in steps] == [".md", ".py", ".py", ".toml"]
    for step in steps[first - 1 : last]:
        file = clone / step["file"]
        file.write_text(edit(step["where"], file.read_text("utf8"), step["code"]), "utf8")


def test_the_long_commands_come_last_and_the_chapters_before_the_check():
    """Kills: `make check` without `make notebooks`, which fails on any edit of a chapter."""
    assert commands()[-2:] == LONG
    assert len(commands()) > len(LONG)


def test_an_edit_goes_where_the_sentence_says():
    """Kills: a method after the class; a paragraph in the next section."""
    chapter = "# A\n\n## B\n\nb\n\n## C\n\nc\n"
    assert edit(" at the end of the section *B* of `x.md`", chapter, "new\n") == (
        "# A\n\n## B\n\nb\n\nnew\n\n## C\n\nc\n"
    )
    module = "class A:\n    def f(self): ...\n\n\ndef g(): ...\n"
    assert edit(" in `x.py`, as the last method of `A`", module, "    def h(self): ...\n") == (
        "class A:\n    def f(self): ...\n\n    def h(self): ...\n\n\ndef g(): ...\n"
    )
    assert edit(" at the end of `x.toml`", "a = 1\n", "b = 2\n") == "a = 1\n\nb = 2\n"
    with pytest.raises(AssertionError, match="no place"):
        edit(" in `x.py`", module, "")


@pytest.mark.slow
def test_the_example_proves_its_equation(clone):
    """Kills: a label, method, fixture or mutant in the text that the repository has outgrown."""
    take(clone, 1, 1)
    done = run("make equations", clone)
    assert done.returncode != 0
    assert "coin-variance" in done.stdout + done.stderr
    take(clone, 2, 4)
    for command in commands()[: -len(LONG)]:
        done = run(command, clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert run(".venv/bin/python -m tools.notebooks --check", clone).returncode != 0, (
        "`make notebooks` has nothing to do"
    )


@pytest.mark.clone
def test_the_example_passes_what_is_checked_before_a_push(clone):
    """Kills: a step that the text forgot, so that `make check` fails at its end."""
    take(clone, 1, 4)
    for command in commands():
        done = run(command, clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
