"""Chapter 15's live figure shows the frames of its file and counts as the package does."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from benchmarks.live.ring import LOSSES, RATES, REACH, STEPS, grid, load
from coursepkg.data.toy import eight_gaussians
from coursepkg.evaluation.samples import mode_shares, modes_covered
from coursepkg.rng import seeded
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

pytestmark = pytest.mark.slow
CHOICES = [[0, 0, 0], [3, 1, 0], [2, 1, 1], [1, 0, 1]]
RADIUS = 1.5


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    names = ("stage", "net", "ring-weights", "ring")
    return scripted(browser, *map(source, names))


def drawn(choice: list[int], frame: int) -> Tensor:
    """The package's reading of the file, (120, 2)."""
    return load()["points"][*choice, frame].double() / 255 * 2 * REACH - REACH


def field(choice: list[int], frame: int) -> Tensor:
    """(17, 17)."""
    arrays = load()
    low, high = arrays["range"][*choice, frame].double()
    return low + arrays["scores"][*choice, frame].double() / 255 * (high - low)


# --- the mathematics ---------------------------------------------------------------------------


def compare_frames(page: Page) -> None:
    for choice in CHOICES:
        for frame in (0, 4, len(load()["epochs"]) - 1):
            found = page.evaluate("([c, f]) => [course.ring.drawn(c, f), course.ring.field(c, f)]",
                                  [choice, frame])  # fmt: skip
            close(found[0], drawn(choice, frame))
            close(found[1], field(choice, frame))
    assert page.evaluate("course.ring.EPOCHS") == load()["epochs"].tolist()


def compare_counts(page: Page) -> None:
    means = eight_gaussians().means.double()
    close(page.evaluate("course.ring.MEANS"), means, 1e-6)
    x = eight_gaussians().sample(300, generator=seeded(0)).double()
    clouds = [2 * x, x[x[:, 0] > 1], torch.cat([means[:1].expand(98, 2), means[1:3]]),
              torch.cat([means[:1].expand(199, 2), means[1:2]])]  # fmt: skip
    for cloud in (*clouds, *(drawn(choice, 4) for choice in CHOICES)):
        found = page.evaluate("x => course.ring.reached(x)", cloud.tolist())
        assert found["modes"] == modes_covered(cloud, means, radius=RADIUS)
        shares = mode_shares(cloud, means, radius=RADIUS)
        close(found["near"], shares.sum())
        counts = page.evaluate("x => course.ring.counts(x)", cloud.tolist())
        close(torch.tensor(counts) / len(cloud), shares)


def compare_all(page: Page) -> None:
    compare_frames(page)
    compare_counts(page)


def test_frames_are_those_of_the_file(page: Page):
    """Kills: choices or frames in another order, rows for columns, another range."""
    compare_frames(page)


def test_modes_are_counted_as_the_package_counts(page: Page):
    """Kills: one draw for 1 %, a draw counted twice, other standard deviations."""
    compare_counts(page)


BUGS = {
    "rates and losses exchanged": ("((loss * RATES + rates)", "((rates * LOSSES + loss)"),
    "a frame later": ("* FRAMES + frame;", "* FRAMES + Math.min(frame + 1, FRAMES - 1);"),
    "half the reach": (
        "* 2 * REACH - REACH;\n    return Array.from({ length: POINTS }",
        "* REACH;\n    return Array.from({ length: POINTS }",
    ),
    "rows for columns": ("score(GRID * j + i)", "score(GRID * i + j)"),
    "no lowest score": ("const score = (i) => low +", "const score = (i) =>"),
    "two standard deviations": ("[4, 1.5, 0.01]", "[4, 1.0, 0.01]"),
    "more than 1 %": ("n >= LEAST * found.length", "n > LEAST * found.length"),
    "any draw": ("n >= LEAST * found.length", "n > 0"),
    "each mode that is near": ("if (least <= NEAR) each", "each"),
    "a ring turned": ("Math.cos((k * Math.PI) / 4)", "Math.cos(((k + 0.5) * Math.PI) / 4)"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, bug: str):
    """The mutants of ring.js: one line is changed, and a comparison must fail."""
    assert_noticed(page, "ring", BUGS[bug], lambda: compare_all(page))


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("live")
    return published(folder, "ring", "A ring and two players", "net", "ring-weights")


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param) as page:
        yield page


def told(choice: list[int], frame: int) -> dict[str, str]:
    """The first three lines of the table."""
    x, means = drawn(choice, frame), eight_gaussians().means.double()
    near = mode_shares(x, means, radius=RADIUS).sum().item()
    return {
        "epochs": str(int(load()["epochs"][frame])),
        "modes with at least 1 % of the draws": f"{modes_covered(x, means, radius=RADIUS)} of 8",
        "draws at a mode": f"{math.floor(100 * near + 0.5)} %",
    }


def test_the_keyboard_is_enough(figure: Page):
    """Kills: a choice that changes nothing or another's, buttons beyond the ends."""
    last = len(load()["epochs"]) - 1
    assert told([0, 0, 0], last).items() <= numbers(figure).items()
    tab_to(figure, "Loss")
    for _ in range(3):
        figure.keyboard.press("ArrowDown")
    tab_to(figure, "Learning rates")
    figure.keyboard.press("ArrowDown")
    assert told([3, 1, 0], last).items() <= numbers(figure).items()
    tab_to(figure, "Critic steps")
    figure.keyboard.press("ArrowDown")
    assert told([3, 1, 1], last).items() <= numbers(figure).items()
    tab_to(figure, "Earlier")
    figure.keyboard.press("Enter")
    assert told([3, 1, 1], last - 1).items() <= numbers(figure).items()
    for _ in range(last + 3):
        figure.keyboard.press("Enter")
    assert told([3, 1, 1], 0).items() <= numbers(figure).items()
    tab_to(figure, "Later")
    figure.keyboard.press("Enter")
    assert told([3, 1, 1], 1).items() <= numbers(figure).items()
    said = figure.get_by_role("status").inner_text()
    assert said.startswith("relativistic, both penalties; critic 0.0001, generator 0.003; 5 for")


def test_the_picture_is_drawn_and_fits_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    script = """canvas => { const {width, height} = canvas;
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size }"""
    assert figure.get_by_role("img", name="Ring").evaluate(script) > 20
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


def test_choices_are_those_of_the_file():
    """Kills: a list in ring.js that is another's."""
    text = source("ring")
    places = [text.index(f'"{loss}"') for loss in LOSSES]
    assert places == sorted(places)
    assert load()["points"].shape[:3] == (len(LOSSES), len(RATES), len(STEPS))
    assert grid()[0].tolist() == [-REACH, -REACH]
    assert grid()[1, 0] > -REACH
    assert list(RATES.values()) == [(0.001, 0.001), (0.0001, 0.003)]
