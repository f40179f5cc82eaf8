"""Chapter 12's live figure flows as the package does, and obeys mouse and keys."""

from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from coursepkg.data import IsotropicMixture
from coursepkg.models.flows import Continuous, straightness
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
LAWS = {
    "one place": ([[2.0, 1.0]], 0.3),
    "two, far apart": ([[-3.0, 0.5], [2.0, -1.0]], 0.1),
    "a crowd": (torch.linspace(-3, 3, 40).view(20, 2).tolist(), 0.7),
}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, source("stage"), source("flow"))


# --- the mathematics ---------------------------------------------------------------------------


def field(law: tuple[list[list[float]], float]):
    """The mean velocity from the score of p_t: E[x_0 | x_t] = -(1 - t) ∇log p_t, by autograd."""
    places, s = torch.tensor(law[0]), law[1]

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        time = float(t[0])
        if time == 0:
            return places.mean(0) - x
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            scale = ((1 - time) ** 2 + time**2 * s**2) ** 0.5
            p_t = IsotropicMixture(time * places, torch.full((len(places),), scale))
            (score,) = torch.autograd.grad(p_t.log_prob(x).sum(), x)
        x_0 = -(1 - time) * score
        return ((x - (1 - time) * x_0) / time - x_0).detach()

    return velocity


def as_law(name: str) -> dict[str, object]:
    return {"places": LAWS[name][0], "s": LAWS[name][1]}


def compare_velocity(page: Page, name: str) -> None:
    x = 2 * torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    for t in (0.0, 0.2, 0.7, 1.0):
        found = page.evaluate(
            "([law, x, t]) => x.map(each => course.flow.velocity(law, each, t))",
            [as_law(name), x.tolist(), t],
        )
        close(found, field(LAWS[name])(x, torch.full((20,), t)), 1e-8)


def compare_paths(page: Page, name: str) -> None:
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    found = torch.tensor(page.evaluate(
        "([law, x]) => x.map(each => course.flow.curve(law, each))", [as_law(name), x.tolist()]
    ))  # fmt: skip
    flow = Continuous(field(LAWS[name]), dim=2, steps=1)
    assert found.shape == (5, 101, 2)
    close(found[:, ::25].transpose(0, 1), flow.path(x, points=4), 2e-3)
    bends = page.evaluate(
        "([law, x]) => x.map(each => course.flow.straightness(law, course.flow.curve(law, each)))",
        [as_law(name), x.tolist()],
    )
    close(bends, straightness(flow, x, points=100), 2e-2)


def compare_costs(page: Page) -> None:
    """A cloud of the page's random numbers, by hand."""
    law, words = {"places": [[1.0, 0.0], [0.0, -2.0]], "s": 0.5}, xoshiro(3)
    found, costs = page.evaluate(
        """law => { const found = course.flow.cloud(law, 4, course.stage.random(3));
          return [found, course.flow.costs(law, found)] }""",
        law,
    )

    def normals() -> Tensor:
        radius = (-2 * torch.tensor(1 - uniform(words)).log()).sqrt()
        angle = 2 * torch.pi * torch.tensor(uniform(words))
        return radius * torch.stack([angle.cos(), angle.sin()])

    x_0 = torch.stack([normals() for _ in range(4)])
    ends = []
    for _ in range(4):
        place = torch.tensor(law["places"][int(2 * uniform(words))])
        ends.append(place + 0.5 * normals())
    paths = torch.tensor(found["paths"])
    close(paths[:, 0], x_0)
    close(found["ends"], torch.stack(ends))
    close(costs["random"], (torch.stack(ends) - x_0).square().sum(1).mean())
    close(costs["flow"], (paths[:, -1] - x_0).square().sum(1).mean())


def compare_all(page: Page) -> None:
    for name in LAWS:
        compare_velocity(page, name)
        compare_paths(page, name)
    compare_costs(page)


@pytest.mark.parametrize("name", LAWS)
def test_the_velocity_is_the_mean_over_lines(page: Page, name: str):
    """By another formula, from the score. Kills: a share that is no posterior, 1 - t for t."""
    compare_velocity(page, name)


@pytest.mark.parametrize("name", LAWS)
def test_paths_and_their_straightness_are_the_package_s(page: Page, name: str):
    """Kills: a stage at the wrong time, a chord backwards, ends that count twice."""
    compare_paths(page, name)


def test_a_cloud_is_noise_and_random_ends(page: Page):
    """Kills: one place for all ends, pairs mixed up."""
    compare_costs(page)


def test_nothing_drawn_moves_nothing(page: Page):
    """Kills: NaN on an empty page."""
    script = "course.flow.velocity({places: [], s: 0.2}, [1, 2], 0.5)"
    assert page.evaluate(script) == [0, 0]


BUGS = {
    "spread": ("(1 - t) ** 2 + (t * s) ** 2;", "(1 - t) ** 2 + t * s ** 2;"),
    "sign of the factor": ("(t * s * s - (1 - t)) / spread", "(t * s * s + (1 - t)) / spread"),
    "half forgotten": ("/ (2 * spread))", "/ spread)"),
    "places that do not move": ("plus(m, factor, plus(x, -t, m))", "plus(m, factor, x)"),
    "a weight of Runge and Kutta": ("plus(plus(plus(k_1, 2, k_2), 2, k_3)",
                                    "plus(plus(plus(k_1, 2, k_2), 1, k_3)"),
    "a stage too late": ("plus(x, h, k_3), (n + 1) * h", "plus(x, 2 * h, k_3), (n + 1) * h"),
    "the chord backwards": ("minus(path.at(-1), path[0]);\n    const away",
                            "minus(path[0], path.at(-1));\n    const away"),
    "a sum for a mean": ("/ 2) / STEPS; // both", "/ 2); // both"),
    "ends without blur": ("plus(place, law.s, random.normals())", "place"),
    "one place for all": ("random.whole(0, law.places.length - 1)", "0"),
    "distance of the ends only": ("squares(minus(ends[i], path[0]))", "squares(ends[i])"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(browser: Browser, bug: str):
    """The mutants of flow.js: one line is changed, and a comparison must fail."""
    old, new = BUGS[bug]
    assert source("flow").count(old) == 1
    page = scripted(browser, source("stage"), source("flow").replace(old, new))
    with pytest.raises(AssertionError):
        compare_all(page)
    page.close()


# --- the figure as a reader meets it -----------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return published(tmp_path_factory.mktemp("live"), "flow", "Noise flows to a law")


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param) as page:
        yield page


def test_the_keyboard_is_enough(figure: Page):
    """Kills: a picture that only a mouse can draw in, a control that no Tab reaches."""
    assert numbers(figure)["places"] == "48"
    assert numbers(figure)["t"] == "0"
    tab_to(figure, "Law")
    figure.keyboard.press("ArrowDown")
    assert numbers(figure)["places"] == "8"
    tab_to(figure, "Blur")
    figure.keyboard.press("ArrowRight")
    tab_to(figure, "Step")
    for _ in range(3):
        figure.keyboard.press("Enter")
    assert numbers(figure)["t"] == "0.03"
    figure.get_by_role("img", name="Noise flows to a law").focus()
    for key in ("ArrowRight", "ArrowUp", "Space", "ArrowRight", "ArrowRight", "Space", "Space"):
        figure.keyboard.press(key)
    assert (numbers(figure)["places"], numbers(figure)["t"]) == ("2", "0")
    assert figure.evaluate("course.flow.laws.own.places") == [[0.25, 0.25], [0.75, 0.25]]
    assert figure.get_by_role("status").inner_text().startswith("your drawing, blur 0.2")
    figure.get_by_role("button", name="Clear").click()
    assert numbers(figure)["places"] == "0"


def test_a_stroke_of_the_mouse_is_a_law(figure: Page):
    """Places lie where the pen was. Kills: pixels for units, x for y, a preset drawn over."""
    box = figure.get_by_role("img", name="Noise flows to a law").bounding_box()
    assert box
    figure.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    figure.mouse.down()
    figure.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 3, steps=20)
    figure.mouse.up()
    places = torch.tensor(figure.evaluate("course.flow.laws.own.places"))
    assert len(places) > 5
    assert int(numbers(figure)["places"]) == len(places)
    assert (places[1:, 0] > places[:-1, 0]).all()
    assert (places[:, 1] - places[0, 1]).abs().max() < 1e-9
    assert 0 < places[0, 1] < 3
    assert -0.6 < places[0, 0] < 0.3
    count = len(places)
    figure.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    figure.mouse.down()
    figure.mouse.up()
    assert int(numbers(figure)["places"]) == count + 1


def test_it_flows_to_the_end_and_then_begins_anew(browser: Browser, address: str):
    """Kills: a time beyond 1, the same noise again."""
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.goto(address)
    first = numbers(page)
    for t in ("0.2", "0.4", "0.6", "0.8", "1", "0.2"):
        page.get_by_role("button", name="Run").click()
        assert numbers(page)["t"] == t
    assert numbers(page)["of the flow's pairs"] != first["of the flow's pairs"]
    table = {name: float(text) for name, text in first.items()}
    assert (
        table["of the flow's pairs"] + table["S of the curved paths"]
        < (table["mean square distance, random pairs"])
    )


def test_the_pictures_are_drawn_and_fit_a_phone(figure: Page):
    """Kills: an empty canvas, a page that scrolls sideways."""
    figure.get_by_role("button", name="Step", exact=True).click()
    for name in ("Noise flows to a law", "The same noise on straight paths"):
        script = """canvas => { const {width, height} = canvas;
          const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
          return new Set(new Uint32Array(data.buffer)).size }"""
        assert figure.get_by_role("img", name=name).evaluate(script) > 9
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390
