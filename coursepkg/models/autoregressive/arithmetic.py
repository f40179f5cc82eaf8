r"""Arithmetic coding: a message is a number in an interval, and each symbol narrows the interval.

Symbol k owns the share :math:`f_k / M` of the interval, from :math:`e_k / M` on. The whole message
ends in an interval as wide as its probability, and a number in it needs about
:math:`-\log_2 p` bits. Whole numbers hold the interval, 2^48 for a length of 1; whenever all of it
begins with the same bit, the bit is sent and the interval is doubled. Source: Witten, Neal and
Cleary, "Arithmetic coding for data compression" (1987).
"""

import bisect
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

REGISTER = 48  # bits of the whole numbers that hold the interval
FULL, HALF, QUARTER = 2**REGISTER, 2 ** (REGISTER - 1), 2 ** (REGISTER - 2)


class Interval:
    """[low, low + width) in units of 2^-48, as both sides see it."""

    def __init__(self) -> None:
        self.low, self.width = 0, FULL

    def narrow(self, symbol: int, edges: Sequence[int]) -> None:
        """Keeps what belongs to the symbol.   Source: :eq:`arithmetic-interval`.

        Args:
            symbol: k, 0 <= k < n.
            edges: 0 = e_0 < e_1 < ... < e_n = M <= 2^46: symbol k has f_k = e_{k+1} - e_k of M.

        Raises:
            TypeError: if M is no int.
            ValueError: if there is no such symbol, it has no share or one beyond M, or M is too
                large.
        """
        _check_edges(edges)
        if not 0 <= symbol < len(edges) - 1:
            raise ValueError(f"symbol: expected 0 to {len(edges) - 2}, got {symbol}")
        if edges[symbol] >= edges[symbol + 1]:
            raise ValueError(f"edges: expected a share for symbol {symbol}, got none")
        if edges[symbol] < 0 or edges[symbol + 1] > edges[-1]:
            raise ValueError(f"edges: expected symbol {symbol} between 0 and M, got one beyond")
        start = self.width * edges[symbol] // edges[-1]
        end = self.width * edges[symbol + 1] // edges[-1]
        self.low, self.width = self.low + start, end - start

    def settle(self) -> Iterator[int]:
        """Doubles the interval while it lies in one half, or in the middle; yields what was cut.

        That is 0 for the lower half, HALF for the upper one, and QUARTER for the middle, where the
        next bit is not yet known but the one after it will be its opposite. Then
        low < HALF < low + width, and width > QUARTER.
        """
        while True:
            if self.low + self.width <= HALF:
                cut = 0
            elif self.low >= HALF:
                cut = HALF
            elif self.low >= QUARTER and self.low + self.width <= HALF + QUARTER:
                cut = QUARTER
            else:
                return
            self.low, self.width = 2 * (self.low - cut), 2 * self.width
            yield cut


class Encoder:
    """Turns symbols into bits; each is coded by the edges that stand for its law."""

    def __init__(self) -> None:
        self.interval = Interval()
        self.sent: list[int] = []
        self.pending = 0  # opposites that are owed after the next bit

    def push(self, symbol: int, edges: Sequence[int]) -> None:
        """Codes one symbol; arguments and errors are those of `Interval.narrow`."""
        self.interval.narrow(symbol, edges)
        for cut in self.interval.settle():
            if cut == QUARTER:
                self.pending += 1
            else:
                self._send(int(cut == HALF))

    def bits(self) -> list[int]:
        """The message so far: the bits sent, and those that name ½ if the interval is not at 0.

        At most 1 bit more than -log2 of the interval's width.   Source: :eq:`arithmetic-length`.
        """
        last = [1] + [0] * self.pending if self.interval.low or self.pending else []
        return self.sent + last

    def to_bytes(self) -> bytes:
        """The message, eight bits a byte, zeros at the end."""
        bits = self.bits()
        bits += [0] * (-len(bits) % 8)
        return bytes(
            int("".join(map(str, bits[n : n + 8])), base=2) for n in range(0, len(bits), 8)
        )

    def _send(self, bit: int) -> None:
        self.sent += [bit] + [1 - bit] * self.pending
        self.pending = 0


class Decoder:
    """Reads the symbols of an `Encoder` in their order, given the same edges.

    Args:
        message: what `to_bytes` wrote. It does not say where it ends: the caller must know.
    """

    def __init__(self, message: bytes) -> None:
        if not isinstance(message, bytes | bytearray):
            raise TypeError(f"message: expected bytes, got {type(message).__name__}")
        self.interval = Interval()
        written = (byte >> place & 1 for byte in message for place in range(7, -1, -1))
        self.rest = chain(written, repeat(0, REGISTER))  # more zeros are never needed
        self.value = 0
        for _ in range(REGISTER):
            self._read()

    def pop(self, edges: Sequence[int]) -> int:
        """The next symbol: the one in whose part of the interval the number lies.

        Raises:
            TypeError: if M is no int.
            ValueError: if M is too large, or the message has ended before.
        """
        _check_edges(edges)
        inside, total = self.value - self.interval.low, edges[-1]
        slot = ((inside + 1) * total - 1) // self.interval.width
        symbol = bisect.bisect_right(edges, slot) - 1
        self.interval.narrow(symbol, edges)
        for cut in self.interval.settle():
            self.value -= cut
            self._read()
        return symbol

    def _read(self) -> None:
        bit = next(self.rest, None)
        if bit is None:
            raise ValueError("message: expected more bits for this symbol, got its end: truncated?")
        self.value = 2 * self.value + bit


def _check_edges(edges: Sequence[int]) -> None:
    if len(edges) and not isinstance(edges[-1], int):  # a float would lose the last slots
        raise TypeError(f"edges: expected whole numbers, got {type(edges[-1]).__name__}")
    if not (len(edges) > 1 and edges[0] == 0 and 0 < edges[-1] <= QUARTER):
        raise ValueError(
            f"edges: expected whole numbers from 0 to M, 0 < M <= 2^{REGISTER - 2}, got "
            f"{list(edges[:3])}{'...' if len(edges) > 3 else ''}"
        )
