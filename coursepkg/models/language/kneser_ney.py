"""Kneser and Ney's chain: the best that counting does for text."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from coursepkg.counts import check_integers, check_numbers
from coursepkg.nets.readers import check_texts
from coursepkg.validate import check_whole


class KneserNey:
    r"""A Markov chain of order L, smoothed by the chains of all lower orders.

    A discount is taken off every count, and what it frees goes to the order below. There the
    counts are of another kind: in how many longer strings a string ends, not how often it comes.
    Source: :eq:`kneser-ney`; Kneser and Ney (1995), in the interpolated form of Chen and Goodman
    (1999), who also take other discounts off counts of 1, of 2 and of more: `estimated_discounts`.
    Windows that reach before the start hold the symbol K, "nothing". Before `fit` all symbols are
    equally likely.

    Args:
        order: how many symbols back, L >= 0.
        symbols: number of symbols K.
        discount: δ in (0, 1) for all counts; None to estimate three in each order.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, order: int, *, symbols: int, discount: float | None = None) -> None:
        check_integers(order=order, symbols=symbols)
        check_numbers(discount=0.5 if discount is None else discount)
        if order < 0 or symbols < 2 or not 0 < (0.5 if discount is None else discount) < 1:
            raise ValueError(
                "expected order >= 0, symbols >= 2 and a discount in (0, 1), got "
                f"{order}, {symbols} and {discount}"
            )
        self.order, self.symbols, self.discount = order, symbols, discount
        # of the strings of each length 1, ..., L + 1: which there are, and their counts
        self.keys = [torch.tensor([-(2**62)])] * (order + 1)  # which is no string's key
        self.counts = [torch.tensor([0])] * (order + 1)
        self.discounts = [torch.zeros(4)] * (order + 1)  # off counts of 0, 1, 2, and more
        # of each context: the sum of the counts of what follows, and of what is taken off them
        self.totals = [torch.zeros(2, 1)] * (order + 1)

    def fit(self, y: Tensor) -> "KneserNey":
        """Counts what follows what in y, (N, T) symbols: N texts, none of which follows another.

        Raises:
            TypeError: if y holds no whole numbers.
            ValueError: if the shape is another, there is no symbol, or an unknown one.
        """
        check_texts(y, self.symbols)
        places = list(self._number(y, new=True))  # of the string that ends at each place
        counts = torch.bincount(places[-1].flatten(), minlength=len(self.keys[-1]))
        for n in range(self.order, -1, -1):
            self.counts[n], self.discounts[n] = counts, self._discounts(counts)
            context = self.keys[n] // (self.symbols + 1)
            size = len(self.keys[n - 1]) if n else 1
            weights = (counts.double(), self.discounts[n][counts.clamp(max=3)])
            self.totals[n] = torch.stack([torch.bincount(context, w, size) for w in weights])
            if n:
                tail = torch.zeros_like(self.keys[n])  # the string without its first symbol
                tail[places[n]] = places[n - 1]
                counts = torch.bincount(tail[places[n].unique()], minlength=size)
        return self

    def __call__(self, y: Tensor) -> Tensor:
        """log p of every symbol after each place, (B, T) -> (B, T, K), nats. Raises as `fit`."""
        check_texts(y, self.symbols)
        contexts = [torch.zeros_like(y.long()), *self._number(y)][: self.order + 1]
        symbols = torch.arange(self.symbols, device=y.device)
        return self._probability([c[..., None] for c in contexts], symbols).log()

    def log_conditionals(self, y: Tensor) -> Tensor:
        """log p(y_t | y_{<t}) of what is there, (B, T) -> (B, T), nats. Raises as `fit`."""
        check_texts(y, self.symbols)
        y = y.long()
        before = pad(y, (1, 0), value=self.symbols)[:, :-1]
        contexts = [torch.zeros_like(y), *self._number(before)][: self.order + 1]
        return self._probability(contexts, y).log()

    def _number(self, y: Tensor, *, new: bool = False) -> Iterator[Tensor]:
        """Of the strings of 1, ..., L + 1 symbols that end at each place the numbers, (B, T).

        Args:
            y: symbols, where K is nothing; so is what would stand before them.
            new: whether to number the strings anew; else those not known have the number -1.
        """
        y = pad(y.long(), (self.order, 0), value=self.symbols)
        context = torch.zeros_like(y)
        for n in range(self.order + 1):
            key = context * (self.symbols + 1) + y
            if new:
                self.keys[n], number = key.unique(return_inverse=True)
            else:
                found, at = _look_up(self.keys[n], key)
                number = at.where(found, -1)
            yield number[:, self.order :]
            context = pad(number[:, :-1], (1, 0))  # of the next place: one symbol longer

    def _discounts(self, counts: Tensor) -> Tensor:
        """What is taken off counts of 0, 1, 2, and more, (4,)."""
        if self.discount is None:
            return estimated_discounts(counts)
        return counts.new_tensor([0, *[self.discount] * 3], dtype=torch.float64)

    def _probability(self, contexts: list[Tensor], symbol: Tensor) -> Tensor:
        """p(symbol | context), from the shortest context to the longest."""
        p = torch.full_like(contexts[0] + symbol, 1 / self.symbols, dtype=torch.float64)
        for n, context in enumerate(contexts):
            found, at = _look_up(self.keys[n], context * (self.symbols + 1) + symbol)
            count = self.counts[n][at].where(found, 0)
            total, freed = self.totals[n][:, context.clamp(min=0)]
            share = (count - self.discounts[n][count.clamp(max=3)] + freed * p) / total
            p = share.where((context >= 0) & (total > 0), p)
        return p


def estimated_discounts(counts: Tensor) -> Tensor:
    r"""What to take off counts of 0, 1, 2, and more, by leaving one out, (M,) -> (4,).

    With :math:`m_i` strings of count i and :math:`Y = m_1 / (m_1 + 2 m_2)`:
    :math:`i - (i + 1) Y m_{i+1} / m_i`. Source: :eq:`discounts`; Chen and Goodman (1999), equation
    26. With few strings some :math:`m_i` is 0: then all are 3/4. So is one that is not above 0: it
    would free nothing, and what was not seen would have the probability 0.
    """
    check_whole(counts, "counts")
    if counts.ndim != 1 or (counts < 0).any():
        raise ValueError(f"counts: expected numbers >= 0 of shape (M,), got {tuple(counts.shape)}")
    m = torch.bincount(counts.clamp(max=5), minlength=6)[1:5].double()
    if (m == 0).any():
        return m.new_tensor([0, 0.75, 0.75, 0.75])
    i, share = m.new_tensor([1, 2, 3]), m[0] / (m[0] + 2 * m[1])
    off = i - (i + 1) * share * m[1:] / m[:-1]
    return torch.cat([m.new_zeros(1), off.where(off > 0, 0.75)])  # always below i


def _look_up(keys: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each key is there, and where."""
    at = torch.searchsorted(keys, key.contiguous()).clamp(max=len(keys) - 1)
    return keys[at] == key, at
