"""Formulas are fitted again when their font arrives after the page."""

from pathlib import Path

import matplotlib
import pytest
from playwright.sync_api import Browser, Route, expect

SCRIPT = Path(__file__).parents[2] / "book" / "_static" / "formulas.js"
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
HTML = """<!doctype html><html lang="en"><head><title>x</title>
<style>@font-face { font-family: Late; src: url(late.ttf) }
.math { display: block; overflow: auto; width: 8em; font: 20px monospace }</style>
<script>window.MathJax = {startup: {promise: new Promise(typeset =>
  addEventListener('load', () => {
    document.querySelector('.math').style.fontFamily = 'Late, monospace';
    typeset();
  }))}}</script>
<script src="formulas.js"></script></head>
<body><span class="math">iiiiiiiiiiiiiiiiiiii</span></body></html>"""
pytestmark = pytest.mark.slow


def test_a_font_that_comes_late_is_measured(browser: Browser):
    """Kills: a scroll bar that another font's width has left behind."""
    page, held = browser.new_page(), []

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name == "late.ttf":
            held.append(route)
        elif name == "formulas.js":
            route.fulfill(path=SCRIPT)
        else:
            route.fulfill(body=HTML, content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://course.test/page.html")
    formula = page.locator(".math")
    expect(formula).to_have_class("math wide")
    held[0].fulfill(path=FONT)
    expect(formula).to_have_class("math")
    page.close()
