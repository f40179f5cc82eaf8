"""Random formal languages whose entropy is known: no model of them costs less on average.

Each draws words, gives the exact probability of any word, and knows its entropy. A word is a
finite string; the empty one counts. Made by us: nothing is read, and a test is a new draw.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_draws, check_numbers


class Automaton:
    """Words read off a random walk between states that starts in state 0 and ends in any.

    In each state the walk takes one of the arrows that leave it, or ends, with the probability
    that they leave over. A state and a symbol have one arrow, so a word has one walk, and its
    probability is a product.

    Args:
        arrows: (state, symbol) to (next state, probability).

    Raises:
        ValueError: if probabilities are no law, or a walk may never end.
    """

    def __init__(self, arrows: Mapping[tuple[int, str], tuple[int, float]]) -> None:
        if not isinstance(arrows, Mapping):
            raise TypeError(f"arrows: expected a mapping, got {type(arrows).__name__}")
        self.arrows = dict(arrows)
        if not self.arrows:
            raise ValueError("arrows: expected at least one, got none")
        count = 1 + max(max(state, after) for (state, _), (after, _) in self.arrows.items())
        self.stop = torch.ones(count, dtype=torch.float64)
        self._from: list[list[tuple[str, int, float]]] = [[] for _ in range(count)]
        self._moves = torch.zeros(count, count, dtype=torch.float64)
        for (state, symbol), (after, p) in self.arrows.items():
            check_numbers(p=p)
            if len(symbol) != 1 or not 0 < p <= 1:
                raise ValueError(
                    f"arrows: expected one symbol with probability in (0, 1], got {symbol!r}, {p}"
                )
            self.stop[state] -= p
            self._moves[state, after] += p
            self._from[state].append((symbol, after, p))
        self.stop[self.stop.abs() < self._rounding()] = 0  # what it left of 1 - 1
        if (self.stop < 0).any():
            raise ValueError(f"arrows: expected sums of at most 1 a state, got {1 - self.stop}")
        if torch.linalg.eigvals(self._moves).abs().max() > 1 - 1e-9:
            raise ValueError("arrows: expected every walk to end, got states it never leaves")

    def log_prob(self, words: Sequence[str]) -> Tensor:
        """Maps B words to (B,), nats; -inf for a word outside the language."""
        return torch.tensor([self._log_prob(word) for word in check_words(words)])

    def sample(self, n: int, *, generator: Generator) -> list[str]:
        """Draws n words."""
        check_draws(n, generator)
        return [self._walk(generator) for _ in range(n)]

    def _rounding(self) -> float:
        """What may be missing from a sum: more if all probabilities are of single precision."""
        p = torch.tensor([p for _, p in self.arrows.values()], dtype=torch.float64)
        return 1e-6 if torch.equal(p.float().double(), p) else 1e-12

    @property
    def entropy(self) -> float:
        """Nats a word: each state's entropy of choice times the visits it expects."""
        start = torch.zeros_like(self.stop)
        start[0] = 1
        visits = torch.linalg.solve(torch.eye(len(start)).to(start) - self._moves.T, start)
        choice = -torch.xlogy(self.stop, self.stop)
        for (state, _), (_, p) in self.arrows.items():
            choice[state] -= p * math.log(p)
        return float(visits @ choice)

    def _log_prob(self, word: str) -> float:
        state, total = 0, 0.0
        for symbol in word:
            if (state, symbol) not in self.arrows:
                return -math.inf
            state, p = self.arrows[state, symbol]
            total += math.log(p)
        return total + float(self.stop[state].log())

    def _walk(self, generator: Generator) -> str:
        state, word = 0, ""
        while True:
            u = _uniform(generator)
            for symbol, after, p in self._from[state]:
                if u < p:
                    state, word = after, word + symbol
                    break
                u -= p
            else:
                return word


@dataclass(frozen=True)
class Dyck:
    """Balanced brackets, from the grammar S → ( S ) S with probability p, S → nothing otherwise.

    A word of n pairs has one derivation, which uses the first rule n times and the second n + 1
    times. Below p = 1/2 words are finite with E n = p / (1 - 2p); no automaton has this language.
    """

    p: float

    def __post_init__(self) -> None:
        check_numbers(p=self.p)
        if not 0 < self.p < 0.5:
            raise ValueError(f"p: expected 0 < p < 1/2, so that words end, got {self.p}")

    def log_prob(self, words: Sequence[str]) -> Tensor:
        """Maps B words to (B,), nats; -inf for a word that is not balanced."""
        return torch.tensor([self._log_prob(word) for word in check_words(words)])

    def sample(self, n: int, *, generator: Generator) -> list[str]:
        """Draws n words."""
        check_draws(n, generator)
        return [self._derive(generator) for _ in range(n)]

    @property
    def entropy(self) -> float:
        """Nats a word: the binary entropy of p for each of the 1 / (1 - 2p) rules expected."""
        p = self.p
        return -(p * math.log(p) + (1 - p) * math.log1p(-p)) / (1 - 2 * p)

    def _log_prob(self, word: str) -> float:
        depth = 0.0
        for symbol in word:
            depth += {"(": 1, ")": -1}.get(symbol, -math.inf)
            if depth < 0:
                return -math.inf
        pairs = len(word) // 2
        log_prob = pairs * math.log(self.p) + (pairs + 1) * math.log1p(-self.p)
        return log_prob if depth == 0 else -math.inf

    def _derive(self, generator: Generator) -> str:
        """Expands the leftmost S; once it is nothing, the innermost open bracket closes."""
        word, depth = "", 0
        while True:
            if _uniform(generator) < self.p:
                word, depth = word + "(", depth + 1
            elif depth > 0:
                word, depth = word + ")", depth - 1
            else:
                return word


def ab_star(p: float) -> Automaton:
    """(ab)^n with probability p^n (1 - p): the smallest language with a rule to learn."""
    return Automaton({(0, "a"): (1, p), (1, "b"): (0, 1.0)})


def even_a() -> Automaton:
    """Words over a and b with an even number of a: one bit to remember, however far back."""
    return Automaton({
        (0, "a"): (1, 0.4), (0, "b"): (0, 0.4), (1, "a"): (0, 0.5), (1, "b"): (1, 0.5),
    })  # fmt: skip


def _uniform(generator: Generator) -> float:
    return float(torch.rand((), generator=generator, dtype=torch.float64))


def check_words(words: Sequence[str]) -> Sequence[str]:
    """The words as they came, if they are a list, and not one string.

    Raises:
        TypeError: if a single string came, or a word is no string.
    """
    if isinstance(words, str):
        raise TypeError(f"words: expected a list of words, got the single string {words!r}")
    if not isinstance(words, Sequence):
        raise TypeError(f"words: expected a list of words, got {words!r:.60}")
    given: Sequence[object] = words
    if others := [word for word in given if not isinstance(word, str)]:
        raise TypeError(f"words: expected strings, got {others[0]!r:.60}")
    return words
