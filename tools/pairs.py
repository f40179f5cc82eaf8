"""Each chapter is a pair: the .md that people edit and the .ipynb that was executed from it.

``python -m tools.pairs`` names every pair that is not whole, and what mends it: half a pair, halves
that differ, outputs that are missing, an .ipynb that another program saved.
"""

import ast
import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from jupytext.myst import MystMetadataParsingError

SHOWING = {"print", "show", "display"}
EXECUTION = {"raises-exception", "skip-execution"}  # the tags that nbclient heeds
FORMAT = "md:myst"
MERGE = re.compile(r"(?m)^(<{7}|>{7})( |$)")
Notebook = Any  # a NotebookNode: nested mappings, with attributes


def read(half: Path) -> Notebook:
    """Either half as a notebook.

    Raises:
        ValueError: it is none; the message says what it is, as in "01_bayes.md is empty".
    """
    text = half.read_text("utf8")
    if not text.strip():
        raise ValueError(f"{half.name} is empty")
    if MERGE.search(text):
        raise ValueError(f"{half.name} holds git's merge marks")
    if half.suffix == ".md":
        try:
            return jupytext.reads(text, FORMAT)
        except (MystMetadataParsingError, nbformat.ValidationError) as error:
            said = str(error).partition("\n")[0]
            raise ValueError(f"{half.name} cannot be read ({said})") from None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{half.name} is broken in line {error.lineno} ({error.msg})"
        raise ValueError(message) from None
    if not isinstance(found, dict) or "cells" not in found:
        raise ValueError(f"{half.name} is no notebook")
    with warnings.catch_warnings():  # of ids that a program has dropped; they are made anew
        warnings.simplefilter("ignore")
        return nbformat.reads(text, as_version=4)


def code(notebook: Notebook) -> list[tuple[str, list[str]]]:
    """What of a notebook decides on its outputs: sources, and the tags that nbclient heeds."""
    return [
        (cell.source, sorted(EXECUTION.intersection(cell.metadata.get("tags", []))))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def prose(notebook: Notebook) -> list[Any]:
    """All else of it that people write: text, captions, tags."""
    keys = ("tags", "mystnb")
    return [
        cell.source if cell.cell_type == "markdown" else [cell.metadata.get(key) for key in keys]
        for cell in notebook.cells
    ]


def outputs(notebook: Notebook) -> str:
    """A hash of all outputs."""
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def renewed(md: Path, old: Notebook) -> Notebook:
    """The notebook that the .md is, with the ids of the old one and the outputs of equal cells.

    What other programs add to a notebook is not kept.
    """
    written = read(md)
    notebook = combine_inputs_with_outputs(written, old, fmt=FORMAT)
    for cell, fresh in zip(notebook.cells, written.cells, strict=True):
        cell.metadata = fresh.metadata
        cell.setdefault("id", fresh.id)  # Colab keeps none
    notebook.metadata = written.metadata
    notebook.metadata.jupytext.pop("text_representation", None)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def text(notebook: Notebook) -> str:
    """The file of a notebook."""
    return str(nbformat.writes(notebook)) + "\n"


def unusable(md: Path) -> str:
    """Why the outputs of its .ipynb cannot be kept; empty if they can."""
    ipynb = md.with_suffix(".ipynb")
    if not ipynb.exists():
        return f"{ipynb.name} is missing"
    try:
        notebook = read(ipynb)
    except ValueError as error:
        return str(error)
    if code(notebook) != code(read(md)):
        return f"the code is not that of {md.name}"
    return unexecuted(notebook)


def unexecuted(notebook: Notebook) -> str:
    """Which cells were not executed from the top, or lost what they showed; empty if none."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if cells and not any(counts) and not any(cell.outputs for cell in cells):
        return "its outputs were cleared"
    if counts != list(range(1, len(cells) + 1)):
        return f"its cells were executed as {counts}, not from the top as 1..{len(cells)}"
    for cell in cells:
        if shows(cell) and not cell.outputs:
            return (
                f"cell {cell.execution_count} shows something and has no output: "
                f"{cell.source[:60]!r}"
            )
    return ""


def shows(cell: Notebook) -> bool:
    """Whether a cell must leave an output: a figure, a printed line or a displayed value.

    A cell that ends with a call may rightly show nothing, so that alone does not count.
    """
    if "figure" in cell.metadata.get("mystnb", {}):
        return True
    source = re.sub(r"(?m)^\s*[%!].*$", "", cell.source)  # IPython's magics are no Python
    last = None
    for node in ast.parse(source).body:
        last = node.value if isinstance(node, ast.Expr) else None
        if isinstance(last, ast.Call) and ast.unparse(last.func).split(".")[-1] in SHOWING:
            return True
    return last is not None and not isinstance(last, ast.Call)


def advice(half: Path) -> str:
    """What is wrong with the pair of an .md or .ipynb, and what mends it; empty if it is whole."""
    md, ipynb = half.with_suffix(".md"), half.with_suffix(".ipynb")
    if not md.exists():
        copy = " (a copy that JupyterLab made?)" if re.search(r"-Copy\d+$", half.stem) else ""
        return (
            f"{ipynb}: no chapter, it has no .md beside it{copy}: `rm '{ipynb}'`, or move it away"
        )
    try:
        written = read(md)
    except ValueError as error:
        return f"{error}: edit it, or `git checkout HEAD -- {md}` brings the last commit's"
    back = f"`git checkout HEAD -- {ipynb}` brings the last commit's"
    if "jupytext_version" in md.read_text("utf8").partition("\n---\n")[0]:
        return (
            f"{md}: JupyterLab saved the pair: `git checkout HEAD -- {md} {ipynb}` brings the last "
            "commit's; or keep the text, and delete the line `jupytext_version`"
        )
    if why := unusable(md):
        return f"{ipynb}: {why}: {back}, `make notebooks` executes {md.name}"
    found = read(ipynb)
    if prose(found) != prose(written):
        return f"{ipynb}: its prose is not that of {md.name}: `make notebooks` copies it"
    if text(renewed(md, found)) != ipynb.read_text("utf8"):
        return f"{ipynb}: another program saved it: {back}, `make notebooks` makes it as it was"
    return ""


def problems(folder: Path) -> list[str]:
    """One line for each problem in a folder of pairs; empty if all is well."""
    halves = {half.stem: half for half in [*folder.glob("*.ipynb"), *folder.glob("*.md")]}
    if not halves:
        return [f"{folder.resolve()}: expected notebooks, got none; call it in the course's folder"]
    return [line for _, half in sorted(halves.items()) if (line := advice(half))]


if __name__ == "__main__":
    broken = problems(Path("notebooks"))
    print("\n".join(broken) or "pairs: every notebook is its source, executed")
    raise SystemExit(bool(broken))
