"""`make notebooks`: what makes a notebook stale, and what a failing cell leaves behind."""

import nbformat
import pytest

from tools import notebooks

HEADER = """---
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

# A page

"""


def cell(code: str) -> str:
    return f"```{{code-cell}} ipython3\n{code}\n```\n\n"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one notebook that imports one module, which imports another."""
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "TIMINGS", tmp_path / "book" / "timings.json")
    for folder in ("notebooks", "book", "coursepkg/models/autoregressive", "benchmarks/results"):
        (tmp_path / folder).mkdir(parents=True)
    write = {
        "constraints.txt": "numpy==1\n",
        "coursepkg/__init__.py": "",
        "coursepkg/rng.py": "",
        "coursepkg/unrelated.py": "",
        "coursepkg/models/__init__.py": "",
        "coursepkg/models/autoregressive/arm.py": "from coursepkg import rng\n",
        "benchmarks/results/arm.json": "{}",
        "notebooks/01_page.md": HEADER
        + cell("print(6 * 7)\nif False:\n    from coursepkg.models.autoregressive.arm import ARM")
        + cell("name = 'arm.json'"),
    }
    for name, text in write.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_fingerprint_follows_imports_results_and_pins(course):
    """Kills: only the .md is hashed, imports of imports missed, everything is hashed."""
    md = course / "notebooks" / "01_page.md"
    found = {str(p.relative_to(course)) for p in notebooks.needs(md)}
    assert found == {
        "constraints.txt", "notebooks/01_page.md", "benchmarks/results/arm.json",
        "coursepkg/__init__.py", "coursepkg/rng.py", "coursepkg/models/__init__.py",
        "coursepkg/models/autoregressive/arm.py",
    }  # fmt: skip
    for name in sorted(found):
        before = notebooks.fingerprint(md)
        with (course / name).open("a") as file:
            file.write("\n")
        assert notebooks.fingerprint(md) != before, name
    before = notebooks.fingerprint(md)
    (course / "coursepkg/unrelated.py").write_text("x = 1")
    assert notebooks.fingerprint(md) == before


def test_a_change_behind_a_face_makes_the_notebook_stale(course):
    """Kills: of a face only its own text is hashed, or only the module that defines the name."""
    files = {
        "coursepkg/models/rbm/__init__.py": "from coursepkg.models.rbm.binary import RBM\n"
        "from coursepkg.models.rbm.learning import train\n",
        "coursepkg/models/rbm/binary.py": "from coursepkg.validate import check\n",
        "coursepkg/models/rbm/learning.py": "",
        "coursepkg/models/rbm/lecture.py": "",
        "coursepkg/validate.py": "",
    }
    (course / "coursepkg/models/rbm").mkdir()
    for name, text in files.items():
        (course / name).write_text(text)
    md = course / "notebooks" / "01_page.md"
    for line in ("from coursepkg.models.rbm import RBM", "import coursepkg.models.rbm as r"):
        md.write_text(HEADER + cell(line))
        before = notebooks.fingerprint(md)
        for name, text in files.items():
            (course / name).write_text(text + "x = 1\n")
            stale = notebooks.fingerprint(md) != before
            assert stale == (name != "coursepkg/models/rbm/lecture.py"), (line, name)
            (course / name).write_text(text)
        assert notebooks.fingerprint(md) == before


def test_executes_once_then_knows_that_it_is_up_to_date(course, capsys):
    md = course / "notebooks" / "01_page.md"
    notebooks.main([])
    executed = nbformat.read(md.with_suffix(".ipynb"), as_version=4)
    code = [c for c in executed.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == [1, 2]
    assert code[0].outputs[0].text == "42\n"
    assert "01_page" in notebooks.TIMINGS.read_text()
    assert notebooks.stale() == []
    capsys.readouterr()
    notebooks.main([])
    assert "up to date" in capsys.readouterr().out
    (course / "coursepkg/rng.py").write_text("x = 1")
    assert notebooks.stale() == [md]


def test_a_failing_cell_is_named_and_the_old_notebook_kept(course, capsys):
    """Kills: a half-executed notebook written, an error without its place."""
    md = course / "notebooks" / "01_page.md"
    notebooks.main([])
    before = md.with_suffix(".ipynb").read_bytes()
    md.write_text(md.read_text() + cell("ratio = 1 / 0"))
    with pytest.raises(notebooks.typer.Exit):
        notebooks.main([])
    said = capsys.readouterr().out
    for part in ("01_page.md", "cell 4", "ratio = 1 / 0", "ZeroDivisionError"):
        assert part in said
    assert md.with_suffix(".ipynb").read_bytes() == before
    assert notebooks.stale() == [md]
