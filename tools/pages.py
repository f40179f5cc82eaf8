"""Opens every page of the built book in headless Chromium and names what would trip a reader.

`python -m tools.pages [SITE] [--only GLOB] [--screenshots DIR]` reads the HTML files (links, alt
text, launch buttons), then serves them on the loopback and visits each on a desktop, on a phone and
as printed: what the console says, what is asked for in vain, the formulas, what moves as it loads,
sideways scrolling, scroll bars that need not be, code that is cut off, accessibility (axe-core). A
few are opened from file://, too, as by a reader who built the book.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import filter as matching
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import ConsoleMessage, Request, Response, async_playwright
from playwright.async_api import Error as BrowserError
from playwright.async_api import Page as Tab
from rich.console import Console
from rich.progress import Progress

from tools import links, look
from tools.serve import serve

# No other host resolves: a page that asks a third party is told no, and nothing leaves the machine.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
TABS = 2  # at a time, one a core: Chromium starves those behind the first
PATIENCE = 300.0  # seconds for one visit; the longest API page takes 40 on a machine of its own
TURN, QUIET = "() => new Promise(done => setTimeout(done, 50))", 10  # such turns without a request


class View(NamedTuple):
    """A window or a sheet: its name, its size in px, what it asks, and what axe does there.

    `rules`: axe's rules, None for all; those that another width or theme cannot change run once.
    `themes`: those in which contrast is looked at.
    """

    name: str
    width: int
    height: int
    checks: tuple[str, ...]
    rules: tuple[str, ...] | None
    themes: tuple[str, ...]


# What a narrow window shows that a wide one does not: its own menu buttons, and boxes that scroll.
NARROW = ("scrollable-region-focusable", "button-name", "link-name", "aria-hidden-focus")
FIT = (look.WIDTH, look.CUT, look.BARS)
SEEN = (*FIT, look.CODE, look.STOPS, look.IMAGES)
VIEWS = (
    View("desktop", 1280, 900, SEEN, None, ("light", "dark")),
    View("phone", 390, 844, FIT, NARROW, ("light",)),
    View("paper", 718, 1047, FIT, (), ()),  # A4 within Chromium's margins
)
FROM_FILES = ("index.html", "search.html", "notebooks/*")  # the first that matches each


class Problem(NamedTuple):
    """What is wrong on which page; `where` names the view, if views may differ."""

    page: str
    what: str
    where: str = ""


def listen(tab: Tab, home: str) -> list[str]:
    """The list that will hold the tab's complaints: console, errors, failed requests."""
    said: list[str] = []

    def failed(url: str) -> None:
        what = "failed request" if url.startswith(home) else "request to another host"
        said.append(f"{what}: {url.removeprefix(home)}")

    def on_console(message: ConsoleMessage) -> None:
        if message.text.startswith("Failed to load resource"):
            failed(message.location["url"])
        elif message.type == "error":
            said.append(f"console error: {message.text}")

    def on_request(request: Request) -> None:
        if request.url.startswith(("http:", "https:")) and not request.url.startswith(home):
            failed(request.url)

    def on_response(response: Response) -> None:
        if response.status >= 400:
            failed(response.url)

    tab.on("console", on_console)
    tab.on("pageerror", lambda error: said.append(f"page error: {error}"))
    tab.on("request", on_request)
    tab.on("response", on_response)
    tab.on("requestfailed", lambda request: failed(request.url))
    return said


def wait_list(tab: Tab) -> set[Request]:
    """The set that will hold the tab's requests without an answer."""
    awaited: set[Request] = set()

    def asked(request: Request) -> None:
        awaited.add(request)

    def done(request: Request) -> None:
        awaited.discard(request)

    tab.on("request", asked)
    tab.on("requestfinished", done)
    tab.on("requestfailed", done)
    return awaited


async def set_theme(tab: Tab, theme: str) -> None:
    """Asks for a theme as the reader's system does, and as the theme's own button does."""
    await tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await tab.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)


class Visitor(NamedTuple):
    """A tab that goes through all that only a browser can tell, one page at a time."""

    tab: Tab
    home: str
    said: list[str]
    awaited: set[Request]
    screenshots: Path | None

    async def visit(self, page: str) -> list[Problem]:
        """Everything that is wrong with one page."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._look(page)
        except TimeoutError:
            return [Problem(page, f"not done after {PATIENCE:.0f} seconds")]
        except BrowserError as error:
            return [Problem(page, f"cannot be looked at: {error.message}".splitlines()[0])]

    async def _look(self, page: str) -> list[Problem]:
        await self._open(page)
        if self.home.startswith("file:"):
            return [Problem(page, what, "file://") for what in self.said]
        problems = []
        await self.tab.add_style_tag(content=look.NO_MOTION)
        await self.tab.evaluate(AXE_SCRIPT)
        for view in VIEWS:
            problems += await self._judge(page, view)
        return [Problem(page, what) for what in self.said] + problems

    async def _open(self, page: str) -> None:
        await self.tab.goto("about:blank")  # the page before has no more to say
        self.said.clear()
        self.awaited.clear()
        await self._turn(VIEWS[0])
        await self.tab.goto(self.home + page)
        self.said.extend(await self.tab.evaluate(look.MATH))
        await self.settle()
        self.said.extend(await self.tab.evaluate(look.SHIFT))

    async def _turn(self, view: View) -> None:
        """Makes the window such, with the light theme."""
        await self.tab.set_viewport_size({"width": view.width, "height": view.height})
        medium: Literal["print", "screen"] = "print" if view.name == "paper" else "screen"
        await self.tab.emulate_media(media=medium)
        await set_theme(self.tab, "light")

    async def settle(self) -> None:
        """Waits until nothing is asked for, by the page's own clock: a busy page gets its time."""
        # Playwright's "networkidle" never comes if Chromium 156 is slow and a font the last to load
        quiet = 0
        while quiet < QUIET:
            await self.tab.evaluate(TURN)
            quiet = 0 if self.awaited else quiet + 1

    async def _judge(self, page: str, view: View) -> list[Problem]:
        await self._turn(view)
        await self.settle()  # scripts follow a change of width
        problems = [
            Problem(page, what, view.name)
            for script in view.checks
            for what in await self.tab.evaluate(script)
        ]
        if view.rules != ():
            found = await self.tab.evaluate(look.AXE, view.rules and [*view.rules])
            problems += [Problem(page, what, view.name) for what in found]
        for theme in view.themes:
            await set_theme(self.tab, theme)
            found = await self.tab.evaluate(look.CONTRAST)
            problems += [Problem(page, what, f"{view.name} {theme}") for what in found]
        await self._photograph(page, view)
        return problems

    async def _photograph(self, page: str, view: View) -> None:
        for theme in ("light", "dark") if self.screenshots else ():
            await set_theme(self.tab, theme)
            name = f"{page.removesuffix('.html').replace('/', '-')}.{view.name}-{theme}.png"
            await self.tab.screenshot(path=f"{self.screenshots}/{name}", full_page=True)


def from_files(pages: Sequence[str]) -> list[str]:
    """The few pages that are opened from file://, too."""
    return [found[0] for pattern in FROM_FILES if (found := matching(pages, pattern))]


async def browse(site: Path, pages: Sequence[str], screenshots: Path | None) -> list[Problem]:
    """Visits the pages, a few at a time, in one browser."""
    found: list[Problem] = []
    with serve(site) as home, Progress(console=Console(stderr=True), transient=True) as progress:
        on_disk = from_files(pages)
        task = progress.add_task("pages", total=len(pages) + len(on_disk))
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=CHROMIUM_ARGS,
                ignore_default_args=["--hide-scrollbars"],  # Playwright's; most readers see bars
            )
            context = await browser.new_context(reduced_motion="reduce")
            context.set_default_timeout(0)  # PATIENCE is for the visit as a whole

            async def work(home: str, todo: list[str]) -> None:
                tab = await context.new_page()
                await tab.add_init_script(look.PLACE)
                visitor = Visitor(tab, home, listen(tab, home), wait_list(tab), screenshots)
                while todo:
                    found.extend(await visitor.visit(todo.pop(0)))
                    progress.advance(task)

            todo = [*pages]
            await asyncio.gather(*(work(home, todo) for _ in range(min(TABS, len(todo)))))
            await work(f"{site.resolve().as_uri()}/", on_disk)
            await browser.close()
    return found


def check(
    site: Path, *, only: str = "*", screenshots: Path | None = None
) -> tuple[int, list[Problem]]:
    """Number of pages looked at, and all that is wrong with them."""
    sources = links.read(site)
    chosen = {name: sources[name] for name in matching(sources, only)}
    if not chosen:
        raise SystemExit(f"no page of {site} is called {only}")
    problems = [
        Problem(name, what)
        for name, source in chosen.items()
        for what in links.check(source, sources, site)
    ]
    seen = [name for name, source in chosen.items() if not source.moved]
    return len(chosen), problems + asyncio.run(browse(site, seen, screenshots))


def lines(problems: Sequence[Problem]) -> list[str]:
    """One line for each problem: what several views share is one problem."""
    views: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page, what, where in problems:
        views[page, what] |= {where} - {""}
    return [
        f"{page}: {what}" + (f" [{', '.join(sorted(where))}]" if where else "")
        for (page, what), where in sorted(views.items())
    ]


def main(
    site: Annotated[Path, typer.Argument(help="the built book")] = Path("_build/html"),
    only: Annotated[str, typer.Option(help="pages to look at, such as 'notebooks/*'")] = "*",
    screenshots: Annotated[Path | None, typer.Option(help="where to put pictures")] = None,
) -> None:
    """Looks at every page of the built book as a reader's browser does."""
    if not (site / "index.html").is_file():
        raise SystemExit(f"no book at {site}: build it first with `make book`")
    if not shutil.which("chromium"):
        raise SystemExit("no Chromium: install it with `apt-get install chromium`")
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    pages, problems = check(site, only=only, screenshots=screenshots)
    found = lines(problems)
    print(*found, f"{pages} pages, {len(found)} problems", sep="\n")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
