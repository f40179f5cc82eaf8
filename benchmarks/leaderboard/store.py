"""What is finished: a row in a file of results, with a fingerprint of the code that made it."""

import ast
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.provenance import write_results
from tools.notebooks import ROOT, needs

Row = dict[str, Any]
NEEDED = {"family", "sign", "nats", "cpu_seconds", "cpu_seconds_per_seed", "parameters"}
SCORING = ROOT / "benchmarks" / "leaderboard" / "scoring.py"


def stored(path: Path) -> dict[str, Row]:
    """The rows of a file by their names; none if there is no file.

    Raises:
        ValueError: naming the file, if it is not what `keep` writes.
    """
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text("utf8"))["rows"]
        for row in rows:
            _check(row)
        return {row["family"]: row for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: expected rows of a leaderboard, got {error}") from error


def keep(path: Path, row: Row, order: Sequence[str]) -> None:
    """Puts a row in the place of the one of its name, and leaves the other rows as they are.

    A damaged file is put aside first, as NAME.json.damaged.

    Args:
        path: of the family's file.
        row: what was found.
        order: names of all lines of the family; a row of another name is dropped.
    """
    try:
        rows = stored(path)
    except ValueError:
        path.replace(path.with_name(path.name + ".damaged"))  # somebody may mend it by hand
        rows = {}
    rows[row["family"]] = row
    write_results(path, [rows[name] for name in order if name in rows])


def finished(row: Mapping[str, Any] | None, code: str) -> bool:
    """Whether this code made the row."""
    return row is not None and row.get("code") == code


def fingerprint(source: Path, *, quick: bool) -> str:
    """Hash over the family's file, the scoring, and all of the course that the two import.

    Comments and docstrings change nothing. What lies beside an entry in its file counts as its own.
    """
    digest = hashlib.sha256(b"quick" if quick else b"")
    for path in code_of(source):
        digest.update(f"{path.name}\0{_bare(path.read_text('utf8'))}\0".encode())
    return digest.hexdigest()[:16]


def code_of(source: Path) -> list[Path]:
    """The files whose change may change what the entries of a file score, sorted."""
    found, waiting = set[Path](), [source, SCORING]
    while waiting:
        if (path := waiting.pop()) not in found:
            found.add(path)
            names = re.findall(r"(?m)^from (benchmarks[\w.]*) import", path.read_text("utf8"))
            paths = (ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names)
            waiting += (path for path in paths if path.is_file())
    package = needs("\n".join(path.read_text("utf8") for path in found))
    return sorted({*found, *(path for path in package if path.suffix == ".py")})


def _bare(source: str) -> str:
    """The tree of a module without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            del node.body[0]
    return ast.dump(tree)


def _check(row: Mapping[str, Any]) -> None:
    if missing := NEEDED - set(row):
        raise ValueError(f"a row without {', '.join(sorted(missing))}")
    if row["sign"] != "—" and not math.isfinite(row["nats"]):
        raise ValueError(f"{row['nats']} nats")
