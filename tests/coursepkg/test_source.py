"""The source shown in a notebook is the source that runs, without its docstrings."""

import ast
import inspect

from coursepkg import evaluation, source


def test_source_without_docstrings_is_the_same_program():
    """Compares syntax trees. Kills: a line of code lost with the docstring."""
    for thing in (evaluation.Nats, evaluation.nats, evaluation.over_seeds):
        shown = source.show(thing).data
        assert shown.startswith("```python\n")
        assert shown.endswith("\n```")
        tree = ast.parse(inspect.getsource(thing))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                del node.body[0]
        assert ast.dump(ast.parse(shown[10:-3])) == ast.dump(tree)
        assert '"""' not in shown


def test_docstring_can_be_kept_and_methods_are_dedented():
    shown = source.show(evaluation.Nats.bits_per_dim, docstring=True).data
    assert shown[10:].startswith("def bits_per_dim")
    assert "bits per dimension" in shown
