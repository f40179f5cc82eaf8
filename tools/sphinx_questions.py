"""The directive {question}: a form that answers at once, with a reason; see `tools.quiz`.

Without JavaScript, and in print, the same answers stand folded below; book/_static/questions.js
copies the reason for a choice from there.
"""

from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools import quiz


class Tag(nodes.General, nodes.Element):  # type: ignore[misc]
    """An HTML element around its children: `name`, and `html`, a table of its attributes."""


def tag(name: str, html: dict[str, str], *children: nodes.Node) -> Tag:
    """An HTML element."""
    return Tag("", *children, name=name, html=html)


def visit(translator: Any, node: Tag) -> None:
    """Opens the element."""
    attributes = "".join(f' {name}="{escape(text)}"' for name, text in node["html"].items())
    translator.body.append(f"<{node['name']}{attributes}>")


def depart(translator: Any, node: Tag) -> None:
    """Closes it, if it is not empty by nature."""
    if node["name"] != "input":
        translator.body.append(f"</{node['name']}>\n")


class QuestionDirective(SphinxDirective):
    """Reads a question and builds its form."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = dict.fromkeys(("label", "answer", "tolerance"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """The form."""
        try:
            question = quiz.parse(self.arguments[0], self.options, list(self.content))
        except ValueError as error:
            raise self.error(str(error)) from None
        form = {"class": "question", "id": question.label, "method": "dialog"}  # goes nowhere
        match question:
            case quiz.Choice(options=options):
                tries = [self._option(question, i) for i in range(len(options))]
                answer = [self._answer(each.text, each.reason, each.right) for each in options]
            case quiz.Number():
                form |= {"data-answer": f"{question.right!r}"}
                form |= {"data-tolerance": f"{question.tolerance!r}"}
                tries = [self._entry(question)]
                answer = [self._answer(question.answer, question.reason, right=True)]
        legend = tag("legend", {}, *self.parse_inline(question.text)[0])
        said = tag("div", {"class": "question-said", "role": "status"})
        fold = tag("details", {}, tag("summary", {}, nodes.Text("Answer")), *answer)
        return [tag("form", form, tag("fieldset", {}, legend, *tries), said, fold)]

    def _option(self, question: quiz.Choice, i: int) -> Tag:
        where = f"{question.label}-{i}"
        button = tag("input", {"type": "radio", "name": question.label, "id": where})
        text = self.parse_inline(question.options[i].text)[0]
        return tag("div", {"class": "question-try"}, button, tag("label", {"for": where}, *text))

    def _entry(self, question: quiz.Number) -> Tag:
        """Where a number is entered; hidden, because it does nothing without its script."""
        where = f"{question.label}-number"
        label = tag("label", {"for": where}, nodes.Text("Your number"))
        box = {"type": "text", "inputmode": "decimal", "autocomplete": "off", "id": where}
        button = tag("button", {"type": "submit"}, nodes.Text("Check"))
        html = {"class": "question-try question-entry", "hidden": ""}
        return tag("div", html, label, tag("input", box), button)

    def _answer(self, text: str, reason: str, right: bool) -> Tag:
        verdict = tag("p", {}, *self.parse_inline(text)[0])
        why = tag("div", {"class": "question-reason"}, *self.parse_text_to_nodes(reason))
        return tag("div", {"class": "right" if right else "wrong"}, verdict, why)


def add_files(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Only a page with questions loads what they need."""
    if doctree and any(node["html"].get("class") == "question" for node in doctree.findall(Tag)):
        app.add_css_file("questions.css")
        app.add_js_file("questions.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Called by `tools.sphinx_course`."""
    app.add_node(Tag, html=(visit, depart))
    app.add_directive("question", QuestionDirective)
    app.connect("html-page-context", add_files)
