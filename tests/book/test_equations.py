"""Every way in which an equation, its test and its code can drift apart is named."""

import ast
from pathlib import Path

import pytest

from tools.equations import collect, labels, marks, page, problems

CHAPTER = """\
# Coins

$$
a = b
$$

$$
p(x) = 1
$$ (first)

```{exercise}
:label: ex-01
$$ x = 1 $$ (second)
```

````{solution} ex-01
:class: dropdown

```{math}
:label: third
y
```

```python
text = '''
$$ (inside-python)
'''
```

```
$$ (inside-plain)
```

$$
z
$$ (fourth)
````

:::{admonition} Note
> $$
> q
> $$ (fifth)
:::

```{code-cell} ipython3
# $$ (inside-cell)
```
"""
LABELS = ["first", "second", "third", "fourth", "fifth"]
TEST = """\
import pytest

@pytest.mark.equation("first")
@pytest.mark.equation("second")
def test_two(): ...

@pytest.mark.equation("third")
class TestThird:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.equation("fourth"))])
    def test_it(self, x): ...
"""
MODULE = '''\
"""Coins. Source: :eq:`first`."""

class Coin:
    """A coin."""

    def toss(self):
        """Tosses. Source: :eq:`second`."""

def _hidden():
    """Source: :eq:`second`."""
'''
BUGS = "\n".join(
    f'[[mutant]]\nequation = "{label}"\nname = "bug of {label}"\nmodule = "coursepkg.coin"'
    for label in LABELS[:4]
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository in which every equation is tied."""
    for name, text in {
        "notebooks/01_coins.md": CHAPTER,
        "tests/sub/test_coin.py": TEST,
        "tests/mutants/equations.01.toml": BUGS,
        "coursepkg/coin.py": MODULE,
        "book/definitions.yml": "fifth: a definition\n",
        "_config.yml": "repository: {url: https://github.com/us/book/}\n",
        "_toc.yml": "root: book/intro\nparts: [{chapters: [{file: notebooks/01_coins}]}]\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_labels_are_found_in_text_and_directives_but_not_in_code():
    """Kills: a code block inside a solution ends the solution, or is read as text."""
    assert [label for label, _ in labels(CHAPTER)] == LABELS
    lines = CHAPTER.splitlines()
    for label, number in labels(CHAPTER):
        assert label in lines[number - 1]


def test_collect_finds_marks_and_sources_where_they_stand(tree: Path):
    """Kills: marks in pytest.param, on classes or stacked are overlooked."""
    registry = collect(tree)
    assert sorted((place.line, place.label, place.name) for place in registry.tests) == [
        (3, "first", "::test_two"),
        (4, "second", "::test_two"),
        (7, "third", "::TestThird"),
        (9, "fourth", "::TestThird::test_it"),
    ]
    assert [(place.label, place.name) for place in registry.sources] == [
        ("first", "coursepkg.coin"),
        ("second", "coursepkg.coin.Coin.toss"),
        ("second", "coursepkg.coin._hidden"),
    ]
    assert [(place.line, place.label, place.name) for place in registry.mutants[:2]] == [
        (2, "first", "bug of first"),
        (6, "second", "bug of second"),
    ]
    assert problems(registry) == []


CHANGES = {
    "a label without a test": (
        ("tests/sub/test_coin.py", '@pytest.mark.equation("second")\n', ""),
        "notebooks/01_coins.md:13: `second` has no test",
    ),
    "a label without a mutant": (
        ("tests/mutants/equations.01.toml", '"second"\n', '"first"\n'),
        "notebooks/01_coins.md:13: `second` has no mutant",
    ),
    "a mutant naming no label": (
        ("tests/mutants/equations.01.toml", '"second"\n', '"lost"\n'),
        "tests/mutants/equations.01.toml:6: `lost` is the label of no equation",
    ),
    "a test naming no label": (
        ("tests/sub/test_coin.py", '"second")\n', '"second")\n@pytest.mark.equation("lost")\n'),
        "tests/sub/test_coin.py:5: `lost` is the label of no equation",
    ),
    "a docstring naming no label": (
        ("coursepkg/coin.py", "Tosses. Source: :eq:`second`", "Tosses. Source: :eq:`lost`"),
        "coursepkg/coin.py:6: `lost` is the label of no equation",
    ),
    "a label that stands twice": (
        ("notebooks/01_coins.md", "x = 1 $$ (second)", "x = 1 $$ (second)\n$$ x = 2 $$ (first)"),
        "notebooks/01_coins.md:14: `first` stands already at notebooks/01_coins.md:9",
    ),
    "a label of another form": (
        ("notebooks/01_coins.md", "$$ (fifth)", "$$ (Fifth_1)"),
        "notebooks/01_coins.md:42: `Fifth_1` should be lower-case words joined by hyphens",
    ),
    "a definition of nothing": (
        ("book/definitions.yml", "fifth: a definition", "fifth: a definition\nlost: a slip"),
        "book/definitions.yml: `lost` is the label of no equation",
    ),
    "a definition that is tested": (
        ("book/definitions.yml", "fifth: a definition", "fifth: a definition\nfirst: a slip"),
        "book/definitions.yml: `first` has a test; take it off the list",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_problem_is_named_with_its_place(tree: Path, kind: str):
    (file, old, new), line = CHANGES[kind]
    edit(tree / file, old, new)
    assert line in problems(collect(tree))


def test_nothing_else_is_reported(tree: Path):
    """Kills: one problem drags a second line along."""
    edit(tree / "tests/sub/test_coin.py", '@pytest.mark.equation("second")\n', "")
    assert len(problems(collect(tree))) == 1


def test_a_mark_that_is_no_plain_string_is_no_tie():
    """Kills: a computed label is taken for whatever it begins with."""
    code = 'import pytest\n@pytest.mark.equation("a" + "b")\ndef test_it(): ...'
    assert list(marks(ast.parse(code))) == []


def test_page_shows_each_equation_with_code_and_test(tree: Path):
    table = page(tree, collect(tree))
    url = "https://github.com/us/book/blob/main/tests/sub/test_coin.py"
    rows = [line for line in table.splitlines() if "{eq}" in line]
    assert "## Coins" in table
    assert [row.split("`")[1] for row in rows] == LABELS
    assert f"[`test_coin.py::test_two`]({url}#L4)" in rows[1]
    assert "{py:obj}`~coursepkg.coin.Coin.toss`, `coursepkg.coin._hidden`" in rows[1]
    assert rows[1].endswith("| bug of second |")
    assert "| a definition |" in rows[4]


def test_page_leaves_out_what_the_book_does_not_hold(tree: Path):
    """Kills: an unfinished chapter breaks the build with references that lead nowhere."""
    (tree / "notebooks/02_later.md").write_text("# Later\n\n$$ x $$ (later)\n")
    assert "later" not in page(tree, collect(tree))
