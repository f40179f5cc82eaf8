"""What links the pages: words to the glossary, the index to sections, chapters to assignments.

The glossary says what a word means and links where it is derived. From this, and with nothing typed
elsewhere, each chapter's first use of a word links the glossary, and the index, which Sphinx's
search reads, leads from the word to the section. The index also has every author of the references.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.index_entries import split_index_msg
from sphinx.util.nodes import make_refnode

from tools import assignments
from tools.site import chapter_number, title

GLOSSARY, REFERENCES = "book/glossary", "book/references"
# English needs these, too: a chapter that means the glossary's sense says {term}`score`
EVERYDAY = {"bound", "causal", "consistent", "coverage", "evidence", "factor", "generator", "leak"}
EVERYDAY |= {"loss", "mixing", "oracle", "proposal", "raster", "score", "step size", "surprise"}
RUNNING = (nodes.document, nodes.section, nodes.paragraph, nodes.list_item, nodes.bullet_list,
           nodes.enumerated_list, nodes.block_quote)  # fmt: skip
NAMED = (nodes.strong, nodes.emphasis, nodes.reference, nodes.inline)  # what explains or links

Index = dict[str, list[tuple[str, str]]]  # by page, (word, anchor)


class Entry(NamedTuple):
    """A definition of the glossary: its names, its anchor, and the (page, anchor) that it links."""

    names: tuple[str, ...]
    anchor: str
    places: tuple[tuple[str, str], ...]


def read_glossary(app: Sphinx, env: BuildEnvironment) -> list[Entry]:
    """The glossary's entries, with their links resolved."""
    if GLOSSARY not in env.found_docs:
        return []
    doctree = env.get_and_resolve_doctree(GLOSSARY, app.builder)
    return [
        Entry(
            tuple(term.astext() for term in item.findall(nodes.term)),
            next(item.findall(nodes.term))["ids"][0],
            tuple(_places(item, app)),
        )
        for item in doctree.findall(nodes.definition_list_item)
    ]


def _places(item: nodes.Element, app: Sphinx) -> Iterator[tuple[str, str]]:
    for reference in item.findall(nodes.reference):
        path, _, anchor = reference.get("refuri", "").partition("#")
        page = normpath(join(dirname(GLOSSARY), path)).removesuffix(".html")
        if reference.get("internal") and anchor and chapter_number(page) is not None:
            yield page, anchor


def section_of(doctree: nodes.document, anchor: str) -> str:
    """The anchor of the section in which another anchor stands."""
    node = next(node for node in doctree.findall(nodes.Element) if anchor in node.get("ids", ()))
    while not isinstance(node, nodes.section):
        node = node.parent
    section: str = node["ids"][0]
    return section


def index_of(app: Sphinx, env: BuildEnvironment, entries: Sequence[Entry]) -> Index:
    """What the index says beside the glossary itself: sections by word, references by author."""
    found: Index = {}
    for entry in entries:
        for page, anchor in entry.places:
            section = section_of(env.get_doctree(page), anchor)
            found.setdefault(page, []).extend((name, section) for name in entry.names)
    if REFERENCES in env.found_docs:
        domain = env.get_domain("cite")
        bibliography = domain.bibdata.data.entries  # type: ignore[attr-defined]
        found[REFERENCES] = [
            (" ".join(person.prelast_names + person.last_names), citation.citation_id)
            for citation in domain.citations  # type: ignore[attr-defined]
            for person in bibliography[citation.key].persons.get("author", [])
        ]
    return {page: sorted(set(words)) for page, words in found.items()}


def known(env: BuildEnvironment) -> tuple[list[Entry], Index]:
    """What `learn` has read; kept with the environment between builds."""
    found: tuple[list[Entry], Index] = getattr(env, "course_glossary", ([], {}))
    return found


def learn(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Reads the glossary when all pages have been read, and names the pages that it changes."""
    old = known(env)
    entries = read_glossary(app, env)
    new = (entries, index_of(app, env, entries))
    for page, words in old[1].items():
        kept = env.domaindata["index"]["entries"].get(page, [])
        kept[:] = [entry for entry in kept if (entry[1], entry[2]) not in words]
    for page, words in new[1].items():
        env.domaindata["index"]["entries"].setdefault(page, []).extend(_marks(words))
    env.course_glossary = new  # type: ignore[attr-defined]
    _recall(env)
    return [] if old == new else [page for page in env.found_docs if chapter_number(page)]


def _marks(words: list[tuple[str, str]]) -> list[tuple[str, str, str, str, None]]:
    return [("single", word, anchor, "main", None) for word, anchor in words]


def _recall(env: BuildEnvironment) -> None:
    """The search's index, which Sphinx forgets for each page that it does not write again."""
    for page, entries in env.domaindata["index"]["entries"].items():
        env._search_index_index_entries[page] = sorted(
            {(part, entry[2] or "", entry[3])
             for entry in entries for part in split_index_msg(entry[0], entry[1])}
        )  # fmt: skip


def mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Puts a page's entries of the index where the search looks for them: into the page."""
    words = known(app.env)[1].get(docname, [])
    doctree.append(addnodes.index(entries=_marks(words)))


def pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Finds the names as whole words: in the plural, too, and after a full stop; longest first."""
    spelt = [
        rf"(?i:{name[0]}){re.escape(name[1:])}" if name == name.lower() else re.escape(name)
        for name in sorted(names, key=len, reverse=True)
    ]
    words = "|".join(spelt).replace(r"\ ", r"\s+")
    return re.compile(rf"(?<![\w-])({words})(?:s|es)?(?![\w-])")


def link_words(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links the first use of each word of the glossary in a chapter's running text.

    Not where the chapter prints it bold or in italics, or links it: there it says itself what the
    word means.
    """
    entries = known(app.env)[0]
    if chapter_number(docname) is None or not entries:
        return
    anchors = {_key(name): entry.anchor for entry in entries for name in entry.names}
    words = pattern([name for entry in entries for name in entry.names if name not in EVERYDAY])
    seen: set[str] = set()
    for text in list(doctree.findall(nodes.Text)):
        own = isinstance(text.parent, NAMED)
        around = text.parent.parent if own else text.parent
        if not isinstance(around, nodes.paragraph) or not _running(around):
            continue
        pieces: list[nodes.Node] = []
        end = 0
        for match in words.finditer(text):
            anchor = anchors[_key(match[1])]
            if anchor in seen:
                continue
            seen.add(anchor)
            label = nodes.inline("", match[0])
            link = make_refnode(app.builder, docname, GLOSSARY, anchor, label)
            link["classes"].append("glossary-word")
            pieces += [nodes.Text(text[end : match.start()]), link]
            end = match.end()
        if pieces and not own:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def _key(name: str) -> str:
    """A name without what a sentence may change in it."""
    name = " ".join(name.split())
    return name[0].lower() + name[1:] if name[1:] == name[1:].lower() else name


def _running(node: nodes.Node) -> bool:
    while node is not None:
        if not isinstance(node, RUNNING):
            return False
        node = node.parent
    return True


def link_assignments(app: Sphinx, doctree: nodes.document) -> None:
    """Ends the line under a chapter's title with the assignments on it; each links back."""
    root, docname = Path(app.srcdir), app.env.docname
    if chapter_number(docname) is None:
        return
    line = next((p for p in doctree.findall(nodes.paragraph) if "chapter-header" in p["classes"]),
                None)  # fmt: skip
    for master in sorted((root / assignments.MASTERS).glob("*.py")):
        app.env.note_dependency(str(master))
        if line is not None and docname in assignments.chapters(assignments.read(master)):
            page = f"book/assignment-{master.stem}"
            name = title(root / f"{page}.md")
            line += nodes.Text(" · ")
            line += addnodes.pending_xref(
                "", nodes.inline("", name), refdomain="std", reftype="doc", refexplicit=True,
                reftarget=f"/{page}", refdoc=docname, refwarn=True,
            )  # fmt: skip


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("doctree-read", link_assignments, priority=900)  # the line is there
    app.connect("env-updated", learn, priority=900)  # the bibliography has its numbers
    app.connect("doctree-resolved", mark)
    app.connect("doctree-resolved", link_words)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
