"""What several tools ask of the book's configuration."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from coursepkg.files import write_whole

CHAPTER = re.compile(r"notebooks/(\d\d)_\w+")


def chapter_number(page: str) -> int | None:
    """The chapter that a page is: 9 for notebooks/09_autoregressive, None for prose."""
    match = CHAPTER.fullmatch(page)
    return int(match[1]) if match else None


def repository_url(root: Path) -> str:
    """Where the repository lives; _config.yml is the one place that knows."""
    url: str = yaml.safe_load((root / "_config.yml").read_text("utf8"))["repository"]["url"]
    return url.rstrip("/")


def site_url(root: Path) -> str:
    """Where GitHub Pages publishes that repository."""
    organisation, name = repository_url(root).split("/")[-2:]
    return f"https://{organisation}.github.io/{name}"


def toc_pages(root: Path) -> list[str]:
    """The pages of the book in reading order, without suffix."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    return [toc["root"], *_files(toc)]


def _files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "file" in node:
            yield node["file"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _files(child)


def title(page: Path) -> str:
    """The first heading of a Markdown page."""
    heading = re.search(r"(?m)^# (.+)$", page.read_text("utf8"))
    if heading is None:
        raise ValueError(f"{page}: expected a heading `# Title`, found none")
    return heading[1].strip()


def write(path: Path, text: str) -> None:
    """Writes only what changed, so that the next build reads only that."""
    if not path.exists() or path.read_text("utf8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
