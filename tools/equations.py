"""Ties each labelled equation of the book to its test, to a bug that this kills, and to its code.

`python -m tools.equations check` fails for a label without a test or a mutant, a test, mutant or
docstring that names no label, and a label that stands twice; `page` writes the book's page of them.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer
import yaml

from tools.site import repository_url, title, toc_pages, write

FENCE = re.compile(r"^[\s>]*(`{3,}|~{3,}|:{3,})\s*(\S*)")
LABEL = re.compile(r"\$\$\s*\(([^()\s]+)\)\s*$")
OPTION = re.compile(r"^[\s>]*:label:\s*(\S+)\s*$")
WELL_FORMED = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ROLE = re.compile(r":eq:`([^`]+)`")
app = typer.Typer(add_completion=False, help=__doc__)


class Place(NamedTuple):
    """Where a label stands: `name` is the test, object or mutant, and empty in a page."""

    label: str
    file: Path
    line: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Registry(NamedTuple):
    """Everything that names an equation; paths are relative to the repository."""

    labels: list[Place]
    tests: list[Place]
    sources: list[Place]
    mutants: list[Place]
    definitions: dict[str, str]


def labels(text: str) -> Iterator[tuple[str, int]]:
    """Labels of `$$ ... $$ (label)` and of math directives in a MyST page, with their lines.

    Cells and other code are skipped; the body of any other directive is text like the rest.
    """
    fences: list[tuple[str, str]] = []  # the markers of the open blocks and what they are
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        is_code = bool(fences) and (fences[-1][1] == "{code-cell}" or fences[-1][1][:1] != "{")
        if fence and fences and not fence[2] and fence[1].startswith(fences[-1][0]):
            fences.pop()
        elif is_code:
            continue
        elif fence:
            fences.append((fence[1], fence[2]))
        elif match := (OPTION if fences and fences[-1][1] == "{math}" else LABEL).search(line):
            yield match[1], number


def marks(
    tree: ast.AST, name: str = "", *, kind: str = "equation"
) -> Iterator[tuple[str, int, str]]:
    """Each `pytest.mark.equation("label")` with its line and the test that carries it."""
    for child in ast.iter_child_nodes(tree):
        match child:
            case ast.FunctionDef() | ast.ClassDef():
                yield from marks(child, f"{name}::{child.name}", kind=kind)
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="mark"), attr=attr),
                args=[ast.Constant(value=str(label))],
            ) if attr == kind:
                yield label, child.lineno, name
            case _:
                yield from marks(child, name, kind=kind)


def sources(tree: ast.AST, name: str) -> Iterator[tuple[str, int, str]]:
    """Each :eq:`label` of a docstring with the line and the full name of its object."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef):
        for label in ROLE.findall(ast.get_docstring(tree) or ""):
            yield label, getattr(tree, "lineno", 1), name
    for child in ast.iter_child_nodes(tree):
        inner = f".{child.name}" if isinstance(child, ast.ClassDef | ast.FunctionDef) else ""
        yield from sources(child, name + inner)


def bugs(text: str) -> Iterator[tuple[str, int, str]]:
    """The equation of each mutant in a file of them, its line and the bug's name."""
    lines = text.splitlines()
    for mutant in tomllib.loads(text)["mutant"]:
        words = f'equation = "{mutant["equation"]}"'
        yield mutant["equation"], lines.index(words) + 1, mutant["name"]


def collect(root: Path) -> Registry:
    """Reads pages, tests, docstrings and mutants; imports nothing of them."""
    pages = sorted(root.glob("notebooks/*.md")) + sorted(root.glob("book/*.md"))
    tests = sorted(root.glob("tests/**/test_*.py"))
    modules = sorted(root.glob("coursepkg/**/*.py"))
    listed = root / "book" / "definitions.yml"
    return Registry(
        [
            Place(label, page.relative_to(root), line)
            for page in pages
            for label, line in labels(page.read_text("utf8"))
        ],
        [
            Place(label, test.relative_to(root), line, name)
            for test in tests
            for label, line, name in marks(ast.parse(test.read_text("utf8")))
        ],
        [
            Place(label, module.relative_to(root), line, name)
            for module in modules
            for label, line, name in sources(
                ast.parse(module.read_text("utf8")), _dotted(module.relative_to(root))
            )
        ],
        [
            Place(label, file.relative_to(root), line, name)
            for file in sorted(root.glob("tests/mutants/equations.*.toml"))
            for label, line, name in bugs(file.read_text("utf8"))
        ],
        (yaml.safe_load(listed.read_text("utf8")) or {}) if listed.exists() else {},
    )


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def problems(registry: Registry) -> list[str]:
    """One line for each break of the tie; empty if all is well."""
    found = []
    first: dict[str, Place] = {}
    tested = {place.label for place in registry.tests}
    mutated = {place.label for place in registry.mutants}
    for place in registry.labels:
        if place.label in first:
            found.append(f"{place}: `{place.label}` stands already at {first[place.label]}")
        elif not WELL_FORMED.fullmatch(place.label):
            found.append(f"{place}: `{place.label}` should be lower-case words joined by hyphens")
        elif place.label not in registry.definitions:
            found += [
                f"{place}: `{place.label}` has no {what}"
                for what, tied in (("test", tested), ("mutant", mutated))
                if place.label not in tied
            ]
        first.setdefault(place.label, place)
    for place in registry.tests + registry.sources + registry.mutants:
        if place.label not in first:
            found.append(f"{place}: `{place.label}` is the label of no equation")
    for label in registry.definitions:
        if label not in first:
            found.append(f"book/definitions.yml: `{label}` is the label of no equation")
        elif label in tested:
            found.append(f"book/definitions.yml: `{label}` has a test; take it off the list")
    return found


def page(root: Path, registry: Registry) -> str:
    """The table in MyST: a section a page of the book, a row an equation."""
    url = f"{repository_url(root)}/blob/main"
    tests, objects = by_label(registry.tests), by_label(registry.sources)
    mutants = by_label(registry.mutants)
    lines: list[str] = []
    for name in toc_pages(root):
        file = Path(f"{name}.md")
        rows = [place.label for place in registry.labels if place.file == file]
        if not rows:
            continue
        lines += ["", f"## {title(root / file)}", ""]
        lines.append("| equation | in code | checked by | a bug in it that is noticed |")
        lines.append("|---|---|---|---|")
        for label in rows:
            used = ", ".join(dict.fromkeys(_link(place.name) for place in objects[label]))
            checks = [
                f"[`{place.file.name}{place.name}`]({url}/{place.file}#L{place.line})"
                for place in tests[label]
            ] or [registry.definitions.get(label, "no test yet")]
            noticed = "<br>".join(place.name for place in mutants[label])
            cells = [f"{{eq}}`{label}` `{label}`", used, "<br>".join(checks), noticed]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def by_label(places: Iterable[Place]) -> defaultdict[str, list[Place]]:
    """The places of each label."""
    found = defaultdict(list)
    for place in places:
        found[place.label].append(place)
    return found


def _link(name: str) -> str:
    """A link into the API page, which shows no private object."""
    private = any(part.startswith("_") and not part.endswith("__") for part in name.split("."))
    return f"`{name}`" if private else f"{{py:obj}}`~{name}`"


@app.command("check")
def check_command() -> None:
    """Prints one line for each problem; exit status 1 if there is one."""
    registry = collect(Path())
    found = problems(registry)
    if not (count := len(registry.labels)):
        found = [f"equations: expected labels in {Path.cwd()}, the course's folder, got none"]
    print("\n".join(found) or f"equations: {count} labels, each with its test and mutant")
    raise typer.Exit(bool(found))


@app.command("page")
def page_command() -> None:
    """Writes book/generated/equations.md."""
    write(Path("book/generated/equations.md"), page(Path(), collect(Path())))


if __name__ == "__main__":
    app()
