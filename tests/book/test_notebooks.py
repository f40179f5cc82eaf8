"""`make notebooks`: what makes a notebook stale, and what a failing cell leaves behind."""

import nbformat
import pytest

from tools import notebooks, pairs

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
    monkeypatch.setattr(notebooks, "REPLACED", tmp_path / ".make" / "replaced")
    for folder in ("notebooks", "book", "coursepkg/models/autoregressive", "coursepkg/weights",
                   "benchmarks/results"):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
    write = {
        "constraints.txt": "numpy==1\n",
        "coursepkg/__init__.py": "",
        "coursepkg/rng.py": "",
        "coursepkg/unrelated.py": "",
        "coursepkg/models/__init__.py": "",
        "coursepkg/models/autoregressive/arm.py": "from coursepkg import rng\n",
        "benchmarks/results/arm.json": "{}",
        "coursepkg/weights/net.pt": "",
        "coursepkg/weights/other.pt": "",
        "notebooks/01_page.md": HEADER
        + cell("print(6 * 7)\nif False:\n    from coursepkg.models.autoregressive.arm import ARM")
        + cell("name = 'arm.json'  # beside load_weights(\"net\")"),
    }
    for name, text in write.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_fingerprint_follows_imports_results_and_pins(course):
    """Kills: only the code is hashed, imports of imports missed, everything is hashed."""
    md = course / "notebooks" / "01_page.md"
    sources = [source for source, _ in pairs.code(pairs.read(md))]
    found = {str(p.relative_to(course)) for p in notebooks.needs("\n".join(sources))}
    assert found == {
        "constraints.txt", "benchmarks/results/arm.json", "coursepkg/weights/net.pt",
        "coursepkg/rng.py", "coursepkg/models/autoregressive/arm.py",
    }  # fmt: skip
    for name in sorted(found):
        before = notebooks.fingerprint(md)
        with (course / name).open("a") as file:
            file.write("\n")
        assert notebooks.fingerprint(md) != before, name
    before = notebooks.fingerprint(md)
    (course / "coursepkg/unrelated.py").write_text("x = 1")
    assert notebooks.fingerprint(md) == before


def test_pins_of_peers_count_where_they_are_imported(course):
    """Kills: every chapter made anew; an import forgotten; names that begin alike left out."""
    md, pins = course / "notebooks" / "01_page.md", course / "constraints.txt"

    def counts(line: str) -> bool:
        old, before = pins.read_text(), notebooks.fingerprint(md)
        pins.write_text(old + line)
        return notebooks.fingerprint(md) != before

    assert not counts("transformers==1\n")
    assert counts("transformers-more==1\n")
    md.write_text(md.read_text() + cell("import transformers"))
    assert counts("transformers==2\n")


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("# A page", "# Another page", False),
        ("ipython3\nname", "ipython3\n:tags: [hide-input]\n\nname", False),
        ("ipython3\nname", "ipython3\n:tags: [raises-exception]\n\nname", True),
        ("print(6 * 7)", "print(6 * 8)", True),
        ("```\n\n```{code-cell} ipython3\nname", "name", True),
    ],
)
def test_of_the_chapter_only_what_is_executed_counts(course, old, new, counts):
    """Kills: the .md hashed as it is; tags left out; two cells taken for one."""
    md = course / "notebooks" / "01_page.md"
    before = notebooks.fingerprint(md)
    assert old in md.read_text()
    md.write_text(md.read_text().replace(old, new))
    assert (notebooks.fingerprint(md) != before) is counts


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("from coursepkg.models.rbm import RBM", {"binary", "validate"}),
        ("from coursepkg.models.rbm import RBM, train", {"binary", "validate", "learning"}),
        ("import coursepkg.models.rbm as r", {"binary", "validate", "learning"}),
        ("from coursepkg.models.rbm import lecture", {"lecture"}),
        ("from coursepkg.models.rbm import SIZE", {"__init__", "binary", "validate", "learning"}),
    ],
)
def test_a_face_passes_on_what_is_asked_of_it(course, line, read):
    """Kills: all of a face read for one name; a module behind it not followed; its own not read."""
    files = {
        "coursepkg/models/rbm/__init__.py": "from coursepkg.models.rbm.binary import RBM\n"
        "from coursepkg.models.rbm.learning import train\nSIZE = 20\n",
        "coursepkg/models/rbm/binary.py": "from coursepkg.validate import check\n",
        "coursepkg/models/rbm/learning.py": "",
        "coursepkg/models/rbm/lecture.py": "",
        "coursepkg/validate.py": "",
    }
    (course / "coursepkg/models/rbm").mkdir()
    for name, text in files.items():
        (course / name).write_text(text)
    md = course / "notebooks" / "01_page.md"
    md.write_text(HEADER + cell(line))
    before = notebooks.fingerprint(md)
    for name, text in files.items():
        (course / name).write_text(text + "x = 1\n")
        stale = notebooks.fingerprint(md) != before
        assert stale == ((course / name).stem in read), name
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
    assert notebooks.stale(md) == ""
    capsys.readouterr()
    notebooks.main([])
    assert "up to date" in capsys.readouterr().out
    (course / "coursepkg/rng.py").write_text("x = 1")
    assert "package" in notebooks.stale(md)


def test_what_is_printed_in_pieces_is_one_output(course):
    """Kills: outputs that depend on how busy the machine was."""
    md = course / "notebooks" / "01_page.md"
    md.write_text(HEADER + cell("import time\nprint(1, flush=True)\ntime.sleep(1)\nprint(2)"))
    notebooks.main([])
    executed = nbformat.read(md.with_suffix(".ipynb"), as_version=4)
    assert [o.text for c in executed.cells for o in c.get("outputs", ())] == ["1\n2\n"]


def test_a_prose_edit_is_copied_and_executes_nothing(course, capsys, monkeypatch):
    """Kills: text that starts a kernel; outputs, ids or seconds that change with a sentence."""
    md = course / "notebooks" / "01_page.md"
    notebooks.main([])
    old = pairs.read(md.with_suffix(".ipynb"))
    measured = notebooks.TIMINGS.read_text()
    monkeypatch.setattr(notebooks, "execute", None)
    text = md.read_text().replace("# A page", "# A page\n\nA sentence.")
    md.write_text(text.replace("ipython3\nname", "ipython3\n:tags: [hide-input]\n\nname"))
    with pytest.raises(notebooks.typer.Exit) as left:
        notebooks.main([], check=True)
    assert left.value.exit_code == 0  # what is left to do is said by tools.pairs
    capsys.readouterr()
    notebooks.main([])
    assert "01_page: prose copied, outputs kept" in capsys.readouterr().out
    new = pairs.read(md.with_suffix(".ipynb"))
    assert pairs.outputs(new) == pairs.outputs(old)
    assert new.cells[0].source == "# A page\n\nA sentence."
    assert new.cells[2].metadata.tags == ["hide-input"]
    assert [cell.id for cell in new.cells[1:]] == [cell.id for cell in old.cells[1:]]
    assert pairs.advice(md) == ""
    assert notebooks.TIMINGS.read_text() == measured
    notebooks.main([])
    assert "up to date" in capsys.readouterr().out


def test_outputs_that_were_changed_are_made_again(course):
    """Kills: an output that Colab trimmed or somebody wrote, under counts 1, 2, 3."""
    md = course / "notebooks" / "01_page.md"
    notebooks.main([])
    good = md.with_suffix(".ipynb").read_text()
    assert good.count(r'"42\n"') == 1  # a cell's random id may hold the digits, too
    md.with_suffix(".ipynb").write_text(good.replace(r'"42\n"', r'"41\n"'))
    assert "outputs" in notebooks.stale(md)
    with pytest.raises(notebooks.typer.Exit) as left:
        notebooks.main([], check=True)
    assert left.value.exit_code == 1
    notebooks.main([])
    assert md.with_suffix(".ipynb").read_text() == good


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
    assert notebooks.stale(md)
