"""The format of a question that a reader answers in the page: the directive {question}.

A choice lists options as `- [ ]` and one `- [x]`, each with its reason indented below; a number
gives `:answer:` and `:tolerance:`, and its body is the reason.
"""

import re
from collections.abc import Mapping, Sequence
from textwrap import dedent
from typing import NamedTuple

OPTION = re.compile(r"- \[([ xX])\] (.*\S)\s*")
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:/(\d+\.?\d*))?(%?)")

ROLE = re.compile(r"\{\w+\}`")


class Option(NamedTuple):
    """One answer to choose, and what is said to whoever chooses it."""

    text: str
    right: bool
    reason: str


class Choice(NamedTuple):
    """A question with exactly one right option."""

    label: str
    text: str
    options: tuple[Option, ...]

    @property
    def right(self) -> str:
        """The text of the right option."""
        return next(option.text for option in self.options if option.right)


class Number(NamedTuple):
    """A question for a number; what is within the tolerance is right."""

    label: str
    text: str
    answer: str  # as the page says it: 0.3 or 1/3
    tolerance: float
    reason: str

    @property
    def right(self) -> float:
        """The answer."""
        return number(self.answer)


Question = Choice | Number


def number(text: str) -> float:
    """What `0.3`, `0,3`, `.3`, `3/10`, `30 %`, `3e-1` or `−2` mean; questions.js reads alike.

    Raises:
        ValueError: if it is none of them.
    """
    plain = re.sub(r"\s", "", text).replace("−", "-").replace(",", ".").lower()
    found = NUMBER.fullmatch(plain)
    if found is None or not float(found[2] or 1):
        raise ValueError(f"expected a number such as 0.3 or 3/10, got `{text}`")
    return float(found[1]) / float(found[2] or 1) / (100 if found[3] else 1)


def parse(argument: str, options: Mapping[str, str], body: Sequence[str]) -> Question:
    """The question that a directive holds.

    Raises:
        ValueError: saying what is missing, or too many.
    """
    label, text = options.get("label", ""), argument.strip()
    if not label or not text:
        raise ValueError(f"expected a question with a :label:, got `{text}` with `{label}`")
    if "answer" in options:
        _plain(label, text)
        return _number(label, text, options, body)
    choice = Choice(label, text, tuple(_options(label, body)))
    texts = [option.text for option in choice.options]
    _plain(label, text, *texts)
    if len(texts) < 2 or len({*texts}) < len(texts):
        raise ValueError(f"{label}: expected two options or more, all different, got {texts}")
    if (count := sum(option.right for option in choice.options)) != 1:
        raise ValueError(f"{label}: expected exactly one right option [x], got {count}")
    for option in choice.options:
        if not option.reason:
            raise ValueError(f"{label}: expected a reason below `{option.text}`, got none")
    return choice


def _plain(label: str, *texts: str) -> None:
    """Sphinx resolves roles in a reason alone: in what is asked they would break the build."""
    for text in texts:
        if ROLE.search(text):
            raise ValueError(f"{label}: expected no role but in a reason, got `{text}`")


def _number(label: str, text: str, options: Mapping[str, str], body: Sequence[str]) -> Number:
    reason = "\n".join(body).strip()
    if not reason or "tolerance" not in options:
        raise ValueError(f"{label}: expected a :tolerance: and a reason, got `{dict(options)}`")
    question = Number(label, text, options["answer"], number(options["tolerance"]), reason)
    if question.tolerance < 0:
        raise ValueError(f"{label}: expected a tolerance >= 0, got {question.tolerance}")
    number(question.answer)  # a number, or an error
    return question


def _options(label: str, body: Sequence[str]) -> list[Option]:
    """The options of a choice; what is indented below one is its reason."""
    found: list[tuple[str, bool, list[str]]] = []
    for line in body:
        if option := OPTION.fullmatch(line):
            found.append((option[2], option[1] != " ", []))
        elif found and (line.startswith("  ") or not line.strip()):
            found[-1][2].append(line)
        elif line.strip():
            raise ValueError(
                f"{label}: expected `- [ ] option` or its indented reason, got `{line}`"
            )
    return [Option(text, right, dedent("\n".join(reason)).strip()) for text, right, reason in found]
