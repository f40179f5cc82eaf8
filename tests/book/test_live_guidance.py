"""Chapter 18's live figure shows the pictures of its file and counts what the judge read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page

from benchmarks.live.guidance import FILE, GREYS, WEIGHTS, load, unpacked
from tests.book.test_live import (
    assert_noticed,
    close,
    numbers,
    opened,
    published,
    scripted,
    source,
    tab_to,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.exists(), reason="python -m benchmarks.live.guidance"),
]
PLACES = [(0, 0, 0), (2, 3, 9), (5, 1, 4), (6, 2, 7)]  # weight, noise, digit
ASKED = torch.arange(10)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *map(source, ("stage", "net", "guidance-weights", "guidance")))


# --- the arithmetic ----------------------------------------------------------------------------


def compare_all(page: Page) -> None:
    arrays = load()
    assert page.evaluate("course.guidance.WEIGHTS") == list(WEIGHTS)
    for place in PLACES:
        ink = page.evaluate("place => course.guidance.ink(...place)", place)
        close(ink, unpacked(arrays["pictures"][place]).double() / GREYS)
        found = page.evaluate("place => course.guidance.judged(...place)", place)
        assert found == arrays["read"][place]
    for k in range(len(WEIGHTS)):
        right = int((arrays["read"][k] == ASKED).sum())
        assert page.evaluate("k => course.guidance.right(k)", k) == right
        found = page.evaluate("k => course.guidance.measured(k)", k)
        names = ("share", "frechet", "precision", "recall")
        close([found[name] for name in names], arrays["measures"][k].double())


def test_pictures_and_numbers_are_those_of_the_file(page: Page):
    """Kills: noises or digits in another order, right pixel before left, another weight's."""
    compare_all(page)


BUGS = {
    "noise and digit exchanged": (
        "((k * NOISES + noise) * CLASSES + digit) * BYTES",
        "((k * CLASSES + digit) * NOISES + noise) * BYTES",
    ),
    "right before left": (
        "[Math.floor(byte / 16) / GREYS, (byte % 16) / GREYS]",
        "[(byte % 16) / GREYS, Math.floor(byte / 16) / GREYS]",
    ),
    "sixteen greys": ("const GREYS = 15;", "const GREYS = 16;"),
    "another's reading": ("read.data[(k * NOISES + noise)", "read.data[(noise * W + k)"),
    "counts the wrong": ("/ CLASSES), c) === c", "/ CLASSES), c) !== c"),
    "the next weight's": ("subarray(4 * k, 4 * k + 4)", "subarray(4 * k + 4, 4 * k + 8)"),
    "recall for precision": ("[share, frechet, precision, recall]",
                             "[share, frechet, recall, precision]"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, bug: str):
    """The mutants of guidance.js: one line is changed, and a comparison must fail."""
    assert_noticed(page, "guidance", BUGS[bug], lambda: compare_all(page))


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("live")
    return published(folder, "guidance", "Digits by class", "net", "guidance-weights")


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param) as page:
        yield page


def told(k: int) -> dict[str, str]:
    """The table at the k-th weight."""
    arrays = load()
    share, frechet, precision, recall = arrays["measures"][k].tolist()
    distance, near, reach = arrays["floors"].tolist()
    return {
        "weight w": f"{WEIGHTS[k]:g}",
        "read as asked, here": f"{int((arrays['read'][k] == ASKED).sum())} of 40",
        "in 1,000": f"{100 * share:.1f} %",
        "Fréchet distance": f"{frechet:.1f} ({distance:.1f})",
        "precision": f"{precision:.2f} ({near:.2f})",
        "recall": f"{recall:.2f} ({reach:.2f})",
    }


def test_the_keyboard_is_enough(figure: Page):
    """Kills: a slider that changes nothing, buttons beyond the ends, a table of another weight."""
    first, last = WEIGHTS.index(1), len(WEIGHTS) - 1
    assert numbers(figure) == told(first)
    tab_to(figure, "Guidance")
    for _ in range(20):  # an arrow moves it by a hundredth
        figure.keyboard.press("ArrowRight")
    assert numbers(figure) == told(round(first + 0.2 * last))
    tab_to(figure, "Less")
    for _ in range(last + 2):
        figure.keyboard.press("Enter")
    assert numbers(figure) == told(0)
    tab_to(figure, "More")
    figure.keyboard.press("Enter")
    assert numbers(figure) == told(1)
    for _ in range(last + 2):
        figure.keyboard.press("Enter")
    assert numbers(figure) == told(last)
    said = figure.get_by_role("status").inner_text()
    assert said.startswith(f"Guidance: weight w {WEIGHTS[last]:g}; read as asked, here")
    assert figure.locator(".live-value").inner_text() == f"w = {WEIGHTS[last]:g}"


COLUMN = """canvas => { const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  const dark = Array(10).fill(0);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++)
    dark[Math.floor(10 * x / width)] += 255 - data[4 * (y * width + x)];
  return dark }"""


def test_the_picture_is_drawn_and_fits_a_phone(figure: Page):
    """Ink by column beside the file's. Kills: an empty canvas, a page that scrolls sideways."""
    dark = torch.tensor(figure.get_by_role("img", name="Digits").evaluate(COLUMN)).double()
    ink = unpacked(load()["pictures"][WEIGHTS.index(1)]).double().sum((0, 2))
    assert torch.corrcoef(torch.stack([dark, ink]))[0, 1] > 0.9
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_without_javascript_the_still_picture_stands_there(browser: Browser, address: str):
    """Kills: an empty space."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    still = page.locator(".live-still")
    assert still.is_visible()
    assert still.evaluate("image => image.naturalWidth") > 500
    context.close()
