"""Asks the built site's own search what readers ask, and fails where a good answer comes late.

`python -m tools.search [SITE]` types each query of book/search.yml into the search page in headless
Chromium and prints the place of the answer; it must be among the first three.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
import yaml
from playwright.sync_api import sync_playwright

from tools.pages import CHROMIUM_ARGS
from tools.serve import serve

SITE, QUERIES = Path("_build/html"), Path("book/search.yml")
FIRST = 3
FINISHED = "() => document.querySelector('#search-results .search-summary')?.textContent"
ANSWERS = "links => links.map(link => link.getAttribute('href').replace('.html', ''))"


def answers(site: Path, queries: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The pages, with the anchor if there is one, that the site's search answers, best first."""
    with serve(site) as home, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        tab = browser.new_page()
        for query in queries:
            tab.goto(f"{home}search.html?q={quote(query)}")
            tab.wait_for_function(FINISHED)
            yield query, tab.locator("#search-results ul.search > li > a").evaluate_all(ANSWERS)
        browser.close()


def place(found: list[str], wanted: str) -> int | None:
    """At which place, from 1, the wanted page stands; any part of it will do if none is named."""
    shown = found if "#" in wanted else [answer.partition("#")[0] for answer in found]
    return shown.index(wanted) + 1 if wanted in shown else None


def main(site: Annotated[Path, typer.Argument(help="the built book")] = SITE) -> None:
    """Prints a line for each query."""
    if not (site / "search.html").is_file():
        raise SystemExit(f"no book at {site}: build it first with `make book`")
    if not shutil.which("chromium"):
        raise SystemExit("no Chromium: install it with `apt-get install chromium`")
    queries = yaml.safe_load(QUERIES.read_text("utf8"))
    places = {query: place(found, queries[query]) for query, found in answers(site, queries)}
    for query, at in places.items():
        print(f"{at or '—':>3}  {query}: {queries[query]}")
    late = [query for query, at in places.items() if at is None or at > FIRST]
    if late:
        raise SystemExit(f"search: not among the first {FIRST} answers: {', '.join(late)}")


if __name__ == "__main__":
    typer.run(main)
