"""Captions of digits, such as "a thin seven, leaning left": measured, written, and read again.

What a caption says can be measured in the image, and what an image shows can be written as a
caption, so that a model of images given captions can be examined without a human judge. The words
are relative to the class: a wide one is narrower than a narrow zero.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from coursepkg.counts import check_generator, check_numbers
from coursepkg.data.languages import check_words
from coursepkg.validate import check_real, check_tensor

ATTRIBUTES = ("digit", "thickness", "lean", "breadth")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ADJECTIVES = {  # attribute and value: the words that say it
    (1, -1): ("thin", "fine"), (1, 1): ("thick", "bold"),
    (3, -1): ("narrow", "slim"), (3, 1): ("wide", "broad"),
}  # fmt: skip
SIDES = {(2, -1): ("left",), (2, 1): ("right",)}
LEANS = ("leaning", "that leans", "tilted to the")
SAYS = {
    word: said
    for table in ({(0, k): (digit,) for k, digit in enumerate(DIGITS)}, ADJECTIVES, SIDES)
    for said, words in table.items()
    for word in words
}  # each word that says something, and what: attribute and value
LEAST = 1e-8  # variance of the rows that is more than rounding
CAPTION_WORDS = (*SAYS, "a", "an", "and", *dict.fromkeys(" ".join(LEANS).split()))


def measure_strokes(ink: Tensor) -> Tensor:
    r"""Thickness, lean and breadth of drawings, (B, H, W) -> (B, 3).

    Thickness is twice the area over the length of the outline, in pixels; lean is how many
    columns to the right the ink goes in a row upwards, by least squares; breadth is the standard
    deviation of the columns that the lean leaves, in pixels. All three stay the same when all
    ink is multiplied by a number. Source: :eq:`stroke-thickness`, :eq:`stroke-lean`.

    Args:
        ink: (B, H, W), 0 for paper; nothing below.

    Raises:
        TypeError: if the ink is no floating-point tensor.
        ValueError: if the shape is wrong, ink is negative, or all of it is in one row.
    """
    check_real(ink, name="ink")
    if ink.ndim != 3 or ink.min() < 0:
        raise ValueError(
            f"ink: expected numbers >= 0 of shape (B, H, W), got {tuple(ink.shape)} with "
            f"{ink.min().item():.4g}"
        )
    area = ink.sum((1, 2))
    edged = pad(ink, (1, 1, 1, 1))
    down = edged[:, 1:, :-1] - edged[:, :-1, :-1]
    right = edged[:, :-1, 1:] - edged[:, :-1, :-1]
    outline = torch.hypot(down, right).sum((1, 2))

    rows = torch.arange(ink.shape[1], 0.0, -1.0).to(ink)[:, None]  # upwards
    columns = torch.arange(float(ink.shape[2])).to(ink)[None]

    def mean(values: Tensor) -> Tensor:
        return ((ink * values).sum((1, 2)) / area)[:, None, None]

    up, across = rows - mean(rows), columns - mean(columns)
    if not (mean(up.square()) > LEAST).all():
        raise ValueError("ink: expected some in two or more rows of each drawing, got less")
    lean = mean(up * across) / mean(up.square())
    rest = mean((across - lean * up).square()).sqrt()
    return torch.stack([2 * area / outline, lean[:, 0, 0], rest[:, 0, 0]], dim=1)


@dataclass(frozen=True, eq=False)
class Remarkable:
    """What is remarkable in a digit, beside others of its class: the lowest and highest share.

    Args:
        low: below which a measure is remarkable, (10, 3).
        high: above which.
    """

    low: Tensor
    high: Tensor

    def __post_init__(self) -> None:
        for name, limits in (("low", self.low), ("high", self.high)):
            check_real(limits, event=(3,), name=name)
            if len(limits) != len(DIGITS):
                raise ValueError(f"{name}: expected shape (10, 3), got {tuple(limits.shape)}")

    @classmethod
    def among(cls, measures: Tensor, digits: Tensor, *, share: float = 1 / 3) -> Self:
        """Takes the limits from drawings of all ten classes.

        Args:
            measures: what `measure_strokes` said, (N, 3).
            digits: their classes, (N,) int64.
            share: that is remarkable at either end, in (0, 1/2].

        Raises:
            ValueError: if the share is impossible, a class is missing or a shape is wrong.
        """
        check_numbers(share=share)
        if not 0 < share <= 0.5:
            raise ValueError(f"share: expected one in (0, 1/2], got {share}")
        _check_measures(measures, digits)
        if missing := sorted(set(range(len(DIGITS))) - set(digits.tolist())):
            raise ValueError(f"digits: expected all of 0..9, got none of {missing}")
        classes = [measures[digits == k] for k in range(len(DIGITS))]
        ends = (share, 1 - share)
        return cls(*(torch.stack([c.quantile(q, dim=0) for c in classes]) for q in ends))

    def attributes(self, measures: Tensor, digits: Tensor) -> Tensor:
        """Digit, thickness, lean and breadth; (N, 3), (N,) -> (N, 4) int64.

        The last three are -1 (thin, left, narrow), 1 (thick, right, wide), or 0: not remarkable.

        Raises:
            ValueError: if a shape is wrong or a digit is none of 0..9.
        """
        _check_measures(measures, digits)
        values = (measures > self.high[digits]).long() - (measures < self.low[digits]).long()
        return torch.cat([digits[:, None], values], dim=1)


def write_captions(attributes: Tensor, *, generator: Generator) -> list[str]:
    """A caption of each row; what is 0 is not said, and each wording is as likely as any other.

    Args:
        attributes: digit, thickness, lean and breadth, (B, 4) int64.
        generator: chooses the words.

    Raises:
        ValueError: if the shape or a value is wrong.
    """
    check_generator(generator)
    _check_attributes(attributes)
    return [_caption(row, generator) for row in attributes.tolist()]


def read_captions(captions: Sequence[str]) -> Tensor:
    """What captions say, (B, 4) int64: digit, thickness, lean and breadth; 0 for what is not said.

    Words may come in any order.

    Raises:
        TypeError: if a single string came.
        ValueError: if a word is unknown, or a caption names no digit or says one thing twice.
    """
    check_words(captions)
    rows = torch.zeros(len(captions), len(ATTRIBUTES), dtype=torch.int64)
    for row, caption in zip(rows, captions, strict=True):
        said = [SAYS[word] for word in _words(caption) if word in SAYS]
        for attribute, name in enumerate(ATTRIBUTES):
            values = [value for which, value in said if which == attribute]
            if len(values) > 1 or (name == "digit" and not values):
                least = "one" if name == "digit" else "at most one"
                raise ValueError(
                    f"caption: expected {least} word for the {name}, got {len(values)} in "
                    f"{caption!r}"
                )
            row[attribute] = values[0] if values else 0
    return rows


def count_words(captions: Sequence[str]) -> Tensor:
    """How often each of `CAPTION_WORDS` stands in each caption, (B, V), floating-point.

    Raises:
        TypeError: if a single string came.
        ValueError: if a word is unknown.
    """
    check_words(captions)
    counts = torch.zeros(len(captions), len(CAPTION_WORDS))
    for row, caption in zip(counts, captions, strict=True):
        for word in _words(caption):
            row[CAPTION_WORDS.index(word)] += 1
    return counts


def _caption(row: list[int], generator: Generator) -> str:
    def chosen(options: Sequence[str]) -> str:
        return options[int(torch.randint(len(options), (), generator=generator))]

    tables = (chosen(list(ADJECTIVES.get((a, row[a]), [""]))) for a in (1, 3))
    adjectives = [word for word in tables if word]
    if torch.rand((), generator=generator) < 0.5:
        adjectives.reverse()
    noun = DIGITS[row[0]]
    if torch.rand((), generator=generator) < 0.5:
        text = " ".join([", ".join(adjectives), noun]).strip()
    else:
        text = ", ".join(filter(None, [noun, " and ".join(adjectives)]))
    if row[2]:
        text += f", {chosen(LEANS)} {SIDES[2, row[2]][0]}"
    return f"{'an' if text.startswith('eight') else 'a'} {text}"


def _words(caption: str) -> list[str]:
    """The words of a caption, all of them known."""
    words = re.findall(r"[^\s,]+", caption.lower())
    if unknown := [word for word in words if word not in CAPTION_WORDS]:
        raise ValueError(
            f"caption: expected words of {', '.join(CAPTION_WORDS)}, got {unknown[0]!r} in "
            f"{caption!r}"
        )
    return words


def _check_measures(measures: Tensor, digits: Tensor) -> None:
    check_real(measures, event=(3,), name="measures")
    _check_digits(digits, len(measures))


def _check_digits(digits: Tensor, n: int) -> None:
    check_tensor(digits, "digits")
    if digits.dtype != torch.int64 or digits.shape != (n,):
        raise ValueError(
            f"digits: expected int64 of shape ({n},), got {digits.dtype}, {tuple(digits.shape)}"
        )
    if n and not (digits.min() >= 0 and digits.max() < len(DIGITS)):
        raise ValueError(f"digits: expected 0..9, got {digits.min()} to {digits.max()}")


def _check_attributes(attributes: Tensor) -> None:
    check_tensor(attributes, "attributes")
    if attributes.ndim != 2 or attributes.shape[1] != len(ATTRIBUTES):
        raise ValueError(f"attributes: expected shape (B, 4), got {tuple(attributes.shape)}")
    _check_digits(attributes[:, 0], len(attributes))
    if (other := attributes[:, 1:].abs() > 1).any():
        raise ValueError(f"attributes: expected -1, 0 or 1, got {attributes[:, 1:][other][0]}")
