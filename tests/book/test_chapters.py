"""What every chapter keeps to, and what every list of chapters says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import pytest

from tools.pairs import shows
from tools.site import toc_pages

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.md"))
OURS = {"coursepkg", "benchmarks"}
MOST = 12  # import statements of ours
PRIVATE = re.compile(r"(^|\.)_(?!replace|asdict)[a-z]")  # those two are a NamedTuple's interface


def code_cells(chapter: Path) -> list[Any]:
    """A chapter's code cells, IPython's magics left out."""
    cells = jupytext.read(chapter, fmt="md:myst").cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    for cell in code:
        cell.source = re.sub(r"(?m)^\s*[%!].*$", "", cell.source)
    return code


def nodes(chapter: Path) -> Iterator[ast.AST]:
    """The syntax of a chapter's code cells."""
    for cell in code_cells(chapter):
        yield from ast.walk(ast.parse(cell.source))


def imported(node: ast.AST) -> list[str]:
    """The full names of what a statement imports from our packages."""
    match node:
        case ast.Import():
            names = [alias.name for alias in node.names]
        case ast.ImportFrom():
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        case _:
            names = []
    return [name for name in names if name.partition(".")[0] in OURS]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_imports_in_few_statements(chapter: Path):
    """Kills: modules imported one by one, where a sub-package offers all of them."""
    statements = [ast.unparse(node) for node in nodes(chapter) if imported(node)]
    assert statements
    assert len(statements) <= MOST, statements


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_uses_no_private_name(chapter: Path):
    """Kills: `from coursepkg.x import _y`, `show(Model._y)`, `model._y(x)`: not the interface."""
    used = [name for node in nodes(chapter) for name in imported(node)]
    used += [ast.unparse(node) for node in nodes(chapter) if isinstance(node, ast.Attribute)]
    assert [name for name in used if PRIVATE.search(name)] == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_the_import_cell_is_folded(chapter: Path):
    """Kills: thirty lines of imports before the first figure; an output whose code is folded."""
    first = code_cells(chapter)[0]
    assert any(imported(node) for node in ast.walk(ast.parse(first.source)))
    assert first.metadata.get("tags") == ["hide-input"]
    assert not shows(first)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_the_closing_asserts_are_executed_and_not_on_the_site(chapter: Path):
    """Kills: a chapter that checks nothing; asserts on the page; a cell with text that vanishes."""
    *others, last = jupytext.read(chapter, fmt="md:myst").cells
    assert last.metadata.get("tags") == ["remove-cell"]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(last.source)))
    assert not shows(last)
    assert not [cell for cell in others if "remove-cell" in cell.metadata.get("tags", [])]
    assert not [cell for cell in others if re.search(r"(last|closing) cell", cell.source)]


def rows(page: str) -> dict[str, tuple[str, bool]]:
    """Number -> title and whether it is ready, from a page's table of chapters."""
    found = re.findall(
        r"(?m)^\| (\d+) \| (.+?) \|.*?(ready|planned) \|$", (ROOT / page).read_text("utf8")
    )
    return {number: (title, status == "ready") for number, title, status in found}


def test_all_lists_name_the_same_chapters():
    """Kills: a chapter that is ready in one list and planned in another, or has two numbers."""
    toc = (ROOT / "_toc.yml").read_text("utf8")
    files = re.findall(r"(?m)^ *(?:# *)?- file: notebooks/(\d\d)_\w+$", toc)
    numbers = [str(int(number)) for number in files]
    assert numbers == [str(i + 1) for i in range(len(numbers))]
    ready = {page.removeprefix("notebooks/") for page in toc_pages(ROOT) if "notebooks/" in page}
    assert ready == {chapter.stem for chapter in CHAPTERS}
    for page in ("README.md", "book/intro.md"):
        table = rows(page)
        assert list(table) == numbers, page
        finished = [number for number, (_, is_ready) in table.items() if is_ready]
        assert finished == [str(int(stem[:2])) for stem in sorted(ready)], page
        linked = [number for number, (title, _) in table.items() if "notebooks/" in title]
        assert linked == finished, page


def test_the_taxonomy_numbers_the_chapters_alike():
    """Kills: the row of transformers still says 18."""
    text = (ROOT / "book/taxonomy.md").read_text("utf8")
    planned = re.findall(r"(?m)^\| (.+?) \| (\d+), planned \|", text)
    table = rows("book/intro.md")
    assert all(not table[number][1] for _, number in planned)
    (shown,) = re.findall(r"(?m)^\| Transformer \| \[?(\d+)", text)
    assert shown == next(n for n, (t, _) in table.items() if "Transformers" in t)
    done = re.findall(r"\[(\d+)\]\(\.\./notebooks/(\d\d)_", text)
    assert all(int(shown) == int(file) and table[shown][1] for shown, file in done)
