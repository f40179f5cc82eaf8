"""Chapter 22's live figure says what the package says, and draws by the models' own laws."""

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from benchmarks.live.draw import FAMILIES, load, models
from coursepkg.rng import seeded
from tests.book.test_live import (
    assert_noticed,
    close,
    numbers,
    opened,
    published,
    scripted,
    source,
    uniform,
    xoshiro,
)

pytestmark = pytest.mark.slow
D, HALF = 64, 32
SCRIPTS = [source(name) for name in ("stage", "net", "draw-weights")]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *SCRIPTS, source("draw"))


def pictures() -> Tensor:
    """The figure's own, noise, and the extremes that a reader may draw."""
    noise = torch.randint(2, (4, D), generator=seeded(0))
    return torch.cat([
        load()[1].long(),
        noise,
        torch.zeros_like(noise[:1]),
        torch.ones(1, D).long(),
    ])


# --- the mathematics ---------------------------------------------------------------------------


def compare_likelihoods(page: Page) -> None:
    found = models(load()[0])
    for name in FAMILIES:
        script = f"x => x.map(course.draw.families.{name}.logProb)"
        ours = page.evaluate(script, pictures().tolist())
        with torch.no_grad():
            close(ours, found[name].log_prob(pictures().double()), tolerance=1e-5)


def lower(logits, words) -> list[int]:
    """A loop over the lower half: a one if the random number is below its probability."""
    return [int(uniform(words) < 1 / (1 + math.exp(-float(logit)))) for logit in logits]


def picked(log_w: Tensor, words) -> int:
    return int((log_w.softmax(0).cumsum(0) <= uniform(words)).sum())


def slow_completions(x: Tensor, seed: int) -> dict[str, list[int]]:
    """By each model, from its definition, with the page's random numbers."""
    state = {name: value.double() for name, value in load()[0].items()}
    top, found = x[:HALF].double(), {}
    found["alone"] = lower(state["alone.b"][HALF:], xoshiro(seed))
    words, logits = xoshiro(seed), state["mixture.logits"]
    log_p = torch.distributions.Bernoulli(logits=logits[:, :HALF]).log_prob(top).sum(1)
    z = picked(state["mixture.log_weights"] + log_p, words)
    found["mixture"] = lower(logits[z, HALF:], words)
    words, y = xoshiro(seed), top.tolist()
    for d in range(HALF, D):
        field = state["logistic.b"][d] + torch.tensor(y) @ state["logistic.W"][:d, d]
        y += lower([field], words)
    found["logistic"] = [int(on) for on in y[HALF:]]
    words, W, b, c = xoshiro(seed), state["rbm.W"], state["rbm.b"], state["rbm.c"]
    h = torch.tensor(list(product((0.0, 1.0), repeat=len(c)))).flip(1)  # bit 0 runs fastest
    drive = b + h @ W.T
    known = h @ c + drive[:, :HALF] @ top
    log_w = known + torch.nn.functional.softplus(drive[:, HALF:]).sum(1)
    found["rbm"] = lower(drive[picked(log_w, words), HALF:], words)
    return found


def compare_completions(page: Page) -> None:
    for n, x in enumerate(pictures()[[0, 3, 8, 10, -1]]):
        truth = slow_completions(x, seed=n)
        for name in FAMILIES:
            script = (
                f"([x, seed]) => course.draw.families.{name}.complete(x, course.stage.random(seed))"
            )
            y = page.evaluate(script, [x.tolist(), n])
            assert y == x[:HALF].tolist() + truth[name], name


def compare_choice(page: Page) -> None:
    """Of a law with gaps, and of one whose rounded sum is below u."""
    script = """() => { const {choice} = course.draw, log = p => p.map(Math.log);
      return [0, 0.2, 0.25, 0.9].map(u => choice(log([0, 0.25, 0, 0.75]), u))
        .concat(choice(log([0.5, 0.5]), 1)) }"""
    assert page.evaluate(script) == [1, 1, 3, 3, 1]


def compare_all(page: Page) -> None:
    compare_likelihoods(page)
    compare_completions(page)
    compare_choice(page)


def test_the_likelihoods_are_the_package_s(page: Page):
    """Kills: a sign, log Z forgotten, the weights transposed, a pixel that predicts itself."""
    compare_likelihoods(page)


def test_the_lower_halves_follow_the_models(page: Page):
    """Kills: the lower half that the reader drew seen, a component of the whole picture's."""
    compare_completions(page)


def test_a_choice_never_falls_into_a_gap(page: Page):
    compare_choice(page)


def test_the_upper_half_alone_decides(page: Page):
    """What the reader draws below is not seen. Kills: the posterior of the whole picture."""
    script = """([x, y]) => Object.values(course.draw.families).map(({complete}) =>
      [x, y].map(each => complete(each, course.stage.random(5)).join()))"""
    x = load()[1][3].tolist()
    found = page.evaluate(script, [x, x[:HALF] + [1 - on for on in x[HALF:]]])
    assert all(one == other for one, other in found)


BUGS = {
    "a sign": ("-softplus(x ? -logit : logit)", "-softplus(x ? logit : -logit)"),
    "no weights of components": ("mixture.log_weights.data[z] +", "0 +"),
    "the whole picture's component": ("choice(joint(x, HALF),", "choice(joint(x, D),"),
    "weights transposed": ("logistic.W.data[e * D + d]", "logistic.W.data[d * D + e]"),
    "a pixel fewer": ("sum(d, (e) =>", "sum(d - 1, (e) =>"),
    "no log Z": ("rbm.log_Z.data[0],", "0,"),
    "hidden units forgotten": ("sum(H, (j) => softplus(", "sum(H, (j) => 0 * softplus("),
    "no bias of hidden units": ("total += rbm.c.data[j];", "total += 0;"),
    "missing pixels are black": (": softplus(on);", ": 0;"),
    "missing pixels are seen": ("d < HALF ? x[d] * on", "d < D ? x[d] * on"),
    "hidden units' own weights only": ("rbm.b.data[d] + sum(H", "sum(H"),
    "black for white": ("random.uniform() < sigmoid", "random.uniform() > sigmoid"),
    "what is drawn is not seen": ("logit(d, y)", "logit(d, x)"),
    "a gap": ("while (u >= total", "while (u > total"),
    "beyond the last": (" && k < log_w.length - 1", ""),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, bug: str):
    """The mutants of draw.js: one line is changed, and a comparison must fail."""
    assert_noticed(page, "draw", BUGS[bug], lambda: compare_all(page))


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("live")
    return published(folder, "draw", "A digit, and what four models make of it", "net",
                     "draw-weights")  # fmt: skip


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param, touch=True) as page:
        yield page


def drawn(page: Page) -> list[int]:
    """The picture, from the names of its pixels."""
    names = page.get_by_role("gridcell").evaluate_all("cells => cells.map(c => c.ariaLabel)")
    return [int(name.endswith("white")) for name in names]


def test_the_keyboard_is_enough(figure: Page):
    """Kills: keys that do nothing, numbers of the picture before."""
    figure.get_by_role("button", name="a test image of the digit 3").click()
    x = drawn(figure)
    assert x == load()[1][3].tolist()
    figure.get_by_role("gridcell").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        figure.keyboard.press(key)
    x[1] = 1 - x[1]
    assert drawn(figure) == x
    found = models(load()[0])
    names = dict(zip(("pixels alone", "mixture", "autoregressive", "RBM"), FAMILIES, strict=True))
    table = numbers(figure)
    for shown, name in names.items():
        with torch.no_grad():
            truth = -found[name].log_prob(torch.tensor([x]).double()).item()
        assert float(table[shown].split()[0]) == pytest.approx(truth, rel=6e-3)


def test_a_touch_turns_a_pixel_over_and_a_stroke_paints(figure: Page):
    """Kills: a stroke that turns pixels back and forth."""
    figure.get_by_role("button", name="an empty picture").click()
    cells = figure.get_by_role("gridcell")
    cells.nth(9).hover()
    figure.mouse.down()
    for d in (10, 11, 10):
        cells.nth(d).hover()
    figure.mouse.up()
    cells.nth(20).hover()
    assert [d for d, on in enumerate(drawn(figure)) if on] == [9, 10, 11]


def test_anew_is_other_noise_and_the_same_picture(figure: Page):
    """Kills: the same lower halves again."""
    figure.get_by_role("button", name="a test image of the digit 5").click()
    halves = figure.get_by_role("img", name="Lower halves")
    found, x = set(), drawn(figure)
    for _ in range(4):
        found.add(halves.get_attribute("aria-label"))
        figure.get_by_role("button", name="Draw the lower halves anew").click()
    assert len(found) > 1
    assert drawn(figure) == x


def test_the_pictures_are_drawn_and_fit_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    script = """canvas => { const {width, height} = canvas;
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size }"""
    assert figure.get_by_role("img", name="Lower halves").evaluate(script) > 3
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390
