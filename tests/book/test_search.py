"""A small book with the course's own settings: words link, the index leads to sections, names stay.

The search is asked in Chromium, as a reader asks it.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jupytext
import pytest
from docutils import nodes
from pybtex.database import parse_file, parse_string

from tools import search, sphinx_links, sphinx_search
from tools.sphinx_links import Entry

ROOT = Path(__file__).parents[2]
CACHE = shutil.ignore_patterns("__pycache__")  # another process may be writing there
CHROMIUM = pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
PAGE = "notebooks/06_machines"
CHAPTER = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# Machines

The restricted Boltzmann machine is trained with PCD. Its score is a score {cite}`mueller`.

## The restricted machine

$$
E(v) = 0
$$ (machine-energy)

Restricted Boltzmann machines are **deep belief networks** of one layer; deep belief networks have
more, as an RBM has not.

## Estimates of the constant

With AIS.
"""
GLOSSARY = """\
# Glossary

```{glossary}
annealed importance sampling
AIS
  A walk. See [](../notebooks/06_machines.ipynb#estimates-of-the-constant).

deep belief network
  More of the same.

restricted Boltzmann machine
RBM
  Two layers. See {eq}`machine-energy`.

score
  A slope.
```
"""
STEMS = "words => words.map(word => new Stemmer().stemWord(word.toLowerCase()))"
BIB = """\
@book{mueller, author = {Müller, Jörg and van den Oord, Aäron}, title = {On Machines},
  publisher = {P}, year = {2001}}
"""
MASTER = """\
# %% [markdown]
# # Assignment
# On [machines](https://example.org/notebooks/06_machines.html).
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages of a book with one chapter, the sixth, and an assignment on it."""
    root = tmp_path_factory.mktemp("book")
    for folder in ("book/_static", "notebooks", "assignments/masters"):
        (root / folder).mkdir(parents=True)
    for name in ("_config.yml", *(f"book/_static/{file}" for file in ("logo.svg", "favicon.svg"))):
        shutil.copy(ROOT / name, root / name)
    for package in ("tools", "assignments/grader"):  # what the site's extensions import
        shutil.copytree(ROOT / package, root / package, ignore=CACHE)
    shutil.copy(ROOT / "assignments/__init__.py", root / "assignments")
    texts = {
        "book/intro.md": "# Intro\n\nOn machines, and how to wait.\n",
        "book/glossary.md": GLOSSARY,
        "book/references.md": "# References\n\n```{bibliography}\n```\n",
        "book/references.bib": BIB,
        "book/assignment-06_a.md": f"# Assignment 6: Machines\n\n[Back](../{PAGE}.ipynb)\n",
        "book/notation.yml": "{}",
        "book/redirects.yml": "{}",
        "book/timings.json": '{"06_machines": {"seconds": 3, "cpu": "one"}}',
        "assignments/masters/06_a.py": MASTER,
        f"{PAGE}.md": CHAPTER,
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    pages = ["book/assignment-06_a", "book/glossary", "book/references"]
    toc = {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [
            {"caption": "Part", "numbered": 2, "chapters": [{"file": PAGE}]},
            {"caption": "More", "chapters": [{"file": page} for page in pages]},
        ],
    }
    (root / "_toc.yml").write_text(json.dumps(toc), encoding="utf-8")
    jupytext.write(jupytext.reads(CHAPTER, "md:myst"), root / f"{PAGE}.ipynb")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root, "-W", "-n", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build/html"


def read(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_chapter_links_its_assignment_and_each_word_once(site):
    """Kills: a link at every use, at none, to the wrong definition; no way to the assignment."""
    page = read(site, PAGE)
    found = re.findall(r'class="glossary-word[^"]*" href="([^"]+)"[^>]*>(.*?)</a>', page)
    assert [(link, re.sub(r"<.*?>", "", word)) for link, word in found] == [
        ("../book/glossary.html#term-restricted-Boltzmann-machine", "restricted Boltzmann machine"),
        ("../book/glossary.html#term-annealed-importance-sampling", "AIS"),
    ]
    (line,) = re.findall(r'<p class="chapter-header">.*?</p>', page, re.DOTALL)
    assert 'href="../book/assignment-06_a.html"' in line
    assert "Assignment 6: Machines" in line


@pytest.mark.slow
@CHROMIUM
def test_the_search_leads_to_sections_and_to_whole_names(site):
    """Kills: names cut at their accents; a section that is not in the index."""
    expected = {
        "RBM": [f"{PAGE}#the-restricted-machine", "book/glossary#term-RBM"],
        "annealed importance": [
            f"{PAGE}#estimates-of-the-constant",
            "book/glossary#term-annealed-importance-sampling",
        ],
        "Müller": ["book/references"],
        "muller": ["book/references"],
        "Jörg": ["book/references"],
        "van den Oord": ["book/references"],
        "Aaron": ["book/references"],
    }
    for query, found in search.answers(site, expected):
        bare = [a if "#term" in a or PAGE in a else a.split("#")[0] for a in found[:3]]
        first = [answer for answer in dict.fromkeys(bare) if answer in expected[query]]
        assert first == expected[query], (query, found)


@pytest.mark.slow
def test_the_page_stems_a_word_as_the_index_does(browser):
    """Kills: accents taken off on one side only, which then finds nothing."""
    words = ["Müller", "Hyvärinen", "Čencov", "Göğüş", "samplers", "naïve", "θ", "energies"]
    english = sphinx_search.English({})
    tab = browser.new_page()
    tab.add_script_tag(content=english.js_stemmer_code)
    stems = tab.evaluate(STEMS, words)
    assert stems == [english.stem(word) for word in words]
    assert stems[:3] == ["muller", "hyvarinen", "cencov"]


def test_accents_are_no_letters():
    assert sphinx_search.fold("Hyvärinen, Čencov, Gödel; θ²") == "Hyvarinen, Cencov, Godel; θ²"


def test_no_name_or_title_of_the_references_is_cut():
    r"""Kills: M{\"u}ller and {B}ayes, which the search reads as M, ü, ller and B, ayes."""
    file = ROOT / "book" / "references.bib"
    lines = file.read_text(encoding="utf-8").split("\n")
    cut = r"\{\\(?!url)|(?<![\\\w])\w+\{|\}\w"
    assert re.search(cut, 'M{\\"u}ller')
    assert re.search(cut, "{B}ayes")
    assert [line for line in lines if re.search(cut, line) and not line.startswith("@")] == []
    people = [p for e in parse_file(file).entries.values() for p in e.persons.get("author", [])]
    names = {name for person in people for name in person.last_names}
    assert {"Müller", "Hyvärinen", "Čencov"} <= names


ENTRIES = [
    Entry(("effective sample size", "ESS"), "term-ess", ()),
    Entry(("sample",), "term-sample", ()),
    Entry(("sample path",), "term-path", ()),
    Entry(("score",), "term-score", ()),
    Entry(("Markov chain",), "term-chain", ()),
]


def linked(*children: nodes.Node, page: str = PAGE, entries=ENTRIES) -> list[str]:
    """What of a paragraph with these children becomes a link."""
    doctree = nodes.document(None, None)
    title, paragraph = nodes.title("", "Markov chain"), nodes.paragraph("", "", *children)
    doctree += nodes.section("", title, paragraph)
    app = SimpleNamespace(
        env=SimpleNamespace(course_glossary=(entries, {})),
        builder=SimpleNamespace(get_relative_uri=lambda old, new, *_: f"{new}.html"),
    )
    before = doctree.astext()
    sphinx_links.link_words(app, doctree, page)
    assert doctree.astext() == before
    return [
        f"{link['refuri'].partition('#')[2]}: {link.astext()}"
        for link in doctree.findall(nodes.reference)
        if "glossary-word" in link["classes"]
    ]


def test_the_glossary_is_in_alphabetical_order():
    """Kills: an entry put between two names of another, which then has lost one of them."""
    text = (ROOT / "book/glossary.md").read_text("utf8")
    entries = text.partition("```{glossary}\n")[2].partition("\n```")[0].split("\n\n")
    words = [entry.partition("\n")[0].replace("-", " ").replace("μ", "mu") for entry in entries]
    plain = [sphinx_search.fold(word).lower() for word in words]
    assert len(plain) > 200
    assert plain == sorted(plain)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Two Markov chains and a Markov chain.", ["term-chain: Markov chains"]),
        ("a Markov\nchain", ["term-chain: Markov\nchain"]),
        ("an effective sample size", ["term-ess: effective sample size"]),
        ("Effective sample size, or ESS: a sample",
         ["term-ess: Effective sample size", "term-sample: sample"]),
        ("ess, markov chain, MARKOV CHAIN, non-sample, sample-based, resampled", []),
        ("a sample path and a sample", ["term-path: sample path", "term-sample: sample"]),
        ("the score", []),
    ],
)  # fmt: skip
def test_a_word_is_linked_where_it_stands_first_as_a_whole(text, links):
    """Kills: the shorter word inside the longer; parts of words; everyday words; plurals missed."""
    assert linked(nodes.Text(text)) == links


def test_what_the_chapter_explains_itself_is_not_linked():
    """Kills: a link inside a link; the word linked again just after its own definition."""
    for own in (nodes.strong, nodes.emphasis, nodes.reference):
        assert linked(nodes.Text("A "), own("", "sample"), nodes.Text(" is a sample.")) == []
    assert linked(nodes.literal("", "sample"), nodes.Text(" sample")) == ["term-sample: sample"]


def test_only_chapters_link():
    assert linked(nodes.Text("a sample"), page="book/intro") == []
    assert linked(nodes.Text("a sample"), entries=[]) == []


class Environment(SimpleNamespace):
    """As much of Sphinx's as `learn` asks for: a glossary, one chapter, one reference."""

    def __init__(self, *places: str) -> None:
        bibdata = SimpleNamespace(data=parse_string(BIB, "bibtex"))
        citation = SimpleNamespace(citation_id="id1", key="mueller")
        super().__init__(
            found_docs={sphinx_links.GLOSSARY, sphinx_links.REFERENCES, PAGE, "book/intro"},
            domaindata={"index": {"entries": {}}},
            _search_index_index_entries={},
            cite=SimpleNamespace(bibdata=bibdata, citations=[citation]),
        )
        self.set(*places)

    def set(self, *places: str) -> None:
        """The glossary with one definition, which links these places."""
        links = [nodes.reference("", "see", refuri=place, internal=True) for place in places]
        links.append(nodes.reference("", "elsewhere", refuri="https://example.org/a#b"))
        names = [nodes.term("", name, ids=[f"term-{name}"]) for name in ("AIS", "walk")]
        item = nodes.definition_list_item("", *names, nodes.definition("", *links))
        self.glossary = nodes.definition_list("", item)

    def get_and_resolve_doctree(self, docname, builder):
        return {sphinx_links.GLOSSARY: self.glossary}[docname]

    def get_doctree(self, docname):
        equation = nodes.target(ids=["equation-a"])
        part = nodes.section("", nodes.paragraph(), equation, ids=["part", "id7"])
        whole = nodes.section("", part, nodes.section(ids=["other"]), ids=["whole"])
        return {PAGE: nodes.section("", whole, ids=["outside"])}[docname]

    def get_domain(self, name):
        return getattr(self, name)

    def index(self) -> dict[str, list[tuple[str, str]]]:
        return {page: [(entry[1], entry[2]) for entry in entries]
                for page, entries in self.domaindata["index"]["entries"].items()}  # fmt: skip


EQUATION, OTHER = f"../{PAGE}.html#equation-a", f"../{PAGE}.html#other"
AUTHORS = [("Müller", "id1"), ("van den Oord", "id1")]


def learn(env: Environment) -> list[str]:
    return sphinx_links.learn(SimpleNamespace(builder=None), env)


def test_the_index_leads_to_the_section_in_which_the_equation_stands():
    """Kills: the equation's own anchor, the chapter's; links to prose or out of the book."""
    env = Environment(EQUATION, "how-to-use.html#numbers", f"../{PAGE}.html")
    assert learn(env) == [PAGE]
    assert env.index() == {
        PAGE: [("AIS", "part"), ("walk", "part")],
        sphinx_links.REFERENCES: AUTHORS,
    }
    assert env.course_glossary[0] == [Entry(("AIS", "walk"), "term-AIS", ((PAGE, "equation-a"),))]
    assert {entry[3] for entry in env.domaindata["index"]["entries"][PAGE]} == {"main"}


def test_the_search_keeps_the_index_of_pages_that_are_not_written_again():
    """Kills: whole names found after the first build only."""
    env = Environment()
    env.domaindata["index"]["entries"]["book/intro"] = [("pair", "a; b", "c", "", None)]
    learn(env)
    assert env._search_index_index_entries == {
        "book/intro": [("a", "c", ""), ("b", "c", "")],
        sphinx_links.REFERENCES: [(name, anchor, "main") for name, anchor in AUTHORS],
    }


def test_the_next_build_changes_what_the_glossary_changed_and_keeps_the_rest():
    """Kills: entries twice after a second build; stale ones; chapters written for nothing."""
    env = Environment(EQUATION)
    learn(env)
    own = ("single", "a word of the page's own", "here", "main", None)
    env.domaindata["index"]["entries"][PAGE].insert(0, own)
    assert learn(env) == []
    assert env.index()[PAGE] == [own[1:3], ("AIS", "part"), ("walk", "part")]
    env.set(OTHER)
    assert learn(env) == [PAGE]
    assert env.index()[PAGE] == [own[1:3], ("AIS", "other"), ("walk", "other")]
    assert env.index()[sphinx_links.REFERENCES] == AUTHORS


def test_a_book_without_glossary_and_references_has_no_such_entries():
    env = Environment()
    env.found_docs = {PAGE}
    assert learn(env) == []
    assert env.index() == {}


def test_a_page_carries_its_entries_to_the_search():
    """Kills: an index that has them while the search does not."""
    app = SimpleNamespace(env=SimpleNamespace(course_glossary=([], {PAGE: [("AIS", "part")]})))
    for page, entries in ((PAGE, [("single", "AIS", "part", "main", None)]), ("book/intro", [])):
        doctree = nodes.document(None, None)
        sphinx_links.mark(app, doctree, page)
        assert [entry for node in doctree for entry in node["entries"]] == entries


def test_everyday_words_are_words_of_the_glossary():
    """Kills: an exception for a word that is gone."""
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    assert {word for word in sphinx_links.EVERYDAY if f"\n{word}\n" not in text} == set()


def test_a_place_is_counted_from_one_and_a_page_has_any_part():
    """Kills: the first answer called the zeroth; a part taken for another."""
    found = ["a#x", "b", "c#y", "b", "a#x"]
    places = {"a": 1, "a#x": 1, "b": 2, "c": 3, "c#y": 3}
    assert {wanted: search.place(found, wanted) for wanted in places} == places
    assert search.place(found, "b#z") is None
    assert search.place(found, "d") is None


def test_a_late_answer_fails_and_is_named(tmp_path, monkeypatch, capsys):
    """Kills: a table that is printed and never fails; four answers for three."""
    (tmp_path / "search.html").touch()
    (tmp_path / "search.yml").write_text("one: a\ntwo: b\nthree: c\nfour: d\n", "utf8")
    monkeypatch.setattr(search, "QUERIES", tmp_path / "search.yml")
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/true")
    answers = {"one": ["a"], "two": ["x", "y", "b"], "three": ["x", "y", "z", "c"], "four": []}
    monkeypatch.setattr(search, "answers", lambda site, queries: iter(answers.items()))
    with pytest.raises(SystemExit, match=r"not among the first 3 answers: three, four$"):
        search.main(tmp_path)
    assert capsys.readouterr().out == "  1  one: a\n  3  two: b\n  4  three: c\n  —  four: d\n"
    del answers["three"], answers["four"]
    search.main(tmp_path)


def test_the_command_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "answers", None)
    with pytest.raises(SystemExit, match="make book"):
        search.main(tmp_path)
    (tmp_path / "search.html").touch()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="no Chromium"):
        search.main(tmp_path)
