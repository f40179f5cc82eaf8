"""One symbol, one meaning: checks the package against book/notation.yml and writes its table.

`python -m tools.notation check` fails for a short name that the table does not hold, and for a
symbol with two meanings; `python -m tools.notation page` writes book/generated/notation.md.
"""

import ast
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import typer
import yaml

from tools.site import write

SHORT = 2  # names of so many characters say nothing by themselves
Entry = dict[str, Any]
app = typer.Typer(add_completion=False, help=__doc__)


def read(root: Path) -> dict[str, list[Entry]]:
    """The table: group -> entries with latex, meaning, code and perhaps chapters."""
    groups: dict[str, list[Entry]] = yaml.safe_load(
        (root / "book" / "notation.yml").read_text("utf8")
    )
    return groups


def short_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Arguments, assigned names and attributes of at most SHORT characters, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case _:
                continue
        if 0 < len(name.strip("_")) <= SHORT:
            yield name.strip("_"), node.lineno


def problems(root: Path) -> list[str]:
    """One line for each name or symbol that breaks the rule; empty if all is well."""
    entries = [entry for group in read(root).values() for entry in group]
    found = [
        f"book/notation.yml: {one['latex']} means both “{one['meaning']}” and “{two['meaning']}”; "
        "name chapters that do not meet"
        for one, two in combinations(entries, 2)
        if "latex" in one and one["latex"] == two.get("latex") and _meet(one, two)
    ]
    known = {name for entry in entries for name in entry["code"]}
    for file in sorted((root / "coursepkg").rglob("*.py")):
        first: dict[str, int] = {}
        for name, line in short_names(ast.parse(file.read_text("utf8"))):
            first.setdefault(name, line)
        found += [
            f"{file.relative_to(root)}:{line}: `{name}` is not in book/notation.yml"
            for name, line in first.items()
            if name not in known
        ]
    return found


def _meet(one: Entry, two: Entry) -> bool:
    """Whether both entries hold somewhere; one without chapters holds everywhere."""
    if "chapters" not in one or "chapters" not in two:
        return True
    return not set(one["chapters"]).isdisjoint(two["chapters"])


def page(root: Path) -> str:
    """The table in MyST, one section a group."""
    lines = []
    for group, entries in read(root).items():
        lines += [
            f"## {group}",
            "",
            "| symbol | meaning | in code | chapters |",
            "|---|---|---|---|",
        ]
        for entry in entries:
            symbol = f"${entry['latex']}$" if "latex" in entry else ""
            code = ", ".join(f"`{name}`" for name in entry["code"])
            chapters = ", ".join(map(str, entry.get("chapters", ["all"])))
            lines.append(f"| {symbol} | {entry['meaning']} | {code} | {chapters} |")
        lines.append("")
    return "\n".join(lines)


@app.command("check")
def check_command() -> None:
    """Prints one line for each problem; exit status 1 if there is one."""
    found = problems(Path())
    print("\n".join(found) or "notation: every short name has one meaning")
    raise typer.Exit(bool(found))


@app.command("page")
def page_command() -> None:
    """Writes book/generated/notation.md."""
    write(Path("book/generated/notation.md"), page(Path()))


if __name__ == "__main__":
    app()
