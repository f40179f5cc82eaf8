"""The browser finds every kind of problem that is planted once, and nothing else."""

import asyncio
import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from matplotlib.image import imread

from tools import mathjax, pages

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed"),
]

PAGE = """<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
<style>
  /* MathJax's red on yellow: whether axe can judge it is up to Chromium's version and its fonts */
  mjx-merror {{ color: black !important }}
  .inline {{ display: inline-flex; max-width: 100%; overflow: hidden }}
  html[data-theme=dark] {{ background: #111; color: #eee }}
  .pale-light {{ background: #fff; color: #ccc }} [data-theme=dark] .pale-light {{ color: #111 }}
  .pale-dark {{ background: #fff; color: #111 }} [data-theme=dark] .pale-dark {{ color: #ccc }}
  @media (prefers-color-scheme: dark) {{ .pale-system {{ background: #fff; color: #ccc }} }}
  @media print {{ .only-screen {{ display: none }} }}
  @media (max-width: 400px) {{ .pale-phone {{ background: #fff; color: #ccc }} }}
</style></head><body><main>{}</main></body></html>"""
MATHJAX = '<script async src="mathjax/tex-mml-chtml.js"></script>'

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
MENU_OFF = "<script>MathJax = {options: {menuOptions: {settings: {inTabOrder: false}}}}</script>"
SLOW = """<script>MathJax = {
  options: {menuOptions: {settings: {inTabOrder: false}}},
  startup: {pageReady: () => new Promise(done => setTimeout(done, 500))
    .then(() => MathJax.startup.defaultPageReady())},
}</script>"""

CLEAN = {
    "index": f"""{MENU_OFF}{MATHJAX}<h1 class="only-dark">A good page</h1>
        <p>Inline <span class="math">\\(\\theta\\)</span> and
        <span class="math">\\(\\color{{blue}}{{\\text{{blue}}}}\\)</span></p>
        <span class="math inline">\\(\\alpha\\)</span>
        <div class="math">\\[ p(x) = \\frac{{1}}{{2}} \\]</div>
        <div class="only-screen" style="overflow-x: auto" tabindex="0">
          <p style="width: 3000px">in its box</p></div>
        <pre class="only-screen" tabindex="0" style="overflow: auto; height: 60px"
        >a\nb\nc\nd\ne\nf</pre>
        <article><img alt="A dot" width="1" height="1" src="{DOT}"></article>
        <h4>For axe a skipped level is no more than moderate.</h4>
        <script>console.warn("only a warning")</script>""",
    "moved": '<meta http-equiv="refresh" content="0; url=throws.html">',
}

# page: (what is planted, the lines that must come)
PLANTED = {
    "console": ("<script>console.error('boo')</script>", ["console error: boo"]),
    "throws": ("<script>throw new Error('bang')</script>", ["page error: bang"]),
    "rejects": ("<script>Promise.reject(Error('late'))</script>", ["page error: late"]),
    "fetch": ("<script>fetch('gone.json')</script>", ["failed request: gone.json"]),
    "late": (
        "<script>setTimeout(() => fetch('late.json'), 250)</script>",
        ["failed request: late.json"],
    ),
    "tracker": (
        "<script>fetch('https://example.com/t').catch(() => 0)</script>",
        ["request to another host: https://example.com/t"],
    ),
    "tex": (
        f"{MENU_OFF}{MATHJAX}<span class='math'>\\(x_1_2\\)</span>",
        ["Double subscripts: use braces to clarify in x_1_2"],
    ),
    "waits": (  # for formulas that come late
        f"""{SLOW}{MATHJAX}<span class="math">\\(a\\)</span>""",
        [],
    ),
    "open": (
        f"{MENU_OFF}{MATHJAX}<span class='math'>\\(\\frac{{1\\)</span>",
        ["formula left as TeX: \\(\\frac{1\\)"],
    ),
    "macro": (
        f"{MENU_OFF}{MATHJAX}<span class='math'>\\(a + \\nosuch\\)</span>",
        ["unknown macro \\nosuch in a + \\nosuch"],
    ),
    "raw": (f"{MENU_OFF}{MATHJAX}<span class='math'>a^2</span>", ["formula left as TeX: a^2"]),
    "unset": ("<span class='math'>\\(a\\)</span>", ["no MathJax for 1 formulas"]),
    "cut": (
        f"{MENU_OFF}{MATHJAX}<span class='math inline'>\\({'a + ' * 26} b\\)</span>",
        [f"formula cut off: {'a + ' * 26} b [paper, phone]"],
    ),
    "shift": (  # what moves before a reader has come to it moves nothing
        """<p style="height: 300px">It moves.</p><p style="height: 2000px">So does this.</p>
        <script type="module">document.querySelector('p').before(
          Object.assign(document.createElement('p'), {style: 'height: 500px'}))</script>""",
        ["moves by 0.N as it loads: It moves."],
    ),
    "settled": (
        """<p style="height: 1000px">It stays.</p><p>It moves, below the window.</p>
        <script type="module">document.querySelectorAll('p')[1].before(
          Object.assign(document.createElement('p'), {style: 'height: 300px'}))</script>""",
        [],
    ),
    "themes": (  # each view begins in the light
        """<style>[data-theme=dark] .dark-wide { width: 700px }</style>
        <p class="dark-wide">wider than a telephone</p>""",
        [],
    ),
    "wide": (
        "<div id='box'><p class='long' style='width: 500px'>x</p></div>",
        ["scrolls sideways by 118 px: #box > p.long [phone]"],
    ),
    "wider": (
        """<aside style="position: fixed; left: 2000px; width: 99px">out of sight</aside>
        <div style="overflow: hidden; width: 99px"><div style="width: 1400px">cut off</div></div>
        <p style="position: absolute; left: 0; width: 1300px">x</p>""",
        [
            "scrolls sideways by 20 px: main > p [desktop]",
            "scrolls sideways by 582 px: main > p [paper]",
            "scrolls sideways by 910 px: main > p [phone]",
        ],
    ),
    "bars": (
        """<div class="a" style="overflow-x: scroll">nothing to see on the right</div>
        <p style="overflow: auto; width: 99px"><i style="display: block; width: 100px">1 px</i></p>
        <div class="b" style="overflow: auto; height: 50px">
          <div style="height: 55px">nearly all</div></div>
        <div class="b" style="overflow: auto; height: 50px" tabindex="0">
          <div class="only-screen" style="height: 90px">half</div></div>""",
        [
            "scroll bar without need: 1 × div.a [desktop, paper, phone]",
            "scroll bar without need: 1 × div.b [desktop, paper, phone]",
            "scroll bar without need: 1 × p [desktop, paper, phone]",
        ],
    ),
    "assistive": (
        f"""{MENU_OFF}{MATHJAX}<style>mjx-assistive-mml {{ width: 9em !important }}</style>
        <span class="math" style="display: inline-flex; overflow: auto hidden">\\(a\\)</span>""",
        ["scroll bar without need: 1 × span.math [desktop, paper, phone]"],
    ),
    "paper": (
        """<div style="overflow-x: auto" tabindex="0">
          <p style="width: 3000px">no one can scroll a sheet</p></div>""",
        ["scroll bar without need: 1 × div [paper]"],
    ),
    "code": (
        """<pre class="only-screen" style="overflow: auto; width: 80px" tabindex="0">a
    this_line_is_long()
short()</pre>
        <details class="only-screen"><summary>folded</summary>
          <pre style="overflow: auto; width: 90px" tabindex="0">as_long_as_this()</pre>
        </details>""",
        [
            "code cut off by N px: this_line_is_long() [desktop]",
            "code cut off by N px: as_long_as_this() [desktop]",
        ],
    ),
    "stops": (
        f"""{MATHJAX}<span class="math">\\(a\\)</span><span class="math">\\(b\\)</span>""",
        ["tab stops that are formulas: 2 [desktop]"],
    ),
    "sizes": (
        f"""<article><img alt="A dot" width="1" src="{DOT}">
        <img alt="A dot" height="1" src="{DOT}"></article>""",
        [f"image without width and height: {DOT} [desktop]"],
    ),
    "search": (  # asked for in the fifth turn of the wait for silence, however slow the machine
        """<script>const wait = setTimeout; let turns = 0;
        window.setTimeout = (done, ms) => {
          if (ms === 50 && ++turns === 5) fetch('moved.html');
          return wait(done, ms);
        };</script>""",
        ["failed request: moved.html [file://]"],
    ),
    "light": (
        "<p class='pale-light'>pale</p>",
        ["axe color-contrast: p [desktop light, phone light]"],
    ),
    "dark": ("<p class='pale-dark'>pale</p>", ["axe color-contrast: p [desktop dark]"]),
    "system": ("<p class='pale-system'>pale</p>", ["axe color-contrast: p [desktop dark]"]),
    "phone": ("<p class='pale-phone'>pale</p>", ["axe color-contrast: p [phone light]"]),
    "looks": (  # of each look one text, and the ground behind a text is part of its look
        """<p>good</p><p style="color: #ccc; background: #fff">pale</p>
        <p style="color: #ccc; background: #fff">as pale</p>
        <div style="background: #888; color: #666"><p style="background: #fff">good enough</p>
        <span>grey on grey</span></div>""",
        [
            "axe color-contrast: p:nth-child(2) and 1 more"
            " [desktop dark, desktop light, phone light]",
        ],
    ),
    "names": (
        "<button></button><button></button>",
        ["axe button-name: button:nth-child(1) and 1 more [desktop, phone]"],
    ),
    "narrow": (  # what only a narrow window shows
        """<style>.narrow { display: none } @media (max-width: 400px) { .narrow { display: block } }
        </style><button class="narrow"></button>
        <div class="only-screen" style="overflow-x: auto; white-space: nowrap">
        It is much too long for a telephone, though a desk has room enough for it.</div>""",
        [
            "axe button-name: button [phone]",
            "axe scrollable-region-focusable: div [phone]",
        ],
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The clean pages, and those planted ones that the tests of this run ask for."""
    site = tmp_path_factory.mktemp("html")
    items = [item for item in request.session.items if hasattr(item, "callspec")]
    asked = {"throws", *(item.callspec.params.get("page") for item in items)}
    planted = {name: body for name, (body, _) in PLANTED.items() if name in asked}
    for name, body in (CLEAN | planted).items():
        (site / f"{name}.html").write_text(PAGE.format(body), encoding="utf-8")
    mathjax.copy(mathjax.SOURCE, site / "mathjax")
    return site


@pytest.fixture(scope="module")
def found(site: Path) -> dict[str, list[str]]:
    """What one look at all the pages says of each, less axe's explanations."""
    _, problems = pages.check(site)
    problems = [p for p in problems if p.where != "file://" or p.what.startswith("failed")]
    found = defaultdict(list)
    for page, line in (line.split(".html: ", 1) for line in pages.lines(problems)):
        if line.startswith("axe"):
            rule, target, explanation = line.split(": ", 2)
            found[page].append(f"{rule}: {target}{explanation[explanation.rindex(' [') :]}")
        else:
            found[page].append(re.sub(r"(?<=code cut off by )\d+|(?<=moves by 0\.)\d+", "N", line))
    return found


@pytest.mark.parametrize("page", CLEAN)
def test_a_clean_page_has_no_problem(found, page):
    assert found[page] == []


@pytest.mark.parametrize("page", PLANTED)
def test_a_planted_problem_is_found_and_no_other(found, page):
    assert found[page] == PLANTED[page][1]


def test_a_page_is_quiet_only_after_ten_turns_in_a_row_without_a_request():
    """Kills: turns counted while an answer is awaited, or not counted anew after it."""
    turns, awaited = iter(range(100)), set()

    class Tab:
        async def evaluate(self, _script: str) -> None:
            if next(turns) in {4, 5, 6}:
                awaited.add("font")
            else:
                awaited.clear()

    asyncio.run(pages.Visitor(Tab(), "", [], awaited, None).settle())
    assert next(turns) == 7 + 10


def test_an_answer_ends_the_wait_for_it(site, monkeypatch):
    """Kills: a page whose every request is awaited for ever."""
    monkeypatch.setattr(pages, "PATIENCE", 60)
    assert pages.lines(pages.check(site, only="index.html")[1]) == []


def test_a_page_that_never_finishes_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PATIENCE", 2)
    never = "<script>MathJax = {startup: {promise: new Promise(() => 0)}}</script>"
    body = f"{never}<span class='math'>\\(a\\)</span>"
    (tmp_path / "index.html").write_text(PAGE.format(body), encoding="utf-8")
    assert pages.lines(pages.check(tmp_path)[1]) == ["index.html: not done after 2 seconds"]


def test_the_command_passes_a_clean_page_and_takes_pictures_of_it(site, tmp_path, capsys):
    pages.main(site, only="index.html", screenshots=tmp_path / "shots")
    assert capsys.readouterr().out == "1 pages, 0 problems\n"
    widths = {"desktop": 1280, "phone": 390}
    for view, width in widths.items():
        light, dark = (imread(tmp_path / f"shots/index.{view}-{t}.png") for t in ("light", "dark"))
        assert light.shape[1] == dark.shape[1] == width
        assert light[-1, -1, :3].min() == 1
        assert dark[-1, -1, :3].max() < 0.1


def test_the_command_fails_if_a_page_does_and_if_no_page_is_meant(site, capsys):
    with pytest.raises(SystemExit, match="1"):
        pages.main(site, only="thr*")
    assert capsys.readouterr().out == "throws.html: page error: bang\n1 pages, 1 problems\n"
    with pytest.raises(SystemExit, match=r"no page of .* is called nothing\*"):
        pages.main(site, only="nothing*")


def test_the_command_says_what_is_missing(site, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r"no book at .*make book"):
        pages.main(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="no Chromium: install"):
        pages.main(site)
