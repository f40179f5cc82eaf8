"""Byte-pair encoding: the most frequent pair of neighbours becomes a symbol, again and again."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from coursepkg.counts import check_counts
from coursepkg.data.text import Vocabulary, check_ids, check_text

Word = tuple[int, ...]
Pair = tuple[int, int]

BYTES = Vocabulary("".join(map(chr, range(256))))  # each byte as the character of its number


@dataclass(frozen=True)
class BytePairs:
    """Text as tokens: characters 0..K-1, then merged pairs of tokens, K, K + 1, ...

    No token crosses the bounds of `pieces`. Decoding undoes encoding, for any text of the known
    characters. Sennrich, Haddow and Birch (2016); for bytes in the place of characters, and so for
    any text at all, take `as_bytes` of each text and `BYTES` for the vocabulary.

    Args:
        vocabulary: the characters.
        merges: pairs in the order of their merging.
    """

    vocabulary: Vocabulary
    merges: tuple[Pair, ...]

    @classmethod
    def from_text(
        cls, text: str, *, size: int, vocabulary: Vocabulary | None = None
    ) -> "BytePairs":
        """Learns `size` tokens, or fewer where no two are left to merge, from a text.

        Of equally frequent pairs the one with the smaller numbers is first.

        Args:
            text: what the pairs are counted in.
            size: how many tokens, characters with them.
            vocabulary: the characters; those of the text when left out.

        Raises:
            ValueError: if there are more characters than `size`, or unknown ones in the text.
        """
        check_text(text)
        check_counts(size=size)
        vocabulary = vocabulary or Vocabulary.from_text(text)
        if size < len(vocabulary):
            raise ValueError(f"size: expected {len(vocabulary)} characters or more, got {size}")
        words = Counter(pieces(text))
        counts = {tuple(vocabulary.encode(w).tolist()): n for w, n in words.items()}
        return cls(vocabulary, tuple(_merges(counts, len(vocabulary), size)))

    def __len__(self) -> int:
        return len(self.vocabulary) + len(self.merges)

    @property
    def tokens(self) -> list[str]:
        """What each token stands for."""
        found = list(self.vocabulary.characters)
        for a, b in self.merges:
            found.append(found[a] + found[b])
        return found

    def encode(self, text: str) -> Tensor:
        """Maps a text to (T,) int64.

        Raises:
            ValueError: if a character is not in the vocabulary.
        """
        check_text(text)
        rank = {pair: n for n, pair in enumerate(self.merges)}
        first = len(self.vocabulary)

        @cache
        def tokens_of(word: str) -> Word:
            found = tuple(self.vocabulary.encode(word).tolist())
            while known := [rank[pair] for pair in pairwise(found) if pair in rank]:
                found = _merged(found, self.merges[min(known)], first + min(known))
            return found

        return torch.tensor([t for word in pieces(text) for t in tokens_of(word)]).long()

    def decode(self, ids: Tensor) -> str:
        """Maps (T,) back to the text.

        Raises:
            ValueError: if a number is not one of 0..K-1.
        """
        check_ids(ids)
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(self):
            raise ValueError(
                f"ids: expected 0..{len(self) - 1}, got {int(ids.min())} to {int(ids.max())}"
            )
        tokens = self.tokens
        return "".join(tokens[k] for k in ids.tolist())


def pieces(text: str) -> list[str]:
    """Words, each with the space before it; signs alike; what is left of the white space."""
    check_text(text)
    return re.findall(r"\s?\w+|\s?[^\w\s]+|\s+", text)


def as_bytes(text: str) -> str:
    """The bytes of UTF-8, each as the character of its number: 256 symbols that write anything."""
    check_text(text)
    return text.encode().decode("latin-1")


def from_bytes(text: str) -> str:
    """The way back; bytes that are no text become the sign for that, �."""
    check_text(text)
    if not text.isascii() and max(text) > "\xff":
        raise ValueError(f"text: expected bytes as characters 0..255, got {max(text)!r}")
    return text.encode("latin-1").decode(errors="replace")


def _merges(counts: dict[Word, int], first: int, size: int) -> Iterable[Pair]:
    """Pairs to merge, in order; only the words that hold a pair are looked at again."""
    words, pairs, where = list(counts), Counter[Pair](), defaultdict[Pair, set[int]](set)
    times = list(counts.values())
    for n, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += times[n]
            where[pair].add(n)
    for new in range(first, size):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 1:
            return
        yield best
        for n in list(where[best]):
            for pair in pairwise(words[n]):
                pairs[pair] -= times[n]
            words[n] = _merged(words[n], best, new)
            for pair in pairwise(words[n]):
                pairs[pair] += times[n]
                where[pair].add(n)


def _merged(word: Word, pair: Pair, new: int) -> Word:
    """The word with each such pair, from the left, as one symbol."""
    found: list[int] = []
    for symbol in word:
        if found and (found[-1], symbol) == pair:
            found[-1] = new
        else:
            found.append(symbol)
    return tuple(found)
