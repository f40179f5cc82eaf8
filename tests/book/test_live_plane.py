"""Chapter 14's live figure says what the package says, and obeys mouse, finger and keys."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor
from torch.distributions import Normal

from benchmarks.live.plane import load, trained
from coursepkg.models.autoencoders.vae import VAE
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
SCRIPTS = [source(name) for name in ("stage", "net", "plane-weights")]
REACH, STEP = 3.5, 0.1


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *SCRIPTS, source("plane"))


@pytest.fixture(scope="module")
def model() -> VAE:
    """The package's, with the weights of the page."""
    return trained().double()


POINTS = torch.cat([
    torch.zeros(1, 2), torch.tensor([[3.5, -3.5], [-0.7, 2.2]]),
    1.5 * torch.randn(9, 2, generator=seeded(0), dtype=torch.float64),
])  # fmt: skip


# --- the mathematics ---------------------------------------------------------------------------


def decoded(model: VAE, z: Tensor) -> Tensor:
    with torch.no_grad():
        return model.likelihood.mean(model.decode(z.double()))


def compare_decoder(page: Page, model: VAE) -> None:
    found = page.evaluate("z => z.map(course.plane.decode)", POINTS.tolist())
    close(found, decoded(model, POINTS))


def compare_surprise(page: Page) -> None:
    found = page.evaluate("z => z.map(course.plane.surprise)", POINTS.tolist())
    close(found, -Normal(0.0, 1.0).log_prob(POINTS.double()).sum(1))


def compare_nearest(page: Page) -> None:
    arrays = load()
    away = torch.cdist(POINTS.double(), arrays["codes"].double())
    found = page.evaluate("z => z.map(course.plane.nearest)", POINTS.tolist())
    close([each["distance"] for each in found], away.min(1).values)
    assert [each["n"] for each in found] == away.argmin(1).tolist()
    assert [each["digit"] for each in found] == arrays["labels"][away.argmin(1)].tolist()


def compare_articles(page: Page) -> None:
    found = page.evaluate("Array.from({length: 10}, (_, digit) => course.plane.article(digit))")
    assert found == ["an" if digit == 8 else "a" for digit in range(10)]


def compare_all(page: Page, model: VAE) -> None:
    compare_decoder(page, model)
    compare_surprise(page)
    compare_nearest(page)
    compare_articles(page)


def test_the_decoded_image_is_the_package_s(page: Page, model: VAE):
    """Kills: another nonlinearity, a layer left out, logits for probabilities."""
    compare_decoder(page, model)


def test_the_surprise_of_a_point_is_the_prior_s(page: Page):
    """Kills: the constant of one dimension, a density for its logarithm."""
    compare_surprise(page)


def test_the_nearest_code_is_found(page: Page):
    """A table of all distances. Kills: coordinates exchanged, the digit of another image."""
    compare_nearest(page)


def test_a_digit_has_its_article(page: Page):
    """Kills: "a 8"."""
    compare_articles(page)


BUGS = {
    "a 8": ('digit === 8 ? "an" : "a"', '"a"'),
    "σ for silu": ("value * gate[i]", "gate[i]"),
    "silu twice": ("net.linear(silu(h), map)", "net.linear(silu(silu(h)), map)"),
    "no nonlinearity": ("net.linear(silu(h), map)", "net.linear(h, map)"),
    "logits": ("Array.from(net.sigmoid(h).data)", "Array.from(h.data)"),
    "half a constant": ("Math.log(2 * Math.PI);", "Math.log(2 * Math.PI) / 2;"),
    "a square for its half": ("(a * a + b * b) / 2", "(a * a + b * b)"),
    "coordinates exchanged": ("codes.data[2 * n] - a, codes.data[2 * n + 1] - b",
                              "codes.data[2 * n] - b, codes.data[2 * n + 1] - a"),
    "the farthest": ("away.indexOf(Math.min(...away))", "away.indexOf(Math.max(...away))"),
    "the digit beside it": ("digit: labels.data[n]", "digit: labels.data[n + 1]"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, model: VAE, bug: str):
    """The mutants of plane.js: one line is changed, and a comparison must fail."""
    assert_noticed(page, "plane", BUGS[bug], lambda: compare_all(page, model))


# --- the figure as a reader meets it -----------------------------------------------------------


def page_of(folder: Path, script: str) -> str:
    """The address of a page whose figure runs this script."""
    parts = ("net", "plane-weights")
    return published(folder, "plane", "A plane of codes and a decoded digit", *parts, script=script)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(tmp_path_factory.mktemp("live"), source("plane"))


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param, touch=True) as page:
        yield page


def point(page: Page) -> tuple[float, float]:
    """Where the ring is, as the table says."""
    a, b = numbers(page)["z"].replace("−", "-").strip("()").split(", ")
    return float(a), float(b)


def plane(page: Page):
    return page.get_by_role("img", name="Latent plane")


def by_keyboard(page: Page, model: VAE) -> None:
    """A reader without a mouse moves the ring, and reads what the decoder makes of it."""
    assert point(page) == (0, 0)
    plane(page).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "Alt+ArrowLeft"):
        page.keyboard.press(key)
    assert point(page) == (0.1, 0.1)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert point(page) == (0.1, -0.2)
    z = torch.tensor([[0.1, -0.2]])
    p = decoded(model, z)[0]
    table = numbers(page)
    assert float(table["expected ink"].split()[0]) == pytest.approx(float(p.sum()), rel=6e-3)
    assert int(table["unsure pixels"]) == int(((p > 0.1) & (p < 0.9)).sum())
    surprise = float(z.square().sum() / 2) + math.log(2 * math.pi)
    assert float(table["−log p(z)"].split()[0]) == pytest.approx(surprise, rel=6e-3)
    arrays = load()
    away = (arrays["codes"].double() - z.double()).norm(dim=1)
    digit = int(arrays["labels"][away.argmin()])
    assert table["nearest code"].startswith(f"{'an' if digit == 8 else 'a'} {digit}, ")
    assert page.get_by_role("status").inner_text().startswith("Point (0.10, −0.20): z (0.10")
    slider = page.get_by_role("slider", name="z₂")
    slider.focus()
    page.keyboard.press("ArrowUp")
    assert point(page) == (0.1, pytest.approx(-0.2 + 2 * REACH / 100, abs=0.006))
    for _ in range(60):
        page.keyboard.press("ArrowUp")
    assert point(page) == (0.1, REACH)
    plane(page).focus()
    page.keyboard.press("ArrowUp")
    assert point(page) == (0.1, REACH), "the edge holds"


def by_pressing(page: Page) -> None:
    """A click on the plane puts the ring there, dragging takes it along."""
    box = plane(page).bounding_box()
    width, height = box["width"], box["height"]
    unit = (height - 42) / (2 * REACH)
    middle = (38 + (width - 54) / 2, 8 + (height - 42) / 2)

    def at(a: float, b: float) -> dict[str, float]:
        return {"x": middle[0] + a * unit, "y": middle[1] - b * unit}

    plane(page).click(position=at(1.5, -0.5))
    assert point(page) == (pytest.approx(1.5, abs=0.03), pytest.approx(-0.5, abs=0.03))
    told = plane(page).get_attribute("aria-label")
    page.mouse.move(box["x"] + at(0, 1)["x"], box["y"] + at(0, 1)["y"])
    assert plane(page).get_attribute("aria-label") == told, "only a press moves the ring"
    page.mouse.down()
    page.mouse.move(box["x"] + at(-1, 2)["x"], box["y"] + at(-1, 2)["y"], steps=3)
    page.mouse.up()
    assert point(page) == (pytest.approx(-1, abs=0.03), pytest.approx(2, abs=0.03))


def test_the_keyboard_is_enough(figure: Page, model: VAE):
    """Kills: keys that do nothing or the wrong way, numbers of another point."""
    by_keyboard(figure, model)
    tab_to(figure, "Draw from the prior", 20)


def test_the_plane_can_be_pressed(figure: Page):
    """Kills: a ring beside the finger, an axis upside down, axes of two units."""
    plane(figure).scroll_into_view_if_needed()
    by_pressing(figure)


def test_draws_are_from_the_prior_and_new_each_time(figure: Page):
    """Kills: the same draw again, points outside of the plane."""
    found = set()
    for _ in range(20):
        figure.get_by_role("button", name="Draw from the prior").click()
        found.add(point(figure))
    assert len(found) == 20
    assert max(abs(value) for z in found for value in z) <= REACH
    assert 0.5 < torch.tensor(sorted(found)).std() < 1.6


def test_the_pictures_are_drawn_and_fit_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    script = """canvas => { const {width, height} = canvas;
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size }"""
    for name in ("Latent plane", "Decoded image"):
        assert figure.get_by_role("img", name=name).evaluate(script) > 20
    assert figure.get_by_role("group", name="A plane of codes").is_visible()
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_drawn_image_is_what_was_decoded(figure: Page, model: VAE):
    """The grey of each square, from the canvas. Kills: rows for columns, ink turned over."""
    script = """canvas => { const {width, height} = canvas, scale = devicePixelRatio || 1;
      const side = Math.floor(Math.min(width, height) / scale / 28);
      const left = Math.floor((width / scale - 28 * side) / 2);
      const top = Math.floor((height / scale - 28 * side) / 2);
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      const middle = (first, n) => Math.floor((first + (n + 0.5) * side) * scale);
      return Array.from({length: 784}, (_, d) =>
        data[4 * (middle(top, Math.floor(d / 28)) * width + middle(left, d % 28))]) }"""
    found = torch.tensor(figure.get_by_role("img", name="Decoded image").evaluate(script))
    truth = 255 * decoded(model, torch.zeros(1, 2))[0]
    assert (found - truth).abs().max() <= 0.51
    assert truth.max() > 100, "vacuous: nothing is drawn"


def test_without_javascript_the_still_picture_stands_there(browser: Browser, address: str):
    """Kills: an empty space."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    still = page.locator(".live-still")
    assert still.is_visible()
    assert still.evaluate("image => image.naturalWidth") > 500
    context.close()


HABITS = {  # bugs of the figure itself
    "arrows go the wrong way": ("ArrowUp: [0, 1]", "ArrowUp: [0, -1]"),
    "the browser's keys are taken": (" || ctrlKey || metaKey || altKey", ""),
    "the edge does not hold": ("Math.min(Math.max(value, -REACH), REACH)", "value"),
    "an axis upside down": ("(Y(0) - y) / unit", "(y - Y(0)) / unit"),
    "dragging does nothing": ('element.addEventListener("pointermove", pull);', ""),
    "hovering moves": ("if (buttons) onmove", "onmove"),
    "the image stays": ("const [p, near] = [decode(z), nearest(z)];",
                        "const [p, near] = [decode([0, 0]), nearest(z)];"),
    "sliders exchanged": ("at.with(d, sliders[d].value())", "at.with(1 - d, sliders[d].value())"),
}  # fmt: skip


@pytest.mark.parametrize("bug", HABITS)
def test_a_planted_habit_is_noticed(browser: Browser, tmp_path: Path, model: VAE, bug: str):
    """The mutants of the figure: a reader who does as above must be surprised."""
    old, new = HABITS[bug]
    assert source("plane").count(old) == 1
    context = browser.new_context(reduced_motion="reduce")
    page, said = context.new_page(), list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_of(tmp_path, source("plane").replace(old, new)))

    def read() -> None:
        by_keyboard(page, model)
        by_pressing(page)
        assert said == []

    with pytest.raises(AssertionError):
        read()
    context.close()
