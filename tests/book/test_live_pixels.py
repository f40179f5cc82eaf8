"""Chapter 10's live figure says what the package says, and obeys mouse, finger and keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor

from benchmarks.live.pixels import load
from coursepkg.data.digits import LEVELS, load_labels, load_split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.nets.causality import dependence
from coursepkg.rng import seeded
from tests.book.test_live import (
    close,
    numbers,
    opened,
    published,
    scripted,
    source,
    tab_to,
    uniform,
    xoshiro,
)

pytestmark = pytest.mark.slow
D, SIDE = 64, 8
SCRIPTS = [source(name) for name in ("stage", "net", "pixels-weights")]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *SCRIPTS, source("pixels"))


@pytest.fixture(scope="module")
def model() -> CachedARM:
    """The package's, with the weights of the page."""
    return load()[0].double()


# --- the mathematics ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What the package says of some pictures."""

    x: Tensor  # (N, 64)
    logits: Tensor  # (N, 64, 17)
    log_prob: Tensor  # (N,)
    sees: list[set[int]]  # of each pixel
    drawn: list[tuple[list[int], int, list[int]]]  # a picture, where the drawing begins, its end


@pytest.fixture(scope="module")
def truth(model: CachedARM) -> Truth:
    """Of the figure's own pictures, of noise, and of what a reader may draw at the extremes."""
    generator = seeded(0)
    noise = torch.randint(LEVELS, (3, D), generator=generator)
    x = torch.cat([load()[1], noise, torch.zeros_like(noise[:1]), torch.full_like(noise[:1], 16)])
    slope = dependence(model.net, dim=D, levels=LEVELS, generator=generator)
    with torch.no_grad():
        return Truth(
            x, model.net(x), model.log_prob(x),
            [set(row.nonzero().flatten().tolist()) for row in slope > 0],
            [(x[n].tolist(), d, slow_drawing(model, x[n], d, seed=n))
             for n, d in ((0, 0), (1, 45), (12, 60))],
        )  # fmt: skip


def slow_drawing(model: CachedARM, x: Tensor, start: int, *, seed: int) -> list[int]:
    """A loop over the pixels, a whole pass for each, with the page's random numbers."""
    words, x = xoshiro(seed), x.clone()
    for d in range(start, D):
        p, u = model.net(x[None])[0, d].softmax(-1), uniform(words)
        x[d] = int((p.cumsum(0) <= u).sum().clamp_max(LEVELS - 1))
    return x.tolist()


def compare_logits(page: Page, truth: Truth) -> None:
    script = "x => x.map(each => Array.from(course.pixels.logits(each).data))"
    found = torch.tensor(page.evaluate(script, truth.x.tolist()), dtype=torch.float64)
    close(found.view_as(truth.logits), truth.logits)


def compare_surprise(page: Page, truth: Truth) -> None:
    """Pixel by pixel it is the conditional's, and the sum is -log p(x)."""
    script = """x => x.map(each => {
      const {logConditionals, surprises} = course.pixels;
      return surprises(logConditionals(each), each);
    })"""
    found = torch.tensor(page.evaluate(script, truth.x.tolist()), dtype=torch.float64)
    close(found.sum(1), -truth.log_prob)
    close(-found, truth.logits.log_softmax(-1).gather(-1, truth.x[..., None])[..., 0])


def compare_sight(page: Page, truth: Truth) -> None:
    script = "() => Array.from({length: 64}, (_, d) => [...course.pixels.sees(d)])"
    assert [set(each) for each in page.evaluate(script)] == truth.sees


def compare_drawings(page: Page, truth: Truth) -> None:
    script = """([x, d, seed]) => {
      const run = course.pixels.drawing(x, d, course.stage.random(seed));
      run.advance(3);
      run.advance(99);
      return run.x;
    }"""
    for seed, (start, d, end) in zip((0, 1, 12), truth.drawn, strict=True):
        assert page.evaluate(script, [start, d, seed]) == end


def compare_ends(page: Page) -> None:
    """Of a law with gaps, and of one whose rounded sum is below 1."""
    script = """() => { const log = p => p.map(Math.log), {draw} = course.pixels;
      const law = log([0, 0.25, 0, 0.75, ...Array(13).fill(0)]);
      const low = log([0.5, ...Array(15).fill(0), 0.4]);
      return [0, 0.2, 0.25, 0.9].map(u => draw(law, u)).concat(draw(low, 0.95)) }"""
    assert page.evaluate(script) == [1, 1, 3, 3, 16]


def compare_all(page: Page, truth: Truth) -> None:
    compare_logits(page, truth)
    compare_surprise(page, truth)
    compare_ends(page)
    compare_sight(page, truth)
    compare_drawings(page, truth)


def test_the_logits_are_the_package_s(page: Page, truth: Truth):
    """Kills: a mask exchanged, a norm of another block, places forgotten, rows for columns."""
    compare_logits(page, truth)


def test_the_surprises_add_up_to_the_likelihood(page: Page, truth: Truth):
    """Kills: bits for nats, the conditional of the pixel beside it."""
    compare_surprise(page, truth)


def test_what_a_pixel_sees_is_what_its_gradient_says(page: Page, truth: Truth):
    """For all 64. Kills: a layer forgotten, rows that wrap around, a blind spot where none is."""
    compare_sight(page, truth)


def test_all_that_is_out_of_sight_is_the_blind_spot(truth: Truth):
    """The chapter's wedge, for s = 1. Kills: a network too shallow for the picture."""
    for d, sees in enumerate(truth.sees):
        (i, j), before = divmod(d, SIDE), range(d)
        assert sees == {e for e in before if e % SIDE - j <= i - e // SIDE}


def test_a_drawing_is_that_of_a_slow_loop(page: Page, truth: Truth):
    """Kills: conditionals that are not computed anew, a uniform that is used twice."""
    compare_drawings(page, truth)


def test_the_ends_of_a_law_are_drawn_rightly(page: Page):
    """Kills: a level of probability zero, a level 17."""
    compare_ends(page)


def test_the_pictures_are_test_images_of_each_digit(page: Page):
    """Kills: labels of another part, a training image."""
    test, labels = load_split().test.tolist(), load_labels().test.tolist()
    found = page.evaluate("() => course.pixels.pictures")
    assert found.pop("blank") == [0] * D
    assert [labels[test.index(found[str(digit)])] for digit in range(10)] == list(range(10))


BUGS = {
    "the first layer sees itself": ("model.first.conv, model.first.mask",
                                    "model.first.conv, model.blocks[0].mask"),
    "no mask in the blocks": ("active(h, b), conv, mask)", "active(h, b), conv)"),
    "no path around a block": ("net.add(h, net.conv2d(active(h, b), conv, mask))",
                               "net.conv2d(active(h, b), conv, mask)"),
    "places not turned": ("net.channelsLast(model.place)",
                          "{...model.place, shape: [8, 8, model.place.shape[0]]}"),
    "the last norm is the first": ("active(h, blocks.length)", "active(h, 0)"),
    "norm without relu": ("net.relu(net.layerNorm(h, model.norms[b]))",
                          "net.layerNorm(h, model.norms[b])"),
    "no bias of places": ("net.add(net.linear(active(h, blocks.length), model.head), model.bias)",
                          "net.linear(active(h, blocks.length), model.head)"),
    "not normalised": ("net.logSoftmax(logits(x))", "logits(x)"),
    "the pixel before": ("data.subarray(d * K, (d + 1) * K)", "data.subarray(d * K - K, d * K)"),
    "the sign": ("-log_p[d][k]", "log_p[d][k]"),
    "a level of probability zero": ("u >= sum", "u > sum"),
    "a level 17": (" && k < K - 1)", ")"),
    "the law of the beginning": ("run.log_p = logConditionals(run.x);", ""),
    "one pixel over and over": ("run.d += 1;", "run.d = Math.max(run.d, d) + (count % 2);"),
    "rows that wrap around": ("shows && i >= 0 && j >= 0", "shows && i >= 0"),
    "a block is forgotten": ("of blocks.toReversed()", "of blocks.slice(1)"),
    "the first mask is B": ("under(model.first.mask, place)", "under(model.blocks[0].mask, place)"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, truth: Truth, bug: str):
    """The mutants of pixels.js: one line is changed, and a comparison must fail."""
    old, new = BUGS[bug]
    assert source("pixels").count(old) == 1
    page.evaluate(source("pixels").replace(old, new))
    try:
        with pytest.raises(AssertionError):
            compare_all(page, truth)
    finally:
        page.evaluate(source("pixels"))


# --- the figure as a reader meets it -----------------------------------------------------------


def page_of(folder: Path, script: str) -> str:
    """The address of a page whose figure runs this script."""
    parts = ("net", "pixels-weights")
    return published(folder, "pixels", "A digit and its pixels", *parts, script=script)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(tmp_path_factory.mktemp("live"), source("pixels"))


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param, touch=True) as page:
        yield page


def levels(page: Page) -> list[int]:
    """The picture, from the names of its pixels."""
    names = page.get_by_role("gridcell").evaluate_all("cells => cells.map(c => c.ariaLabel)")
    return [int(name.split("level ")[1].split(",")[0]) for name in names]


def chosen(page: Page) -> int:
    script = "cells => cells.findIndex(cell => cell.ariaSelected === 'true')"
    found: int = page.get_by_role("gridcell").evaluate_all(script)
    return found


def choose(page: Page, d: int) -> Locator:
    cell = page.get_by_role("gridcell").nth(d)
    cell.click()
    return cell


def by_keyboard(page: Page, model: CachedARM) -> None:
    """A reader without a mouse changes a picture, and reads what the model says of it."""
    page.get_by_role("button", name="a test image of the digit 3").focus()
    page.keyboard.press("Enter")
    x, d = levels(page), chosen(page)
    page.get_by_role("gridcell", selected=True).focus()
    for key in ("ArrowDown", "ArrowLeft", "ArrowUp", "ArrowRight", "ArrowRight", "Alt+ArrowRight"):
        page.keyboard.press(key)
    assert chosen(page) == d + 1
    assert page.evaluate("document.activeElement.ariaSelected") == "true"
    page.keyboard.press("Enter")
    x[d + 1] = 0 if x[d + 1] > 8 else 16
    assert levels(page) == x
    page.keyboard.press("-" if x[d + 1] else "+")
    x[d + 1] += -1 if x[d + 1] else 1
    assert levels(page) == x
    bars = page.get_by_role("slider")
    bars.focus()
    for key, level in (("End", 16), ("ArrowRight", 16), ("ArrowLeft", 15), ("Home", 0)):
        page.keyboard.press(key)
        assert (bars.get_attribute("aria-valuenow"), levels(page)[d + 1]) == (str(level), level)
    x[d + 1] = 0
    assert levels(page) == x
    with torch.no_grad():
        log_p = model.net(torch.tensor([x]))[0].log_softmax(-1)
    surprise = -log_p[range(D), x]
    table = {name: float(text.split()[0]) for name, text in numbers(page).items()}
    assert table["surprise here"] == pytest.approx(float(surprise[d + 1]), rel=6e-3)
    assert table["sum so far"] == pytest.approx(float(surprise[: d + 2].sum()), rel=6e-3)
    assert table["−log p(x)"] == pytest.approx(float(surprise.sum()), rel=6e-3)
    assert int(table["likeliest level"]) == int(log_p[d + 1].argmax())
    said = page.get_by_role("status").inner_text()
    assert said.startswith(f"Pixel in row {(d + 1) // 8 + 1}, column {(d + 1) % 8 + 1}: level here")


def by_drawing(page: Page) -> None:
    """Step by step; what stands before stays, what was drawn can be taken back and drawn anew."""
    page.get_by_role("button", name="a test image of the digit 5").click()
    x = levels(page)
    choose(page, 50)
    for n in (1, 2, 3):
        page.get_by_role("button", name="Draw one").click()
        assert chosen(page) == 50 + n
    drawn = page.locator(".is-drawn")
    assert drawn.count() == 3
    assert [levels(page)[d] for d in range(D) if not 50 <= d < 53] == x[:50] + x[53:]
    found = set()
    for _ in range(3):  # each time other noise
        page.get_by_role("button", name="Draw the rest").click()
        expect(drawn).to_have_count(14)
        assert levels(page)[:50] == x[:50]
        found.add(tuple(levels(page)))
    assert len(found) == 3
    page.get_by_role("button", name="Take back").click()
    assert (levels(page), chosen(page), drawn.count()) == (x, 50, 0)


def test_the_keyboard_is_enough(figure: Page, model: CachedARM):
    """Kills: keys that do nothing, numbers of another pixel, a level beyond 16."""
    by_keyboard(figure, model)
    for name in ("Draw the rest", "Draw one", "Take back"):  # round to the end and back in
        tab_to(figure, name, 40)


def test_what_is_drawn_can_be_taken_back(figure: Page):
    """Kills: a beginning that is drawn over, edits that are lost, the same noise again."""
    by_drawing(figure)


def test_a_second_touch_turns_a_pixel_over(figure: Page):
    """Kills: a first touch that changes what it should only choose."""
    cell = figure.get_by_role("gridcell").nth(12)
    x = levels(figure)
    cell.tap()
    assert (chosen(figure), levels(figure)) == (12, x)
    cell.tap()
    x[12] = 0 if x[12] > 8 else 16
    assert levels(figure) == x


def test_bars_and_map_can_be_pressed(figure: Page):
    """Kills: a bar or a square that is one off from what is drawn."""
    choose(figure, 20)
    bars = figure.get_by_role("slider")
    box = bars.bounding_box()
    width = box["width"] - 38 - 16  # what stage.axes leaves for 17 bars and margins
    for level in (0, 9, 16):
        x = 38 + width * (level + 0.7) / 17.4
        bars.click(position={"x": x, "y": box["height"] / 2})
        assert (bars.get_attribute("aria-valuenow"), levels(figure)[20]) == (str(level), level)
    surprise = figure.get_by_role("img", name="Map of surprise")
    side = (surprise.bounding_box()["height"] - 16) // 8
    surprise.click(position={"x": 8 + 5.5 * side, "y": 8 + 2.5 * side})
    assert chosen(figure) == 2 * 8 + 5
    surprise.click(position={"x": 8 + 9 * side, "y": 8})
    assert chosen(figure) == 2 * 8 + 5


def test_later_pixels_are_covered_and_blind_ones_crossed(figure: Page):
    """Kills: crosses on what is seen, a digit that shows what comes."""
    choose(figure, 24)
    names = figure.get_by_role("gridcell").evaluate_all("cells => cells.map(c => c.ariaLabel)")
    later = [d for d, name in enumerate(names) if name.endswith("comes later")]
    assert later == list(range(25, D))
    seen = set(figure.evaluate("() => [...course.pixels.sees(24)]"))
    blind = [d for d, name in enumerate(names) if name.endswith("out of sight")]
    assert blind == [d for d in range(24) if d not in seen] != []
    assert figure.locator(".is-blind").count() == len(blind)
    assert numbers(figure)["out of sight"] == f"{len(blind)} of 24"


def test_a_choice_pauses_the_drawing(browser: Browser, address: str):
    """Kills: a drawing that runs on from the pixel a reader wants to look at."""
    page = browser.new_page()
    page.goto(address)
    choose(page, 0)
    page.get_by_role("button", name="Draw the rest").click()
    expect(page.locator(".is-drawn").first).to_be_visible()
    choose(page, 10)
    page.wait_for_timeout(400)
    assert chosen(page) == 10
    assert page.get_by_role("button", name="Draw the rest").is_visible()
    page.close()


def test_the_pictures_are_drawn_and_fit_a_phone(figure: Page):
    """Kills: an empty canvas, small or unequal pixels, a page that scrolls sideways."""
    for canvas in (figure.get_by_role("slider"), figure.get_by_role("img", name="Map of")):
        script = """canvas => { const {width, height} = canvas;
          const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
          return new Set(new Uint32Array(data.buffer)).size }"""
        assert canvas.evaluate(script) > 9
    sizes = figure.get_by_role("gridcell").evaluate_all(
        "cells => cells.flatMap(c => [c.clientWidth, c.clientHeight])"
    )
    assert min(sizes) >= 24
    assert max(sizes) - min(sizes) <= 1
    assert figure.get_by_role("group", name="A digit and its pixels").is_visible()
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


HABITS = {  # bugs of the figure itself
    "arrows go the wrong way": ("ArrowUp: -SIDE", "ArrowUp: SIDE"),
    "the browser's keys are taken": ("      if (modified(event)) return;\n", ""),
    "no focus on what is chosen": ("cells[d].focus();", ""),
    "a level beyond 16": ("Math.min(Math.max(k, 0), K - 1)), at())", "k), at())"),
    "numbers without this pixel": ("surprise.slice(0, d + 1)", "surprise.slice(0, d)"),
    "edits are lost": ("[own, from] = [[...x], d];", "from = d;"),
    "taken back to nothing": ("drawing(own, from,", "drawing(pictures.blank, from,"),
    "the same noise again": ("stage.random(seed)", "stage.random(1)"),
    "drawn from the first pixel": ("drawing(own, from,", "drawing(own, 0,"),
}


@pytest.mark.parametrize("bug", HABITS)
def test_a_planted_habit_is_noticed(browser: Browser, tmp_path: Path, model: CachedARM, bug: str):
    """The mutants of the figure: a reader who does as above must be surprised."""
    old, new = HABITS[bug]
    assert source("pixels").count(old) == 1
    context = browser.new_context(reduced_motion="reduce")
    page, said = context.new_page(), list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_of(tmp_path, source("pixels").replace(old, new)))

    def read() -> None:
        by_keyboard(page, model)
        by_drawing(page)
        assert said == []

    with pytest.raises(AssertionError):
        read()
    context.close()
