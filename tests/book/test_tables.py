"""A table that sorts and filters, in Chromium, from file://; a table still without its script."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sphinx.cmd.build import build_main

from tools.sphinx_tables import MARK

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
CONF = """
project, extensions = "x", ["myst_parser", "tools.sphinx_tables"]
html_theme, html_static_path = "basic", ["_static"]
"""
HEAD = "<thead><tr><th scope=col>model</th><th scope=col>nats</th><th scope=col>s</th></tr></thead>"
ROWS = (
    ("PixelCNN", "= 79.84 ± 0.48", "104.8"), ("GAN", "—", "14.4"),
    ("VAE", "≤ 9.50 ± 0.45", "1,041"), ("RealNVP", "≤ 107.10 ± 0.40", ""),
    ("pixel VAE", "≤ 78.84 ± 0.44", "115.4"),
)  # fmt: skip
BODY = "".join(f"<tr><th scope=row>{a}</th><td>{b}</td><td>{c}</td></tr>" for a, b, c in ROWS)
TABLE = f"{MARK}><caption>The board</caption>{HEAD}<tbody>{BODY}</tbody></table>"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages: one with the table, one without."""
    root = tmp_path_factory.mktemp("tables")
    (root / "conf.py").write_text(CONF, encoding="utf-8")
    (root / "index.md").write_text("# Book\n\n```{toctree}\nboard\n```\n", encoding="utf-8")
    (root / "board.md").write_text(f"# Board\n\n{TABLE}\n", encoding="utf-8")
    (root / "_static").mkdir()
    for name in ("tables.js", "tables.css"):
        (root / "_static" / name).write_bytes((ROOT / "book/_static" / name).read_bytes())
    with warnings.catch_warnings(action="ignore"):
        assert build_main(["-W", "-n", "-q", str(root), str(root / "html")]) == 0
    return root / "html"


@pytest.fixture
def page(site: Path, browser: Browser) -> Iterator[Page]:
    page, said = browser.new_page(viewport={"width": 390, "height": 800}), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / "board.html").as_uri())
    yield page
    assert said == []
    page.close()


def names(page: Page) -> list[str]:
    return [row.inner_text() for row in page.locator("tbody th").all() if row.is_visible()]


def test_a_click_sorts_and_a_second_one_turns_it_round(page: Page):
    """Numbers as numbers; what has none is last both ways. Kills: 107 before 9.5, 1,041 as 1."""
    nats = page.get_by_role("button", name="nats", exact=True)
    nats.click()
    assert names(page) == ["VAE", "pixel VAE", "PixelCNN", "RealNVP", "GAN"]
    assert page.get_by_role("columnheader", name="nats").get_attribute("aria-sort") == "ascending"
    nats.click()
    assert names(page) == ["RealNVP", "PixelCNN", "pixel VAE", "VAE", "GAN"]
    page.get_by_role("button", name="s", exact=True).click()
    assert names(page) == ["GAN", "PixelCNN", "pixel VAE", "VAE", "RealNVP"]
    assert page.locator("[aria-sort]").count() == 1


def test_words_are_sorted_without_regard_to_case_and_the_keyboard_is_enough(page: Page):
    page.get_by_role("button", name="model").focus()
    page.keyboard.press("Enter")
    assert names(page) == ["GAN", "pixel VAE", "PixelCNN", "RealNVP", "VAE"]


def test_the_filter_wants_every_word_and_says_how_many_are_left(page: Page):
    """Kills: any word, capitals, a filter that says nothing to those who do not see."""
    box, said = page.get_by_label("Show rows with"), page.get_by_role("status")
    box.fill("vae PIXEL")
    assert names(page) == ["pixel VAE"]
    assert said.inner_text() == "1 of 5 rows"
    box.fill("≤")
    assert said.inner_text() == "3 of 5 rows"
    box.fill("")
    assert len(names(page)) == 5


def test_a_wide_table_scrolls_inside_a_named_region_and_not_the_page(page: Page):
    page.add_style_tag(content="table.sortable { width: 900px }")
    region = page.get_by_role("region", name="The board")
    assert region.evaluate("each => each.scrollWidth > each.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert region.get_attribute("tabindex") == "0"


def test_only_a_page_with_a_table_loads_the_script(site: Path):
    assert "tables.js" in (site / "board.html").read_text("utf8")
    assert "tables.js" not in (site / "index.html").read_text("utf8")


def test_without_scripts_the_table_is_all_there(site: Path, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "board.html").as_uri())
    assert names(page) == [name for name, _, _ in ROWS]
    context.close()
