"""Makes notebooks/*.ipynb: each .md is converted, executed and timed, if anything it needs changed.

``python -m tools.notebooks`` makes what is out of date, ``--check`` only names it. A notebook
needs its own text, the modules of coursepkg that it imports, the results it reads, and the pinned
versions; a fingerprint of these stands with the measured seconds in book/timings.json.
"""

import ast
import datetime
import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jupytext
import nbformat
import typer
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from rich.progress import track

from tools.machine import cpu

ROOT = Path(__file__).parents[1]
TIMINGS = ROOT / "book" / "timings.json"
FORMAT = "md:myst"


def imported(source: str) -> Iterator[str]:
    """Names of the modules of coursepkg that Python source may import, submodules included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("coursepkg"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("coursepkg"):
            yield node.module or ""
            yield from (f"{node.module}.{a.name}" for a in node.names)


def needs(md: Path) -> list[Path]:
    """Files whose change makes the executed notebook stale, sorted."""
    notebook = jupytext.read(md, fmt=FORMAT)
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    found: set[Path] = set()
    waiting = list(imported(re.sub(r"(?m)^\s*[%!].*$", "", code)))
    while waiting:
        parts = waiting.pop().split(".")
        for n in range(1, len(parts) + 1):  # a package's __init__ runs too
            path = ROOT.joinpath(*parts[:n])
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            if path.is_file() and path not in found:
                found.add(path)
                waiting += imported(path.read_text(encoding="utf-8"))
    results = {ROOT / "benchmarks" / "results" / name for name in re.findall(r"[\w-]+\.json", code)}
    return sorted({md, ROOT / "constraints.txt", *found, *(r for r in results if r.is_file())})


def fingerprint(md: Path) -> str:
    """Hash over the names and contents of all that the notebook needs."""
    digest = hashlib.sha256()
    for path in needs(md):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def execute(md: Path) -> float:
    """Converts and executes one notebook, and replaces its .ipynb only if all went well.

    Returns:
        The seconds that the cells took.

    Raises:
        RuntimeError: naming the notebook, the cell and the error.
    """
    ipynb = md.with_suffix(".ipynb")
    notebook = jupytext.read(md, fmt=FORMAT)
    if ipynb.exists():  # keeps the ids of cells, so that diffs stay small
        old = nbformat.read(ipynb, as_version=4)
        notebook = combine_inputs_with_outputs(notebook, old, fmt=FORMAT)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(md.parent)}})  # fmt: skip
    start = time.perf_counter()
    with client.setup_kernel():
        for i, cell in enumerate(track(notebook.cells, description=md.stem)):
            try:
                client.execute_cell(cell, i)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                first = cell.source.strip().splitlines()[0]
                message = f"{md.name}: cell {i + 1} (`{first}`) failed:\n{error}"
                raise RuntimeError(message) from None
    seconds = time.perf_counter() - start
    notebook.metadata.pop("widgets", None)
    new = ipynb.with_suffix(".new")
    nbformat.write(notebook, new)
    new.replace(ipynb)
    return seconds


def _timings() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(TIMINGS.read_text("utf-8")) if TIMINGS.exists() else {}
    return read


def stale(names: list[str] | None = None) -> list[Path]:
    """The notebooks that must be executed again: by name, or all that are out of date."""
    known = _timings()
    sources = sorted((ROOT / "notebooks").glob("*.md"))
    if names:
        return [md for md in sources if md.stem in names]
    return [
        md
        for md in sources
        if not md.with_suffix(".ipynb").exists()
        or known.get(md.stem, {}).get("fingerprint") != fingerprint(md)
    ]


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="such as 01_bayes: make these anyway")
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option(help="only name what is out of date, and fail if any is")
    ] = False,
) -> None:
    """Executes the notebooks that are out of date, and measures their seconds."""
    waiting = stale(names)
    if check:
        for md in waiting:
            print(f"{md.relative_to(ROOT)}: changed since it was executed; run `make notebooks`")
        raise typer.Exit(bool(waiting))
    for md in waiting:
        try:
            seconds = execute(md)
        except RuntimeError as error:
            print(f"{error}\n{md.with_suffix('.ipynb').name} is as it was.")
            raise typer.Exit(1) from None
        entry = {"seconds": round(seconds, 1), "cpu": cpu(), "fingerprint": fingerprint(md),
                 "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat()}  # fmt: skip
        timings = _timings() | {md.stem: entry}
        TIMINGS.write_text(json.dumps(timings, indent=1, sort_keys=True) + "\n", "utf-8")
        print(f"{md.stem}: {seconds:.0f} s")
    print(f"{len(waiting)} notebooks executed" if waiting else "All notebooks are up to date.")


if __name__ == "__main__":
    typer.run(main)
