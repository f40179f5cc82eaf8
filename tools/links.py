"""What can be told about the built pages without a browser: links, alt text, launch buttons.

`tools.pages` runs these checks before it opens a page; each yields one line for each problem.
"""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

ADDRESSES = {"canonical", "license", "author"}  # a <link> that no browser asks for


class Source(HTMLParser):
    """What one HTML file points at and can be pointed at by."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self.name = name
        self.ids: set[str] = set()
        self.links: list[tuple[str, str]] = []  # (tag, URL)
        self.images: list[dict[str, str]] = []
        self.moved = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a start tag's id, link and image."""
        has = {key: value or "" for key, value in attrs}
        self.ids |= {has.get("id", ""), has.get("name", "") if tag == "a" else ""}
        if has.get("rel") not in ADDRESSES:
            self.links += [(tag, has[key]) for key in ("href", "src") if key in has]
        if tag == "img":
            self.images.append(has)
        if tag == "meta" and has.get("http-equiv", "").lower() == "refresh":
            self.moved = True
            self.links.append((tag, has["content"].partition("=")[2]))


def check_links(source: Source, sources: Mapping[str, Source], site: Path) -> Iterator[str]:
    """Every link inside the book finds its file and its anchor, and stays under the book's root."""
    for tag, url in source.links:
        scheme, host, path, _, anchor = urlsplit(url)
        if host and tag not in {"a", "area"}:
            yield f"request to another host: {url}"
        if scheme or host:
            if scheme not in {"http", "https", "mailto", "data", ""}:
                yield f"link that no reader can follow: {url}"
            continue
        target = normpath(join(dirname(source.name), unquote(path))) if path else source.name
        if (site / target).is_dir():
            target = normpath(join(target, "index.html"))
        if target.startswith(("/", "..")) or not (site / target).is_file():
            yield f"broken link: {url}"
        elif anchor and target in sources and unquote(anchor) not in sources[target].ids:
            yield f"broken anchor: {url}"


def check_images(source: Source) -> Iterator[str]:
    """Every image says what it shows; Sphinx fills a missing text with the file's name."""
    for image in source.images:
        alt, hidden = image.get("alt", "").strip(), image.get("aria-hidden") == "true"
        decorative = "alt" in image and (hidden or image.get("role") in {"presentation", "none"})
        if not alt and not decorative:
            yield f"image without alt text: {image.get('src')}"
        if re.fullmatch(r"\S+\.(png|svg|jpe?g|gif|webp)", alt):
            yield f"image whose alt text is a file name: {image.get('src')}"


def check_launch(source: Source) -> Iterator[str]:
    """Every notebook's page can be launched on Colab and on Binder, and launches itself."""
    if source.name.startswith("notebooks/") and not source.moved:
        notebook = Path(source.name).with_suffix(".ipynb").as_posix()
        for host in ("colab.research.google.com", "mybinder.org"):
            if not any(
                urlsplit(u).netloc == host and notebook in unquote(u) for _, u in source.links
            ):
                yield f"no link that launches {notebook} on {host}"


def read(site: Path) -> dict[str, Source]:
    """All pages of the site by their path, but not what the theme keeps among its static files."""
    files = {file.relative_to(site): file for file in sorted(site.rglob("*.html"))}
    return {
        name.as_posix(): Source(name.as_posix(), file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if name.parts[0] not in {"_static", "_sources"}
    }


def check(source: Source, sources: Mapping[str, Source], site: Path) -> Iterator[str]:
    """All that the file itself shows to be wrong with one page."""
    yield from check_links(source, sources, site)
    yield from check_images(source)
    yield from check_launch(source)
