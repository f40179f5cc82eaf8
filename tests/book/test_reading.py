"""What a chapter asks of its reader is counted as the docstring of tools.reading says."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import reading
from tools.reading import LONG, Reading, Share, measure, parts, problems

HEADER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# One two
"""


def chapter(folder: Path, text: str, name: str = "01_bayes") -> Path:
    """A chapter that begins with a title of two words."""
    file = folder / "notebooks" / f"{name}.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEADER + text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "core", "page"),
    [
        ("one two three", 3, 3),
        ("one — two, 3 … ½", 4, 4),
        ("**one** *two* [three](four.html)", 3, 3),
        ("one\ntwo", 2, 2),
        ("> one\n\n- two\n- three", 3, 3),
        ("## Three words here", 3, 3),
        ("a $x + y$-axis and $z$", 3, 3),
        ("one `code here` two", 2, 4),
        ("```python\na = b(c)\n```", 0, 2),
        ("```{code-cell}\n:tags: [hide-input]\n\na = b(c)\n```", 0, 2),
        ("```{code-cell}\n:tags: [remove-cell]\n\nassert a == b(c)\n```", 0, 0),
        ("$$\nx + y\n$$ (label-one)", 0, 0),
        ("```{math}\n:label: label-one\nx y\n```", 0, 0),
        ("{eq}`one-label` {cite}`one` two", 1, 1),
        ("| one | two |\n|---|---|\n| three | four |", 0, 4),
        ("```{figure} a.svg\n:name: fig\n:alt: four more words here\n\nOne caption.\n```", 0, 2),
        ("```{live} mcmc\n:name: fig\n:alt: four more\n\nOne caption.\n```", 0, 2),
        ("```{admonition} Two words\n:class: tip\n\nThree words more\n```", 5, 5),
        (":::{note}\nThree words more\n:::", 3, 3),
        ("```{question} What is $x$?\n:label: q-1\n- [x] Yes.\n  Why.\n```", 0, 4),
        ("## Exercises\n\none two", 0, 3),
        ("## Exercises\n\n### More\n\none\n\n## Summary\n\ntwo", 0, 5),
        ("### Exercises\n\none two", 3, 3),
        ("````{exercise} Two words\n:label: e\n\nOne\n\n```python\nx\n```\n````", 0, 4),
    ],
)
def test_what_counts_as_a_word(tmp_path: Path, text: str, core: int, page: int):
    """Kills: formulas, options, captions or code on the core path; a page without them."""
    found = measure(chapter(tmp_path, text))
    assert found.core.words == 2 + core
    assert found.page == 2 + page


FIGURE = """\
```{code-cell}
---
mystnb:
  figure: {caption: "Three words $x$ more", name: fig-a}
---
plot(a)
```
"""


def test_figures_equations_and_tables_are_looked_at(tmp_path: Path):
    """Kills: a figure or equation of either kind is not counted; a cell's caption is text."""
    live = "```{live} mcmc\nCaption with $y$.\n```"
    table = "| a |\n|---|\n| b |"
    text = "\n\n".join([
        FIGURE,
        live,
        table,
        "$$ x $$",
        "$$ x $$ (a)",
        "```{math}\ny\n```",
        "$x$ `a`",
    ])
    assert measure(chapter(tmp_path, text)).core.displays == 6
    found = measure(chapter(tmp_path, f"{FIGURE}\n\n## Exercises\n\n{live}\n\n$$ x $$"))
    assert found.core.displays == 1
    assert found.core.words == 2
    assert found.page == 2 + 3 + 1 + 1 + 2


def test_formulas_of_captions_questions_and_tables_are_found(tmp_path: Path):
    """Kills: the letters of a caption escape the check of notation."""
    question = "```{question} What is $q$?\n- [x] $r$.\n```"
    text = f"{FIGURE}\n\n| $t$ |\n|---|\n| b |\n\n{question}\n\n$$ s $$\n\n`$no$`"
    kinds = ("formula", "display")
    found = [part.text.strip() for part in parts(chapter(tmp_path, text)) if part.kind in kinds]
    assert found == ["x", "t", "q", "r", "s"]


@pytest.mark.parametrize(
    ("text", "core", "starred"),
    [
        ("## A ★\n\nb c", 0, 3),
        ("## A ★\n\nb\n\n### C\n\nd\n\n## E\n\nf", 2, 4),
        ("## A\n\nb\n\n### C ★\n\nd\n\n### E\n\nf", 4, 2),
        ("## A\n\n### C ★\n\nd\n\n## E\n\nf", 3, 2),
        ("## A ★\n\n### B ★\n\nc\n\n### D\n\ne", 0, 5),
        ("## A ★\n\nb\n\n## Exercises\n\nc d e", 0, 2),
        ("## ★ A\n\nb", 2, 0),
    ],
)
def test_a_star_holds_to_the_next_heading_of_its_level(
    tmp_path: Path, text: str, core: int, starred: int
):
    """Kills: it ends at the next heading of any level, or never; a section below it ends it."""
    found = measure(chapter(tmp_path, text))
    assert (found.core.words - 2, found.starred.words) == (core, starred)


@pytest.mark.parametrize(
    ("words", "displays", "minutes"),
    [(0, 0, 0), (10, 0, 5), (1500, 0, 10), (1500, 10, 15), (3000, 9, 25), (3000, 30, 35)],
)
def test_minutes(words: int, displays: int, minutes: int):
    """Kills: another speed than 150 words a minute, no rounding, no floor."""
    assert Share(words, displays).minutes == minutes


def test_what_stands_under_a_title():
    assert Reading(Share(3000), Share(), 1).says == "Core: about 20 minutes to read"
    assert Reading(Share(3000), Share(700), 1).says == (
        "Core: about 20 minutes to read, ★ sections 5 more"
    )


def test_a_long_chapter_fails_unless_it_is_listed(tmp_path: Path):
    """Kills: the limit of the core is that of the page; a limit that is never reached."""
    chapter(tmp_path, "word " * 3498, "01_short")
    chapter(tmp_path, "word " * 3499, "02_core")
    chapter(tmp_path, "## Exercises\n\n" + "word " * 7997, "03_full")
    chapter(tmp_path, "## Exercises\n\n" + "word " * 7998, "04_page")
    assert problems(tmp_path, set()) == [
        "notebooks/02_core.md: 3,501 words on the core path, 3,500 at most",
        "notebooks/04_page.md: 8,001 words on the page, 8,000 at most",
    ]
    assert problems(tmp_path, {"02_core", "04_page"}) == []


def test_a_listed_chapter_that_fits_must_leave_the_list(tmp_path: Path):
    """Kills: a list that never shrinks, so that a chapter may grow again."""
    chapter(tmp_path, "short", "01_short")
    assert problems(tmp_path, {"01_short"}) == [
        "tools/reading.py: 01_short is short enough now; take it off LONG"
    ]


def test_the_command_prints_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Kills: a check that finds something and passes."""
    app = reading.typer.Typer()
    app.command()(reading.main)
    monkeypatch.chdir(tmp_path)
    chapter(tmp_path, "one", "11_short")
    chapter(tmp_path, "word " * 4000, "12_long")
    said = CliRunner().invoke(app, ["12_long"]).stdout.splitlines()
    assert [line.split() for line in said[1:]] == [["12_long", "4,002", "4,002", "25", "0"]]
    assert CliRunner().invoke(app, ["--check"]).exit_code == 1
    (tmp_path / "notebooks/12_long.md").unlink()
    assert CliRunner().invoke(app, ["--check"]).exit_code == 0


def test_the_list_names_chapters():
    """Kills: a chapter that was renamed stays excused under its old name."""
    files = {file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("*.md")}
    assert files >= LONG
