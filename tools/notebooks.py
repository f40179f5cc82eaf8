"""Makes notebooks/*.ipynb: each .md is converted, executed and timed, if anything it needs changed.

``python -m tools.notebooks`` makes what is out of date, ``--check`` only names it. What a notebook
shows needs its code cells, the modules of coursepkg that they import, the results and weights that
they read, and the pinned versions; a fingerprint of these stands with the measured seconds in
book/timings.json, beside a hash of the outputs. Where it holds, text, captions and tags are copied
and nothing is executed. What is replaced stays in .make/replaced until it is replaced again.
"""

import ast
import datetime
import hashlib
import json
import re
import shutil
import time
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import nbformat
import typer
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from rich.progress import track

from coursepkg.files import write_whole
from tools import pairs
from tools.machine import cpu

ROOT = Path(__file__).parents[1]
TIMINGS = ROOT / "book" / "timings.json"
REPLACED = ROOT / ".make" / "replaced"
PEERS = ("tokenizers", "transformers")  # their versions are seen by the tests alone


@cache
def imported(source: str) -> frozenset[tuple[str, str]]:
    """What Python source may import of coursepkg: modules, each with a name in it or ""."""
    found = set[tuple[str, str]]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {(a.name, "") for a in node.names if a.name.startswith("coursepkg")}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("coursepkg"):
            found |= {(node.module or "", a.name) for a in node.names}
    return frozenset(found)


def homes(module: str, name: str) -> list[tuple[str, str]]:
    """Where a name comes from: a face only passes it on, and what else is there matters not."""
    path = ROOT.joinpath(*module.split("."))
    if not path.is_dir():
        return []
    if (path / f"{name}.py").is_file() or (name and (path / name).is_dir()):
        return [(f"{module}.{name}", "")]
    face = imported((path / "__init__.py").read_text(encoding="utf-8"))
    return [(home, its) for home, its in face if name in {"", its}]


def needs(code: str) -> list[Path]:
    """Files whose change may change what a chapter's code shows, sorted."""
    found: set[Path] = set()
    waiting, seen = list(imported(re.sub(r"(?m)^\s*[%!].*$", "", code))), set[tuple[str, str]]()
    while waiting:
        if (one := waiting.pop()) in seen:
            continue
        seen.add(one)
        module, name = one
        waiting += (passed_on := homes(module, name))
        path = ROOT.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.is_file() and not passed_on:
            found.add(path)
            waiting += imported(path.read_text(encoding="utf-8"))
    results = {ROOT / "benchmarks" / "results" / name for name in re.findall(r"[\w-]+\.json", code)}
    names = re.findall(r'load_weights\("([\w-]+)"\)', code)
    weights = {ROOT / "coursepkg" / "weights" / f"{name}.pt" for name in names}
    read = {path for path in results | weights if path.is_file()}
    return sorted({ROOT / "constraints.txt", *found, *read})


def fingerprint(md: Path) -> str:
    """Hash over the code cells and over the names and contents of all else that they need."""
    cells = pairs.code(pairs.read(md))
    digest = hashlib.sha256(json.dumps(cells).encode())
    code = "\n".join(source for source, _ in cells)
    contents = {path: path.read_bytes() for path in needs(code)}
    pinned = pins(code.encode() + b"\n".join(contents.values()))
    for path, content in contents.items():
        seen = pinned if path.name == "constraints.txt" else content
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + seen + b"\0")
    return digest.hexdigest()[:16]


def pins(code: bytes) -> bytes:
    """The pinned versions, without those of `PEERS` that the code does not import."""
    left_out = {
        name for name in PEERS if not re.search(rf"(?m)^\s*(import|from) {name}\b".encode(), code)
    }
    lines = (ROOT / "constraints.txt").read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if line.split(b"==")[0].decode() not in left_out)


def execute(md: Path) -> float:
    """Converts and executes one notebook, and replaces its .ipynb only if all went well.

    Returns:
        The seconds that the cells took.

    Raises:
        RuntimeError: naming the notebook, the cell and the error.
    """
    try:
        old = pairs.read(md.with_suffix(".ipynb"))
    except (ValueError, FileNotFoundError):  # then there are no ids to keep
        old = nbformat.v4.new_notebook()
    notebook = pairs.renewed(md, old)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False,
                            coalesce_streams=True,  # a busy machine prints in pieces
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
    replace(md.with_suffix(".ipynb"), notebook)
    return seconds


def replace(ipynb: Path, notebook: pairs.Notebook) -> None:
    """Writes a notebook in one go; what stood there can be found in .make/replaced."""
    if ipynb.exists():
        REPLACED.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ipynb, REPLACED / ipynb.name)
    write_whole(ipynb, pairs.text(notebook))


def copy(md: Path) -> bool:
    """Copies what the .md says into the .ipynb, outputs kept; whether anything had changed."""
    ipynb = md.with_suffix(".ipynb")
    notebook = pairs.renewed(md, pairs.read(ipynb))
    if changed := pairs.text(notebook) != ipynb.read_text("utf8"):
        replace(ipynb, notebook)
    return changed


def timings() -> dict[str, Any]:
    """What was measured, by the chapter's name.

    Raises:
        ValueError: the file is broken; a merge that both sides measured in leaves it so.
    """
    if not TIMINGS.exists():
        return {}
    try:
        read: dict[str, Any] = json.loads(TIMINGS.read_text("utf8"))
    except json.JSONDecodeError:
        name = TIMINGS.relative_to(ROOT)
        raise ValueError(
            f"{name}: broken, by a merge perhaps: `git checkout HEAD -- {name}` brings the last "
            "commit's, and `make notebooks` measures what it does not know"
        ) from None
    return read


def stale(md: Path) -> str:
    """Why the chapter must be executed again; empty if its outputs are those of its code."""
    known = timings().get(md.stem, {})
    if why := pairs.unusable(md):
        return why
    if known.get("fingerprint") != fingerprint(md):
        return "code, package, results or versions changed since it was executed"
    if known.get("outputs") != pairs.outputs(pairs.read(md.with_suffix(".ipynb"))):
        return "its outputs are not those that were made"
    return ""


def make(md: Path) -> None:
    """Executes one notebook and writes down how long it took."""
    seconds = execute(md)
    entry = {"seconds": round(seconds, 1), "cpu": cpu(), "fingerprint": fingerprint(md),
             "outputs": pairs.outputs(pairs.read(md.with_suffix(".ipynb"))),
             "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat()}  # fmt: skip
    text = json.dumps(timings() | {md.stem: entry}, indent=1, sort_keys=True)
    write_whole(TIMINGS, text + "\n")
    print(f"{md.stem}: executed, {seconds:.0f} s")


def renew(md: Path, *, anyway: bool = False) -> bool:
    """Executes the chapter or copies its text, if need be; whether anything had changed."""
    if why := "you named it" if anyway else stale(md):
        print(f"{md.stem}: {why}")
        make(md)
        return True
    if changed := copy(md):
        print(f"{md.stem}: prose copied, outputs kept")
    return changed


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="such as 01_bayes: execute these anyway")
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option(help="only name what must be executed, and fail if anything must")
    ] = False,
) -> None:
    """Executes the notebooks that need it, measures their seconds; copies text into the others."""
    chapters = sorted((ROOT / "notebooks").glob("*.md"))
    if unknown := sorted(set(names or []) - {md.stem for md in chapters}):
        raise typer.BadParameter(
            f"expected some of {', '.join(md.stem for md in chapters)}, got {', '.join(unknown)}"
        )
    chapters = [md for md in chapters if not names or md.stem in names]
    if check:
        found = {md: why for md in chapters if (why := stale(md))}
        for md, why in found.items():
            print(f"{md.stem}: {why}: `make notebooks` executes it")
        raise typer.Exit(bool(found))
    changed = 0
    for md in chapters:
        try:
            changed += renew(md, anyway=bool(names))
        except (RuntimeError, ValueError) as error:
            print(f"{error}\n{md.with_suffix('.ipynb').name} is as it was.")
            raise typer.Exit(1) from None
    print(f"{changed} notebooks made" if changed else "All notebooks are up to date.")


if __name__ == "__main__":
    typer.run(main)
