"""Shows the package's own code inside a notebook, so that no notebook ever copies it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from IPython.display import Markdown


def show(thing: Callable[..., Any] | type, *, docstring: bool = False) -> Markdown:
    """Displays the source of a function, method or class, as it is installed.

    Args:
        thing: what to show.
        docstring: also show docstrings, which the text around usually says better.

    Returns:
        A Markdown block, which the site, JupyterLab and Colab all render with highlighting.
    """
    source = textwrap.dedent(inspect.getsource(thing))
    return Markdown(f"```python\n{source if docstring else _without_docstrings(source)}```")


def _without_docstrings(source: str) -> str:
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            first = node.body[0]
            for i in range(first.lineno - 1, first.end_lineno or first.lineno):
                lines[i] = ""
            if isinstance(node, ast.ClassDef) and len(node.body) > 1:
                following = first.end_lineno or first.lineno
                if following < len(lines) and not lines[following].strip():
                    lines[following] = ""  # the blank line that set the docstring off
    return "".join(lines)
