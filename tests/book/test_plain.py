"""The launched notebooks hold plain Markdown, with the numbers of the site."""

import json
from pathlib import Path

import pytest

from tools.launch import Notebook, main, read_book, render, targets
from tools.plain import Book, Target, blocks, plain

PAGE = "notebooks/09_chains"
BOOK = Book(
    {
        "chain-rule": Target("(9.1)", PAGE, "equation-chain-rule"),
        "fig-09": Target("Fig. 9.1", PAGE, "fig-09"),
        "ex-09": Target("Exercise 9.1 (Prove it)", PAGE, "ex-09"),
        "coin": Target("(1.2)", "notebooks/01_bayes", "equation-coin"),
    },
    {"a2000": ("Ada and Bob", "2000"), "c2001": ("Cy et al.", "2001")},
    {"book/notation": "Notation", PAGE: "Chains"},
    "https://site",
    "https://repo",
)


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("By {eq}`chain-rule`, so", "By (9.1), so"),
        ("{eq}`coin`", "[(1.2)](https://site/notebooks/01_bayes.html#equation-coin)"),
        ("{ref}`ex-09`", "Exercise 9.1 (Prove it)"),
        ("{ref}`the proof <ex-09>`", "the proof"),
        ("{numref}`fig-09`", "Fig. 9.1"),
        ("{cite}`a2000,c2001`", "(Ada and Bob, 2000; Cy et al., 2001)"),
        ("{cite:t}`a2000`", "Ada and Bob (2000)"),
        ("{term}`nat`", "nat"),
        ("{doc}`../book/notation`", "[Notation](https://site/book/notation.html)"),
        ("{doc}`signs <../book/notation>`", "[signs](https://site/book/notation.html)"),
        ("{py:func}`~pkg.m.f`", "[`f`](https://site/book/api.html#pkg.m.f)"),
        ("{py:mod}`pkg.m`", "[`pkg.m`](https://site/book/api.html#pkg.m)"),
        (
            "{py:class}`~coursepkg.nets.conv.CausalCNN`",
            "[`CausalCNN`](https://site/book/api-data.html#coursepkg.nets.conv.CausalCNN)",
        ),
        (
            "{py:class}`~coursepkg.models.rbm.binary.RBM`",
            "[`RBM`](https://site/book/api-models.html#coursepkg.models.rbm.binary.RBM)",
        ),
        (
            "{py:func}`~coursepkg.rng.seeded`",
            "[`seeded`](https://site/book/api.html#coursepkg.rng.seeded)",
        ),
        ("[t](../book/notation.md#a)", "[t](https://site/book/notation.html#a)"),
        ("[b](01_bayes.ipynb)", "[b](https://site/notebooks/01_bayes.html)"),
        ("[r](repo:README.md)", "[r](https://repo/blob/main/README.md)"),
        ("[w](https://w.org)", "[w](https://w.org)"),
        ("$$\nx\n$$ (chain-rule)", "$$\nx\n\\tag{9.1}\n$$"),
        ("> $$\n> x\n> $$ (chain-rule)", "> $$\n> x\n> \\tag{9.1}\n> $$"),
        ("$$ x $$ (chain-rule)", "$$ x \\tag{9.1}\n$$"),
        ("```{math}\n:label: chain-rule\nx\n```", "$$\nx\n\\tag{9.1}\n$$"),
        ("(target)=\n# T", "# T"),
        ("```python\n# {eq}`a`\n```", "```python\n# {eq}`a`\n```"),
        (
            "```{exercise} Prove it\n:label: ex-09\n\nDo.\n```",
            "#### Exercise 9.1 (Prove it)\n\nDo.",
        ),
        ("```{solution-start} ex-09\n```", "#### Solution to Exercise 9.1 (Prove it)"),
        ("```{solution-end}\n```", ""),
    ],
)
def test_each_form_becomes_plain_markdown(myst: str, markdown: str):
    assert plain(myst, PAGE, BOOK) == markdown


def test_an_admonition_becomes_a_quotation():
    result = plain(":::{warning}\n:class: x\nA\n\nB {eq}`chain-rule`\n:::", PAGE, BOOK)
    assert result == "> **Warning**\n>\n> A\n>\n> B (9.1)"


def test_an_admonition_that_folds_still_folds():
    """Kills: what the site hides stands open, or loses its title."""
    result = plain("```{admonition} More\n:class: dropdown x\n\nA\n```", PAGE, BOOK)
    assert result == "<details>\n<summary>More</summary>\n\nA\n\n</details>"


def test_a_figure_keeps_its_alt_text_and_number():
    myst = "```{figure} ../book/images/a.svg\n:name: fig-09\n:alt: a line\n\nA\nline.\n```"
    image = "![a line](https://repo/raw/main/book/images/a.svg)"
    assert plain(myst, PAGE, BOOK) == f"{image}\n\n*Fig. 9.1. A line.*"


def test_a_solution_folds_with_all_it_holds():
    """Kills: the first inner fence ends the solution."""
    myst = "````{solution} ex-09\n:class: dropdown\n\n```python\n1\n```\n\n{eq}`chain-rule`\n````"
    assert plain(myst, PAGE, BOOK) == (
        "<details>\n<summary>Solution to Exercise 9.1 (Prove it)</summary>\n\n"
        "```python\n1\n```\n\n(9.1)\n\n</details>"
    )


@pytest.mark.parametrize(
    "myst",
    [
        "{eq}`lost`",
        "{cite}`lost`",
        "{doc}`lost`",
        "{abbr}`MCMC`",
        "$$\nx\n$$ (lost)",
        "```{solution} lost\n```",
        "```{tableofcontents}\n```",
        "```{exercise}\n:label: ex-09",
        "text with {eq} `chain-rule`\n:::",
        "an {eq}`\nbroken` role\n$$ (coin",
    ],
)
def test_what_has_no_plain_form_is_an_error(myst: str):
    """Kills: raw MyST, or a dead reference, reaches a reader."""
    with pytest.raises(ValueError, match=r"notebooks/09_chains|expected a fence"):
        plain(myst, PAGE, BOOK)


def test_blocks_lose_no_line():
    text = "a\n```python\nb\n```\nc"
    assert list(blocks(text.split("\n"))) == ["a", ["```python", "b", "```"], "c"]


SYMBOLS = """\
<details>
<summary>Symbols of this chapter</summary>

| symbol | meaning | in code |
|---|---|---|
| $p$ | probability | `log_prob` |

</details>"""
FIRST = "# Chains\n\n$$ p $$ (chain-rule)\n\n```{exercise} Prove it\n:label: ex-09\n\nDo.\n```"
LAST = "```{solution} ex-09\n$$ q $$ (chain-two)\n```\n{eq}`chain-two` {numref}`fig-two`"


@pytest.fixture
def notebook() -> Notebook:
    """Two figures, two equations, one exercise; chapter 9."""

    def cell(kind: str, source: str, **metadata: object) -> dict[str, object]:
        return {"cell_type": kind, "id": source[:5], "source": source, "metadata": metadata}

    figures = [{"figure": {"name": f"fig-{n}", "caption": f"F {n}"}} for n in ("one", "two")]
    return {
        "cells": [
            cell("markdown", FIRST),
            *(cell("code", f"plot{i}()", mystnb=figure) for i, figure in enumerate(figures)),
            cell("markdown", LAST),
        ],
        "metadata": {"kernelspec": {"name": "python3"}},
    }


def test_numbers_count_each_kind_within_the_chapter(notebook: Notebook):
    """Kills: one counter for all kinds, or the chapter's place in the list for its number."""
    found = targets(notebook, PAGE)
    assert {label: target.text for label, target in found.items()} == {
        "chain-rule": "(9.1)",
        "chain-two": "(9.2)",
        "fig-one": "Fig. 9.1",
        "fig-two": "Fig. 9.2",
        "ex-09": "Exercise 9.1 (Prove it)",
    }


def test_rendition_numbers_its_title_and_writes_out_captions(notebook: Notebook):
    book = BOOK._replace(targets=targets(notebook, PAGE))
    cells = render(notebook, PAGE, book)["cells"]
    assert "git+https://repo" in cells[0]["source"]
    assert "git clone -q --depth 1 https://repo " in cells[0]["source"]
    assert "\n    !python -m coursepkg.data.fetch\n" in cells[0]["source"]
    tested = Path("constraints.txt").read_text(encoding="utf-8").split("\n")
    pins = [word for word in cells[0]["source"].split() if "==" in word]
    assert pins == [line for line in tested if line.startswith("mlxtend==")]
    assert cells[1]["source"].startswith("# 9. Chains")
    assert [cell["source"] for cell in cells[2:6]] == [
        "plot0()",
        "*Fig. 9.1. F one*",
        "plot1()",
        "*Fig. 9.2. F two*",
    ]
    assert cells[6]["source"].endswith("(9.2) Fig. 9.2")


def test_main_writes_the_chapters_of_the_book_and_what_binder_needs(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Kills: an unpinned Binder, a rendition at another path, results that a chapter misses."""
    files = {
        "_config.yml": "repository: {url: https://github.com/us/book}",
        "_toc.yml": f"root: book/intro\nparts: [{{chapters: [{{file: {PAGE}}}]}}]",
        "book/notation.yml": "Laws: [{latex: p, meaning: probability, code: [log_prob]}]",
        "book/references.bib": "@book{a2000, author={Ada, A. and Bob, B.}, year={2000}}",
        "pyproject.toml": '[project]\ndependencies = ["torch"]',
        "constraints.txt": "jupyterlab==4.1\nother==1\ntorch==2.13.0",
        f"{PAGE}.md": FIRST,
        f"{PAGE}.ipynb": json.dumps(notebook),
        "benchmarks/results/arm.json": '{"rows": [81]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert read_book(Path(), {PAGE: notebook}).citations == {"a2000": ("Ada and Bob", "2000")}
    main(Path("out"))
    written = json.loads(Path(f"out/{PAGE}.ipynb").read_text(encoding="utf-8"))
    assert any("\\tag{9.1}" in cell["source"] for cell in written["cells"])
    assert written["cells"][1]["source"].startswith("# 9. Chains")
    assert written["cells"][2]["source"] == SYMBOLS
    there = Path(f"out/{PAGE}.ipynb").parent / "../benchmarks/results/arm.json"
    assert json.loads(there.read_text(encoding="utf-8")) == {"rows": [81]}
    assert Path("out/postBuild").read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert "exec python -m coursepkg.data.fetch\n" in Path("out/postBuild").read_text("utf-8")
    assert Path("out/requirements.txt").read_text(encoding="utf-8").split("\n")[1:] == [
        "torch==2.13.0",
        "jupyterlab==4.1",
        "coursepkg @ git+https://github.com/us/book",
        "",
    ]
