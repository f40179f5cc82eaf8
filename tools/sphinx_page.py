"""What every page of the book has around its text: its link preview, image sizes, few icons.

`setup` is called by `tools.sphinx_course`.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from fontTools import subset
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config

PREVIEW = 400  # characters; search engines and chats show between 150 and 300
SIGNS = {r"\approx": "≈", r"\cdot": "·", r"\times": "×", r"\pm": "±", r"\le": "≤"}
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
NO_TEXT = "\0"  # stands for a formula that plain text cannot say
ICON = re.compile(r'class="[^"]*?(?:fas|fab|fa-solid|fa-brands) (fa-[a-z-]+)')
STOP = re.compile(r'(<span class="math [^>]*>[^<]*</span>[.,;:!?)’”]+)')
LATER = {"fa-xmark"}  # put in by the theme's script
FONTS = {"solid": "fa-solid-900.ttf", "brands": "fa-brands-400.ttf"}


def show_subsections(app: Sphinx, config: Config) -> None:
    """The page's own contents show h3, too; _config.yml would replace Jupyter Book's options."""
    config.html_theme_options["show_toc_level"] = 2


def say(tex: str) -> str:
    r"""A small formula in plain text: ``17^{64} \approx 10^{79}`` is 17⁶⁴ ≈ 10⁷⁹."""
    tex = re.sub(r"\^(?:\{(-?\d+)\}|(\d))", lambda m: (m[1] or m[2]).translate(RAISED), tex)
    tex = re.sub(r"\\[a-z]+", lambda m: SIGNS.get(m[0], m[0]), tex)
    return NO_TEXT if re.search(r"[\\^_{}]", tex) else tex


def plain(node: nodes.Node) -> str:
    """A node's text, formulas said in words or marked as NO_TEXT."""
    if isinstance(node, nodes.math):
        return say(node.astext())
    if isinstance(node, nodes.Text):
        return str(node)
    return "".join(map(plain, node.children))


def preview(doctree: nodes.document) -> str:
    """The first paragraph of a page's text, in whole sentences: in a chapter its question."""
    for paragraph in doctree.findall(nodes.paragraph):
        of_text = isinstance(paragraph.parent, nodes.section)
        if not of_text or "chapter-header" in paragraph["classes"]:
            continue
        text = ""
        for sentence in re.split(r"(?<=[.?!:])\s+", " ".join(plain(paragraph).split())):
            if NO_TEXT in sentence or (text and len(text) + len(sentence) > PREVIEW):
                break
            text += f" {sentence}"
        if text:
            return text.strip()
    return ""


def add_preview(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Tells search engines and chats what the page is about, before sphinxext.opengraph does."""
    if doctree and (text := html.escape(preview(doctree))):
        context["metatags"] += f'<meta name="description" content="{text}" />\n'
        context["meta"] = {**(context["meta"] or {}), "og:description": text}


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in CSS pixels of an image as a browser shows it.

    Raises:
        ValueError: if an SVG states neither its size nor its viewBox.
    """
    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size
    root = ElementTree.parse(path).getroot()
    units = {"": 1.0, "px": 1.0, "pt": 4 / 3}
    stated = [re.fullmatch(r"([\d.]+)(px|pt|)", root.get(side, "")) for side in ("width", "height")]
    lengths = [float(match[1]) * units[match[2]] for match in stated if match]
    if len(lengths) < 2:
        lengths = [float(number) for number in root.get("viewBox", "").split()[2:]]
    if len(lengths) < 2:
        raise ValueError(f"{path}: expected width and height or a viewBox, got neither")
    return round(lengths[0]), round(lengths[1])


def size_images(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Writes every image's size beside its name, so that nothing moves when it arrives."""
    files = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def sized(tag: re.Match[str]) -> str:
        name = re.search(r'src="[^"]*_images/([^"]+)"', tag[0])
        if not name or name[1] not in files or re.search(r'\b(width|height)="', tag[0]):
            return tag[0]
        width, height = image_size(files[name[1]])
        return f'<img width="{width}" height="{height}"{tag[1]}>'

    if "body" in context:
        context["body"] = re.sub(r"<img\b([^>]*)>", sized, context["body"])


def keep_stops(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Ties a formula in a line to its full stop or comma, which could begin the next line."""
    if "body" in context:
        context["body"] = STOP.sub(r'<span class="together">\1</span>', context["body"])


def add_lean(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Gives book/_templates/layout.html the function that it calls."""
    context["lean"] = lean


def lean(head: str) -> str:
    """The page's head without 1.5 MB of script for icons; `write_icons` makes a small font."""
    return re.sub(r'<script src="[^"]*fontawesome\.js[^"]*"></script>', "", head)


def icons(site: Path) -> set[str]:
    """Names of the icons on the built pages, and of those that come later."""
    pages = (page.read_text("utf8") for page in site.rglob("*.html"))
    return LATER.union(*(ICON.findall(page) for page in pages))


def codepoints(css: str, names: set[str]) -> Iterator[int]:
    """The characters that style sheets give to these icons, or draw without a name."""
    for selectors, code in re.findall(r'([^{}]*){\s*content: ?"\\(f[0-9a-f]{3})"', css):
        known = set(re.findall(r"\.(fa-[a-z0-9-]+):before", selectors))
        if names & known or not known:
            yield int(code, 16)
    yield from map(ord, re.findall(r'--pst-icon-[a-z-]+: ?"(.)"', css))  # admonitions


def write_icons(app: Sphinx, error: Exception | None) -> None:
    """Writes two fonts of a few kB, which custom.css names, with the icons that are used."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    css = "\n".join(file.read_text("utf8") for file in sorted(static.rglob("*.css")))
    wanted = sorted(codepoints(css, icons(Path(app.outdir))))
    for name, file in FONTS.items():
        options = subset.Options(flavor="woff", layout_features=[], hinting=False)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=wanted)
        with subset.load_font(static / "vendor/fontawesome/webfonts" / file, options) as font:
            subsetter.subset(font)
            subset.save_font(font, static / f"icons-{name}.woff", options)


def setup(app: Sphinx) -> None:
    """Called by `tools.sphinx_course`."""
    app.connect("config-inited", show_subsections)
    app.connect("html-page-context", add_preview, priority=400)
    app.connect("html-page-context", size_images)
    app.connect("html-page-context", keep_stops)
    app.connect("html-page-context", add_lean)
    app.connect("build-finished", write_icons)
