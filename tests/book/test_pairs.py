"""Both halves of each chapter say the same, and the notebook was run from the top."""

from pathlib import Path

import jupytext
import pytest
from nbformat.v4 import new_output

from tools.pairs import problems, shows

ROOT = Path(__file__).parents[2]
SOURCE = """\
---
jupytext:
  formats: ipynb,md:myst
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
print(x)
```
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
    jupytext.write(notebook, folder / "01_a.ipynb")
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


@pytest.mark.parametrize("half", ["01_a.md", "01_a.ipynb"])
def test_half_a_pair_is_named(tmp_path: Path, half: str):
    (publish(tmp_path, [1, 2]) / half).unlink()
    (line,) = problems(tmp_path)
    assert line.startswith(str(tmp_path / half))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# A title", "# Another", "title “# A title”, while 01_a.md has “# Another”"),
        ("x = 1", "x = 2", "differs from 01_a.md"),
        ("print(x)\n```\n", "print(x)\n```\n\nMore text.\n", "differs from 01_a.md"),
    ],
)
def test_halves_that_differ_are_named(tmp_path: Path, old: str, new: str, message: str):
    source = publish(tmp_path, [1, 2]) / "01_a.md"
    source.write_text(source.read_text().replace(old, new))
    (line,) = problems(tmp_path)
    assert message in line


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
