"""Captions of digits: strokes of known size and slant, and a language that is listed in full."""

import itertools
import math

import numpy as np
import pytest
import torch

from coursepkg.data.captions import (
    CAPTION_WORDS,
    DIGITS,
    Remarkable,
    count_words,
    measure_strokes,
    read_captions,
    write_captions,
)
from coursepkg.rng import seeded
from tests.statistics import assert_probs


def scribble(*, side=9, seed=0):
    """Any ink, with paper all round."""
    return torch.nn.functional.pad(torch.rand(1, side, side, generator=seeded(seed)), (12,) * 4)


def stroke(slant, spread, *, height=30):
    """A soft stroke that goes `slant` columns to the right in a row upwards."""
    up = torch.arange(height, 0, -1)[:, None] - height / 2
    columns = torch.arange(80)[None] - 40
    return torch.exp(-((columns - slant * up) ** 2) / (2 * spread**2))[None]


# ------------------------------------------------------------------------------ the ruler


@pytest.mark.equation("stroke-thickness")
@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("upright", [True, False])
def test_thickness_of_a_bar(width, upright):
    """By hand: 2 w L over 2 (w + L), less what a corner cuts off. Kills: the area once."""
    ink = torch.zeros(1, 28, 28)
    ink[0, 4:24, 10 : 10 + width] = 0.7
    ink = ink if upright else ink.mT
    expected = 2 * width * 20 / (2 * (width + 20) - (2 - math.sqrt(2)))
    assert measure_strokes(ink)[0, 0].item() == pytest.approx(expected)


@pytest.mark.equation("stroke-thickness")
def test_thickness_of_a_disc_and_of_a_ring():
    """A disc of radius r has thickness r, a ring its width. Kills: |dx| + |dy|, a signed slope."""
    at = torch.arange(101) - 50.0
    radius = torch.hypot(at[:, None], at[None])
    for inner, outer, expected in ((-1, 30, 30), (24, 36, 12)):
        ink = torch.sigmoid((outer - radius) / 1.5) * torch.sigmoid((radius - inner) / 0.5)
        ink = ink if inner > 0 else torch.sigmoid((outer - radius) / 1.5)
        assert measure_strokes(ink[None])[0, 0].item() == pytest.approx(expected, rel=0.02)


@pytest.mark.equation("stroke-thickness")
def test_thickness_by_a_loop_over_the_pixels():
    """Also of ink at the edges. Kills: edges that do not count, one of the two differences."""
    ink = torch.rand(1, 5, 4, generator=seeded(1))

    def at(i, j):
        return ink[0, i, j].item() if 0 <= i < 5 and 0 <= j < 4 else 0.0

    outline = sum(
        math.hypot(at(i + 1, j) - at(i, j), at(i, j + 1) - at(i, j))
        for i in range(-1, 5) for j in range(-1, 4)
    )  # fmt: skip
    assert measure_strokes(ink)[0, 0].item() == pytest.approx(2 * ink.sum().item() / outline)


@pytest.mark.equation("stroke-lean")
@pytest.mark.parametrize(("slant", "spread"), [(0.0, 1.5), (0.8, 1.5), (-0.45, 3.0)])
def test_lean_and_breadth_of_a_stroke_of_known_slant(slant, spread):
    """Kills: rows downwards, lean of the row on the column, a variance for its root."""
    _, lean, breadth = measure_strokes(stroke(slant, spread))[0].tolist()
    assert lean == pytest.approx(slant, abs=1e-6)
    assert breadth == pytest.approx(spread, rel=1e-6)


@pytest.mark.equation("stroke-lean")
def test_lean_and_breadth_are_those_of_a_weighted_line():
    """NumPy's least squares on any ink. Kills: no means taken off, no division by all ink."""
    ink = scribble()[0].numpy()
    up = np.repeat(-np.arange(33.0), 33)
    across, weights = np.tile(np.arange(33.0), 33), ink.ravel()
    slope, start = np.polyfit(up, across, 1, w=np.sqrt(weights))
    rest = (weights * (across - slope * up - start) ** 2).sum() / weights.sum()
    _, lean, breadth = measure_strokes(torch.tensor(ink)[None])[0].tolist()
    assert lean == pytest.approx(slope)
    assert breadth == pytest.approx(math.sqrt(rest))


@pytest.mark.equation("stroke-lean")
@pytest.mark.parametrize("columns", [1, -1])
def test_a_shear_adds_to_the_lean_and_leaves_the_breadth(columns):
    """By whole pixels, of any ink. Kills: breadth that the lean has not left."""
    ink = scribble()
    up = -torch.arange(33) + 16
    sheared = torch.stack([
        row.roll(columns * int(k)) for row, k in zip(ink[0], up, strict=True)
    ])[None]  # fmt: skip
    (_, lean, breadth), (_, lean_there, breadth_there) = (
        measure_strokes(x)[0].tolist() for x in (ink, sheared)
    )
    assert lean_there == pytest.approx(lean + columns)
    assert breadth_there == pytest.approx(breadth)


def test_measures_move_neither_with_place_nor_with_ink():
    """Kills: moments about the corner, thickness in units of ink, a batch that is mixed up."""
    ink = scribble()
    found = measure_strokes(ink)
    both = measure_strokes(torch.cat([0.3 * ink, ink.roll((5, -7), (1, 2))]))
    torch.testing.assert_close(both, found.expand(2, 3))
    mirrored = measure_strokes(ink.flip(2))
    torch.testing.assert_close(mirrored[:, 1:], found[:, 1:] * torch.tensor([-1.0, 1.0]))
    together = measure_strokes(torch.cat([scribble(seed=1), ink]))
    torch.testing.assert_close(together[1:], found)
    assert measure_strokes(ink.float()).dtype == torch.float32


@pytest.mark.parametrize(
    ("ink", "error", "message"),
    [
        (torch.zeros(1, 4, 4, dtype=torch.int64), TypeError, "floating-point"),
        (np.ones((1, 4, 4)), TypeError, "torch.Tensor"),
        (torch.ones(4, 4), ValueError, r"\(B, H, W\)"),
        (torch.ones(0, 4, 4), ValueError, "at least one"),
        (-torch.ones(1, 4, 4), ValueError, ">= 0"),
        (torch.full((1, 4, 4), math.nan), ValueError, "finite"),
        (torch.zeros(1, 4, 4), ValueError, "two or more rows"),
        (torch.eye(30)[7][None, :, None].expand(1, 30, 30) / 7, ValueError, "two or more rows"),
        (torch.eye(30)[7][None, :, None].expand(1, 30, 30).float() / 7, ValueError, "two or more"),
    ],
)
def test_what_cannot_be_measured(ink, error, message):
    """Kills: NaN for a blank sheet or for a single row, in single precision too."""
    with pytest.raises(error, match=message):
        measure_strokes(ink)


# ------------------------------------------------------------------------ what is remarkable


def crowd(n=30):
    """Measures of n drawings of each class, each class at another level."""
    digits = torch.arange(10).repeat(n)
    return torch.randn(10 * n, 3, generator=seeded(2)) + 10 * digits[:, None], digits


@pytest.mark.parametrize("share", [0.2, 1 / 3, 0.5])
def test_a_share_of_each_class_is_remarkable_at_either_end(share):
    """By sorting. Kills: limits of all classes together, high and low swapped, strict shares."""
    measures, digits = crowd()
    rows = Remarkable.among(measures, digits, share=share).attributes(measures, digits)
    torch.testing.assert_close(rows[:, 0], digits)
    for k, a in itertools.product(range(10), range(3)):
        values, found = measures[digits == k, a], rows[digits == k, a + 1]
        low, high = np.quantile(values.numpy(), [share, 1 - share])
        assert ((found == -1) == (values < low)).all()
        assert ((found == 1) == (values > high)).all()
        assert (found == -1).sum() == pytest.approx(share * len(values), abs=1)
        assert (found == 1).sum() == (found == -1).sum()


def test_at_the_limit_nothing_is_remarkable():
    """Kills: <= in place of <."""
    limits = Remarkable(torch.zeros(10, 3), torch.ones(10, 3))
    rows = limits.attributes(torch.tensor([[0.0, 1.0, 0.5]]), torch.tensor([3]))
    assert rows.tolist() == [[3, 0, 0, 0]]


def test_remarkable_wants_all_classes_and_a_share():
    measures, digits = crowd()
    with pytest.raises(ValueError, match=r"none of \[4\]"):
        Remarkable.among(measures[digits != 4], digits[digits != 4])
    for share in (0.0, 0.6, math.nan):
        with pytest.raises(ValueError, match="share"):
            Remarkable.among(measures, digits, share=share)
    limits = Remarkable.among(measures, digits)
    with pytest.raises(ValueError, match="got -1 to"):
        limits.attributes(measures, digits - 1)
    with pytest.raises(ValueError, match="int64"):
        limits.attributes(measures, digits.double())
    with pytest.raises(ValueError, match=r"\(B, 3\)"):
        limits.attributes(measures[:, :2], digits)


# ------------------------------------------------------------------------------ the language

EVERY = torch.tensor(list(itertools.product(range(10), *[(-1, 0, 1)] * 3)))


def test_what_is_written_is_read(generator):
    """All 270 rows, several wordings. Kills: a word of another sense, a thing left out."""
    for _ in range(5):
        captions = write_captions(EVERY, generator=generator)
        assert torch.equal(read_captions(captions), EVERY)


def test_every_wording_is_as_likely_as_any_other(generator):
    """All 48 captions of one row, listed. Kills: one order, one synonym, one shape only."""
    listed = []
    for words in itertools.product(("thin", "fine"), ("wide", "broad")):
        for first, last in (words, words[::-1]):
            for lean in ("leaning left", "that leans left", "tilted to the left"):
                listed.append(f"a {first}, {last} seven, {lean}")
                listed.append(f"a seven, {first} and {last}, {lean}")
    rows = torch.tensor([[7, -1, -1, 1]]).expand(20_000, 4)
    drawn = write_captions(rows, generator=generator)
    assert set(drawn) == set(listed)
    at = torch.tensor([listed.index(caption) for caption in drawn])
    assert_probs(at, torch.full((48,), 1 / 48), detects=0.15)


def test_articles_and_the_shortest_captions(generator):
    """Kills: "a eight", "an thin eight", commas around nothing."""
    written = set(write_captions(torch.tensor([[8, 0, 0, 0]] * 50), generator=generator))
    assert written == {"an eight"}
    written = set(write_captions(torch.tensor([[8, 1, 0, 0]] * 200), generator=generator))
    assert written == {"a thick eight", "a bold eight", "an eight, thick", "an eight, bold"}
    assert write_captions(torch.tensor([[1, 0, 0, 0]]), generator=generator) == ["a one"]
    assert write_captions(torch.zeros(0, 4, dtype=torch.int64), generator=generator) == []


def test_words_may_come_in_any_order():
    """Kills: a parser that knows one shape; capitals."""
    rows = read_captions([
        "Leaning RIGHT, and bold: two".replace(":", ","),
        "zero",
        "right nine, slim",
    ])
    assert rows.tolist() == [[2, 1, 1, 0], [0, 0, 0, 0], [9, 0, 1, -1]]
    assert read_captions([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("a thin seven, leaning backwards", "expected words of zero, .* got 'backwards'"),
        ("a 7", "got '7'"),
        ("a thin", "expected one word for the digit, got 0"),
        ("", "expected one word for the digit, got 0"),
        ("a six and a seven", "expected one word for the digit, got 2"),
        ("a thin, bold six", "expected at most one word for the thickness, got 2"),
        ("a six, leaning left and right", "at most one word for the lean, got 2"),
        ("a slim, narrow six", "at most one word for the breadth, got 2"),
    ],
)
def test_what_no_caption_may_say(caption, message):
    """Kills: the last word wins, an unknown word is passed over."""
    with pytest.raises(ValueError, match=message):
        read_captions(["a zero", caption])


def test_single_strings_and_wrong_rows(generator):
    for function in (read_captions, count_words):
        with pytest.raises(TypeError, match="single string"):
            function("a seven")
    with pytest.raises(ValueError, match="got 'green'"):
        count_words(["a green seven"])
    with pytest.raises(ValueError, match=r"\(B, 4\)"):
        write_captions(EVERY[:, :3], generator=generator)
    with pytest.raises(ValueError, match="-1, 0 or 1, got 2"):
        write_captions(torch.tensor([[1, 0, 2, 0]]), generator=generator)
    with pytest.raises(ValueError, match=r"0\.\.9"):
        write_captions(torch.tensor([[10, 0, 0, 0]]), generator=generator)


def test_words_are_counted():
    """Kills: presence for a count, columns in another order, a row that goes on."""
    (first, second) = count_words(["a six and a thin, thin left", "an eight"])
    named = {word: n for word, n in zip(CAPTION_WORDS, first.tolist(), strict=True) if n}
    assert named == {"a": 2, "six": 1, "and": 1, "thin": 2, "left": 1}
    named = {word: n for word, n in zip(CAPTION_WORDS, second.tolist(), strict=True) if n}
    assert named == {"an": 1, "eight": 1}
    assert first.dtype == torch.get_default_dtype()
    assert len(set(CAPTION_WORDS)) == len(CAPTION_WORDS)
    assert CAPTION_WORDS[:10] == DIGITS
