"""Turns MyST Markdown into the plain Markdown that Colab and GitHub show.

What Sphinx would number or link is looked up in a `Book`; a directive or role that is not known
here is an error, so that nothing raw reaches a reader.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from posixpath import normpath
from typing import NamedTuple, TypeVar

from tools import api, quiz

OPEN = re.compile(r"^(?P<margin>[\s>]*)(?P<marks>`{3,}|~{3,}|:{3,})\s*(?P<info>.*)$")
DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
OPTION = re.compile(r"^[\s>]*:([\w-]+):\s*(.*)$")
NUMBERED = re.compile(r"^(.*?)\$\$\s*\(([^()\s]+)\)\s*$")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
TITLED = re.compile(r"(.*\S)\s*<(.+)>")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")
ADMONITIONS = {"admonition", "note", "tip", "hint", "important", "warning", "caution", "seealso"}
RAW = re.compile(r"\{[\w:-]+\}`|^[\s>]*(:{3,}|[`~]{3,}\{)|\$\$\s*\([a-z]|^\([\w-]+\)=")

T = TypeVar("T")


class Target(NamedTuple):
    """What a label stands for: `text` as in "(9.1)" or "Exercise 9.2", and its place."""

    text: str
    page: str
    anchor: str


class Book(NamedTuple):
    """All that a page may refer to, by label, citation key and page name."""

    targets: dict[str, Target]
    citations: dict[str, tuple[str, str]]  # key -> ("Jaynes", "2003")
    titles: dict[str, str]
    site: str
    repository: str


class Directive(NamedTuple):
    """A fenced block ```{name} argument, with options and body."""

    name: str
    argument: str
    options: dict[str, str]
    body: list[str]


def blocks(lines: list[str]) -> Iterator[str | list[str] | Directive]:
    """Splits a page into lines, blocks of code (with their fences) and directives."""
    i = 0
    while i < len(lines):
        fence = OPEN.match(lines[i])
        if fence is None:
            yield lines[i]
            i += 1
            continue
        shut = re.compile(rf"^[\s>]*{re.escape(fence['marks'])}+\s*$")
        end = next((j for j in range(i + 1, len(lines)) if shut.match(lines[j])), None)
        if end is None:
            raise ValueError(f"expected a fence that closes `{lines[i].strip()}`, found none")
        directive = DIRECTIVE.fullmatch(fence["info"].strip())
        if directive is None:
            yield lines[i : end + 1]
        else:
            yield _directive(directive[1], directive[2], lines[i + 1 : end])
        i = end + 1


def _directive(name: str, argument: str, inside: list[str]) -> Directive:
    options = {}
    while inside and (option := OPTION.match(inside[0])):
        options[option[1]] = option[2]
        inside = inside[1:]
    return Directive(name, argument.strip(), options, inside)


def plain(text: str, page: str, book: Book) -> str:
    """The plain Markdown of a cell of `page`.

    Raises:
        ValueError: for a directive, role or label that is not known, or an open fence.
    """
    lines = [line for block in blocks(text.split("\n")) for line in _block(block, page, book)]
    code = False
    for line in lines:
        code ^= line.lstrip(" >").startswith("```")
        if not code and RAW.search(line):
            raise ValueError(f"{page}: expected plain Markdown, got `{line.strip()}`")
    return "\n".join(lines)


def _block(block: str | list[str] | Directive, page: str, book: Book) -> list[str]:
    match block:
        case str() as line:
            return _line(line, page, book)
        case list() as code:
            return code
        case Directive(name="math"):
            tag = [_tag(label, page, book)] if (label := block.options.get("label")) else []
            return ["$$", *block.body, *tag, "$$"]
        case Directive(name="figure"):
            return _figure(block, page, book)
        case Directive(name="question"):
            question = _question(quiz.parse(block.argument, block.options, block.body))
            return plain("\n".join(question), page, book).split("\n")
    return _box(block, page, book)


def _figure(block: Directive, page: str, book: Book) -> list[str]:
    image = normpath(str(PurePosixPath(page).parent / block.argument))
    alt = block.options.get("alt", "")
    head = [f"![{alt}]({book.repository}/raw/main/{image})", ""]
    name = block.options.get("name")
    number = f"{_known(book.targets, name, page).text}. " if name else ""
    caption = " ".join(plain("\n".join(block.body), page, book).split())
    return [*head, f"*{number}{caption}*"]


def _box(block: Directive, page: str, book: Book) -> list[str]:
    """A directive around a text."""
    inside = plain("\n".join(block.body), page, book).strip("\n").split("\n")
    match block.name:
        case "exercise" | "exercise-start":
            return [f"#### {_known(book.targets, block.options['label'], page).text}", "", *inside]
        case "solution":
            exercise = _known(book.targets, block.argument, page).text
            summary = f"<summary>Solution to {exercise}</summary>"
            return ["<details>", summary, "", *inside, "", "</details>"]
        case "solution-start":
            return [f"#### Solution to {_known(book.targets, block.argument, page).text}"]
        case "solution-end" | "exercise-end":
            return []
        case name if name in ADMONITIONS:
            return _admonition(
                _line(block.argument or name.capitalize(), page, book)[0], block, inside
            )
    raise ValueError(f"{page}: no plain form is known for the directive {{{block.name}}}")


def _admonition(title: str, block: Directive, inside: list[str]) -> list[str]:
    """A quotation, or something to unfold."""
    if "dropdown" in block.options.get("class", "").split():
        return ["<details>", f"<summary>{title}</summary>", "", *inside, "", "</details>"]
    return [f"> **{title}**", ">", *(f"> {line}".rstrip() for line in inside)]


def _question(question: quiz.Question) -> list[str]:
    """The question, what to choose from, and the answer folded away."""
    lines = [f"**Question.** {question.text}", ""]
    match question:
        case quiz.Choice():
            lines += [*(f"- {option.text}" for option in question.options), ""]
            answer = [_reasoned(option) for option in question.options]
        case quiz.Number():
            answer = [f"**{question.answer}**", question.reason]
    fold = [line for text in answer for line in (*text.split("\n"), "")]
    return [*lines, "<details>", "<summary>Answer</summary>", "", *fold, "</details>"]


def _reasoned(option: quiz.Option) -> str:
    """An option with its reason, as an item of a list."""
    reason = option.reason.replace("\n", "\n  ").replace("\n  \n", "\n\n")
    return f"- {'✓' if option.right else '✗'} *{option.text}*\n\n  {reason}"


def _line(line: str, page: str, book: Book) -> list[str]:
    if re.fullmatch(r"\([\w-]+\)=\s*", line):
        return []  # the target of a reference
    numbered = NUMBERED.match(line)
    if numbered:
        return [f"{numbered[1]}{_tag(numbered[2], page, book)}", f"{_margin(numbered[1])}$$"]
    line = ROLE.sub(lambda role: _role(role[1], role[2], page, book), line)
    return [LINK.sub(lambda link: f"[{link[1]}]({_url(link[2], page, book)})", line)]


def _margin(text: str) -> str:
    """The indentation and quote marks that a line begins with."""
    return text[: len(text) - len(text.lstrip(" >"))]


def _tag(label: str, page: str, book: Book) -> str:
    return rf"\tag{{{_known(book.targets, label, page).text.strip('()')}}}"


def _known(table: Mapping[str, T], name: str, page: str) -> T:
    if name not in table:
        raise ValueError(f"{page}: expected the name of something in the book, got `{name}`")
    return table[name]


def _role(role: str, content: str, page: str, book: Book) -> str:
    titled = TITLED.fullmatch(content)
    text, target = (titled[1], titled[2]) if titled else ("", content)
    match role:
        case "eq" | "ref" | "numref":
            return _refer(text, target, page, book)
        case "cite" | "cite:p":
            return f"({'; '.join(', '.join(each) for each in _cited(target, page, book))})"
        case "cite:t":
            return "; ".join(f"{who} ({when})" for who, when in _cited(target, page, book))
        case "doc":
            return _page_link(text, target, page, book)
        case "term":
            return text or target
    if role.startswith("py:"):
        name = target.lstrip("~")
        shown = text or (name.rpartition(".")[2] if target.startswith("~") else name)
        return f"[`{shown}`]({book.site}/book/{api.place(name)[0]}.html#{name})"
    raise ValueError(f"{page}: no plain form is known for the role {{{role}}}")


def _refer(text: str, label: str, page: str, book: Book) -> str:
    found = _known(book.targets, label, page)
    if found.page == page:
        return text or found.text
    return f"[{text or found.text}]({book.site}/{found.page}.html#{found.anchor})"


def _cited(keys: str, page: str, book: Book) -> list[tuple[str, str]]:
    return [_known(book.citations, key.strip(), page) for key in keys.split(",")]


def _page_link(text: str, target: str, page: str, book: Book) -> str:
    name = normpath(str(PurePosixPath(page).parent / target))
    return f"[{text or _known(book.titles, name, page)}]({book.site}/{name}.html)"


def _url(target: str, page: str, book: Book) -> str:
    """Links to pages lead to the site, links to files into the repository."""
    if target.startswith("repo:"):
        return f"{book.repository}/blob/main/{target.removeprefix('repo:')}"
    path, hash_, anchor = target.partition("#")
    if path.endswith((".md", ".ipynb")):
        name = normpath(str(PurePosixPath(page).parent / path)).rpartition(".")[0]
        return f"{book.site}/{name}.html{hash_}{anchor}"
    return target
