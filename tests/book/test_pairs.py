"""Both halves of each chapter say the same, the notebook was run from the top, advice helps."""

import json
import re
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import jupytext
import pytest
from nbformat.v4 import new_output

from tools import notebooks
from tools.pairs import outputs, problems, read, renewed, shows, text

ROOT = Path(__file__).parents[2]
SOURCE = """\
---
jupytext:
  formats: ipynb,md:myst
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A title

```{code-cell} ipython3
x = 1
```

```{code-cell} ipython3
:tags: [hide-input]

print(x)
```

The end.
"""


def publish(folder: Path, counts: list[int | None], *, output: bool = True) -> Path:
    """Writes the pair as if its cells had been run in that order."""
    (folder / "01_a.md").write_text(SOURCE)
    notebook = jupytext.reads(SOURCE, "md:myst")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, count in zip(code, counts, strict=True):
        cell.execution_count = count
    if output:
        code[1].outputs = [new_output("stream", text="1\n")]
    notebook.metadata.jupytext.pop("text_representation")
    (folder / "01_a.ipynb").write_text(text(notebook))
    return folder


def test_a_good_pair_passes(tmp_path: Path):
    assert problems(publish(tmp_path, [1, 2])) == []


@pytest.mark.parametrize("counts", [[None, None], [2, 1], [1, 3], [1, None]])
def test_cells_that_were_not_run_in_order_are_named(tmp_path: Path, counts: list[int | None]):
    """Kills: an unexecuted notebook, which nbval passes over in silence."""
    (line,) = problems(publish(tmp_path, counts))
    assert f"executed as {counts}" in line


def test_a_missing_output_is_named(tmp_path: Path):
    (line,) = problems(publish(tmp_path, [1, 2], output=False))
    assert "cell 2 shows something and has no output: 'print(x)'" in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# A title", "# Another", "its prose is not that of 01_a.md"),
        ("print(x)\n```\n", "print(x)\n```\n\nMore text.\n", "its prose is not that of 01_a.md"),
        ("[hide-input]", "[hide-cell]", "its prose is not that of 01_a.md"),
        ("x = 1", "x = 2", "the code is not that of 01_a.md"),
        ("[hide-input]", "[raises-exception]", "the code is not that of 01_a.md"),
    ],
)
def test_halves_that_differ_are_named(tmp_path: Path, old: str, new: str, message: str):
    """Kills: a caption or tag not compared, or taken for code."""
    source = publish(tmp_path, [1, 2]) / "01_a.md"
    source.write_text(source.read_text().replace(old, new))
    (line,) = problems(tmp_path)
    assert message in line
    assert ("copies it" in line) == ("prose" in message)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print(1)\nx = 2", True),
        ("x", True),
        ("[1, 2]", True),
        ("source.show(f)", True),
        ("%config A\nx = 1\nx + 1", True),
        ("use_style()", False),
        ("x\ny = 1", False),
        ("_ = ax.set_xlabel('x')", False),
        ("assert x", False),
    ],
)
def test_what_must_leave_an_output(code: str, expected: bool):
    cell = jupytext.reads(f"```{{code-cell}}\n{code}\n```\n", "md:myst").cells[0]
    assert shows(cell) is expected


def test_the_published_pairs_are_whole():
    assert problems(ROOT / "notebooks") == []


def test_equal_cells_keep_each_its_own_output(tmp_path: Path):
    """Kills: outputs matched by source, where a counter printed twice shows 1, then 2."""
    cell = "```{code-cell} ipython3\nprint(next(count))\n```\n\n"
    (tmp_path / "01_a.md").write_text(SOURCE + cell + cell)
    old = read(tmp_path / "01_a.md")
    for number, made in enumerate(cell for cell in old.cells if cell.cell_type == "code"):
        made.execution_count, made.outputs = number + 1, [new_output("stream", text=str(number))]
    (tmp_path / "01_a.md").write_text(SOURCE.replace("The end.", "Between.") + cell + cell)
    new = renewed(tmp_path / "01_a.md", old)
    assert outputs(new) == outputs(old)
    assert [c.id for c in new.cells if "print" in c.source] == [
        c.id for c in old.cells if "print" in c.source
    ]
    assert "Between." in {cell.source for cell in new.cells}


class Kernel:
    """Stands for the kernel, which would take seconds: prints 1 where it is asked."""

    def __init__(self, notebook, **_):
        self.count = 0

    @contextmanager
    def setup_kernel(self):
        yield

    def execute_cell(self, cell, _):
        if cell.cell_type == "code":
            self.count += 1
            cell.execution_count = self.count
            shown = new_output("stream", text="1\n")
            cell.outputs = [shown] if "print" in cell.source else []


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one pair, executed and committed; the working directory is its root."""
    for name, path in (("ROOT", ""), ("TIMINGS", "book/timings.json"), ("REPLACED", ".make/old")):
        monkeypatch.setattr(notebooks, name, tmp_path / path)
    monkeypatch.setattr(notebooks, "NotebookClient", Kernel)
    monkeypatch.chdir(tmp_path)
    for folder in ("notebooks", "book"):
        (tmp_path / folder).mkdir()
    (tmp_path / "constraints.txt").write_text("numpy==1\n")
    (tmp_path / ".gitignore").write_text(".make/\n")
    publish(tmp_path / "notebooks", [None, None], output=False)
    notebooks.main([])
    git("init", "--quiet")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=a")
    return tmp_path


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout


def dump(notebook: dict) -> str:
    return json.dumps(notebook, indent=1)


def vscode(text: str) -> str:
    """No newline at the end, metadata of its own, and other ids."""
    notebook = json.loads(text)
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{number:08x}"
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["metadata"]["collapsed"] = True
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    return dump(notebook)


def colab(text: str) -> str:
    """Provenance, ids among the metadata and not in the cells, an output trimmed away."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        if cell.get("outputs"):
            cell["outputs"][0]["text"] = ["Streaming output truncated to the last 5000 lines.\n"]
    notebook["metadata"] = {
        "colab": {"provenance": []},
        "kernelspec": notebook["metadata"]["kernelspec"],
    }
    return dump(notebook | {"nbformat_minor": 0})


def cleared(text: str) -> str:
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell.update({"outputs": [], "execution_count": None} if "outputs" in cell else {})
    return dump(notebook) + "\n"


def merged(text: str) -> str:
    line = '   "x = 1"'
    assert line in text
    both = f"<<<<<<< HEAD\n{line}\n=======\n{line}\n>>>>>>> branch"
    return text.replace(line, both)


HALVES = {
    "saved by VS Code": (vscode, "another program saved it"),
    "saved by Colab": (colab, "another program saved it"),
    "cleared": (cleared, "its outputs were cleared"),
    "merge marks": (merged, "01_a.ipynb holds git's merge marks"),
    "empty": (lambda _: "", "01_a.ipynb is empty"),
    "cut off": (lambda text: text[:300], "01_a.ipynb is broken in line"),
    "no notebook": (lambda _: "[]", "01_a.ipynb is no notebook"),
    "code edited": (lambda text: text.replace("x = 1", "x = 2"), "the code is not that of 01_a.md"),
    "text edited": (lambda text: text.replace("The end", "An end"), "its prose is not that of"),
    "run twice": (lambda text: text.replace('count": 2', 'count": 7'), "executed as [1, 7]"),
}


def follow(command: str) -> None:
    if command == "make notebooks":
        notebooks.main([])
    else:
        subprocess.run(shlex.split(command), check=True, capture_output=True)


def whole() -> bool:
    """Whether `make check` would let the pair pass, and its file is what `make` would write."""
    assert problems(Path("notebooks")) == []
    assert not notebooks.stale(Path("notebooks/01_a.md"))
    assert not notebooks.copy(Path("notebooks/01_a.md"))
    return outputs(read(Path("notebooks/01_a.ipynb"))) == outputs(
        jupytext.reads(git("show", "HEAD:notebooks/01_a.ipynb"), "ipynb")
    )


@pytest.mark.parametrize("case", HALVES)
def test_whatever_befell_the_ipynb_each_command_of_the_advice_mends_it(course: Path, case: str):
    """Kills: `make notebooks` that says "up to date"; a crash on what is no JSON."""
    damage, said = HALVES[case]
    ipynb = course / "notebooks/01_a.ipynb"
    good = ipynb.read_text()
    ipynb.write_text(damage(good))
    (line,) = problems(Path("notebooks"))
    assert line.startswith("notebooks/01_a.ipynb: ")
    assert said in line
    commands = re.findall(r"`([^`]+)`", line)
    assert "make notebooks" in commands
    for command in commands:
        ipynb.write_text(damage(good))
        follow(command)
        assert whole(), command
        assert not re.search(r"vscode|collapsed|colab", ipynb.read_text())
        if command == "make notebooks":
            assert (course / ".make/old/01_a.ipynb").read_text() == damage(good)


@pytest.mark.parametrize("name", ["01_a-Copy1", "Untitled"])
def test_a_copy_that_jupyterlab_made_is_thrown_away(course: Path, name: str):
    """Kills: `make notebooks`, which makes no .md, as the advice; a path that a shell splits."""
    shutil.copyfile("notebooks/01_a.ipynb", f"notebooks/{name}.ipynb")
    (line,) = problems(Path("notebooks"))
    assert ("a copy" in line) == ("Copy" in name)
    follow(re.search(r"`([^`]+)`", line)[1])
    assert whole()


def test_ctrl_s_in_jupyterlab_on_the_pair_itself_is_undone(course: Path):
    """Kills: the line of Jupytext's version goes into the repository, and out, and in."""
    md = course / "notebooks/01_a.md"
    md.write_text(md.read_text().replace("0.13\n", "0.13\n    jupytext_version: 1.19.6\n"))
    (line,) = problems(Path("notebooks"))
    assert "JupyterLab saved the pair" in line
    follow(re.search(r"`(git [^`]+)`", line)[1])
    assert whole()
    assert git("status", "--porcelain") == ""


def test_an_md_with_merge_marks_is_not_executed(course: Path, capsys: pytest.CaptureFixture[str]):
    """Kills: marks that reach the reader as text, since Markdown knows no errors."""
    md, ipynb = course / "notebooks/01_a.md", course / "notebooks/01_a.ipynb"
    before = ipynb.read_text()
    md.write_text(md.read_text() + "\n<<<<<<< HEAD\nA\n=======\nB\n>>>>>>> branch\n")
    (line,) = problems(Path("notebooks"))
    assert line.startswith("01_a.md holds git's merge marks")
    with pytest.raises(notebooks.typer.Exit):
        notebooks.main([])
    assert "01_a.md holds git's merge marks" in capsys.readouterr().out
    assert ipynb.read_text() == before
    follow(re.search(r"`([^`]+)`", line)[1])
    assert whole()


def test_timings_that_a_merge_broke_say_what_to_do(course: Path, capsys):
    """Kills: a traceback of json where two branches executed the same chapter."""
    file = course / "book/timings.json"
    file.write_text(merged_timings := "<<<<<<< HEAD\n" + file.read_text())
    with pytest.raises(notebooks.typer.Exit):
        notebooks.main([])
    said = capsys.readouterr().out
    assert file.read_text() == merged_timings
    follow(re.search(r"`(git [^`]+)`", said)[1])
    assert whole()
