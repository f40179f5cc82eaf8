r"""One symbol, one meaning: holds package and chapters to book/notation.yml, and writes its tables.

`python -m tools.notation check` fails for a short name of the package that the table does not hold,
for a symbol with two meanings, and for a letter in a chapter's formulas that has none there or two;
`python -m tools.notation page` writes book/generated/notation.md.

An entry defines the letters that its symbols begin with: `F(q,\ \theta)` defines F, and `r_{nz}`
defines r. An index or a power never changes what a letter means. What stands above it (\hat x), a
prime, a star, a superscript in brackets or a subscript in words (n_\text{eff}) does if an entry
defines just that; if none does, it is another value of what the letter means. Words such as
\mathrm{KL} and \log need no entry; they are listed among a chapter's symbols if they have one.
"""

import ast
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import typer
import yaml

from tools import tex
from tools.reading import LONG, parts
from tools.site import chapter_number, write
from tools.tex import Symbol

SHORT = 2  # names of so many characters say nothing by themselves
Entry = dict[str, Any]
app = typer.Typer(add_completion=False, help=__doc__)


def defined(entry: Entry) -> set[Symbol]:
    """What an entry defines: the symbol that each member of its list begins with."""
    members = re.split(r"(?<!\\),", re.sub(r"(?<!\{)\([^()]*\)", "", entry.get("latex", "")))
    starts = [tex.leading(re.sub(r"^(\\[ ,]|\s)+", "", member)) for member in members]
    return {symbol for symbol in starts if symbol}


def holds(entry: Entry, chapter: int) -> bool:
    """Whether an entry is in force in a chapter."""
    return chapter in entry.get("chapters", [chapter]) and chapter not in entry.get("except", [])


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
    """Whether both entries hold somewhere."""
    return any(holds(one, chapter) and holds(two, chapter) for chapter in range(1, 100))


class Usage(NamedTuple):
    """A chapter's letters: which entries each may belong to; and what else its formulas say."""

    owners: dict[Symbol, list[Entry]]
    formulas: list[str]


def usage(root: Path, page: str) -> Usage:
    """Looks up the letters of the chapter `page`, "notebooks/04_mcmc", say, formula by formula."""
    entries = [entry for group in read(root).values() for entry in group]
    meanings: dict[Symbol, list[Entry]] = {}
    for entry in entries:
        if holds(entry, chapter_number(page) or 0):
            for symbol in defined(entry):
                meanings.setdefault(symbol, []).append(entry)
    pieces = parts(root / f"{page}.md")
    formulas = [part.text for part in pieces if part.kind in {"formula", "display"}]
    owners = {}
    for symbol in (symbol for formula in formulas for symbol in tex.symbols(formula)):
        wider = (symbol, symbol._replace(mark=""), Symbol(symbol.letter))
        meant = next((each for each in wider if each in meanings), wider[-1])
        owners[meant] = meanings.get(meant, [])
    return Usage(owners, formulas)


def letter_problems(root: Path, page: str) -> list[str]:
    """One line for each letter of a chapter that has no meaning there, or two."""
    found = []
    for symbol, owners in usage(root, page).owners.items():
        if not owners:
            found.append(f"{page}.md: no entry of book/notation.yml says what {symbol} means here")
        if len(owners) > 1:
            both = " and ".join(f"“{entry['meaning']}”" for entry in owners)
            found.append(
                f"{page}.md: {symbol} means {both}; use another letter, or let the entries name "
                "`chapters` (or `except`) that do not meet"
            )
    return found


def symbols(root: Path, page: str) -> str:
    """A folded table of a chapter's symbols in MyST; empty if it has none."""
    used = usage(root, page)
    meant = [entry for owners in used.owners.values() for entry in owners]
    rows = [
        _row(entry)
        for entries in read(root).values()
        for entry in entries
        if entry in meant or _named(entry, used.formulas, chapter_number(page) or 0)
    ]
    if not rows:
        return ""
    opening = ["```{admonition} Symbols of this chapter", ":class: dropdown symbols", ""]
    head = ["| symbol | meaning | in code |", "|---|---|---|"]
    return "\n".join([*opening, *head, *rows, "```"])


def _named(entry: Entry, formulas: list[str], chapter: int) -> bool:
    r"""Whether an entry for a name, such as \\log or \\mathrm{KL}, is used."""
    name = re.match(r"\\\w+(\{\w+\})?", entry.get("latex", ""))
    if defined(entry) or not name or not holds(entry, chapter):
        return False
    return any(name[0] in formula for formula in formulas)


def _row(entry: Entry) -> str:
    symbol = f"${entry['latex']}$" if "latex" in entry else ""
    code = ", ".join(f"`{name}`" for name in entry["code"])
    return f"| {symbol} | {entry['meaning']} | {code} |"


def add_symbols(notebook: dict[str, Any], root: Path, page: str) -> None:
    """Puts the table of symbols after the first text of a chapter's notebook, as JSON has it."""
    if table := symbols(root, page):
        kinds = [cell["cell_type"] for cell in notebook["cells"]]
        cell = {"cell_type": "markdown", "id": "symbols", "metadata": {}, "source": table}
        notebook["cells"].insert(kinds.index("markdown") + 1, cell)


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
            chapters = ", ".join(map(str, entry.get("chapters", ["all"])))
            if "except" in entry:
                chapters += f" but {', '.join(map(str, entry['except']))}"
            lines.append(f"{_row(entry)} {chapters} |")
        lines.append("")
    return "\n".join(lines)


@app.command("check")
def check_command() -> None:
    """Prints one line for each problem; exit status 1 if there is one."""
    root = Path()
    found = problems(root)
    for file in sorted((root / "notebooks").glob("*.md")):
        if file.stem not in LONG:
            found += letter_problems(root, f"notebooks/{file.stem}")
    print("\n".join(found) or "notation: every short name and letter has one meaning")
    raise typer.Exit(bool(found))


@app.command("page")
def page_command() -> None:
    """Writes book/generated/notation.md."""
    write(Path("book/generated/notation.md"), page(Path()))


if __name__ == "__main__":
    app()
