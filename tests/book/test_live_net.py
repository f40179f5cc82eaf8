"""The networks of live figures compute in Chromium what PyTorch computes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Error, Page
from torch import Generator, Tensor
from torch.nn import functional

from benchmarks.live.export import write_weights
from coursepkg.nets.conv import CausalConv1d
from coursepkg.nets.pixelcnn import MaskedConv2d, raster_mask
from tests.book.test_live import close, scripted, source

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return scripted(browser, source("net"))


def computed(page: Page, expression: str, *arrays: Tensor) -> Tensor:
    """What an expression in a, b, c, ... and `net` makes of arrays."""
    script = f"""arrays => {{
      const net = course.net, [a, b, c, d] = arrays.map(x => net.array(x.data, x.shape));
      const y = {expression};
      return {{shape: y.shape, data: Array.from(y.data)}};
    }}"""
    sent = [{"shape": list(x.shape), "data": x.tolist()} for x in arrays]
    found = page.evaluate(script, sent)
    return torch.tensor(found["data"], dtype=torch.float64).view(found["shape"])


def first_last(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of (B, C, *places) as one of (*places, C)."""
    return lambda x, *rest: f(x.movedim(-1, 0)[None], *rest)[0].movedim(0, -1)


def placed(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A window of 2×4 that begins one row above the place and at it."""
    return functional.conv2d(functional.pad(x, (0, 3, 1, 0)), weight, bias)


OPERATIONS: dict[str, tuple[str, Callable[..., Tensor], tuple[tuple[int, ...], ...]]] = {
    "linear": ("net.linear(a, {weight: b, bias: c})", functional.linear, ((2, 3, 5), (4, 5), (4,))),
    "scores q kᵀ": ("net.linear(a, {weight: b})", lambda q, k: q @ k.T, ((3, 5), (4, 5))),
    "layer norm": (
        "net.layerNorm(a, {weight: b, bias: c})",
        lambda x, w, b: functional.layer_norm(x, (5,), w, b),
        ((2, 3, 5), (5,), (5,)),
    ),
    "small layer norm": (  # in which ε counts
        "net.layerNorm({shape: a.shape, data: a.data.map(x => x / 500)}, {weight: b, bias: c})",
        lambda x, w, b: functional.layer_norm(x / 500, (5,), w, b),
        ((2, 3, 5), (5,), (5,)),
    ),
    "relu": ("net.relu(a)", torch.relu, ((4, 5),)),
    "tanh": ("net.tanh(a)", torch.tanh, ((4, 5),)),
    "sigmoid": ("net.sigmoid(a)", torch.sigmoid, ((4, 5),)),
    "softmax": ("net.softmax(a)", lambda x: x.softmax(-1), ((2, 4, 5),)),
    "log softmax": ("net.logSoftmax(a)", lambda x: x.log_softmax(-1), ((2, 4, 5),)),
    "add": ("net.add(a, b)", torch.add, ((2, 3, 4), (2, 3, 4))),
    "add a bias": ("net.add(a, b)", torch.add, ((2, 3, 4), (3, 4))),
    "channels last": ("net.channelsLast(a)", lambda x: x.movedim(0, -1), ((2, 3, 4),)),
    "convolution": (
        "net.conv2d(a, {weight: b, bias: c})",
        first_last(lambda x, w, b: functional.conv2d(x, w, b, padding=(1, 2))),
        ((6, 7, 2), (3, 2, 3, 5), (3,)),
    ),
    "window off its centre": (
        "net.conv2d(a, {weight: b, bias: c}, null, 1, 0)",
        first_last(placed),
        ((6, 7, 2), (3, 2, 2, 4), (3,)),
    ),
    "window larger than the image": (
        "net.conv2d(a, {weight: b, bias: c})",
        first_last(lambda x, w, b: functional.conv2d(x, w, b, padding=(3, 3))),
        ((2, 3, 1), (2, 1, 7, 7), (2,)),
    ),
}


def compare_operation(page: Page, name: str, generator: Generator) -> None:
    expression, truth, shapes = OPERATIONS[name]
    arrays = [2 * torch.randn(shape, generator=generator) for shape in shapes]
    close(computed(page, expression, *arrays), truth(*arrays), 1e-12)


def compare_large_logits(page: Page) -> None:
    x = torch.tensor([[800.0, 0.0, 790.0], [-900.0, -901.0, -2000.0]])
    close(computed(page, "net.logSoftmax(a)", x), x.log_softmax(-1), 1e-12)


def compare_lookup(page: Page, generator: Generator) -> None:
    x, weight = torch.tensor([[0, 4, 2], [3, 3, 1]]), torch.randn(5, 2, generator=generator)
    close(computed(page, "net.embedding(a, {weight: b})", x, weight), weight[x])
    close(computed(page, "net.oneHot(a, 5)", x), functional.one_hot(x, 5).double())


def compare_masked(page: Page, generator: Generator, *, strict: bool) -> None:
    layer = MaskedConv2d(2, 3, raster_mask(5, strict=strict), generator=generator)
    x = torch.randn(6, 7, 2, generator=generator)
    arrays = x, layer.conv.weight, layer.conv.bias, layer.mask.double()
    found = computed(page, "net.conv2d(a, {weight: b, bias: c}, d)", *arrays)
    close(found, first_last(layer)(x).detach())


def compare_causal(page: Page, generator: Generator, *, strict: bool) -> None:
    layer = CausalConv1d(2, 3, 4, strict=strict, generator=generator)
    x = torch.randn(9, 2, generator=generator)
    expression = f"net.conv1d(a, {{weight: b, bias: c}}, {{strict: {str(strict).lower()}}})"
    found = computed(page, expression, x, layer.conv.weight, layer.conv.bias)
    close(found, first_last(layer)(x).detach())


def compare_halves(page: Page) -> None:
    """Every number that 16 bits can say."""
    script = "() => Array.from({length: 65536}, (_, bits) => course.net.half(bits)).join()"
    found = [float(x) for x in page.evaluate(script).split(",")]
    truth = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    close(found, torch.from_numpy(truth), 0.0)


def compare_all(page: Page, generator: Generator) -> None:
    for name in OPERATIONS:
        compare_operation(page, name, generator)
    compare_large_logits(page)
    compare_lookup(page, generator)
    for strict in (True, False):
        compare_masked(page, generator, strict=strict)
        compare_causal(page, generator, strict=strict)
    compare_halves(page)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_pytorch_s(page: Page, name: str, generator: Generator):
    """Kills: a transposed weight, another axis, a variance over n - 1, a window one place off."""
    compare_operation(page, name, generator)


def test_large_logits_do_not_overflow(page: Page):
    """Kills: exponentials of what was not shifted."""
    compare_large_logits(page)


def test_whole_numbers_are_looked_up(page: Page, generator: Generator):
    """Kills: columns for rows, ones on another diagonal."""
    compare_lookup(page, generator)


@pytest.mark.parametrize("strict", [True, False])
def test_a_masked_convolution_is_the_package_s(page: Page, strict: bool, generator: Generator):
    """Kills: a mask that is not used, or is turned over."""
    compare_masked(page, generator, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
def test_a_causal_convolution_is_the_package_s(page: Page, strict: bool, generator: Generator):
    """Kills: strict and not exchanged, a window that looks ahead."""
    compare_causal(page, generator, strict=strict)


def test_half_precision_is_ieee_s(page: Page):
    """Kills: subnormal numbers read as normal, a lost sign, an exponent one off."""
    compare_halves(page)


def test_weights_are_nested_as_modules_are(browser: Browser, tmp_path: Path, generator: Generator):
    """Kills: bytes in another order, a type for another, names that are not taken apart."""
    weight = torch.randn(2, 3, generator=generator)
    arrays = {
        "blocks.0.conv.weight": weight.to(torch.float32),
        "blocks.0.conv.bias": weight[0].to(torch.float16),
        "blocks.1.mask": torch.tensor([[1, 0], [255, 1]], dtype=torch.uint8),
        "place": torch.tensor(1.5, dtype=torch.float32),
    }
    write_weights(tmp_path / "tiny-weights.js", arrays, "Random numbers.")
    text = (tmp_path / "tiny-weights.js").read_text(encoding="utf-8")
    for scripts in ([text, source("net")], [source("net"), text]):  # in any order
        page = scripted(browser, *scripts)
        for path, truth in {
            "blocks[0].conv.weight": weight.to(torch.float32),
            "blocks[0].conv.bias": weight[0].to(torch.float16),
            "blocks[1].mask": arrays["blocks.1.mask"],
            "place": arrays["place"],
        }.items():
            found = computed(page, f"net.read('tiny').{path}")
            assert torch.equal(found, truth.double()), path
        page.close()


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("net.array([1, 2, 3], [2, 2])", "array: expected 4 numbers for [2,2], got 3"),
        ("net.add(net.array([1, 2], [2]), net.array([1], [1]))",
         "add: expected shapes that end alike, got [2] and [1]"),
        ("net.linear(net.array([1, 2], [2]), {weight: net.array([1, 2, 3], [1, 3])})",
         "linear: expected 3 channels, got [2]"),
        ("net.embedding(net.array([3], [1]), {weight: net.array([1, 2, 3], [3, 1])})",
         "embedding: expected whole numbers from 0 to 2, got 3"),
        ("net.conv2d(net.array([1, 2], [1, 1, 2]), {weight: net.array([1], [1, 1, 1, 1])})",
         "conv2d: expected 1 channels, got [1,1,2]"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(page: Page, expression: str, complaint: str):
    """Kills: NaN where an error should be."""
    with pytest.raises(Error) as told:
        page.evaluate(f"() => {{ const net = course.net; {expression} }}")
    assert complaint in str(told.value)


BUGS = {
    "a sum without the bias": ("(bias ? bias.data[o] : 0)", "0"),
    "columns of W": ("dot(weight.data, o * inputs, row", "dot(weight.data, o, row"),
    "variance over n - 1": ("(value - mean) ** 2, 0) / row.length",
                            "(value - mean) ** 2, 0) / (row.length - 1)"),
    "ε forgotten": ("Math.sqrt(variance + epsilon)", "Math.sqrt(variance)"),
    "norm without shift": (" + bias.data[c]", ""),
    "leaky relu": ("Math.max(x, 0)", "Math.max(x, 0.1 * x)"),
    "sigmoid turned over": ("1 / (1 + Math.exp(-x))", "1 / (1 + Math.exp(x))"),
    "overflow": ("const top = row.reduce((a, b) => Math.max(a, b))", "const top = 0"),
    "log Z without its top": ("top + Math.log(", "Math.log("),
    "first axes of a bias": ("b.data[i % b.data.length]",
                             "b.data[Math.floor((i * b.data.length) / a.data.length)]"),
    "ones on another diagonal": ("i % (K + 1) === 0", "i % (K + 1) === 1"),
    "rows of another length": ("weight.data.subarray(k * C, (k + 1) * C)",
                               "weight.data.subarray(k, k + C)"),
    "mask forgotten": ("if (mask && !mask.data[place]) continue;", ""),
    "mask turned over": ("!mask.data[place]", "!mask.data[k * l - 1 - place]"),
    "rows for columns": ("Math.floor(place / l) - above, (place % l) - left",
                         "(place % l) - above, Math.floor(place / l) - left"),
    "borders left out": ("let j = Math.max(0, -v)", "let j = Math.max(1, -v)"),
    "around the edge": ("let j = Math.max(0, -v); j < Math.min(W, W - v)", "let j = 0; j < W"),
    "no bias in a convolution": ("bias.data[n % outputs]", "0"),
    "strict for all": ("L - !strict", "L"),
    "it looks ahead": ("0, L - !strict", "0, 0"),
    "subnormal as normal": ("exponent ? 1 + fraction / 1024 : fraction / 1024",
                            "1 + fraction / 1024"),
    "subnormal a power too low": ("Math.max(exponent, 1) - 15", "exponent - 15"),
    "sign lost": ("bits >> 15 ? -1 : 1", "1"),
    "channels interleaved": ("data[(i % C) * n + Math.floor(i / C)]",
                             "data[(i % n) * C + Math.floor(i / n)]"),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(page: Page, bug: str, generator: Generator):
    """The mutants of net.js: one line is changed, and a comparison must fail."""
    old, new = BUGS[bug]
    assert source("net").count(old) == 1
    page.evaluate(source("net").replace(old, new))
    try:
        with pytest.raises(AssertionError):
            compare_all(page, generator)
    finally:
        page.evaluate(source("net"))
