"""Short names and symbols are held to the table."""

from pathlib import Path

import pytest

from tools.notation import page, problems

TABLE = """\
Data:
  - {latex: x, meaning: data, code: [x]}
  - {meaning: axes, code: [ax]}
  - {meaning: a word, code: [to]}
  - {latex: 'a,\\ b', meaning: counts, code: [a, b, kl], chapters: [1]}
"""
MODULE = """\
def kl(x, *, a: int, _b: float = 0) -> None:
    self.x, a = 1, 2
    [x for x in a]
    _ = long_name = lambda b: b
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose short names are all in the table."""
    (tmp_path / "book").mkdir()
    (tmp_path / "coursepkg").mkdir()
    (tmp_path / "book/notation.yml").write_text(TABLE)
    (tmp_path / "coursepkg/m.py").write_text(MODULE)
    return tmp_path


def test_known_names_pass(tree: Path):
    assert problems(tree) == []


@pytest.mark.parametrize(
    "code",
    [
        "def f_x(qq): ...",
        "def f_x(*, qq=1): ...",
        "def f_x(*qq): ...",
        "qq = 1",
        "(qq, x) = 1, 2",
        "qq: int",
        "qq += 1",
        "for qq in []: ...",
        "{1: x for qq in []}",
        "with y_z as qq: ...",
        "self.qq = 1",
        "self._qq = 1",
        "lambda qq: 1",
        "(qq := 1)",
        "def qq(): ...",
        "class qq: ...",
    ],
)
def test_each_way_to_make_a_name_is_seen(tree: Path, code: str):
    """Kills: one kind of name (argument, target, attribute, comprehension) is overlooked."""
    (tree / "coursepkg/n.py").write_text(f"\n{code}\n")
    assert problems(tree) == ["coursepkg/n.py:2: `qq` is not in book/notation.yml"]


def test_reading_a_name_makes_none(tree: Path):
    """Kills: a name of another library that is only used is asked for."""
    (tree / "coursepkg/n.py").write_text("import numpy as np\nprint(np.pi, qq)\n")
    assert problems(tree) == []


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        ("{latex: x, meaning: other, code: [x]}", False),
        ("{latex: x, meaning: other, code: [x], chapters: [2]}", False),
        ("{latex: 'a,\\ b', meaning: other, code: [a], chapters: [1, 2]}", False),
        ("{latex: 'a,\\ b', meaning: other, code: [a], chapters: [2, 3]}", True),
    ],
)
def test_a_symbol_has_two_meanings_only_in_chapters_that_do_not_meet(
    tree: Path, row: str, allowed: bool
):
    (tree / "book/notation.yml").write_text(f"{TABLE}  - {row}\n")
    assert (problems(tree) == []) is allowed


def test_page_lists_every_entry(tree: Path):
    table = page(tree)
    assert "|  | axes | `ax` | all |" in table
    assert "| $x$ | data | `x` | all |" in table
    assert "| $a,\\ b$ | counts | `a`, `b`, `kl` | 1 |" in table
