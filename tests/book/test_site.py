"""A small book built with the course's own settings: numbers, links back, and nothing stale."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from tools.launch import read, read_book
from tools.site import repository_url

ROOT = Path(__file__).parents[2]
CACHE = shutil.ignore_patterns("__pycache__")  # another process may be writing there
PAGE = "notebooks/09_chains"
CHAPTER = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# Chains

How $p$ and $x$ go on.

+++

## First

$$
a
$$

$$
b
$$ (one)

See {eq}`two`, {ref}`ex-09-a`, {py:func}`~tools.site.title` and [the licence](repo:LICENSE).

$$
c
$$ (two)

```{exercise}
:label: ex-09-a
Do.
```

## More ★

There is more.

```{code-cell}
from tools.site import site_url
from tools import links, site
links.main
site.toc_pages(site.Path("."))
```
"""
NOTATION = """\
Laws:
  - {latex: p, meaning: "probability, $=$ or not", code: [p, log_prob]}
  - {latex: 'x,\\ y', meaning: "zebra", code: []}
  - {latex: q, meaning: "another law", code: [q]}
"""
API = """\
# The package

```{eval-rst}
.. automodule:: tools.site
```
"""


def build(root: Path) -> None:
    """Builds with warnings as errors, as `make html` does."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root, "-W", "-n", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a book with one chapter, the ninth; built."""
    root = tmp_path_factory.mktemp("book")
    for folder in ("book/_static", "notebooks"):
        (root / folder).mkdir(parents=True)
    for name in ("_config.yml", *(f"book/_static/{file}" for file in ("logo.svg", "favicon.svg"))):
        shutil.copy(ROOT / name, root / name)
    for package in ("tools", "assignments/grader"):  # what the site's extensions import
        shutil.copytree(ROOT / package, root / package, ignore=CACHE)
    shutil.copy(ROOT / "assignments/__init__.py", root / "assignments")
    chapters = [{"caption": "Part", "numbered": 2, "chapters": [{"file": PAGE}]}]
    more = [{"caption": "More", "chapters": [{"file": "book/api"}]}]
    toc = {"format": "jb-book", "root": "book/intro", "parts": chapters + more}
    (root / "_toc.yml").write_text(json.dumps(toc), encoding="utf-8")
    (root / "book/intro.md").write_text("# Intro\n\n{eq}`one`\n", encoding="utf-8")
    (root / "book/api.md").write_text(API, encoding="utf-8")
    (root / "book/references.bib").touch()
    (root / "book/notation.yml").write_text(NOTATION, encoding="utf-8")
    (root / "book/redirects.yml").write_text(f"notebooks/08_old: {PAGE}\n", encoding="utf-8")
    (root / f"{PAGE}.md").write_text(CHAPTER, encoding="utf-8")
    jupytext.write(jupytext.reads(CHAPTER, "md:myst"), root / f"{PAGE}.ipynb")
    build(root)
    return root


def html(site: Path, page: str) -> str:
    return (site / "_build/html" / f"{page}.html").read_text(encoding="utf-8")


def text(markup: str) -> str:
    return re.sub(r"<[^>]+>", "", markup)


@pytest.mark.slow
def test_a_chapter_has_the_number_of_its_file(site: Path):
    """Kills: the only chapter that exists is called the first."""
    assert ">9. </span>Chains" in html(site, PAGE)
    assert "9. Chains" in text(html(site, "book/intro"))  # in the sidebar of another page
    assert ">9.1. </span>First" in html(site, PAGE)


@pytest.mark.slow
def test_the_launched_notebook_counts_as_the_site_does(site: Path):
    """Kills: unlabelled equations are counted, or the numbers drift apart."""
    targets = read_book(site, {PAGE: read(site / f"{PAGE}.ipynb")}).targets
    for label in ("one", "two"):
        number = re.search(rf'id="equation-{label}">.*?eqno">(.*?)<a', html(site, PAGE), re.DOTALL)
        assert number
        assert number[1] == targets[label].text
    shown = text(html(site, PAGE))
    assert f"See {targets['two'].text}, {targets['ex-09-a'].text}, title()" in shown
    assert f'">{targets["one"].text}</a>' in html(site, "book/intro")


@pytest.mark.slow
def test_the_api_links_back_to_the_chapter_that_links_imports_or_calls(site: Path):
    """Kills: only links or only imports count, `site.toc_pages` is missed, or all is linked."""
    entries = html(site, "book/api").split(r'<dt class="sig')
    used = {
        re.search(r'id="tools\.site\.(\w+)"', entry)[1]: "9. Chains" in entry
        for entry in entries[1:]
        if "In the book" in entry
    }
    assert used == {"title": True, "site_url": True, "toc_pages": True}


@pytest.mark.slow
def test_the_repository_is_named_once(site: Path):
    url = repository_url(ROOT)
    assert f'href="{url}/blob/main/LICENSE"' in html(site, PAGE)
    assert (
        f"{url.replace('github.com', 'colab.research.google.com/github')}/blob/launch/{PAGE}"
        in html(site, PAGE)
    )


@pytest.mark.slow
def test_a_chapter_has_a_folded_table_of_its_symbols(site: Path):
    """Kills: no table, one of all symbols, one above the first text or one that is open."""
    shown = html(site, PAGE)
    folded = re.search(r'<div class="[^"]*dropdown symbols[^"]*">.*?</div>', shown, re.DOTALL)
    assert folded
    assert "Symbols of this chapter" in folded[0]
    rows = [text(row).split() for row in re.findall(r"<tr.*?</tr>", folded[0], re.DOTALL)]
    assert [row[0] for row in rows] == ["symbol", r"\(p\)", "\\(x,\\"]
    assert "log_prob" in rows[1][-1]
    assert shown.index("go on.") < shown.index(folded[0]) < shown.index(">First<")
    assert "symbols" not in (site / "_build/html/_sources" / f"{PAGE}.ipynb").read_text("utf-8")


@pytest.mark.slow
def test_the_table_of_symbols_is_no_part_of_contents_or_search(site: Path):
    """Kills: each chapter answers a search for a word of the notation file."""
    index = (site / "_build/html/searchindex.js").read_text(encoding="utf-8")
    assert '"more"' in index
    assert "zebra" not in index
    assert "Symbols of this" not in index
    assert 'href="#first"' in html(site, PAGE)
    assert "#symbols" not in html(site, PAGE)


@pytest.mark.slow
def test_the_line_under_the_title_says_the_minutes(site: Path):
    """Kills: minutes of the whole page for those of the core, or a header with nothing to run."""
    shown = text(html(site, PAGE))
    assert "Core: about 5 minutes to read, ★ sections 5 more · download the notebook" in shown


@pytest.mark.slow
def test_a_page_that_moved_leads_on(site: Path):
    """Kills: an extension that Sphinx never calls; a redirect that is searched as a page."""
    assert 'href="09_chains.html"' in html(site, "notebooks/08_old")
    assert "08_old" not in (site / "_build/html/searchindex.js").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_redirect_to_nowhere_fails_the_build(site: Path):
    """Kills: a warning that nobody counts."""
    table = site / "book/redirects.yml"
    good = table.read_text(encoding="utf-8")
    table.write_text("notebooks/08_old: notebooks/10_none\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="expected a page of the new name, got none"):
        build(site)
    table.write_text(good, encoding="utf-8")
    build(site)


@pytest.mark.slow
def test_the_next_build_shows_new_timings_and_no_stale_link(site: Path):
    """Kills: Sphinx keeps the page because its own file did not change."""
    assert "two cores" not in html(site, PAGE)
    timings = site / "book/timings.json"
    timings.write_text('{"09_chains": {"seconds": 12.3, "cpu": "one"}}', encoding="utf-8")
    build(site)
    assert "5 more · runs in 12 s on two cores · download the" in text(html(site, PAGE))
    assert (site / "_build/html/_sources" / f"{PAGE}.ipynb").exists()
    assert ">9. </span>Chains" in html(site, PAGE)
    assert "9. Chains" in html(site, "book/api")
