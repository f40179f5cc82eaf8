"""Ties each question of the book to the test that computes its answer.

`python -m tools.questions check` fails for a question without a test, a test without a question,
and a question that is not well formed. A test carries `@pytest.mark.question("q-04-swap")` and
compares what it computes with `marked("q-04-swap")`.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from tools.equations import marks
from tools.plain import Directive, blocks
from tools.quiz import Choice, Question, parse

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"(?ms)^## Check yourself\s*$(.*?)(?=^## |\Z)")
FEWEST, MOST = 5, 8
app = typer.Typer(add_completion=False, help=__doc__)


def questions(text: str) -> Iterator[Question]:
    """The questions of a page, in order.

    Raises:
        ValueError: for one that is not well formed.
    """
    for block in blocks(text.split("\n")):
        if isinstance(block, Directive) and block.name == "question":
            yield parse(block.argument, block.options, block.body)


@functools.cache
def _book() -> dict[str, Question]:
    pages = sorted(ROOT.glob("notebooks/*.md"))
    return {each.label: each for page in pages for each in questions(page.read_text("utf8"))}


def _known(label: str) -> Question:
    if label not in _book():
        raise ValueError(f"expected the label of a question, got `{label}`")
    return _book()[label]


def marked(label: str) -> str | float:
    """What the book marks as right: the text of the right option, or the number.

    Raises:
        ValueError: if no question has that label.
    """
    return _known(label).right


def options(label: str) -> list[str]:
    """The texts of all options of a choice, in order, so that a test can try each.

    Raises:
        ValueError: if no question has that label, or it asks for a number.
    """
    question = _known(label)
    if not isinstance(question, Choice):
        raise ValueError(f"expected a question with options, got `{label}`, which has none")
    return [option.text for option in question.options]


class Mark(NamedTuple):
    """A mark in a test: `name` is the test; `compared` if it looks at the marked answer."""

    label: str
    file: Path
    name: str
    compared: bool


def tests(file: Path) -> Iterator[Mark]:
    """The marks of a test file; each test must ask for the marked answer itself."""
    tree = ast.parse(file.read_text("utf8"))
    for label, _, name in marks(tree, kind="question"):
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        body = next((node for node in functions if node.name == name.removeprefix("::")), None)
        yield Mark(label, file, name, body is not None and _asks(body, label))


def _asks(test: ast.FunctionDef, label: str) -> bool:
    """Whether `marked("label")` is called in a test."""
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] == "marked"
        and [arg.value for arg in node.args if isinstance(arg, ast.Constant)] == [label]
        for node in ast.walk(test)
    )


def problems(root: Path) -> list[str]:
    """One line for each break of the tie; empty if all is well."""
    found: list[str] = []
    places: dict[str, str] = {}
    for page in sorted(root.glob("notebooks/*.md")):
        try:
            found += _page_problems(page, places)
        except ValueError as error:
            found.append(f"notebooks/{page.name}: {error}")
    files = sorted(root.glob("tests/**/test_*.py"))
    every = [test for file in files for test in tests(file)]
    for test in every:
        where = f"{test.file.relative_to(root)}{test.name}"
        if test.label not in places:
            found.append(f"{where}: `{test.label}` is the label of no question")
        elif not test.compared:
            found.append(f'{where}: does not compare with `marked("{test.label}")`')
    untested = places.keys() - {test.label for test in every}
    return found + [f"{places[label]}: `{label}` has no test" for label in sorted(untested)]


def _page_problems(page: Path, places: dict[str, str]) -> Iterator[str]:
    """Problems of one chapter; its labels go to `places`."""
    where = f"notebooks/{page.name}"
    text = page.read_text("utf8")
    labels = [question.label for question in questions(text)]
    section = SECTION.search(text)
    asked = [question.label for question in questions(section[1])] if section else []
    if section and not FEWEST <= len(asked) <= MOST:
        yield f"{where}: expected {FEWEST} to {MOST} questions to check yourself, got {len(asked)}"
    for label in labels:
        if not re.fullmatch(rf"q-{page.name[:2]}(-[a-z0-9]+)+", label):
            yield f"{where}: `{label}` should begin with q-{page.name[:2]}- and go on in words"
        if label in places:
            yield f"{where}: `{label}` stands already in {places[label]}"
        if label not in asked:
            yield f"{where}: `{label}` stands outside of `## Check yourself`"
        places.setdefault(label, where)


@app.command("check")
def check_command() -> None:
    """Prints one line for each problem; exit status 1 if there is one."""
    found = problems(ROOT)
    print("\n".join(found) or f"questions: {len(_book())}, each with its test")
    raise typer.Exit(bool(found))


@app.callback()
def _main() -> None:
    """So that `check` stays a command."""


if __name__ == "__main__":
    app()
