"""What the built files show to be wrong: each kind is planted once, and nothing else is said."""

import pytest

from tools import links

COLAB = "https://colab.research.google.com/github/us/book/blob/launch"
BINDER = "https://mybinder.org/v2/gh/us/book/launch?urlpath=lab/tree"

CLEAN = {
    "index.html": """<link rel="canonical" href="https://example.com/"> <h1 id="title">A page</h1>
        <a href="#">top</a> <a href="#title">title</a> <a href="notebooks/01_a.html#%CE%B8">next</a>
        <a href="notebooks">folder</a> <a href="https://example.com/gone#x">elsewhere</a>
        <a href="mailto:us@example.com">us</a>
        <a name="old"></a> <a href="index.html?q=1#old">old</a>
        <img src="data:image/gif;base64," alt="none"> <img src="dot.svg" alt="a dot, as in dot.svg">
        <img src="dot.svg" alt="" role="presentation">
        <img src="dot.svg" alt="" aria-hidden="true">""",
    "notebooks/index.html": '<meta http-equiv="Refresh" content="0; url=../index.html">',
    "notebooks/01_a.html": f"""<h1 id="θ">One</h1> <a href="{COLAB}/notebooks/01_a.ipynb">Colab</a>
        <a href="{BINDER}/notebooks%2F01_a.ipynb">Binder</a> <a href="../index.html">back</a>""",
    "_static/template.html": '<a href="gone.html">not a page</a>',
}

# page: (what is planted, the lines that must come)
PLANTED = {
    "page.html": ("<a href='gone.html'>x</a>", ["broken link: gone.html"]),
    "folder.html": ("<a href='_static/'>x</a>", ["broken link: _static/"]),
    "script.html": ("<script src='gone.js'></script>", ["broken link: gone.js"]),
    "anchor.html": ("<a href='index.html#gone'>x</a>", ["broken anchor: index.html#gone"]),
    "own-anchor.html": ("<p name='gone'><a href='#gone'>x</a>", ["broken anchor: #gone"]),
    "rooted.html": ("<a href='/index.html'>x</a>", ["broken link: /index.html"]),
    "outside.html": ("<a href='../outside.html'>x</a>", ["broken link: ../outside.html"]),
    "local.html": ("<a href='file:///x'>x</a>", ["link that no reader can follow: file:///x"]),
    "moved.html": (
        "<meta http-equiv='refresh' content='0; url=gone.html'>",
        ["broken link: gone.html"],
    ),
    "lazy.html": (
        "<img loading='lazy' src='https://example.com/x.png' alt='x'>",
        ["request to another host: https://example.com/x.png"],
    ),
    "preconnect.html": (
        "<link rel='preconnect' href='//fonts.example.com'>",
        ["request to another host: //fonts.example.com"],
    ),
    "no-alt.html": (
        "<img src='dot.svg' role='presentation'>",
        ["image without alt text: dot.svg"],
    ),
    "empty-alt.html": ("<img src='dot.svg' alt=' '>", ["image without alt text: dot.svg"]),
    "file-alt.html": (
        "<img src='dot.svg' alt='images/dot.svg'>",
        ["image whose alt text is a file name: dot.svg"],
    ),
    "notebooks/02_b.html": (
        f"<a href='{COLAB}/notebooks/01_a.ipynb'>x</a> <p>{BINDER}/notebooks/02_b.ipynb</p>",
        [
            "no link that launches notebooks/02_b.ipynb on colab.research.google.com",
            "no link that launches notebooks/02_b.ipynb on mybinder.org",
        ],
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is said of each page of a book with all the planted problems."""
    site = tmp_path_factory.mktemp("book") / "html"
    for name, body in (CLEAN | {name: body for name, (body, _) in PLANTED.items()}).items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(body, encoding="utf-8")
    (site / "dot.svg").touch()
    (site.parent / "outside.html").touch()  # there, but not part of the book
    sources = links.read(site)
    return {name: list(links.check(source, sources, site)) for name, source in sources.items()}


def test_every_page_is_read_and_no_template(found):
    assert found.keys() == (CLEAN.keys() | PLANTED.keys()) - {"_static/template.html"}


@pytest.mark.parametrize("page", sorted(CLEAN.keys() - {"_static/template.html"}))
def test_a_clean_page_has_no_problem(found, page):
    assert found[page] == []


@pytest.mark.parametrize("page", PLANTED)
def test_a_planted_problem_is_found_and_no_other(found, page):
    assert found[page] == PLANTED[page][1]
