"""Previews, image sizes and icons: what `tools.sphinx_page` puts around a page's text."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pydata_sphinx_theme
import pytest
from docutils import nodes
from docutils.utils import new_document
from fontTools.ttLib import TTFont
from PIL import Image

from tools import sphinx_page

STATIC = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static"


def page(*paragraphs: nodes.Node) -> nodes.document:
    """A page with a title and these paragraphs."""
    document = new_document("page")
    document += nodes.section("", nodes.title("", "A title"), *paragraphs)
    return document


def paragraph(*parts: str) -> nodes.paragraph:
    """A paragraph in which every second part is a formula."""
    kinds = (nodes.Text, lambda tex: nodes.math("", tex))
    return nodes.paragraph("", "", *(kinds[i % 2](part) for i, part in enumerate(parts)))


@pytest.mark.parametrize(
    ("tex", "said"),
    [
        (r"17^{64} \approx 10^{79}", "17⁶⁴ ≈ 10⁷⁹"),
        ("2^6", "2⁶"),
        ("10^{-3}", "10⁻³"),
        ("p(x)", "p(x)"),
        (r"\frac12", sphinx_page.NO_TEXT),
        ("x_i", sphinx_page.NO_TEXT),
        ("2^n", sphinx_page.NO_TEXT),
    ],
)
def test_small_formulas_are_said_and_others_are_not(tex, said):
    """Kills: raw TeX in a link preview, and an exponent that sinks to the line."""
    assert sphinx_page.say(tex) == said


def test_a_preview_begins_with_the_question_and_not_with_the_line_under_the_title():
    """Kills: the header "Runs in 12 s" as preview, or a caption's or list's paragraph."""
    header = nodes.paragraph("", "Runs in 12 s", classes=["chapter-header"])
    caption = nodes.note("", nodes.paragraph("", "Take note."))
    question = paragraph("Why? The law ", "p(x)", " has ", "2^{64}", " terms.")
    second = paragraph("More.")
    found = sphinx_page.preview(page(header, caption, question, second))
    assert found == "Why? The law p(x) has 2⁶⁴ terms."


def test_a_preview_ends_before_the_sentence_that_it_cannot_say():
    """Kills: a sentence with a hole in it, or with raw TeX."""
    text = paragraph("First.\nSecond? Then ", r"\int x", ". Fourth.")
    assert sphinx_page.preview(page(text)) == "First. Second?"


def test_a_preview_is_of_whole_sentences_and_not_too_long():
    """Kills: a limit that counts nothing, or that cuts the first sentence."""
    long = f"{'x' * 500}."
    assert sphinx_page.preview(page(nodes.paragraph("", f"{long} Second."))) == long
    text = " ".join(f"{'y' * 99}." for _ in range(9))
    found = sphinx_page.preview(page(nodes.paragraph("", text)))
    assert 300 < len(found) <= sphinx_page.PREVIEW + 9
    assert found.endswith("y.")


def test_both_descriptions_are_set_and_escaped():
    """Kills: only one of the two, or a quotation mark that ends the attribute."""
    context = {"metatags": "", "meta": None}
    text = nodes.paragraph("", 'Is it "fair"?')
    sphinx_page.add_preview(None, "p", "", context, page(text))
    said = "Is it &quot;fair&quot;?"
    assert context["metatags"] == f'<meta name="description" content="{said}" />\n'
    assert context["meta"] == {"og:description": said}


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="30" height="20px"', (30, 20)),
        ('width="72pt" height="36pt"', (96, 48)),
        ('width="100%" viewBox="0 0 64 48"', (64, 48)),
    ],
)
def test_an_svg_has_the_size_that_a_browser_gives_it(tmp_path, attributes, size):
    """Kills: points taken for pixels, the viewBox's corner for its size."""
    path = tmp_path / "a.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}/>', "utf8")
    assert sphinx_page.image_size(path) == size


def test_an_svg_without_any_size_is_refused(tmp_path):
    """Kills: a size of 0 by 0."""
    path = tmp_path / "a.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', "utf8")
    with pytest.raises(ValueError, match="expected width and height or a viewBox, got neither"):
        sphinx_page.image_size(path)


def test_every_image_of_the_book_gets_its_size_and_no_other(tmp_path):
    """Kills: width and height exchanged, a stated size overwritten, a foreign image opened."""
    Image.new("L", (7, 5)).save(tmp_path / "from.png")
    builder = SimpleNamespace(images={"from.png": "to.png"})
    app = SimpleNamespace(srcdir=tmp_path, builder=builder)
    body = (
        '<img alt="a" src="../_images/to.png" /><img src="_images/to.png" width="3">'
        '<img src="_static/logo.svg"><img src="../_images/else.png">'
    )
    context = {"body": body}
    sphinx_page.size_images(app, "p", "", context, None)
    sized = '<img width="7" height="5" alt="a" src="../_images/to.png" />'
    assert context["body"] == body.replace('<img alt="a" src="../_images/to.png" />', sized)


def test_a_formula_keeps_what_ends_its_sentence():
    """Kills: a full stop at the head of a line, a word that cannot leave its formula."""
    math = '<span class="math notranslate nohighlight">\\(a &lt; b\\)</span>'
    context = {"body": f"<p>If {math}, or ({math}). Then {math} is {math}s</p>{math}<p>.</p>"}
    sphinx_page.keep_stops(None, "p", "", context, None)
    tied = [f'<span class="together">{math}{end}</span>' for end in (",", ").")]
    whole = f"<p>If {tied[0]} or ({tied[1]} Then {math} is {math}s</p>{math}<p>.</p>"
    assert context["body"] == whole


def test_a_full_stop_stands_in_the_line_of_its_formula(browser):
    """Kills: a class that the style sheet does not know."""
    page = browser.new_page()
    formula = '<span class="math x" style="display: inline-block; width: 60px">a</span>'
    context = {"body": f"<p style='width: 61px; font-size: 30px'>{formula}.</p>"}
    sphinx_page.keep_stops(None, "p", "", context, None)
    sheet = Path(__file__).parents[2] / "book/_static/custom.css"
    heights = []
    for css in (sheet.read_text("utf8"), ""):
        page.set_content(f"<style>{css}</style>{context['body']}")
        heights.append(page.locator("p").bounding_box()["height"])
    assert heights[0] < heights[1]


def test_the_head_loses_the_script_of_icons_and_nothing_else():
    """Kills: a pattern that eats the scripts before or after it."""
    kept = '<script src="_static/a.js"></script>', '<script src="_static/b.js"></script>'
    icons = '<script src="../_static/scripts/fontawesome.js?digest=88"></script>'
    assert sphinx_page.lean(f"{kept[0]}{icons}{kept[1]}") == "".join(kept)


def test_the_fonts_hold_the_icons_that_pages_use_and_few_others(tmp_path):
    """Kills: an icon by its second name missing, or one of a script or style; all icons kept."""
    static = tmp_path / "_static"
    shutil.copytree(STATIC / "vendor", static / "vendor")
    shutil.copytree(STATIC / "styles", static / "styles")
    (static / "mine.css").write_text('p::after {\n  content: "\\f6d5";\n}', "utf8")
    body = '<i class="fas fa-home"></i><i class="x fab fa-github"></i><p class="fa-fish">'
    (tmp_path / "index.html").write_text(body, "utf8")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    sphinx_page.write_icons(app, None)
    with TTFont(static / "icons-solid.woff") as font:
        held = set(font.getBestCmap())
    assert {0xF015, 0xF00D, 0xF6D5, 0xF05A} <= held  # house, xmark, mine, a note's
    assert 0xF578 not in held  # fish
    assert len(held) < 25
    with TTFont(static / "icons-brands.woff") as font:
        assert 0xF09B in font.getBestCmap()
    assert sum(file.stat().st_size for file in static.glob("icons-*.woff")) < 6000


def test_no_font_is_made_after_a_failed_build(tmp_path):
    """Kills: an error of the build hidden by one of ours."""
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    sphinx_page.write_icons(app, ValueError("the build's own"))
    assert not list(tmp_path.iterdir())
