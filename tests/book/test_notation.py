"""Short names and symbols are held to the table."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import notation
from tools.notation import add_symbols, defined, letter_problems, page, problems, symbols

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


@pytest.mark.parametrize(
    ("latex", "symbols"),
    [
        ("x", "x"),
        (r"v,\ h", "v h"),
        (r"F(q,\ \theta)", "F"),
        (r"\mathcal{N}(x;\, \mu, \sigma^2)", r"\mathcal{N}"),
        (r"s_d(l \mid x)", "s"),
        (r"a_i(h),\ K", "a K"),
        (r"v^{(0)},\ v^{(1)}", "v^{(0)} v^{(1)}"),
        (r"\hat\mu_n,\ \hat\sigma", r"\hat\mu \hat\sigma"),
        (r"U\, V", "U"),
        (r"\log", ""),
        (r"\mathrm{KL}(p \Vert q)", ""),
        (r"\mathbb{E}_p[f]", r"\mathbb{E}"),
    ],
)
def test_an_entry_defines_what_its_members_begin_with(latex: str, symbols: str):
    """Kills: arguments and indices are defined too, or only the first member is."""
    found = {str(symbol).replace(" ", "") for symbol in defined({"latex": latex})}
    assert found == set(symbols.split())


LETTERS = r"""
Data:
  - {latex: x, meaning: data, code: [x]}
  - {latex: '\hat x', meaning: guess, code: []}
  - {latex: 'n', meaning: trials, code: [n], except: [4]}
  - {latex: 'n,\ k', meaning: counts, code: [], chapters: [3, 4]}
  - {latex: 'r', meaning: ratio, code: [ratio], chapters: [4]}
  - {latex: 'r', meaning: momentum, code: [], chapters: [4, 5]}
  - {latex: 'm', meaning: elsewhere, code: [], chapters: [5]}
Functions:
  - {latex: '\mathrm{KL}(p \Vert q)', meaning: divergence, code: [kl]}
  - {latex: '\log', meaning: logarithm, code: [log]}
  - {latex: '\exp', meaning: exponential, code: [], chapters: [5]}
  - {meaning: axes, code: [ax]}
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "coursepkg").mkdir()
    (tmp_path / "book/notation.yml").write_text(LETTERS, encoding="utf-8")
    return tmp_path


def write(book: Path, text: str, name: str = "04_chains") -> str:
    """Writes a chapter; returns its page."""
    header = "---\njupytext: {text_representation: {format_name: myst}}\n"
    header += "kernelspec: {display_name: Python 3, language: python, name: python3}\n---\n\n"
    (book / f"notebooks/{name}.md").write_text(header + text, encoding="utf-8")
    return f"notebooks/{name}"


@pytest.mark.parametrize(
    "text",
    [
        "$x_n$ and $k$",
        r"$\hat x$, $\hat n$, $x'$, $n^{(1)}$, $k_\text{all}$",
        "a letter y that is no formula",
        "`$y$` and\n\n```python\n$y$\n```",
        r"$\mathrm{KL}$, $\log x$, $\int dx$",
    ],
)
def test_letters_with_one_meaning_pass(book: Path, text: str):
    """Kills: a decorated letter needs an entry of its own; code or text is a formula."""
    assert letter_problems(book, write(book, text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "$y$",
        "$x_y$",
        "$$\nx = y\n$$ (label)",
        "```{math}\n:label: a\ny\n```",
        "## On $y$",
        "```{exercise}\n:label: e\n$y$\n```",
        "```{question} Is $y$ it?\n- [x] Yes.\n```",
        "| $y$ |\n|---|\n| 1 |",
    ],
)
def test_a_letter_without_meaning_is_found_wherever_it_stands(book: Path, text: str):
    assert letter_problems(book, write(book, text)) == [
        "notebooks/04_chains.md: no entry of book/notation.yml says what y means here"
    ]


def test_an_entry_of_another_chapter_says_nothing(book: Path):
    """Kills: `chapters` is ignored where letters are looked up."""
    found = letter_problems(book, write(book, "$m$"))
    assert found == ["notebooks/04_chains.md: no entry of book/notation.yml says what m means here"]
    assert letter_problems(book, write(book, "$m$", "05_trees")) == []


def test_a_letter_with_two_meanings_names_both(book: Path):
    """Kills: the first entry wins."""
    (found,) = letter_problems(book, write(book, "$r$ and $r_x$ and $r'$"))
    assert found.startswith("notebooks/04_chains.md: r means “ratio” and “momentum”; use another")
    assert letter_problems(book, write(book, "$r$", "05_trees")) == []


def test_except_takes_an_entry_out_of_a_chapter(book: Path):
    """Kills: `except` is ignored: n has two meanings in chapter 4; or it holds everywhere."""
    assert letter_problems(book, write(book, "$n$")) == []
    (found,) = letter_problems(book, write(book, "$n$", "03_maps"))
    assert "n means “trials” and “counts”" in found


def test_symbols_are_those_of_the_chapters_formulas(book: Path):
    """Kills: all entries, those of other chapters, or in the order of the text."""
    name = write(book, r"$k$, $\hat x$, $\log$, $\exp$, $\bar k$ and text: KL x")
    assert symbols(book, name).splitlines() == [
        "```{admonition} Symbols of this chapter",
        ":class: dropdown symbols",
        "",
        "| symbol | meaning | in code |",
        "|---|---|---|",
        r"| $\hat x$ | guess |  |",
        r"| $n,\ k$ | counts |  |",
        r"| $\log$ | logarithm | `log` |",
        "```",
    ]
    assert "divergence" in symbols(book, write(book, r"$\mathrm{KL}(x)$"))
    assert symbols(book, write(book, "no formula")) == ""


def test_the_table_stands_after_the_first_text(book: Path):
    """Kills: above a title, after a later text, or an empty cell where there is no formula."""
    cells = [{"cell_type": kind} for kind in ("code", "markdown", "markdown")]
    notebook = {"cells": list(cells)}
    add_symbols(notebook, book, write(book, "$x$"))
    assert [notebook["cells"][i] for i in (0, 1, 3)] == cells
    assert notebook["cells"][2]["source"] == symbols(book, "notebooks/04_chains")
    assert notebook["cells"][2]["cell_type"] == "markdown"
    without = {"cells": list(cells)}
    add_symbols(without, book, write(book, "nothing"))
    assert without == {"cells": cells}


def test_check_reads_the_chapters_that_are_on_the_pattern(
    book: Path, monkeypatch: pytest.MonkeyPatch
):
    """Kills: the command looks at the package only, or at chapters that wait to be rewritten."""
    monkeypatch.chdir(book)
    text = LETTERS.replace("  - {latex: 'r', meaning: momentum, code: [], chapters: [4, 5]}\n", "")
    text = text.replace("code: [n], except: [4]", "code: [n], except: [3, 4]")
    (book / "book/notation.yml").write_text(text, encoding="utf-8")
    write(book, "$y$", "01_bayes")
    write(book, "$x$")
    assert CliRunner().invoke(notation.app, ["check"]).exit_code == 0
    write(book, "$y$")
    result = CliRunner().invoke(notation.app, ["check"])
    assert result.exit_code == 1
    assert "04_chains.md" in result.stdout
    assert "01_bayes" not in result.stdout


def test_page_says_where_an_entry_does_not_hold(book: Path):
    assert "| $n$ | trials | `n` | all but 4 |" in page(book)
