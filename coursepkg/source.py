"""Shows the package's own code inside a notebook, so that no notebook ever copies it."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Set
from functools import partial
from typing import Any

from IPython.display import Markdown

MARK = "# … checks, not shown\n"


def show(thing: Callable[..., Any] | type, *, whole: bool = False) -> Markdown:
    """Displays the source of a function, method or class, as it is installed.

    Args:
        thing: what to show.
        whole: also show docstrings, which the text around usually says better, and checks, in place
            of which one comment stands otherwise. A check calls something whose name begins with
            `check` for no value, or is an ``if`` that only raises a ValueError or TypeError.

    Returns:
        A Markdown block, which the site, JupyterLab and Colab all render with highlighting.
    """
    source = textwrap.dedent(inspect.getsource(thing))
    return Markdown(f"```python\n{source if whole else _essence(source)}```")


def _essence(source: str) -> str:
    """The source without docstrings, checks, and what is assigned for the checks only."""
    lines, tree = source.splitlines(keepends=True), ast.parse(source)
    gone = _spare(tree, set(), _is_docstring)
    checks = _spare(tree, gone, _is_check)
    used = _names(tree, ast.Load, gone | checks)
    local = {node for node in checks if isinstance(node, ast.FunctionDef)}
    checks = {node for node in checks if node in local or not _names(node, ast.Store) & used}
    gone |= checks
    while idle := _spare(tree, gone, partial(_assigns_idly, idle=_idle_names(tree, gone))):
        gone |= idle
    for node in sorted(gone, key=_start):
        start, end = _start(node), node.end_lineno or node.lineno
        before = next((line for line in reversed(lines[:start]) if line), "")
        if end < len(lines) and lines[end].isspace() and (before.isspace() or before[-2:] == ":\n"):
            end += 1  # the blank line that set it off
        lines[start:end] = [""] * (end - start)
    if checks:
        first = min(checks, key=_start)
        lines[_start(first)] = " " * first.col_offset + MARK
    return "".join(lines)


def _spare(tree: ast.AST, gone: Set[ast.AST], test: Callable[[ast.stmt], bool]) -> set[ast.stmt]:
    """The statements that pass a test, from blocks where others that are not gone stay."""
    found: set[ast.stmt] = set()
    for node in ast.walk(tree):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            rest = [each for each in block if each not in gone] if isinstance(block, list) else []
            passed = {each for each in rest if test(each)}
            found |= passed if len(passed) < len(rest) else set()
    return found


def _is_docstring(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _is_check(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return name.lstrip("_").startswith("check")
        case ast.If(body=[*before, ast.Raise(exc=ast.Call(func=ast.Name(id=error)))], orelse=[]):
            simple = all(isinstance(each, ast.Assign) for each in before)
            return simple and error in {"ValueError", "TypeError"}
        case ast.For(body=body) | ast.FunctionDef(body=body):
            rest = [each for each in body if not _is_docstring(each)]
            return bool(rest) and all(_is_check(each) for each in rest)
    return False


def _idle_names(tree: ast.AST, gone: Set[ast.AST]) -> set[str]:
    """The names that only what is gone uses."""
    asked = set[str]().union(*(_names(node, ast.Load) for node in gone))
    return asked - _names(tree, ast.Load, gone)


def _assigns_idly(node: ast.stmt, *, idle: Set[str]) -> bool:
    names = _names(node, ast.Store)
    return isinstance(node, ast.Assign) and bool(names) and names <= idle


def _names(
    tree: ast.AST, use: type[ast.expr_context], gone: Set[ast.AST] = frozenset()
) -> set[str]:
    """Names that are loaded, or stored, in a piece of source, outside what is gone."""
    found, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, use):
            found.add(node.id)
        waiting += [each for each in ast.iter_child_nodes(node) if each not in gone]
    return found


def _start(node: ast.stmt) -> int:
    """The index of its first line, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)]) - 1
