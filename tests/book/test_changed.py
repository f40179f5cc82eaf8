"""What CI leaves out, since it reads what it read at a commit where all passed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tools import changed, nbval, notebooks, pairs

MD = """---
jupytext:
  formats: ipynb,md:myst
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A page

```{code-cell} ipython3
"""


def git(tree, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    words = ["git", *identity, *words]
    return subprocess.run(
        words, cwd=tree, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two chapters and two masters in a repository of one commit, each with a module of its own."""
    for module in (changed, nbval, notebooks):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "TIMINGS", tmp_path / "book" / "timings.json")
    files = {"constraints.txt": "", "pyproject.toml": "", "README.md": "",
             "coursepkg/__init__.py": "", "tools/assignments.py": "",
             "assignments/grader/cells.py": "", "tests/conftest.py": "",
             "tests/assignments/test_masters.py": ""}  # fmt: skip
    for name in ("one", "two"):
        files[f"coursepkg/{name}.py"] = ""
        files[f"notebooks/{name}.md"] = f"{MD}import coursepkg.{name}\n```\n"
        files[f"assignments/masters/{name}.py"] = f"import coursepkg.{name}\n"
        files[f"assignments/masters/{name}/expected.toml"] = ""
        files[f"assignments/masters/{name}/wrong/slip.py"] = "from coursepkg import slips\n"
    files["coursepkg/slips.py"] = ""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    executed(tmp_path, "one", "two")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(tmp_path, *words)
    return tmp_path


def executed(tree, *names, shown="42\n"):
    """As `make notebooks` leaves them."""
    for name in names:
        md = tree / "notebooks" / f"{name}.md"
        notebook = pairs.read(md)
        (code,) = (cell for cell in notebook.cells if cell.cell_type == "code")
        code.outputs = [{"output_type": "stream", "name": "stdout", "text": shown}]
        md.with_suffix(".ipynb").write_text(json.dumps(notebook))
        entry = {"fingerprint": notebooks.fingerprint(md), "outputs": pairs.outputs(notebook)}
        kept = notebooks.timings() | {name: entry}
        notebooks.TIMINGS.parent.mkdir(exist_ok=True)
        notebooks.TIMINGS.write_text(json.dumps(kept))


def append(tree, name, text="\n# changed\n"):
    with (tree / name).open("a") as file:
        file.write(text)


def stems(paths):
    return [path.stem for path in paths]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(
    ("name", "chapters", "masters"),
    [
        ("README.md", [], []),
        ("coursepkg/one.py", ["one"], ["one"]),
        ("coursepkg/slips.py", [], ["one", "two"]),
        ("coursepkg/__init__.py", [], []),
        ("constraints.txt", ["one", "two"], ["one", "two"]),
        ("assignments/masters/two.py", [], ["two"]),
        ("assignments/masters/two/expected.toml", [], ["two"]),
        ("assignments/masters/two/wrong/slip.py", [], ["two"]),
        ("assignments/grader/cells.py", [], ["one", "two"]),
        ("tests/assignments/test_masters.py", [], ["one", "two"]),
        ("tests/conftest.py", [], ["one", "two"]),
        ("tools/assignments.py", [], ["one", "two"]),
        ("pyproject.toml", [], ["one", "two"]),
    ],
)
def test_a_change_selects_what_reads_it(tree, name, chapters, masters, committed):
    """Kills: a module, an answer, a pin or the grader itself that changes unnoticed."""
    commit = git(tree, "rev-parse", "HEAD")
    append(tree, name)
    if committed:
        git(tree, "commit", "-qam", "second")
    assert stems(nbval.chapters(commit)) == chapters
    assert stems(nbval.masters(commit)) == masters


def test_a_new_wrong_answer_selects_its_master(tree):
    """Kills: only files that git knows already."""
    append(tree, "assignments/masters/one/wrong/new.py")
    assert stems(nbval.masters("HEAD")) == ["one"]


def test_prose_selects_nothing_and_an_output_its_chapter(tree):
    """Kills: the whole .ipynb compared; its outputs not compared; the record of today read."""
    append(tree, "notebooks/one.md", "\nMore prose.\n")
    executed(tree, "one")
    assert nbval.chapters("HEAD") == []
    executed(tree, "two", shown="43\n")
    assert stems(nbval.chapters("HEAD")) == ["two"]
    git(tree, "commit", "-qam", "second")
    assert stems(nbval.chapters("HEAD~1")) == ["two"]
    assert nbval.chapters("HEAD") == []


@pytest.mark.parametrize("commit", ["", "0" * 40])
def test_without_a_known_commit_nothing_is_left_out(tree, commit):
    """Kills: a shallow clone in which nothing is tested."""
    assert stems(nbval.chapters(commit)) == stems(nbval.masters(commit)) == ["one", "two"]
    assert "README.md" in changed.since(commit)


def test_a_chapter_that_the_commit_lacks_is_new(tree):
    """Kills: a record that is missing taken for one that holds."""
    commit = git(tree, "rev-parse", "HEAD")
    (tree / "notebooks" / "three.md").write_text(f"{MD}print(42)\n```\n")
    executed(tree, "three")
    assert stems(nbval.chapters(commit)) == ["three"]


@pytest.mark.parametrize(("name", "calls"), [("README.md", []), ("coursepkg/two.py", ["two"])])
def test_the_command_executes_what_has_changed(tree, monkeypatch, name, calls):
    """Kills: the environment that is not read; pytest without a name, which runs everything."""
    monkeypatch.setenv("SINCE", git(tree, "rev-parse", "HEAD"))
    append(tree, name)
    chosen = nbval.chapters(os.environ["SINCE"])
    called = []

    def run(words, check):
        called.extend(Path(word).stem for word in words if word.endswith(".ipynb"))
        return subprocess.CompletedProcess(words, 7)

    monkeypatch.setattr(nbval, "chapters", lambda commit: chosen if commit else [])
    monkeypatch.setattr(nbval.subprocess, "run", run)
    assert nbval.main() == (7 if calls else 0)
    assert called == calls
