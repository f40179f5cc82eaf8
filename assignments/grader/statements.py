"""What the statements of a student's cell are: Python, or what IPython would make of them.

The worker imports this file on its own, beside it.
"""

from __future__ import annotations

import ast
import re
from typing import Any

HARMLESS = ("time", "timeit", "capture", "prun")  # magics that run the Python behind them
CELL_MAGIC = re.compile(rf"^[ \t]*%%({'|'.join(HARMLESS)})\b.*$", re.MULTILINE)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parse(source: str) -> list[ast.stmt]:
    """The cell's statements; what is no Python is changed as IPython would change it."""
    source = CELL_MAGIC.sub("", source.lstrip("\ufeff"), count=1)
    try:
        return ast.parse(source).body
    except SyntaxError:
        # late: a notebook without magics does not wait for it
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source)).body


class Shell:
    """What IPython's own syntax calls: of the magics those that write a file or run Python."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space

    def run_line_magic(self, name: str, line: str) -> Any:
        """``%time f(3)``, ``%run helper.py``, ``%pylab``; any other is left out."""
        if name in HARMLESS:
            *body, last = parse(line)
            exec(compile(ast.Module(body, []), "<magic>", "exec"), self.space)
            mode = "eval" if isinstance(last, ast.Expr) else "exec"
            tree = (
                ast.Expression(last.value) if isinstance(last, ast.Expr) else ast.Module([last], [])
            )
            return eval(compile(tree, "<magic>", mode), self.space)
        if name == "run":
            with open(line.split()[0], encoding="utf-8") as file:
                exec(compile(file.read(), line, "exec"), self.space)
        if name == "pylab":
            exec("from pylab import *", self.space)
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """``%%writefile helper.py``; any other language is left out."""
        if name in {"writefile", "file"}:
            *options, path = line.split()
            with open(path, "a" if "-a" in options else "w", encoding="utf-8") as file:
                file.write(cell)

    def getoutput(self, _: str) -> list[str]:
        """``files = !ls``: there is nothing to tell."""
        return []

    def system(self, _: str) -> None:
        """``!pip install``: there is no shell."""


def definition(node: ast.stmt) -> bool:
    """Whether it is an import, a function, a class or a constant: what other cells need."""
    return isinstance(node, KEPT) or constant(node)


def constant(node: ast.stmt) -> bool:
    """Whether the statement gives a literal a name, as ``RATE = 1e-3`` does."""
    if not isinstance(node, ast.Assign) or not all(isinstance(x, ast.Name) for x in node.targets):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def names(node: ast.stmt) -> set[str]:
    """What the statement would give a value: a function's or a class's own name, or its targets."""
    if name := getattr(node, "name", None):
        return {name}
    found = (x for x in ast.walk(node) if isinstance(x, ast.Name))
    return {x.id for x in found if isinstance(x.ctx, ast.Store)}
