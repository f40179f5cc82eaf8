"""What a cell's text is taken for: Python, or IPython's own syntax; a definition, or more."""

import ast
from typing import Any

import pytest

from assignments.grader.statements import Shell, constant, definition, names, parse


def run(source: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    shell = Shell(space)
    space["get_ipython"] = lambda: shell
    exec(compile(ast.Module(parse(source), []), "<cell>", "exec"), space)
    return space


@pytest.mark.parametrize(
    ("source", "x"),
    [
        ("x = 5 % 3", 2),
        ("%matplotlib inline\nx = 1", 1),
        ("%load_ext autoreload\n%autoreload 2\nx = 1", 1),
        ("x = 1\nif x:\n    !ls -l\n    x = 2", 2),
        ("?len\nx = 1", 1),
        ("len?\nlen??\nx = 1", 1),
        ("files = !ls\nx = files", []),
        ("%%time\nx = 1", 1),
        ("\n%%timeit -n 3\nx = 1\n%pip install this", 1),
        ("%time x = 1", 1),
        ("y = 2\nx = %time y + 1", 3),
        ("%time y = 2; x = y", 2),
        ("%pylab inline\nx = 'exp' in globals()", True),
        ("%%bash\nx = 1", None),
        ("%%html\n<b>", None),
        ("print('%%time')\nx = 1", 1),
        ("\ufeffx = 1", 1),
        ("x = 1\r\nif x:\r\n    x = 2\r\n", 2),
    ],
)
def test_magics_are_read_as_ipython_reads_them(source, x):
    """Kills: a cell lost for its magic; another language's cell read as Python."""
    assert run(source).get("x") == x


def test_a_file_is_written_where_the_cell_says(tmp_path, monkeypatch):
    """Kills: an option taken for the file's name; a second part that replaces the first."""
    monkeypatch.chdir(tmp_path)
    run("%%writefile helper.py\nx = 1\n")
    run("%%file -a helper.py\ny = 2\n")
    assert (tmp_path / "helper.py").read_text() == "x = 1\ny = 2\n"
    assert run("%run helper.py")["y"] == 2


@pytest.mark.parametrize(
    ("statement", "kept"),
    [("x = 1", True), ("x = y = 'a'", True), ("x = f()", False), ("x.a = 1", False),
     ("x[0] = 1", False), ("x, y = 1, 2", False), ("x: int = 1", False), ("x += 1", False),
     ("x = y", False), ("x = {[]: 1}", False)],
)  # fmt: skip
def test_a_constant_is_a_name_for_a_literal(statement, kept):
    """Kills: a target or a value that runs a student's code."""
    assert constant(ast.parse(statement).body[0]) is kept
    assert definition(ast.parse(statement).body[0]) is kept


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("def f(x):\n    y = 1", {"f"}),
        ("async def f(): y = 1", {"f"}),
        ("class C:\n    y = 1", {"C"}),
        ("x, (y, *z) = 1, (2, 3)", {"x", "y", "z"}),
        ("x: int = 1", {"x"}),
        ("for i in n:\n    x = i", {"i", "x"}),
        ("print(x)", set()),
        ("x.a = 1", set()),
    ],
)
def test_a_statements_names_are_those_it_gives_a_value(statement, found):
    """Kills: a function's own variables, forgotten with it or waited for."""
    assert names(ast.parse(statement).body[0]) == found
