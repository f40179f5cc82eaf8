"""Tables that readers sort and filter: a page that shows one of class "sortable" loads tables.js.

A cell of a chapter writes such a table as HTML, which is a table in Colab and in print as well.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MARK = '<table class="sortable"'


def add_files(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Only a page with such a table loads what it needs."""
    if doctree and any(MARK in node.astext() for node in doctree.findall(nodes.raw)):
        app.add_css_file("tables.css")
        app.add_js_file("tables.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Called by `tools.sphinx_course`."""
    app.connect("html-page-context", add_files)
