"""Leads from the address that a page had to the one that it has.

A Sphinx extension: for each line ``old: new`` of book/redirects.yml it writes a page old.html that
goes on to new.html, with its anchor. Warns where a page still has the old name or none has the new.
"""

import html
import json
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any

import yaml
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

TABLE = "book/redirects.yml"
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>This page has moved</title>
<link rel="canonical" href="{canonical}">
<script>location.replace({script} + location.search + location.hash)</script>
<noscript><meta http-equiv="refresh" content="0; url={link}"></noscript>
<p>This page is now <a href="{link}">here</a>.</p>
</html>
"""


def table(root: Path) -> dict[str, str]:
    """New names of pages by old names, both as in _toc.yml; empty if no page has moved."""
    file = root / TABLE
    moved: dict[str, str] | None = yaml.safe_load(file.read_text("utf8")) if file.exists() else None
    return moved or {}


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warns, and fails a strict build, where the table does not fit the pages."""
    for old, new in table(Path(app.srcdir)).items():
        said = f"{TABLE}: `{old}: {new}`: expected"
        if old in env.found_docs:
            logging.getLogger(__name__).warning("%s no page of the old name, got one", said)
        if new not in env.found_docs:
            logging.getLogger(__name__).warning("%s a page of the new name, got none", said)


def page(old: str, new: str, base: str) -> str:
    """What stands at the old address; it works from a disk as well."""
    link = relpath(f"{new}.html", dirname(old) or ".")
    canonical = html.escape(f"{base}{new}.html")
    return PAGE.format(canonical=canonical, link=html.escape(link), script=json.dumps(link))


def write(app: Sphinx, error: Exception | None) -> None:
    """Writes the pages beside those that Sphinx has built."""
    if error is not None or app.builder.format != "html":
        return
    for old, new in table(Path(app.srcdir)).items():
        target = Path(app.outdir) / f"{old}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(old, new, app.config.html_baseurl), "utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("env-updated", check)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
