"""The script of book/_templates/layout.html: this page's entry is in view before anything else."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
TEMPLATE = Path(__file__).parents[2] / "book" / "_templates" / "layout.html"
PAGE = """<!doctype html><style>li {{ height: 40px }} body {{ margin: 0 }}
.bd-sidebar {{ height: 600px; overflow: auto }}</style>
<div class="bd-sidebar"><nav class="bd-docs-nav"><ul>{}</ul></nav></div>{}"""


def at(page: Page, active: int, *, stored: str = "") -> tuple[float, float]:
    """Where the sidebar stands, and its entry, when `active` of 60 is this page."""
    (script,) = re.findall(r"<script>.*?</script>", TEMPLATE.read_text(encoding="utf-8"), re.S)
    page.evaluate("stored => sessionStorage.setItem('sidebar-scroll-top', stored)", stored)
    items = "".join(f"<li class={'active' if i == active else 'x'}>{i}</li>" for i in range(60))
    page.set_content(PAGE.format(items, script))
    top = page.evaluate("document.querySelector('.active').getBoundingClientRect().y")
    return page.evaluate("document.querySelector('.bd-sidebar').scrollTop"), top


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    (tmp_path / "index.html").write_text("<p>storage needs an address</p>", encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "index.html").as_uri())
    return page


def test_an_entry_far_below_is_brought_into_view_and_one_above_stays(page: Page):
    """Kills: a sidebar that always begins at its top, or that moves when it need not."""
    scrolled, top = at(page, 40)
    assert scrolled > 0
    assert top == pytest.approx(600 / 4, abs=1)
    assert at(page, 3)[0] == 0


def test_where_the_reader_left_the_sidebar_it_stays(page: Page):
    """Kills: a sidebar that jumps away from what the reader was looking at."""
    assert at(page, 40, stored="123")[0] == 123


def test_a_page_without_a_sidebar_is_left_alone(page: Page):
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    (script,) = re.findall(r"<script>.*?</script>", TEMPLATE.read_text(encoding="utf-8"), re.S)
    page.set_content(f"<p>search</p>{script}")
    assert said == []
