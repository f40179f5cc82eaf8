"""The directive {live}: a numbered figure that book/live/NAME.js brings to life in the page.

Without JavaScript and in print the picture book/live/NAME.png stands there. The scripts are classic
ones, so that they run from file:// too, and only pages that show them load them. Where there is a
book/live/NAME-weights.js, the figure has a network: the page loads its weights, and net.js.
"""

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from tools.sphinx_questions import tag

FOLDER = "book/live"


class LiveDirective(SphinxDirective):
    """A figure with a place for the script, a still picture and a caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"name": directives.unchanged_required, "alt": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The figure."""
        name, alt = self.arguments[0], self.options.get("alt", "")
        for file in (f"{FOLDER}/{name}.js", f"{FOLDER}/{name}.png"):
            if not (Path(self.env.srcdir) / file).is_file():
                raise self.error(f"live: expected the file {file}, found none")
        if not alt or not self.content:
            raise self.error(f"live: expected an :alt: and a caption of {name}, got none")
        caption = nodes.caption("", "", *self.parse_inline(" ".join(self.content))[0])
        place = tag("div", {"class": "live", "data-live": name, "data-alt": alt})
        still = nodes.image(uri=f"/{FOLDER}/{name}.png", alt=alt, classes=["live-still"])
        figure = nodes.figure("", place, still, caption)
        figure["live"] = name
        self.add_name(figure)
        self.set_source_info(figure)
        return [figure]


def find_scripts(app: Sphinx, config: Config) -> None:
    """Copies the scripts to _static with the other static files."""
    if (Path(app.srcdir) / FOLDER).is_dir():
        config.html_static_path.append(FOLDER)


def add_files(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Only a page with a live figure loads its script, after the one that all of them share."""
    shown = (
        {node["live"] for node in doctree.findall(nodes.figure) if "live" in node}
        if doctree
        else {}
    )
    if shown:
        app.add_css_file("live.css")
        app.add_js_file("stage.js", priority=490, loading_method="defer")
        weights = [f"{name}-weights.js" for name in sorted(shown)]
        weights = [file for file in weights if (Path(app.srcdir) / FOLDER / file).is_file()]
        for file in ["net.js", *weights] if weights else []:
            app.add_js_file(file, priority=495, loading_method="defer")
        for name in sorted(shown):
            app.add_js_file(f"{name}.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Called by `tools.sphinx_course`."""
    app.add_directive("live", LiveDirective)
    app.connect("config-inited", find_scripts)
    app.connect("html-page-context", add_files)
