"""Counts what a chapter asks of its reader: words of the core path, words of the page, minutes.

`python -m tools.reading [04_mcmc ...]` prints a table; with `--check` it fails for a chapter that
is too long.

The core path is the running text before `## Exercises`, outside sections whose heading ends in ★. A
★ section goes on to the next heading of its own or a higher level. Words are counted outside
formulas, code, options of directives, captions and tables, which one looks at rather than reads,
and outside questions and exercises, which one works at. The page is every word of the chapter but
its formulas and options: code, captions, tables, questions, exercises and solutions too. A word is
a run of characters without a space that holds a letter or a digit.

Minutes: 150 words a minute, as one reads a technical text, and half a minute for each displayed
equation, figure and table; rounded to five minutes.
"""

import re
from collections.abc import Iterable, Iterator, Set
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

import jupytext
import typer
import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

MOST_CORE, MOST_PAGE = 3500, 8000  # words
WORDS_A_MINUTE, MINUTES_A_DISPLAY = 150, 0.5
STAR = "★"
CONFIG = Path(__file__).parents[1] / "_config.yml"
OPTIONS = re.compile(r"\A(?::[\w-]+:.*\n)+")
HEADING = re.compile(r"h[1-6]")
WORD = re.compile(r"\S*\w\S*")
ASIDE = {"exercise", "exercise-start", "solution", "solution-start", "question"}
# Chapters that were written before there was a limit; the list only shrinks.
LONG = {
    "01_bayes",
    "02_density_estimation",
    "03_transformations",
    "05_graphical_models",
    "06_rbm",
    "07_partition_function",
    "08_deep_boltzmann",
}


class Part(NamedTuple):
    """A piece of a page: `text`, and whether it belongs to the running text.

    `kind` is a heading's tag ("h2"), "prose", "formula" (in a line), "display" (a formula by
    itself), "figure", "table" or "code".
    """

    kind: str
    text: str
    running: bool = True


class Share(NamedTuple):
    """Part of a chapter: its words, and the equations, figures and tables displayed in it."""

    words: int = 0
    displays: int = 0

    @property
    def minutes(self) -> int:
        """Minutes to read it, in fives; 0 only if there is nothing."""
        minutes = self.words / WORDS_A_MINUTE + self.displays * MINUTES_A_DISPLAY
        return max(5, 5 * round(minutes / 5)) if minutes else 0


class Reading(NamedTuple):
    """What a chapter asks of its reader: the core path, its ★ sections, and words in all."""

    core: Share
    starred: Share
    page: int

    @property
    def says(self) -> str:
        """The minutes as they stand under a chapter's title."""
        more = f", {STAR} sections {self.starred.minutes} more" if self.starred.minutes else ""
        return f"Core: about {self.core.minutes} minutes to read{more}"


def parts(chapter: Path) -> Iterator[Part]:
    """The cells of a chapter that the site shows, either half of its pair, in pieces, in order."""
    for cell in jupytext.read(chapter).cells:
        if "remove-cell" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            yield from _markdown(cell.source)
            continue
        yield Part("code", cell.source, running=False)
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            yield Part("figure", "")
            yield from _aside(_markdown(figure["caption"]))


def _markdown(text: str) -> Iterator[Part]:
    tokens = _parser().parse(text)
    in_table = False
    for before, token in zip([None, *tokens], tokens, strict=False):
        match token.type:
            case "table_open" | "table_close":
                in_table = token.type == "table_open"
                if in_table:
                    yield Part("table", "")
            case "inline":
                heading = before.tag if before and before.type == "heading_open" else "prose"
                inside = _inline(token.children or [], heading)
                yield from _aside(inside) if in_table else inside
            case "math_block" | "math_block_label" | "amsmath":
                yield Part("display", token.content)
            case "fence" | "colon_fence" if token.info.startswith("{"):
                yield from _directive(token)
            case "fence" | "colon_fence" | "code_block":
                yield Part("code", token.content, running=False)


def _inline(tokens: list[Token], kind: str) -> Iterator[Part]:
    gaps = {"softbreak": " ", "hardbreak": " "}
    text = "".join(gaps.get(t.type, t.content if t.type == "text" else "") for t in tokens)
    yield Part(kind, text.strip())
    for token in tokens:
        if token.type.startswith("math_inline"):
            yield Part("formula", token.content)
        if token.type == "code_inline":
            yield Part("code", token.content, running=False)


def _directive(fence: Token) -> Iterator[Part]:
    """A block ```{name} argument with options and body."""
    name, _, argument = fence.info.strip("{ ").partition("}")
    body = OPTIONS.sub("", fence.content)
    if name == "math":
        yield Part("display", body)
    elif name in {"figure", "live"}:
        yield Part("figure", "")
        yield from _aside(_markdown(body))
    else:
        inside = [*_markdown(argument.strip()), *_markdown(body)]
        yield from _aside(inside) if name in ASIDE else inside


def _aside(inside: Iterable[Part]) -> Iterator[Part]:
    return (part._replace(running=False) for part in inside)


@cache
def _parser() -> MarkdownIt:
    extensions = yaml.safe_load(CONFIG.read_text("utf8"))["parse"]["myst_enable_extensions"]
    return create_md_parser(MdParserConfig(enable_extensions=set(extensions)), RendererHTML)


def measure(chapter: Path) -> Reading:
    """Counts a chapter, from either half of its pair."""
    found = {"core": Share(), "starred": Share(), "after": Share()}
    page, star, section = 0, 9, "core"  # star: the level of the ★ heading that holds, or 9
    for part in parts(chapter):
        if HEADING.fullmatch(part.kind) and section != "after":
            level = int(part.kind[1])
            if level <= star:
                star = level if part.text.endswith(STAR) else 9
            section = "core" if star == 9 else "starred"
            if level == 2 and part.text == "Exercises":
                section = "after"
        count = len(WORD.findall(part.text)) if part.kind not in {"formula", "display"} else 0
        page += count
        words, displays = found[section]
        if part.kind in {"display", "figure", "table"}:
            displays += part.running
        found[section] = Share(words + count * part.running, displays)
    return Reading(found["core"], found["starred"], page)


def chapters(root: Path) -> dict[str, Reading]:
    """Every chapter's numbers, by the name of its file."""
    files = sorted((root / "notebooks").glob("*.md"))
    return {file.stem: measure(file) for file in files}


def problems(root: Path, long: Set[str] = LONG) -> list[str]:
    """One line for each chapter that is too long, or that is listed in `long` and is not."""
    found = []
    for name, reading in chapters(root).items():
        excess = [
            f"{words:,} words {where}, {most:,} at most"
            for words, where, most in (
                (reading.core.words, "on the core path", MOST_CORE),
                (reading.page, "on the page", MOST_PAGE),
            )
            if words > most
        ]
        if excess and name not in long:
            found.append(f"notebooks/{name}.md: {'; '.join(excess)}")
        if not excess and name in long:
            found.append(f"tools/reading.py: {name} is short enough now; take it off LONG")
    return found


def main(
    names: Annotated[list[str] | None, typer.Argument(help="such as 04_mcmc; all if none")] = None,
    *,
    check: Annotated[bool, typer.Option(help="only name what is too long, and fail")] = False,
) -> None:
    """Prints what chapters ask of their readers."""
    if check:
        found = problems(Path())
        print("\n".join(found) or "reading: no chapter is longer than it may be")
        raise typer.Exit(bool(found))
    known = chapters(Path())
    if unknown := sorted(set(names or []) - set(known)):
        raise typer.BadParameter(f"expected some of {', '.join(known)}, got {', '.join(unknown)}")
    print(f"{'chapter':24}{'core words':>11}{'page words':>11}{'core min':>9}{'★ min':>7}")
    for name, (core, starred, page) in known.items():
        if not names or name in names:
            print(f"{name:24}{core.words:11,}{page:11,}{core.minutes:9}{starred.minutes:7}")


if __name__ == "__main__":
    typer.run(main)
