r"""Finds the letters of a formula in TeX.

Every Latin and Greek letter counts, in subscripts too, but not inside \text, \mathrm, \operatorname
or the name of an environment; the d of dx is none. A letter in another style (\mathcal L,
\mathbf x) is another letter.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

GREEK = (
    r"\\(?:alpha|beta|gamma|delta|(?:var)?epsilon|zeta|eta|(?:var)?theta|iota|kappa|lambda|mu|nu|xi"
    r"|(?:var)?pi|(?:var)?rho|(?:var)?sigma|tau|upsilon|(?:var)?phi|chi|psi|omega|Gamma|Delta|Theta"
    r"|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega|ell)(?![A-Za-z])"
)
PLAIN = rf"(?:{GREEK}|[A-Za-z])"
STYLE = re.compile(r"\\(?:mathcal|mathbb|mathbf|boldsymbol)")
STYLED = rf"{STYLE.pattern}\s*(?:\{{\s*(?:{PLAIN}|1)\s*\}}|{PLAIN})"
LETTER = rf"(?:{STYLED}|{PLAIN})"
ACCENT = r"\\(?:bar|hat|tilde|check|dot|ddot|vec)(?![A-Za-z])"
TOKEN = re.compile(
    rf"""
    \\(?:begin|end|label|tag|text\w*|mathrm|operatorname\*?)\s*\{{[^{{}}]*\}}(?:\{{[lcr|]+\}})?
  | \\\\\[[^\]]*\]                                                      # \\[2pt]
  | (?<![A-Za-z_^])(?<![_^]\{{)d(?={PLAIN}) | (?<=frac\{{)d             # dx and d/dx
  | (?:(?P<accent>{ACCENT})\s*)?(?P<letter>{LETTER}|(?(accent)\{{\s*{LETTER}\s*\}}|(?!)))
    (?=(?:_(?:\w|\{{[^{{}}]*\}}))?(?P<mark>'+|\^\*|\^\{{\([^{{}}]*\)\}}|_\\text\{{[^{{}}]*\}})?)
  | \\(?:[A-Za-z]+|.)                                                   # other macros
    """,
    re.VERBOSE,
)


class Symbol(NamedTuple):
    r"""A letter, and what may give it a meaning of its own: an accent like \hat, a mark.

    A mark is a prime, a star, a superscript in brackets or a subscript in words (_\text{eff}).
    """

    letter: str
    accent: str = ""
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.accent} {self.letter}{self.mark}".strip()


def symbols(formula: str) -> Iterator[Symbol]:
    """The letters of a formula, in order, with their accents and marks."""
    return (symbol for symbol in _tokens(formula) if symbol)


def leading(formula: str) -> Symbol | None:
    """The letter that a formula begins with; None if it begins with something else."""
    return next(_tokens(formula), None)


def _tokens(formula: str) -> Iterator[Symbol | None]:
    formula = re.sub(r"_\{(\\text\{[^{}]*\})\}", r"_\1", formula.replace(r"\wide", "\\"))
    formula = formula.replace("^{*}", "^*").replace(r"^\prime", "'")
    for token in TOKEN.finditer(formula):
        accent, mark = token["accent"] or "", token["mark"] or ""
        yield Symbol(_spelled(token["letter"]), accent, mark) if token["letter"] else None


def _spelled(letter: str) -> str:
    r"""One spelling for \mathcal D and \mathcal{D}, for x and {x}."""
    style, plain = STYLE.search(letter), re.search(rf"({PLAIN}|1)\W*$", letter)
    name = plain[1] if plain else letter
    return f"{style[0]}{{{name}}}" if style else name
