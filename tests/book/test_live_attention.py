"""Chapter 20's live figure says what the package says, and reads what is typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch import Tensor
from torch.nn.functional import gelu

from benchmarks.live.attention import trained
from coursepkg.gallery.sequences import BASE
from coursepkg.nets.attention import Rotary
from coursepkg.nets.transformer import Transformer
from coursepkg.rng import seeded
from tests.book.test_live import assert_noticed, close, numbers, opened, published, scripted, source

pytestmark = pytest.mark.slow
SCRIPTS = [source(name) for name in ("stage", "net", "attention-weights")]
TEXTS = ["", "q", "banana", "kvozbqxkvozbqx", "the quick brown fox jumps over the lazy dog again"]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, *SCRIPTS, source("attention"))


@pytest.fixture(scope="module")
def model() -> Transformer:
    """The package's, with the weights of the page."""
    return trained().double()


def symbols(text: str) -> list[int]:
    return [ord(each) - 97 for each in text if "a" <= each <= "z"][:40]


def truth(model: Transformer, text: str) -> dict[str, Tensor]:
    y = torch.tensor([[26, *symbols(text)]])
    with torch.no_grad():
        first, second = (w[0, 0] for w in model.attention(y))
        next_letter = model(y)[0, :, :26].softmax(-1)
    return {"first": first, "second": second, "next": next_letter}


def compare_letters(page: Page) -> None:
    for text in (*TEXTS, "Ab-C é1", "x" * 50):
        expected = symbols(text.lower())
        assert page.evaluate("text => course.attention.letters(text)", text) == expected


def compare_turns(page: Page) -> None:
    x = torch.randn(5, 6, generator=seeded(0), dtype=torch.float64)
    found = page.evaluate(
        "x => Array.from(course.attention.turned(course.net.array(x, [5, 6])).data)", x.tolist()
    )
    close(found, Rotary(5, 6, base=BASE).double()(x).flatten(), 1e-5)


def compare_gelu(page: Page) -> None:
    x = torch.linspace(-4, 4, 33, dtype=torch.float64)
    found = page.evaluate(
        "x => Array.from(course.attention.gelu(course.net.array(x, [33])).data)", x.tolist()
    )
    close(found, gelu(x, approximate="tanh"))


def compare_reading(page: Page, model: Transformer) -> None:
    for text in TEXTS:
        found = page.evaluate("y => course.attention.read(y)", symbols(text))
        for name, expected in truth(model, text).items():
            close(found[name], expected, 1e-5)


def compare_all(page: Page, model: Transformer) -> None:
    compare_letters(page)
    compare_turns(page)
    compare_gelu(page)
    compare_reading(page, model)


def test_letters_are_read_and_nothing_else(page: Page):
    """Kills: capitals lost, other signs as letters, no end."""
    compare_letters(page)


def test_the_network_is_the_package_s(page: Page, model: Transformer):
    """Kills: a norm left out, turns in the second layer, the future seen."""
    compare_turns(page)
    compare_gelu(page)
    compare_reading(page, model)


BUGS = {
    "capitals lost": ("text.toLowerCase()", "text"),
    "no end": (".slice(0, LONGEST)", ""),
    "brackets are letters": ("k >= 0 && k < START", "k >= 0"),
    "another gelu": ("0.044715 *", "0.05 *"),
    "turned the other way": ("a * Math.cos(angle) - b * Math.sin(angle)",
                             "a * Math.cos(angle) + b * Math.sin(angle)"),
    "angles of neighbours": ("BASE ** ((-2 * c) / d)", "BASE ** (-c / d)"),
    "another base": ("const BASE = 10;", "const BASE = 10000;"),
    "the future seen": ("n % T > Math.floor(n / T) ? -Infinity :", ""),
    "no root": ("x / Math.sqrt(d)", "x"),
    "queries for keys": ("[0, D, 2 * D].map", "[D, D, 2 * D].map"),
    "keys for values": ("[0, D, 2 * D].map", "[0, D, D].map"),
    "places in the second layer": ("layers[1], false", "layers[1], true"),
    "no places": ("layers[0], true", "layers[0], false"),
    "the norms exchanged": ("net.layerNorm(a, norm2)", "net.layerNorm(a, norm1)"),
    "the last norm left out": ("net.layerNorm(second.h, norm)", "second.h"),
    "the first layer twice": ("layer(first.h, layers[1]", "layer(first.h, layers[0]"),
    "the start may follow": ("columns(scores, 0, START)", "columns(scores, 0, START + 1)"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, model: Transformer, bug: str):
    """The mutants of attention.js: one line is changed, and a comparison must fail."""
    assert_noticed(page, "attention", BUGS[bug], lambda: compare_all(page, model))


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("live")
    parts = ("net", "attention-weights")
    return published(folder, "attention", "Letters and bars of attention", *parts,
                     script=source("attention"))  # fmt: skip


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param, touch=True) as page:
        yield page


def test_what_is_typed_is_read(figure: Page, model: Transformer):
    """By keyboard alone. Kills: a text that is not read, numbers of another place."""
    assert numbers(figure)["has just read"] == "b at place 12"
    field = figure.get_by_role("textbox", name="Text")
    field.fill("")
    assert numbers(figure)["has just read"] == "the start"
    field.press_sequentially("quizQuiz")
    found = truth(model, "quizquiz")
    table = numbers(figure)
    assert table["has just read"] == "z at place 8"
    best = int(found["next"][8].argmax())
    assert table["expects"].startswith(f"{chr(97 + best)} (")
    slider = figure.get_by_role("slider", name="Place")
    slider.fill("6")
    table = numbers(figure)
    assert table["has just read"] == "u at place 6"
    at = int(found["second"][6].argmax())
    assert f"at place {at} " in table["second layer looks at"]
    p = float(table["what comes"].removeprefix("i (").rstrip(")"))
    assert p == pytest.approx(float(found["next"][6, 8]), rel=6e-3)


def test_arrow_keys_move_by_a_letter(figure: Page):
    """Kills: steps that the browser rounds away."""
    slider = figure.get_by_role("slider", name="Place")
    slider.press("ArrowLeft")
    assert numbers(figure)["has just read"] == "z at place 11"
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert numbers(figure)["has just read"] == "q at place 13"


def test_without_letters_there_is_no_place_to_go(figure: Page):
    """And what was not read is said. Kills: a place behind the text, signs that vanish unseen."""
    field = figure.get_by_role("textbox", name="Text")
    assert "not read" not in numbers(figure)
    field.fill("4+4")
    expect(figure.get_by_role("slider", name="Place")).to_be_disabled()
    assert numbers(figure)["not read"] == "3 of the signs typed"
    field.fill("x" * 43)
    expect(figure.get_by_role("slider", name="Place")).to_be_enabled()
    assert numbers(figure)["not read"] == "3 of the signs typed"


def test_the_picture_is_drawn_and_fits_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    script = """canvas => { const {width, height} = canvas;
      const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size }"""
    assert figure.get_by_role("img", name="Attention").evaluate(script) > 20
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390
