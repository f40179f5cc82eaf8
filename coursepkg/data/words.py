"""Two more languages of known entropy, of words of one length; and words as rows of numbers.

Copying and sums have rules that no automaton of few states and no window of few symbols knows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_draws, check_integers
from coursepkg.data.languages import Automaton, check_words
from coursepkg.data.text import Vocabulary
from coursepkg.validate import check_real, check_whole


@dataclass(frozen=True)
class Copying:
    """A word w of `length` symbols, each with probability 1/k, a colon, and w once more: "ab:ab".

    Args:
        alphabet: the k symbols.
        length: symbols of w.
    """

    alphabet: str
    length: int

    def __post_init__(self) -> None:
        Vocabulary(self.alphabet)
        check_integers(length=self.length)
        if self.length < 1 or ":" in self.alphabet:
            raise ValueError(f"expected length >= 1 and an alphabet without a colon, got {self}")

    def log_prob(self, words: Sequence[str]) -> Tensor:
        """Maps B words to (B,), nats; -inf for a word that is no copy."""
        return torch.tensor([
            -self.entropy if self._holds(word) else -math.inf for word in check_words(words)
        ])

    def sample(self, n: int, *, generator: Generator) -> list[str]:
        """Draws n words."""
        check_draws(n, generator)
        draws = torch.randint(len(self.alphabet), (n, self.length), generator=generator)
        halves = ["".join(self.alphabet[k] for k in row) for row in draws.tolist()]
        return [f"{half}:{half}" for half in halves]

    @property
    def entropy(self) -> float:
        """Nats a word: all of it is in the first half."""
        return self.length * math.log(len(self.alphabet))

    def _holds(self, word: str) -> bool:
        half, _, copy = word.partition(":")
        return half == copy and len(half) == self.length and set(half) <= set(self.alphabet)


@dataclass(frozen=True)
class ModularAddition:
    """Sums modulo m, "3+4=2" for m = 5: both terms with probability 1/m, then what they make.

    Args:
        modulus: m, 2 to 10, so that a number is one digit.
    """

    modulus: int

    def __post_init__(self) -> None:
        check_integers(modulus=self.modulus)
        if not 2 <= self.modulus <= 10:
            raise ValueError(f"modulus: expected 2 to 10, got {self.modulus}")

    def log_prob(self, words: Sequence[str]) -> Tensor:
        """Maps B words to (B,), nats; -inf for what is no sum, or a wrong one."""
        m = self.modulus
        true = {self._word(a, b) for a in range(m) for b in range(m)}
        return torch.tensor([
            -self.entropy if word in true else -math.inf for word in check_words(words)
        ])

    def sample(self, n: int, *, generator: Generator) -> list[str]:
        """Draws n words."""
        check_draws(n, generator)
        terms = torch.randint(self.modulus, (n, 2), generator=generator).tolist()
        return [self._word(a, b) for a, b in terms]

    @property
    def entropy(self) -> float:
        """Nats a word: those of the two terms."""
        return 2 * math.log(self.modulus)

    def _word(self, a: int, b: int) -> str:
        return f"{a}+{b}={(a + b) % self.modulus}"


def markov_words(alphabet: str, moves: Tensor) -> Automaton:
    """The words of a Markov chain on k symbols that starts and may end anywhere.

    Args:
        alphabet: the k symbols.
        moves: (k + 1, k), row 0 how words begin, row 1 + i what follows symbol i; what a row lacks
            to 1 is the probability that the word ends.

    Raises:
        ValueError: if the shape is wrong, or as `Automaton` raises.
    """
    k = len(Vocabulary(alphabet))
    check_real(moves, name="moves")
    if moves.shape != (k + 1, k):
        raise ValueError(f"moves: expected shape {(k + 1, k)}, got {tuple(moves.shape)}")
    return Automaton({
        (state, symbol): (1 + j, p)
        for state, row in enumerate(moves.tolist())
        for j, (symbol, p) in enumerate(zip(alphabet, row, strict=True)) if p != 0
    })  # fmt: skip


def encode_words(words: Sequence[str], vocabulary: Vocabulary, *, length: int) -> Tensor:
    """Words as rows of `length` places: their symbols' numbers, then K, the end, (B, length) int64.

    Raises:
        TypeError: if a single string came.
        ValueError: if a symbol is unknown, or a word and its end do not fit.
    """
    check_counts(length=length)
    rows = torch.full((len(check_words(words)), length), len(vocabulary), dtype=torch.int64)
    for row, word in zip(rows, words, strict=True):
        if len(word) >= length:
            raise ValueError(
                f"words: expected at most {length - 1} symbols, so that the end fits into the "
                f"context of {length}, got {len(word)}: {word[:20]!r}"
            )
        row[: len(word)] = vocabulary.encode(word)
    return rows


def decode_words(rows: Tensor, vocabulary: Vocabulary) -> list[str]:
    """The way back, (B, length) to B words: what stands before the first end."""
    check_whole(rows, "rows")
    if rows.ndim != 2:
        raise ValueError(f"rows: expected shape (B, length), got {tuple(rows.shape)}")
    words = []
    for row in rows.tolist():
        symbols = row[: row.index(len(vocabulary))] if len(vocabulary) in row else row
        words.append(vocabulary.decode(torch.tensor(symbols, dtype=torch.int64)))
    return words
