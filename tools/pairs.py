"""Each chapter is a pair: the .md that people edit and the .ipynb that was executed from it.

`python -m tools.pairs` fails for a half without the other, for halves that differ (outputs and file
times apart), for cells that were not executed in order, and for outputs that are missing.
"""

import ast
import re
from pathlib import Path
from typing import Any

import jupytext
from jupytext.compare import NotebookDifference, compare_notebooks

from tools.site import title

SHOWING = {"print", "show", "display"}
Notebook = Any  # a NotebookNode: nested mappings, with attributes


def problems(folder: Path) -> list[str]:
    """One line for each problem in a folder of pairs; empty if all is well."""
    found = []
    halves = [*folder.glob("*.md"), *folder.glob("*.ipynb")]
    for stem in sorted({half.stem for half in halves}):
        source, notebook = folder / f"{stem}.md", folder / f"{stem}.ipynb"
        missing = [file for file in (source, notebook) if not file.exists()]
        if missing:
            found.append(f"{missing[0]}: missing beside its other half; run `make notebooks`")
            continue
        executed = jupytext.read(notebook)
        found += [f"{notebook}: {problem}" for problem in _unlike(source, executed)]
        found += [f"{notebook}: {problem}" for problem in _unexecuted(executed)]
    return found


def _unlike(source: Path, notebook: Notebook) -> list[str]:
    written, shown = title(source), notebook.cells[0].source.partition("\n")[0]
    if shown != f"# {written}":
        return [f"title “{shown}”, while {source.name} has “# {written}”; run `make notebooks`"]
    try:
        compare_notebooks(
            jupytext.read(source), notebook, "md:myst", compare_outputs=False, compare_ids=False
        )
    except NotebookDifference as difference:
        return [f"differs from {source.name}; run `make notebooks`\n{difference}"]
    return []


def _unexecuted(notebook: Notebook) -> list[str]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        return [f"cells were executed as {counts}, not from the top as 1..{len(cells)}"]
    return [
        f"cell {cell.execution_count} shows something and has no output: {cell.source[:60]!r}"
        for cell in cells
        if shows(cell) and not cell.outputs
    ]


def shows(cell: Notebook) -> bool:
    """Whether a cell must leave an output: a figure, a printed line or a displayed value.

    A cell that ends with a call may rightly show nothing, so that alone does not count.
    """
    if "figure" in cell.metadata.get("mystnb", {}):
        return True
    code = re.sub(r"(?m)^\s*[%!].*$", "", cell.source)  # IPython's magics are no Python
    last = None
    for node in ast.parse(code).body:
        last = node.value if isinstance(node, ast.Expr) else None
        if isinstance(last, ast.Call) and ast.unparse(last.func).split(".")[-1] in SHOWING:
            return True
    return last is not None and not isinstance(last, ast.Call)


if __name__ == "__main__":
    broken = problems(Path("notebooks"))
    print("\n".join(broken) or "pairs: every notebook is its source, executed")
    raise SystemExit(bool(broken))
