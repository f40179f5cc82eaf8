"""Live figures compute in Chromium what the package computes, and obey a reader's keys."""

import contextlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from coursepkg.data import Banana, IsotropicMixture
from coursepkg.samplers import HMC, MALA, RandomWalk, UnadjustedLangevin, ess_mean
from tests.statistics import ALPHA, assert_mean

LIVE = Path(__file__).parents[2] / "book" / "live"
pytestmark = pytest.mark.slow


def scripted(browser: Browser, *sources: str) -> Page:
    """An empty page in which the scripts have run."""
    page = browser.new_page()
    for source in sources:
        page.add_script_tag(content=source)
    return page


def source(name: str) -> str:
    return (LIVE / f"{name}.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, source("stage"), source("mcmc"))


def close(ours: Any, truth: Any, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(
        torch.as_tensor(ours, dtype=torch.float64), torch.as_tensor(truth),
        rtol=tolerance, atol=tolerance, equal_nan=True,
    )  # fmt: skip


def assert_noticed(page: Page, script: str, bug: tuple[str, str], compare: Callable[[], None]):
    """With one line of the script changed, old for new, the comparison must fail."""
    old, new = bug
    assert source(script).count(old) == 1
    page.evaluate(source(script).replace(old, new))
    try:
        with pytest.raises((AssertionError, ValueError)):
            compare()
    finally:
        page.evaluate(source(script))


# --- the mathematics ---------------------------------------------------------------------------

TARGETS = {
    "gaussian": MultivariateNormal(
        torch.zeros(2, dtype=torch.float64),
        torch.tensor([[1.0, 0.95], [0.95, 1.0]], dtype=torch.float64),
    ).log_prob,
    "banana": Banana().log_prob,
    "hills": IsotropicMixture(
        torch.tensor([[-2.5, 0.0], [2.5, 0.0]], dtype=torch.float64),
        torch.tensor([0.75, 0.75], dtype=torch.float64),
        torch.tensor([0.7, 0.3], dtype=torch.float64),
    ).log_prob,
}
STEPS = 11  # of leapfrog
SIZES = {  # in the order of the targets, such that some proposals are refused
    "randomWalk": (1.5, 1.5, 1.5),
    "langevin": (0.05, 0.1, 0.1),
    "mala": (0.1, 0.4, 0.4),
    "hmc": (0.4, 0.7, 0.7),
}
KERNELS: dict[str, Callable[..., Any]] = {
    "randomWalk": RandomWalk,
    "langevin": UnadjustedLangevin,
    "mala": MALA,
    "hmc": lambda f, size: HMC(f, size, STEPS, jitter=0.0),
}
EVALUATE = "([name, points]) => points.map(course.mcmc.targets[name].density)"
STEP = """([target, kernel, size, draws]) => draws.map(({x, noise, u, steps}) => {
  const {density} = course.mcmc.targets[target];
  const state = course.mcmc.evaluate(density, x);
  return course.mcmc.kernels[kernel].step(density, state, size, {noise, u, steps});
})"""


def compare_density(page: Page, name: str, generator: Generator) -> None:
    x = 3 * torch.randn(50, 2, generator=generator)
    x = torch.cat([x, torch.tensor([[30.0, -200.0], [0.0, 0.0], [-9.0, 40.0]])]).requires_grad_()
    value = TARGETS[name](x)
    (score,) = torch.autograd.grad(value.sum(), x)
    found = page.evaluate(EVALUATE, [name, x.tolist()])
    close([each["logDensity"] for each in found], value.detach())
    close([each["score"] for each in found], score)


def compare_step(
    page: Page, target: str, kernel: str, generator: Generator, n: int = 60
) -> list[bool]:
    """Steps of both from the same points, with the same noise and uniform; who moved."""
    size = SIZES[kernel][list(TARGETS).index(target)]
    ours = KERNELS[kernel](TARGETS[target], size)
    starts, draws, truth = torch.randn(n, 1, 2, generator=generator), [], []
    for x in starts:
        again = torch.Generator().set_state(generator.get_state())
        truth.append(ours.step(ours.init(x), generator=generator))
        noise = torch.randn(1, 2, generator=again)
        if kernel == "hmc":
            torch.randint(STEPS, STEPS + 1, (), generator=again)
        u = 0.5 if kernel == "langevin" else torch.rand(1, generator=again).item()
        draws.append({"x": x[0].tolist(), "noise": noise[0].tolist(), "u": u, "steps": STEPS})
        assert torch.equal(again.get_state(), generator.get_state()), "other numbers were drawn"
    found = page.evaluate(STEP, [target, kernel, size, draws])
    moved = [bool(info.moved) for _, info in truth]
    assert [each["moved"] for each in found] == moved
    close([each["state"]["x"] for each in found], torch.cat([state.x for state, _ in truth]))
    assert {each["gradients"] for each in found} == {
        {"randomWalk": 0, "langevin": 1, "mala": 1, "hmc": STEPS}[kernel]
    }
    if kernel != "langevin":
        close([each["logRatio"] for each in found], torch.cat([i.log_ratio for _, i in truth]))
    return moved


def series(generator: Generator) -> dict[str, Tensor]:
    """Chains of one coordinate that mix well, badly, alternate, and are of every small length."""
    noise = torch.randn(3000, generator=generator)

    def autoregression(r: float) -> Tensor:
        x = [torch.zeros(())]
        for each in noise:
            x.append(r * x[-1] + each)
        return torch.stack(x)

    short = {f"short {n}": noise[:n] for n in range(4, 13)}
    long = {f"r = {r}": autoregression(r)[:n] for r, n in ((0.9, 3000), (0.0, 999), (-0.6, 1500))}
    return short | long | {
        "wanders": noise[:801].cumsum(0),
        "never moved": torch.ones(20),
        "alternates": torch.tensor([1.0, -1.0] * 50),
        "lost": torch.tensor([1.0, 2.0, torch.inf, 0.0, 1.0]),
    }  # fmt: skip


def compare_ess(page: Page, generator: Generator) -> None:
    chains = series(generator)
    text = json.dumps([x.tolist() for x in chains.values()]).replace("Infinity", "1e999")
    found = page.evaluate("text => JSON.parse(text).map(x => String(course.mcmc.essMean(x)))", text)
    truth = torch.cat([ess_mean(x[:, None, None]) for x in chains.values()])
    close([float(each) for each in found], truth, tolerance=1e-6)


def compare_all(page: Page, generator: Generator) -> None:
    for target in TARGETS:
        compare_density(page, target, generator)
    for kernel in KERNELS:
        compare_step(page, "banana", kernel, generator)
    compare_ess(page, generator)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_the_package_s(page: Page, name: str, generator: Generator):
    """Kills: a lost normaliser, a score of the wrong sign or scale, an overflow far out."""
    compare_density(page, name, generator)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_step_is_the_package_s(page: Page, target: str, kernel: str, generator: Generator):
    """Kills: √η for √(2η), a proposal's density left out or upside down, a half kick, H' - H."""
    moved = compare_step(page, target, kernel, generator)
    assert any(moved)
    if kernel != "langevin":  # both answers of the test were met
        assert not all(moved)


@pytest.mark.parametrize("kernel", ["randomWalk", "mala", "hmc"])
@pytest.mark.parametrize("refused", [math.nan, math.inf])
def test_what_cannot_be_evaluated_is_refused(page: Page, kernel: str, refused: float):
    """Kills: a chain that goes where the density is NaN or +∞, and never comes back."""
    script = """([kernel, text]) => {
      const density = ([a, b]) => ({logDensity: a === 0 ? 0 : Number(text), score: [0, 0]});
      const draw = {noise: [1, 1], u: 0.5, steps: 1};
      const state = course.mcmc.evaluate(density, [0, 0]);
      return course.mcmc.kernels[kernel].step(density, state, 1, draw).moved;
    }"""
    name = "NaN" if math.isnan(refused) else "Infinity"
    assert page.evaluate(script, [kernel, name]) is False


def test_the_effective_size_is_the_package_s(page: Page, generator: Generator):
    """Kills: unsplit chains, a lag too many, a sum cut elsewhere, neighbours that may rise."""
    compare_ess(page, generator)


def xoshiro(seed: int) -> Iterator[int]:
    """The whole numbers of 32 bits of xoshiro128**, seeded by splitmix32, as in stage.js."""
    mask = 2**32 - 1

    def rotate(x: int, k: int) -> int:
        return (x << k | x >> (32 - k)) & mask

    s = []
    for _ in range(4):
        seed = (seed + 0x9E3779B9) & mask
        z = (seed ^ seed >> 16) * 0x21F0AAAD & mask
        z = (z ^ z >> 15) * 0x735A2D97 & mask
        s.append(z ^ z >> 15)
    while True:
        yield rotate(s[1] * 5 & mask, 7) * 9 & mask
        t = s[1] << 9 & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 11)


def uniform(words: Iterator[int]) -> float:
    """A number on [0, 1) from two of them."""
    return ((next(words) >> 5) * 2**26 + (next(words) >> 6)) / 2**53


def test_random_numbers_are_xoshiro_s_and_box_and_muller_s(page: Page):
    """Against Python's whole numbers. Kills: a signed shift, a wrong rotation, half of the bits."""
    truth = xoshiro(7)
    script = """() => { const r = course.stage.random(7), nine = {length: 9};
      return [Array.from(nine, r.next), Array.from(nine, r.uniform), Array.from(nine, r.normals),
              Array.from({length: 99}, () => r.whole(8, 24))] }"""
    words, uniforms, normals, whole = page.evaluate(script)
    assert words == [next(truth) for _ in range(9)]
    assert uniforms == [uniform(truth) for _ in range(9)]
    for pair in normals:
        radius, angle = math.sqrt(-2 * math.log(1 - uniform(truth))), 2 * math.pi * uniform(truth)
        close(pair, [radius * math.cos(angle), radius * math.sin(angle)], 1e-14)
    assert whole == [8 + math.floor(17 * uniform(truth)) for _ in range(99)]


TRUE_MEANS = {  # of x1, x1², x2
    "gaussian": (0.0, 1.0, 0.0),
    "banana": (0.0, 2.25, 0.0),
    "hills": (-1.0, 2.5**2 + 0.75**2, 0.0),
}
RUNS = [  # with steps until the start is forgotten, and as many that count
    ("gaussian", "randomWalk", 0.5, 150),
    ("gaussian", "mala", 0.05, 100),
    ("gaussian", "hmc", 0.2, 10),
    ("banana", "randomWalk", 1.2, 200),
    ("banana", "hmc", 0.25, 15),
    ("hills", "randomWalk", 3.0, 100),
]


@pytest.mark.parametrize(("target", "kernel", "size", "steps"), RUNS)
def test_long_runs_have_the_target_s_means(
    page: Page, target: str, kernel: str, size: float, steps: int
):
    """Kills: draws that are kept only when accepted, a chain that forgets to stay.

    The means of 1,000 independent chains are i.i.d.: false-failure rate 1e-6 for all runs together.
    """
    script = """([target, kernel, size, steps]) => Array.from({length: 1000}, (_, seed) => {
      const {targets, kernels, chain} = course.mcmc;
      const run = chain(targets[target], kernels[kernel], size, course.stage.random(seed));
      run.advance(2 * steps);
      const late = run.x.slice(steps), mean = f => late.reduce((sum, x) => sum + f(x), 0) / steps;
      return [mean(([a]) => a), mean(([a]) => a * a), mean(([, b]) => b)];
    })"""
    means = torch.tensor(page.evaluate(script, [target, kernel, size, steps]))
    alpha = ALPHA / (3 * len(RUNS))
    for values, truth, detects in zip(means.T, TRUE_MEANS[target], (0.5, 0.8, 0.8), strict=True):
        assert_mean(values, truth, detects=detects, alpha=alpha)
    assert page.evaluate("target => course.mcmc.targets[target].mean", target) == pytest.approx(
        TRUE_MEANS[target][0]
    )


BUGS = {
    "Gaussian's normaliser": ("Math.log(left) / 2", "Math.log(left)"),
    "banana's slope": ("rest * 2 * bend * a", "rest * bend * a"),
    "hills' weights swapped": ("[Math.log(weight), Math.log(1 - weight)]",
                               "[Math.log(1 - weight), Math.log(weight)]"),
    "hills' overflow": ("const top = Math.max(...log_p)", "const top = 0"),
    "Langevin's noise": ("Math.sqrt(2 * size)", "Math.sqrt(size)"),
    "ratio upside down": ("log_q(state.x, proposal) - log_q(proposal.x, state)",
                          "log_q(proposal.x, state) - log_q(state.x, proposal)"),
    "width of q": ("(4 * size)", "(2 * size)"),
    "always yes": ("Math.log(u) < logRatio;", "true;"),
    "a whole kick": ("momentum = plus(momentum, size / 2, end.score);\n      end",
                     "momentum = plus(momentum, size, end.score);\n      end"),
    "energy without half": ("squares(r) / 2", "squares(r)"),
    "chains not split": ("Math.floor(x.length / 2)", "x.length"),
    "first half twice": ("x.slice(-T)", "x.slice(0, T)"),
    "monotone forgotten": ("Math.min(smallest, pair)", "pair"),
    "cut one pair late": ("!(pair > 0)", "!(pair > -0.1)"),
    "between halves ignored": ("zero + (means[0] - means[1]) ** 2 / 2", "zero"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(browser: Browser, bug: str, generator: Generator):
    """The mutants of mcmc.js: one line is changed, and a comparison must fail."""
    old, new = BUGS[bug]
    assert source("mcmc").count(old) == 1
    page = scripted(browser, source("stage"), source("mcmc").replace(old, new))
    with pytest.raises(AssertionError):
        compare_all(page, generator)
    page.close()


# --- what the figures share --------------------------------------------------------------------


def test_a_contour_of_a_circle_is_the_circle(page: Page):
    """Kills: a crossing at the middle of a cell's side, sides left out, x for y."""
    script = "course.stage.contour((x, y) => x * x + 4 * y * y, {x: [-3, 3], y: [-2, 2]}, 4)"
    ends = torch.tensor(page.evaluate(script))  # (segments, 2, 2)
    value = ends[..., 0] ** 2 + 4 * ends[..., 1] ** 2
    assert (value - 4).abs().max() < 0.01
    length = (ends[:, 0] - ends[:, 1]).norm(dim=1).sum()
    assert length == pytest.approx(9.688448, rel=0.002)  # of the ellipse with axes 2 and 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"), ("-0.0818123", "−0.0818"), ("2475", "2,475"), ("123.4", "123"),
        ("12.345", "12.3"), ("NaN", "—"), ("-5", "−5"), ("1e200", "1.0e+200"), ("0.1 + 0.2", "0.3"),
    ],
)  # fmt: skip
def test_numbers_are_shown_to_three_digits(page: Page, value: str, text: str):
    assert page.evaluate(f"course.stage.shown({value})") == text


def test_ticks_are_round_and_inside(page: Page):
    """Kills: 0.30000000000000004 on an axis, a tick beyond its end."""
    assert page.evaluate("course.stage.ticks([-5, 13])") == [-5, 0, 5, 10]
    assert page.evaluate("course.stage.ticks([-0.35, 0.35], 7)") == [
        -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3,
    ]  # fmt: skip


# --- the figure as a reader meets it -----------------------------------------------------------

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="live.css"></head><body>
<figure><div class="live" data-live="{name}" data-alt="{alt}"></div>
<img class="live-still" alt="still" src="{name}.png"></figure>{scripts}</body></html>"""


def published(folder: Path, name: str, alt: str, *before: str, script: str = "") -> str:
    """The address of a page from file:// with the figure in it.

    `before`: scripts that are loaded ahead of the figure's own, which `script` may replace.
    """
    for file in (*LIVE.iterdir(), LIVE.parent / "_static" / "live.css"):
        shutil.copy(file, folder)
    if script:
        (folder / f"{name}.js").write_text(script, encoding="utf-8")
    scripts = "".join(f'<script src="{file}.js"></script>' for file in ("stage", *before, name))
    page = HTML.format(name=name, alt=alt, scripts=scripts)
    (folder / "index.html").write_text(page, encoding="utf-8")
    return (folder / "index.html").as_uri()


@contextlib.contextmanager
def opened(browser: Browser, address: str, motion: str, *, touch: bool = False) -> Iterator[Page]:
    """On a phone, for those who want motion or those who do not; the console must say nothing."""
    phone = {"width": 390, "height": 844}
    context = browser.new_context(reduced_motion=motion, viewport=phone, has_touch=touch)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    try:
        yield page
    finally:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return published(tmp_path_factory.mktemp("live"), "mcmc", "A walk on a banana")


@pytest.fixture(params=["no-preference", "reduce"])
def figure(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, address, request.param) as page:
        yield page


def numbers(page: Page) -> dict[str, str]:
    names, values = (page.locator(tag).all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def tab_to(page: Page, name: str, most: int = 9) -> None:
    """Presses Tab until the control with that name has the focus, so often at most."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText"
                         ".trim()").startswith(name):  # fmt: skip
            return
    raise AssertionError(f"no Tab leads to {name}")


def test_the_keyboard_is_enough(figure: Page):
    """Kills: a control without a label or out of the order of Tab, a slider that counts nothing."""
    assert numbers(figure)["steps"] == "0"
    tab_to(figure, "Sampler")
    figure.keyboard.press("ArrowDown")
    figure.keyboard.press("ArrowDown")
    tab_to(figure, "Step size")
    size = figure.locator(".live-value").inner_text()
    figure.keyboard.press("ArrowRight")
    assert float(figure.locator(".live-value").inner_text()) > float(size)
    tab_to(figure, "Step")
    for _ in range(3):
        figure.keyboard.press("Enter")
    assert (numbers(figure)["steps"], numbers(figure)["gradients"]) == ("3", "3")
    said = figure.get_by_role("status").inner_text()
    assert said.startswith("Langevin, adjusted (MALA), banana, step size ")
    assert "steps 3; accepted " in said
    tab_to(figure, "Reset")
    figure.keyboard.press("Space")
    assert numbers(figure)["steps"] == "0"


def test_run_moves_only_for_those_who_want_it(figure: Page):
    """Kills: an animation for those who asked for none, Pause that does not pause."""
    figure.get_by_role("button", name="Run").click()
    if figure.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches"):
        assert numbers(figure)["steps"] == "2,000"
        assert figure.get_by_role("button", name="Pause").count() == 0
        return
    assert numbers(figure)["steps"] != "2,000"
    expect(figure.locator("dd").first).not_to_have_text("0")
    figure.get_by_role("button", name="Pause").click()
    seen = numbers(figure)
    figure.wait_for_timeout(300)
    assert numbers(figure) == seen
    assert f"steps {seen['steps']};" in figure.get_by_role("status").inner_text()


def test_a_run_ends_at_its_limit_and_then_begins_anew(browser: Browser, address: str):
    """Kills: a chain that grows until the tab is out of memory."""
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.goto(address)
    for steps in ("2,000", "4,000", "6,000", "8,000", "10,000", "2,000"):
        page.get_by_role("button", name="Run").click()
        assert numbers(page)["steps"] == steps


def test_the_pictures_are_drawn_and_have_names(figure: Page):
    """Kills: an empty canvas, one that is blurred on a sharp screen, one without words."""
    figure.get_by_role("button", name="Step", exact=True).click()
    for name in ("A walk on a banana", "Trace of x₁ against the steps"):
        canvas = figure.get_by_role("img", name=name)
        script = """canvas => { const {width, height} = canvas;
          const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
          return [new Set(new Uint32Array(data.buffer)).size, width / canvas.clientWidth] }"""
        colours, sharpness = canvas.evaluate(script)
        assert colours > 9
        assert sharpness == pytest.approx(figure.evaluate("devicePixelRatio"), rel=0.01)
    assert figure.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_without_javascript_and_in_print_the_still_picture_stands_there(
    browser: Browser, address: str
):
    """Kills: an empty space, or both pictures at once."""
    for context, media, still in (
        (browser.new_context(java_script_enabled=False), "screen", True),
        (browser.new_context(), "screen", False),
        (browser.new_context(), "print", True),
    ):
        page = context.new_page()
        page.emulate_media(media=media)
        page.goto(address)
        assert page.locator(".live-still").is_visible() is still
        assert page.locator(".live").is_visible() is not still
        context.close()
