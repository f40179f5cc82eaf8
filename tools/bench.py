"""Writes the page of all measurements of cost: races beside peers, and growth.

``python -m tools.bench`` (`make bench`) measures nothing: it reads benchmarks/results, and each
section names the command that measures again. Builds of the book write the same page.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.site import write

KINDS = {
    "Speed beside peers": ("speed", "python -m benchmarks.speed.{}"),
    "Growth": ("growth/tables", "python -m benchmarks.growth --only {}"),
}

WIDEST = 8  # columns of a table


def main() -> None:
    """Writes the page where the book's build expects it, and says where."""
    target = Path("book/generated/benchmarks.md")
    write(target, page(Path()))
    print(f"wrote {target}, which book/benchmarks.md includes")


def page(root: Path) -> str:
    """A section for each file of results, in MyST.

    Raises:
        ValueError: naming a file of results that cannot be read.
    """
    parts = []
    for kind, (folder, command) in KINDS.items():
        parts.append(f"## {kind}")
        for module in sorted((root / "benchmarks" / folder).glob("*.py")):
            for path in results(root, module):
                parts += section(path, module, command.format(module.stem))
    return "\n\n".join(parts) + "\n"


def results(root: Path, module: Path) -> Iterator[Path]:
    """The files of results that a module says that it writes, and that are there."""
    folder, text = root / "benchmarks" / "results", module.read_text("utf8")
    for name in dict.fromkeys(re.findall(r'(?:\bTable\(\s*|/ )"(\w+)(?:\.json)?"', text)):
        if (path := folder / f"{name}.json").is_file():
            yield path


def section(path: Path, module: Path, command: str) -> list[str]:
    """Heading, what was measured, where and when, and a table for each kind of row."""
    try:
        found = json.loads(path.read_text("utf8"))
        origin, rows = found["provenance"], found["rows"]
        made = f"{origin['cpu']}, {origin['date'][:10]}, commit {origin['commit'][:9]}"
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected provenance and rows, got {error!r}") from error
    what = (ast.get_docstring(ast.parse(module.read_text("utf8"))) or "").split("\n\n")[0]
    said = f"{' '.join(what.split())} `{command}`; {made}."
    tables = [table(rows, names) for rows in alike(rows) for names in columns(rows[0])]
    return [f"### {path.stem.replace('_', ' ')}", said, *tables]


def alike(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Rows with the same columns together, in the order of the first of each."""
    groups = dict[tuple[str, ...], list[Mapping[str, Any]]]()
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def columns(row: Mapping[str, Any]) -> list[list[str]]:
    """Columns of tables that fit a sheet of paper; each has those that say what a row is."""
    words = [name for name in row if isinstance(row[name], str)]
    if len(row) <= WIDEST:
        return [list(row)]
    numbers, size = [name for name in row if name not in words], WIDEST - len(words)
    return [words + numbers[i : i + size] for i in range(0, len(numbers), size)]


def table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A table of some columns of rows that all have them."""
    left = ["---" if isinstance(rows[0][name], str) else "---:" for name in names]
    lines = [[name.replace("_", " ") for name in names], left]
    lines += [[shown(row[name]) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(value: object) -> str:
    """A number to three digits; a list as its length; what is not there as a dash."""
    if value is None:
        return "—"
    if isinstance(value, list | dict):
        return f"{len(value)} numbers"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")


if __name__ == "__main__":
    main()
