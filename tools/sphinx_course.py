"""What the course adds to Sphinx: chapter numbers, header and symbols, links back from the API.

A chapter's number is that of its file: `notebooks/09_autoregressive` is chapter 9 and its third
equation (9.3), whatever else is finished. `tools.launch` counts alike.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.search import IndexBuilder
from sphinx.util.nodes import make_refnode

from tools import notation, reading, sphinx_live, sphinx_page, sphinx_questions, sphinx_tables
from tools.api import home
from tools.site import chapter_number, repository_url, site_url

API = "book/api"  # and pages whose names go on from there


def know_repository(app: Sphinx, config: Config) -> None:
    """Lets a page link a file of the repository as `[text](repo:README.md)`, whatever its URL."""
    config.html_baseurl = config.ogp_site_url = f"{site_url(Path(app.srcdir))}/"
    blob = f"{repository_url(Path(app.srcdir))}/blob/main/{{{{path}}}}"
    schemes = dict.fromkeys(["http", "https", "mailto"])
    config.myst_url_schemes = {**schemes, "repo": {"url": blob}}


def skip_tuple_fields(app: Sphinx, kind: str, name: str, obj: object, *rest: Any) -> bool | None:
    """A NamedTuple's class docstring explains its fields; "Alias for field number 0" does not."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def skip_protocol_arguments(
    app: Sphinx, kind: str, name: str, obj: object, *rest: Any
) -> tuple[str, str | None] | None:
    """A protocol is never called, so its (*args, **kwargs) say nothing."""
    return ("", None) if getattr(obj, "_is_protocol", False) else None


def protect(app: Sphinx, kind: str, name: str, obj: object, opt: Any, doc: list[str]) -> None:
    """Docstrings hold mathematics: |w| substitutes nothing, the star of (B, *event) is no emphasis.

    And where napoleon would take "Nats a word: ..." for the type of an attribute, it finds none.
    """
    for i, line in enumerate(doc):
        parts = line.split("`")  # code stands at the odd places
        parts[::2] = [re.sub(r"(\||(?<=, )\*(?=\w+\)))", r"\\\1", part) for part in parts[::2]]
        doc[i] = "`".join(parts)
    if kind in {"attribute", "data", "property"}:
        doc[:0] = ["..", ""]  # an empty comment


_assign_figure_numbers = TocTreeCollector.assign_figure_numbers


def number_by_file_name(collector: TocTreeCollector, env: BuildEnvironment) -> list[str]:
    """Writes each chapter's own number in front of its sections; figures and equations follow.

    Sphinx has just counted the chapters that exist, from 1 in each part.
    """
    for docname, numbers in env.toc_secnumbers.items():
        chapter = chapter_number(docname)
        if chapter is None:
            continue
        for anchor, number in numbers.items():
            numbers[anchor] = (chapter, *number[1:]) if number else number
        for node in (env.titles[docname], *env.tocs[docname].findall(nodes.reference)):
            if node.get("secnumber"):
                node["secnumber"] = [chapter, *node["secnumber"][1:]]
    return _assign_figure_numbers(collector, env)


def add_symbols(app: Sphinx, docname: str, content: list[str]) -> None:
    """Puts the table of a chapter's symbols after its first text, before the notebook is parsed."""
    if chapter_number(docname) is None or Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    root = Path(app.srcdir)
    app.env.note_dependency(str(root / "book" / "notation.yml"))
    notebook = json.loads(content[0])
    notation.add_symbols(notebook, root, docname)
    content[0] = json.dumps(notebook)


_feed = IndexBuilder.feed


def feed_without_symbols(
    index: IndexBuilder, docname: str, filename: str, title: str, doctree: nodes.document
) -> None:
    """Keeps the tables of symbols, which say the same in every chapter, out of the search index."""
    searched = doctree.deepcopy()
    for node in list(searched.findall(nodes.admonition)):
        if "symbols" in node["classes"]:
            node.parent.remove(node)
    _feed(index, docname, filename, title, searched)


def add_header(app: Sphinx, doctree: nodes.document) -> None:
    """Puts minutes to read, seconds to run and the chapter's two files under its title."""
    docname = app.env.docname
    title = next(iter(doctree.findall(nodes.title)), None)
    if chapter_number(docname) is None or title is None:
        return
    timings = Path(app.srcdir) / "book" / "timings.json"
    app.env.note_dependency(str(timings))
    measured = json.loads(timings.read_text("utf8")) if timings.exists() else {}
    said = reading.measure(Path(app.env.doc2path(docname))).says
    if row := measured.get(Path(docname).name):
        said += f" · runs in {max(1, round(row['seconds']))} s on two cores"
    blob = f"{repository_url(Path(app.srcdir))}/blob/main/{docname}.md"
    line = nodes.paragraph("", f"{said} · download the ", classes=["chapter-header"])
    line += nodes.reference("", "notebook", refuri=f"../_sources/{docname}.ipynb", internal=True)
    line += nodes.Text(" or read its ")
    line += nodes.reference("", "source", refuri=blob)
    title.parent.insert(title.parent.index(title) + 1, line)


def names_used(notebook: Path, root: Path) -> set[str]:
    """What a notebook's code cells import, and take from what they import, by full names."""
    cells = json.loads(notebook.read_text("utf8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", code))))  # magics are no Python
    imported = {
        alias.asname or alias.name: home(f"{node.module}.{alias.name}", root)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    taken = {  # samplers.rhat, RBM.free_energy
        home(f"{imported[node.value.id]}.{node.attr}", root)
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in imported
    }
    return {*imported.values(), *taken}


def note_mentions(app: Sphinx, doctree: nodes.document) -> None:
    """Remembers which API objects a chapter links or imports."""
    docname = app.env.docname
    if chapter_number(docname) is None:
        return
    links = doctree.findall(addnodes.pending_xref)
    linked = {node["reftarget"] for node in links if node.get("refdomain") == "py"}
    path = Path(app.env.doc2path(docname))
    imported = names_used(path, Path(app.srcdir)) if path.suffix == ".ipynb" else set()
    mentions(app.env)[docname] = linked | imported


def mentions(env: BuildEnvironment) -> dict[str, set[str]]:
    """What `note_mentions` found, by page; kept with the environment between builds."""
    if not hasattr(env, "course_mentions"):
        env.course_mentions = {}  # type: ignore[attr-defined]
    found: dict[str, set[str]] = env.course_mentions  # type: ignore[attr-defined]
    return found


def forget_mentions(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drops a page that is read anew."""
    mentions(env).pop(docname, None)


def rewrite_api(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The API pages show what other pages mention, so they are written each time."""
    return sorted(page for page in env.found_docs if page.startswith(API))


def link_back(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Ends each API entry with the chapters that use it."""
    if not docname.startswith(API):
        return
    for signature in list(doctree.findall(addnodes.desc_signature)):
        name = f"{signature.get('module')}.{signature.get('fullname')}"
        chapters = sorted(page for page, names in mentions(app.env).items() if name in names)
        if not chapters:
            continue
        line = nodes.paragraph("", "In the book: ", classes=["used-in"])
        for i, page in enumerate(chapters):
            text = f"{chapter_number(page)}. {app.env.titles[page].astext()}"
            line += nodes.Text(", " if i else "")
            line += make_refnode(app.builder, docname, page, None, nodes.Text(text))
        signature.parent[-1] += line


def mend_bibliography(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Docutils calls the bibliography a list but not its entries; they have a role of their own."""
    if "body" in context:
        old, new = '<div role="list" class="citation-list">', '<div class="citation-list">'
        context["body"] = context["body"].replace(old, new)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it; we load no comments
    TocTreeCollector.assign_figure_numbers = number_by_file_name  # type: ignore[assignment,method-assign]
    IndexBuilder.feed = feed_without_symbols  # type: ignore[assignment,method-assign]
    app.connect("config-inited", know_repository, priority=400)
    app.connect("source-read", add_symbols)
    app.connect("autodoc-skip-member", skip_tuple_fields)
    app.connect("autodoc-process-signature", skip_protocol_arguments)
    app.connect("autodoc-process-docstring", protect, priority=400)
    app.connect("doctree-read", add_header)
    app.connect("doctree-read", note_mentions)
    app.connect("env-purge-doc", forget_mentions)
    app.connect("env-updated", rewrite_api)
    app.connect("doctree-resolved", link_back)
    app.connect("html-page-context", mend_bibliography)
    sphinx_live.setup(app)
    sphinx_page.setup(app)
    sphinx_questions.setup(app)
    sphinx_tables.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
