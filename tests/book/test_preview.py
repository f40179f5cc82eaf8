"""`make preview`: what is saved is shown, outputs are kept, nothing is executed."""

import os
import threading
import urllib.request
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import notebooks, pairs, preview

PLACES = ("_config.yml", "_toc.yml", "notebooks/01_a.md", "notebooks/01_a.ipynb", "book/intro.md",
          "book/_static/custom.css", "book/live/a.js")  # fmt: skip
MADE = ("book/generated/api.md", "book/_static/mathjax/a.js", "book/_static/assignments/a.zip",
        "_build/html/a.html", "lab/01_a.ipynb")  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*PLACES, *MADE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def later(file: Path) -> None:
    """Saves a file, a second after it was saved last, whatever the clock's ticks are."""
    at = file.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(at, at))


def test_what_people_write_is_watched_and_what_is_made_is_not(tree: Path):
    """Kills: a build that sets off the next one; a figure or the table of contents unwatched."""
    assert set(preview.stamps(tree)) == {tree / name for name in PLACES}


def test_each_save_is_news_once(tree: Path):
    """Kills: a deleted page that stays; news that repeats; the preview's own copy as news."""
    news = preview.saved(tree, seconds=0)
    assert set(next(news)) == {tree / name for name in PLACES}
    later(tree / "notebooks/01_a.ipynb")  # the preview's own doing, between two questions
    later(tree / "book/intro.md")
    assert next(news) == [tree / "book/intro.md"]
    later(tree / "_toc.yml")
    (tree / "book/live/a.js").unlink()
    (tree / "book/new.md").touch()
    assert next(news) == sorted(
        tree / name for name in ("_toc.yml", "book/live/a.js", "book/new.md")
    )


def test_an_ipynb_that_make_notebooks_wrote_meanwhile_is_news(tree: Path, monkeypatch):
    """Kills: .ipynb files unwatched, so that an execution is never shown."""
    news = preview.saved(tree, seconds=0)
    next(news)
    monkeypatch.setattr(preview.time, "sleep", lambda _: later(tree / "notebooks/01_a.ipynb"))
    assert next(news) == [tree / "notebooks/01_a.ipynb"]


@pytest.mark.parametrize(
    ("stale", "copies", "said"),
    [
        ("", True, "prose copied"),
        ("the code is not that of 01_a.md", False, "you see its last run until `make notebooks`"),
    ],
)
def test_text_is_copied_and_code_waits(monkeypatch, capsys, stale: str, copies: bool, said: str):
    """Kills: a preview that executes, or that throws the outputs of changed code away."""
    copied: list[Path] = []
    monkeypatch.setattr(notebooks, "stale", lambda _: stale)
    monkeypatch.setattr(notebooks, "copy", lambda md: not copied.append(md))
    monkeypatch.setattr(notebooks, "execute", None)
    preview.copy(Path("notebooks/01_a.md"))
    assert copied == [Path("notebooks/01_a.md")] * copies
    assert said in capsys.readouterr().out


def test_a_half_written_chapter_is_said_and_waited_for(tmp_path: Path, capsys):
    """Kills: a preview that dies with the first typing error."""
    md = tmp_path / "01_a.md"
    md.write_text("# A\n\n```{code-cell}\n---\ntags: [a\n---\nx\n```\n")
    md.with_suffix(".ipynb").write_text(pairs.text(pairs.nbformat.v4.new_notebook()))
    preview.copy(md)
    assert "01_a.md cannot be read" in capsys.readouterr().out


def test_a_new_table_of_contents_builds_all_pages(tree: Path, monkeypatch):
    """Kills: old sidebars; tables that are made anew for every sentence, or never."""
    calls: list[str] = []
    monkeypatch.setattr(preview.subprocess, "run", lambda command, **_: calls.append(command))
    page = tree / preview.OUT / "_build/html/index.html"
    for changed, tools, kept in (
        ("notebooks/01_a.md", 1, True),
        ("book/notation.yml", 2, True),
        ("_toc.yml", 2, False),
    ):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.touch()
        os.utime(page, ns=(0, (tree / "_toc.yml").stat().st_mtime_ns))
        if not kept:
            later(tree / "_toc.yml")
        calls.clear()
        preview.build(tree, [tree / changed])
        assert len(calls) == tools
        assert [Path(calls[-1][0]).name, *calls[-1][1:]] == [
            "jupyter-book", "build", str(tree), "--path-output", str(tree / preview.OUT), "-q"
        ]  # fmt: skip
        assert page.exists() is kept


def test_pages_reload_and_files_are_served_as_they_are(tree: Path, monkeypatch):
    """Kills: a script put into a picture; a page or a number of builds out of the cache."""
    (tree / "index.html").write_text("<p>x</p>")
    (tree / "a.css").write_text("p {}")

    class Quick(preview.Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quick, directory=str(tree))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def get(path: str) -> tuple[bytes, str | None]:
            address = f"http://127.0.0.1:{server.server_port}/{path}"
            with urllib.request.urlopen(address, timeout=20) as answer:
                return answer.read(), answer.headers["Cache-Control"]

        assert get("") == get("index.html") == (b"<p>x</p>" + preview.RELOAD, "no-store")
        assert get("a.css") == (b"p {}", None)
        assert get("built") == (b"0", "no-store")
        monkeypatch.setattr(preview.Handler, "built", 1)
        assert get("built") == (b"1", "no-store")
        server.shutdown()
