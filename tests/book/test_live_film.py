"""Chapter 17's live figure shows the frames of its file, and measures them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from torch import Tensor

from benchmarks.live.film import REACH, load
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
PLACES = [(0, 0, 0), (0, 5, 9), (1, 31, 3), (1, 12, 0)]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *map(source, ("stage", "net", "film-weights", "film")))


def away(film: int, frame: int) -> Tensor:
    """Root mean square distance of the guesses to what is drawn, in levels."""
    arrays = load()
    guess = arrays["guess"][film, frame].double() / 255 * 16
    return (guess - arrays["drawn"][film].double()).square().mean().sqrt()


def compare_all(page: Page) -> None:
    arrays = load()
    films, frames, _, _ = arrays["noisy"].shape
    assert page.evaluate("[course.film.FILMS, course.film.FRAMES]") == [films, frames]
    for film, frame, digit in PLACES:
        found = page.evaluate(
            "at => [course.film.noisyAt(...at), course.film.guessAt(...at)]", [film, frame, digit]
        )
        close(found[0], (arrays["noisy"][film, frame, digit].double() / 255 * 2 - 1) * REACH)
        close(found[1], arrays["guess"][film, frame, digit].double() / 255 * 2 - 1)
        ends = page.evaluate("at => course.film.drawnAt(...at)", [film, digit])
        close(ends, arrays["drawn"][film, digit].double())
        close(page.evaluate("at => course.film.away(...at)", [film, frame]), away(film, frame))
        power = arrays["level"][frame].double().sigmoid()
        close(page.evaluate("f => course.film.power(f)", frame), power, 1e-6)


def test_frames_are_those_of_the_file(page: Page):
    """Kills: films, frames or digits in another order, another range."""
    compare_all(page)


BUGS = {
    "digits and frames exchanged": (
        "((film * FRAMES + frame) * DIGITS + digit)", "((film * DIGITS + digit) * FRAMES + frame)"
    ),
    "half the range": ("((2 * data[first + d]) / BYTE - 1)", "(data[first + d] / BYTE)"),
    "one reach for both": ("numbersOf(guess, 1, ...at)", "numbersOf(guess, REACH, ...at)"),
    "the first film's end": ("D * (film * DIGITS + digit)", "D * digit"),
    "levels to 17": ("((g + 1) * TOP) / 2", "((g + 1) * (TOP + 1)) / 2"),
    "a mean over digits only": ("Math.sqrt(sum / (DIGITS * D))", "Math.sqrt(sum / DIGITS)"),
    "the noise's power": ("Math.exp(-level.data[frame])", "Math.exp(level.data[frame])"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, bug: str):
    """The mutants of film.js: one line is changed, and the comparison must fail."""
    assert_noticed(page, "film", BUGS[bug], lambda: compare_all(page))


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("live")
    return published(folder, "film", "Films of digits", "net", "film-weights")


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param) as page:
        yield page


def test_the_keyboard_is_enough(figure: Page):
    """Kills: a button that shows another frame, a film that does not end or does not change."""
    frames = load()["noisy"].shape[1]
    assert numbers(figure)["frame"] == f"1 of {frames}"
    tab_to(figure, "Run")
    tab_to(figure, "Step")
    figure.keyboard.press("Enter")
    assert numbers(figure)["frame"] == f"2 of {frames}"
    for _ in range(frames + 2):
        figure.keyboard.press("Enter")
    assert numbers(figure)["frame"] == "the end"
    assert numbers(figure)["from guess to end"] == f"{away(0, frames - 1):.3g} levels"
    tab_to(figure, "Another film")
    figure.keyboard.press("Enter")
    assert numbers(figure)["frame"] == f"1 of {frames}"
    assert numbers(figure)["from guess to end"] == f"{away(1, 0):.3g} levels"


def test_arrows_move_the_slider_from_frame_to_frame(figure: Page):
    """An arrow is a hundredth of the way. Kills: a slider set back to its frame, frame 33 of 32."""
    frames, value = load()["noisy"].shape[1], figure.locator(".live-value")
    tab_to(figure, "Frame")
    for _ in range(20):
        figure.keyboard.press("ArrowRight")
    assert numbers(figure)["frame"] == f"{1 + round(0.2 * frames)} of {frames}"
    assert value.inner_text() == f"{1 + round(0.2 * frames)}"
    for _ in range(85):
        figure.keyboard.press("ArrowRight")
    assert numbers(figure)["frame"] == "the end"
    assert value.inner_text() == "end"


def test_run_shows_the_film_or_a_part_of_it(browser: Browser, address: str):
    """Who wants no motion sees a leap.   Kills: a film that runs for those who do not want it."""
    for motion in ("no-preference", "reduce"):
        with opened(browser, address, motion) as page:
            page.get_by_role("button", name="Run").click()
            if motion == "reduce":
                assert numbers(page)["frame"].startswith("9 of")
            else:
                page.get_by_text("the end", exact=True).wait_for(timeout=30_000)


def test_the_picture_is_drawn_and_fits_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    script = """canvas => { const {width, height} = canvas;
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size }"""
    assert figure.get_by_role("img", name="Films").evaluate(script) > 20
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


def test_every_film_goes_from_noise_to_its_picture():
    """Kills: frames from the clear end on, guesses of another film."""
    arrays = load()
    assert (arrays["level"].diff() > 0).all()
    assert arrays["drawn"].max() <= 16
    for film in range(2):
        assert away(film, 31) < 2 < away(film, 0)
