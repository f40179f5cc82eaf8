"""The page answers questions and shows live figures, in Chromium, from file://."""

import json
import math
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page
from sphinx.cmd.build import build_main

from tests.book.test_questions import CHAPTER, NO_NUMBERS, SPELLINGS
from tools import mathjax
from tools.sphinx_questions import depart, tag, visit

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
CONF = """
project, extensions = "x", ["myst_parser", "tools.sphinx_live", "tools.sphinx_questions"]
myst_enable_extensions, numfig, math_numfig = ["dollarmath"], True, True
html_theme, mathjax_path, html_static_path = "basic", "mathjax/tex-mml-chtml.js", ["_static"]
"""
LIVE = """
Look at {numref}`live-04-mcmc`.

```{live} mcmc
:name: live-04-mcmc
:alt: A walk <on> a banana.
It *moves*, see
{eq}`chain`.
```
"""
NETWORK = """
```{live} pixels
:name: live-10-pixels
:alt: A digit.
It has a network.
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages, built with warnings as errors: bare; a question and a figure; a network."""
    root = tmp_path_factory.mktemp("questions")
    (root / "conf.py").write_text(CONF, encoding="utf-8")
    toc = "# Book\n\n```{toctree}\n:numbered:\nchains\npixels\n```\n"
    (root / "index.md").write_text(toc, encoding="utf-8")
    (root / "chains.md").write_text(CHAPTER + LIVE, encoding="utf-8")
    (root / "pixels.md").write_text("# Pixels\n" + NETWORK, encoding="utf-8")
    shutil.copytree(ROOT / "book" / "live", root / "book" / "live")
    (root / "_static").mkdir()
    for name in ("questions.js", "questions.css", "live.css"):
        shutil.copy(ROOT / "book" / "_static" / name, root / "_static")
    mathjax.copy(mathjax.SOURCE, root / "_static" / "mathjax")
    with warnings.catch_warnings(action="ignore"):  # of the libraries; those of Sphinx count
        assert build_main(["-W", "-n", "-q", str(root), str(root / "html")]) == 0
    return root / "html"


@pytest.fixture
def page(site: Path, browser: Browser) -> Iterator[Page]:
    page, said = browser.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / "chains.html").as_uri())
    page.evaluate("MathJax.startup.promise")
    yield page
    assert said == []
    page.close()


def test_numbers_are_read_in_the_page_as_in_python(page: Page):
    """Kills: two grammars that drift apart."""
    texts = [*SPELLINGS, *NO_NUMBERS]
    found = page.evaluate(f"{json.dumps(texts)}.map(course.questions.number)")
    for text, value in zip(texts, found, strict=True):
        if text in SPELLINGS:
            assert value == pytest.approx(SPELLINGS[text], rel=1e-15), text
        else:
            assert math.isnan(value), text


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("0.3", "right", "Right."),
        ("0.305", "right", "Right."),  # the edge itself, which rounding puts outside
        ("0.295", "right", "Right."),
        ("0.3051", "wrong", "Not 0.3051: that is too large."),
        ("-3", "wrong", "Not -3: that is too small."),
        (" ", "none", "Enter a number first."),
        ("1,000", "none", "“1,000” can be read in two ways: write it without the comma."),
        ("0,300", "right", "Right."),
        ("third", "none", "“third” is no number: write it as 0.25, 1/4 or 25 %."),
    ],
)
def test_a_number_is_judged_with_words(page: Page, text: str, verdict: str, words: str):
    script = f"course.questions.judge({json.dumps(text)}, 0.3, 0.005)"
    assert page.evaluate(script) == [verdict, words]


def test_a_click_answers_with_the_reason_of_that_option(page: Page):
    """Kills: another option's reason, a formula left as TeX, a verdict that stays."""
    form, said = page.locator("#q-04-swap"), page.locator("#q-04-swap").get_by_role("status")
    assert said.inner_text() == ""
    form.get_by_label("It tends to").click()
    assert said.inner_text().startswith("Not this one.")
    assert "The distance never shrinks." in said.inner_text()
    assert said.locator("mjx-container").count() == 1
    assert form.get_attribute("data-verdict") == "wrong"
    form.get_by_text("It goes on.").first.click()
    assert "Right." in said.inner_text()
    assert "Yes: (1.1)" in said.inner_text()
    assert "never" not in said.inner_text()
    assert form.locator(".question-try[data-verdict]").count() == 1
    assert form.get_attribute("data-verdict") == "right"


def test_the_keyboard_is_enough(page: Page):
    """Kills: arrow keys that answer while a reader only looks around."""
    said = page.locator("#q-04-swap").get_by_role("status")
    page.locator("#q-04-swap-0").focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text() == "Enter answers."
    page.keyboard.press("Enter")
    assert said.inner_text().startswith("Right.")
    page.keyboard.press("ArrowUp")
    assert said.inner_text() == "Enter answers."
    page.keyboard.press("Space")
    assert said.inner_text().startswith("Not this one.")
    for _ in range(5):  # over a formula, perhaps, and the folded answer
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q-04-ratio-number":
            break
    page.keyboard.type("0,3")
    page.keyboard.press("Enter")
    said = page.locator("#q-04-ratio").get_by_role("status")
    assert said.inner_text().split() == ["Right.", "The", "ratio", "itself."]
    assert page.url.endswith("chains.html")


def test_nothing_is_stored_or_sent(page: Page):
    """Kills: an answer in the address, in storage or on its way; a tolerance that is another.

    A form of the method dialog goes nowhere, with or without scripts.
    """
    methods = "[...document.querySelectorAll('.question')].map(form => form.method)"
    assert page.evaluate(methods) == ["dialog", "dialog"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("It goes on.").click()
    page.get_by_label("Your number").fill("0.31")
    page.get_by_role("button", name="Check").click()
    assert page.locator("#q-04-ratio").get_by_role("status").inner_text().startswith("Not 0.31:")
    page.wait_for_timeout(200)
    assert asked == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.url.endswith("chains.html")


def test_without_javascript_the_answer_is_folded_below(site: Path, browser: Browser):
    """Kills: a box for a number that answers nothing, an answer that is seen before it is asked."""
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((site / "chains.html").as_uri())
    form = page.locator("#q-04-swap")
    assert not page.get_by_role("button", name="Check").is_visible()
    assert not form.get_by_text("The distance never").is_visible()
    form.get_by_text("Answer").click()
    assert form.get_by_text("The distance never").is_visible()
    assert form.locator("details .right").inner_text().startswith("It goes on.")
    page.get_by_label("It goes on.").press("Enter")
    assert page.url.endswith("chains.html")


def test_an_element_is_html():
    """Kills: an attribute that ends at its first quote, an end tag where HTML has none."""
    node, translator = tag("input", {"value": 'say "<1>"'}), SimpleNamespace(body=[])
    visit(translator, node)
    depart(translator, node)
    assert "".join(translator.body) == '<input value="say &quot;&lt;1&gt;&quot;">'


def test_only_pages_that_need_them_load_scripts(site: Path):
    """Kills: every page of the book paying for one."""
    pages = {name: (site / f"{name}.html").read_text("utf8") for name in ("index", "chains")}
    for file in ("questions.js", "questions.css", "live.css", "stage.js", "mcmc.js"):
        assert file not in pages["index"]
        assert f'"_static/{file}' in pages["chains"]
        assert (site / "_static" / file).is_file()
    assert pages["chains"].index("stage.js") < pages["chains"].index("mcmc.js")


def test_a_figure_with_a_network_loads_it_before_its_script(site: Path, browser: Browser):
    """Kills: weights that no page loads, or every page; a script that runs before its weights."""
    files = ["stage.js", "net.js", "pixels-weights.js", "pixels.js"]
    scripts = re.findall(r'src="_static/([\w-]+\.js)', (site / "pixels.html").read_text("utf8"))
    assert [script for script in scripts if script in {*files, "mcmc.js"}] == files
    assert not {"net.js", "pixels-weights.js"} & set(
        re.findall(r'src="_static/([\w-]+\.js)', (site / "chains.html").read_text("utf8"))
    )
    page = browser.new_page()
    page.goto((site / "pixels.html").as_uri())
    assert page.get_by_role("gridcell").count() == 64
    page.close()


def test_a_live_figure_is_numbered_and_runs(page: Page):
    """Kills: a figure that Sphinx does not count, an alt text that is not escaped."""
    assert "Look at Fig. 1.1" in page.inner_text("body")
    assert page.inner_text("figcaption").startswith("Fig. 1.1 It moves, see (1.1).")
    canvas = page.get_by_role("img", name="A walk <on> a banana.")
    assert canvas.is_visible()
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.locator("dd").first.inner_text() == "1"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("mcmc\n", "nosuch\n", "expected the file book/live/nosuch.js, found none"),
        (":alt: A walk <on> a banana.\n", "", "expected an :alt: and a caption of mcmc, got none"),
        ("It *moves*, see\n{eq}`chain`.\n", "", "expected an :alt: and a caption of mcmc"),
    ],
    ids=["script", "alt text", "caption"],
)
def test_a_figure_that_lacks_something_is_told_to_its_writer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, complaint: str
):
    """Kills: a page built with a hole where its figure should be."""
    assert old in LIVE
    conf = 'extensions, root_doc = ["myst_parser", "tools.sphinx_live"], "chains"\n'
    (tmp_path / "conf.py").write_text(conf, encoding="utf-8")
    (tmp_path / "chains.md").write_text("# Chains\n" + LIVE.replace(old, new), encoding="utf-8")
    shutil.copytree(ROOT / "book" / "live", tmp_path / "book" / "live")
    with warnings.catch_warnings(action="ignore"):
        build_main(["-q", "-b", "dummy", str(tmp_path), str(tmp_path / "html")])
    assert complaint in capsys.readouterr().err
