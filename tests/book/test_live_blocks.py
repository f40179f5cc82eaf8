"""Each live figure has what a reader without a mouse, without eyes or on paper needs."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2]
PAGES = sorted([*BOOK.glob("notebooks/*.md"), *BOOK.glob("book/*.md")])
BLOCK = re.compile(r"^(`{3,}|:{3,})\{live\} *(.*)\n((?:.*\n)*?)\1 *$", re.MULTILINE)


def blocks() -> list[tuple[str, str, str]]:
    """Page, argument and inside of each."""
    return [
        (page.name, argument.strip(), inside)
        for page in PAGES
        for _, argument, inside in BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def wrong(page: str, argument: str, inside: str) -> list[str]:
    """What a block lacks, in words."""
    lines = inside.splitlines()
    options = dict(re.findall(r"^:(\w+): *(.*)$", inside, re.MULTILINE))
    caption = " ".join(line for line in lines if not re.match(r":\w+:", line)).strip()
    found = {
        "a script": (BOOK / f"book/live/{argument}.js").is_file(),
        "a still picture": (BOOK / f"book/live/{argument}.png").is_file(),
        "a name": options.get("name", "") == f"live-{page[:2]}-{argument}",
        "an alternative text": len(options.get("alt", "").split()) >= 12,
        "a caption": len(caption.split()) >= 12,
    }
    return [what for what, there in found.items() if not there]


@pytest.mark.parametrize(("page", "argument", "inside"), blocks(), ids=lambda each: each[:20])
def test_each_block_has_name_alternative_text_and_caption(page, argument, inside):
    """Kills: a block that no reference reaches, a figure without words."""
    assert wrong(page, argument, inside) == []


def test_every_page_with_a_block_is_found():
    """Kills: a pattern that overlooks one."""
    named = sum(page.read_text(encoding="utf-8").count("{live} ") for page in PAGES)
    assert len(blocks()) == named >= 4


@pytest.mark.parametrize(
    ("old", "new", "lacking"),
    [
        (":name: live-14-plane\n", "", "a name"),
        (":name: live-14-plane\n", ":name: live-13-plane\n", "a name"),
        (":alt: Left", ":was: Left", "an alternative text"),
        ("A point of the plane", ":caption: A point of the plane", "a caption"),
    ],
)
def test_a_block_without_one_is_noticed(old, new, lacking):
    """The block of chapter 14, made worse. Kills: a check that passes everything."""
    (inside,) = (inside for _, argument, inside in blocks() if argument == "plane")
    assert inside.count(old) == 1
    assert wrong("14_vae.md", "plane", inside.replace(old, new)) == [lacking]
