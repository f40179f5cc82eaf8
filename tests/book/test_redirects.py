"""An old address leads to the new page, and a table that fits no page is told."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import redirects
from tools.links import Source, check_links
from tools.site import toc_pages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path: Path) -> SimpleNamespace:
    """Sphinx, as far as it is asked: a book of two pages, of which one has moved twice."""
    (tmp_path / "book").mkdir()
    table = "notebooks/10_a: notebooks/10_b\nold: notebooks/10_b\nbook/deep/x: intro\n"
    (tmp_path / redirects.TABLE).write_text(f"# what has moved\n{table}")
    (tmp_path / "html" / "notebooks").mkdir(parents=True)
    for page in ("intro", "notebooks/10_b"):
        (tmp_path / "html" / f"{page}.html").write_text('<p id="here">')
    config = SimpleNamespace(html_baseurl="https://site/")
    builder = SimpleNamespace(format="html")
    return SimpleNamespace(
        srcdir=tmp_path, outdir=tmp_path / "html", config=config, builder=builder
    )


def test_each_old_address_leads_to_the_new_page(app):
    """Kills: a link that begins at the wrong folder; pages that the page check would open."""
    redirects.write(app, None)
    for old, link in (
        ("notebooks/10_a", "10_b.html"),
        ("old", "notebooks/10_b.html"),
        ("book/deep/x", "../../intro.html"),
    ):
        text = (app.outdir / f"{old}.html").read_text()
        source = Source(f"{old}.html", text)
        assert source.moved
        assert {url.strip() for _, url in source.links} == {link}
        assert list(check_links(source, {}, app.outdir)) == []
        assert f'location.replace("{link}" + location.search + location.hash)' in text
        new = redirects.table(app.srcdir)[old]
        assert f'<link rel="canonical" href="https://site/{new}.html">' in text


def test_without_a_finished_site_nothing_is_written(app):
    """Kills: a page in what a failed build leaves, or in a PDF's folder."""
    redirects.write(app, RuntimeError())
    app.builder.format = "latex"
    redirects.write(app, None)
    assert sorted(path.name for path in app.outdir.rglob("*.html")) == ["10_b.html", "intro.html"]


def test_a_line_that_fits_no_page_is_warned_about(app, caplog):
    """Kills: a redirect that overwrites a page, or leads nowhere."""

    def said(*pages: str) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            redirects.check(app, SimpleNamespace(found_docs=set(pages)))
        return [record.getMessage() for record in caplog.records]

    assert said("intro", "notebooks/10_b") == []
    (line,) = said("intro", "notebooks/10_b", "old")
    assert "`old: notebooks/10_b`: expected no page of the old name, got one" in line
    (line,) = said("notebooks/10_b")
    assert "`book/deep/x: intro`: expected a page of the new name, got none" in line


def test_a_book_without_a_table_has_no_redirects(tmp_path: Path):
    """Kills: an empty file, which YAML reads as None, breaks every build."""
    assert redirects.table(tmp_path) == {}
    (tmp_path / "book").mkdir()
    (tmp_path / redirects.TABLE).write_text("# nothing yet\n")
    assert redirects.table(tmp_path) == {}


def test_the_table_of_this_book_fits_its_pages():
    pages = set(toc_pages(ROOT))
    for old, new in redirects.table(ROOT).items():
        assert old not in pages
        assert new in pages
    assert "      - tools.redirects\n" in (ROOT / "_config.yml").read_text("utf8")
