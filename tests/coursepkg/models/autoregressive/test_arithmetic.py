"""The coder against exact fractions: the interval, the bits, and every message back."""

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coursepkg.models.autoregressive.arithmetic import (
    FULL,
    HALF,
    QUARTER,
    Decoder,
    Encoder,
    Interval,
)

EDGES = [0, 1, 3, 4]  # shares 1/4, 1/2, 1/4: every narrowing is exact


def exact(symbols, tables):
    """The interval as fractions, straight from its definition: start and width."""
    low, width = Fraction(0), Fraction(1)
    for symbol, edges in zip(symbols, tables, strict=True):
        low += width * Fraction(edges[symbol], edges[-1])
        width *= Fraction(edges[symbol + 1] - edges[symbol], edges[-1])
    return low, width


def number(bits):
    """0.b1b2b3... as a fraction."""
    return sum((Fraction(bit, 2 ** (n + 1)) for n, bit in enumerate(bits)), Fraction(0))


def encoded(symbols, tables):
    coder = Encoder()
    for symbol, edges in zip(symbols, tables, strict=True):
        coder.push(symbol, edges)
    return coder


def decoded(message, tables):
    coder = Decoder(message)
    return [coder.pop(edges) for edges in tables]


@pytest.mark.equation("arithmetic-interval")
@pytest.mark.parametrize("length", range(6))
def test_the_number_lies_in_the_exact_interval(length):
    """All messages of up to five symbols with dyadic shares, against fractions.

    Kills: an edge of the neighbour, the width not scaled, a half forgotten, opposites that are not.
    """
    for symbols in product(range(3), repeat=length):
        tables = [EDGES] * len(symbols)
        coder = encoded(symbols, tables)
        low, width = exact(symbols, tables)
        assert low <= number(coder.bits()) < low + width
        scale = 2 ** (len(coder.sent) + coder.pending)
        assert Fraction(coder.interval.width, FULL) == width * scale
        assert len(coder.bits()) <= -math.log2(width) + 1
        assert decoded(coder.to_bytes(), tables) == list(symbols)


def test_a_message_by_hand():
    """b c with shares 1/4, 1/2, 1/4: [1/4, 3/4), then [5/8, 3/4), named by 0.101.

    The first is the middle, and no bit is known: one is owed. Then the upper quarter of it.
    """
    coder = Encoder()
    coder.push(1, EDGES)
    assert (coder.sent, coder.pending) == ([], 1)
    assert coder.bits() == [1, 0]  # 1/2
    coder.push(2, EDGES)
    assert number(coder.bits()) == Fraction(5, 8)
    assert coder.sent == [1, 0, 1]
    assert coder.to_bytes() == bytes([0b1010_0000])
    assert encoded([0], [EDGES]).sent == [0, 0]
    assert Encoder().to_bytes() == b""


tables = st.lists(st.integers(1, 40), min_size=1, max_size=6).map(
    lambda shares: [0, *(sum(shares[: n + 1]) for n in range(len(shares)))]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(tables.flatmap(lambda e: st.tuples(st.just(e), st.integers(0, len(e) - 2)))))
@pytest.mark.equation("arithmetic-length")
def test_every_message_comes_back_and_is_short(pairs):
    """Any laws, any symbols. Kills: a decoder that shares out otherwise, a bit too many."""
    laws, symbols = [edges for edges, _ in pairs], [symbol for _, symbol in pairs]
    coder = encoded(symbols, laws)
    assert decoded(coder.to_bytes(), laws) == symbols
    surprise = sum(
        math.log2(edges[-1] / (edges[s + 1] - edges[s]))
        for edges, s in zip(laws, symbols, strict=True)
    )
    assert len(coder.bits()) <= surprise + 1 + 1e-6
    assert 8 * len(coder.to_bytes()) < len(coder.bits()) + 8


ADVERSARIAL = {
    "one slot of 2^46": ([0, 1, QUARTER], [0] * 40),
    "all but one slot": ([0, 1, QUARTER], [1] * 5000),
    "the last of 2^46": ([0, QUARTER - 1, QUARTER], [1] * 40),
    "the middle, over and over": ([0, 333, 667, 1000], [1] * 3000),
    "astride of a half": ([0, 2**23 - 1, 2**23 + 1, 2**24], [1] * 200),
    "certain": ([0, 7], [0] * 100),
    "empty neighbours": ([0, 0, 5, 5, 9, 9], [1, 3] * 50),
    "in turn": ([0, 1, 2**40], [0, 1] * 300),
}


@pytest.mark.equation("arithmetic-length")
@pytest.mark.parametrize("case", ADVERSARIAL)
def test_the_worst_laws(case):
    """Kills: a width of 0, an overflow, symbols without a share, bits that are owed for ever."""
    edges, symbols = ADVERSARIAL[case]
    coder = encoded(symbols, [edges] * len(symbols))
    assert decoded(coder.to_bytes(), [edges] * len(symbols)) == symbols
    shares = [(edges[s + 1] - edges[s]) / edges[-1] for s in symbols]
    surprise = -sum(map(math.log2, shares))
    rounding = sum(math.log2(1 / (1 - 1 / (share * QUARTER))) for share in shares if share < 1
                   and share * QUARTER > 1)  # fmt: skip
    least = 1 + (2 * len(symbols) if min(shares) * QUARTER <= 1 else 0)  # a slot may halve
    assert surprise - 1 <= len(coder.bits()) <= surprise + rounding + least
    if case == "certain":
        assert coder.to_bytes() == b""


def test_the_interval_stays_wide():
    """After settling it holds ½ and more than a quarter. Kills: a boundary on the wrong side."""
    for symbols in product(range(3), repeat=6):
        interval = Interval()
        for symbol in symbols:
            interval.narrow(symbol, [0, 3, 5, 11])
            assert set(interval.settle()) <= {0, QUARTER, HALF}
            assert interval.low < HALF < interval.low + interval.width <= FULL
            assert interval.width > QUARTER


def test_one_unit_beyond_a_boundary_is_beyond_it():
    """Kills: an end that counts as inside, one unit too many."""
    for low, width, cuts in (
        (0, HALF + 1, []),
        (HALF - 1, HALF, []),
        (QUARTER - 1, HALF, []),
        (QUARTER, HALF + 1, []),
        (QUARTER, HALF, [QUARTER]),
        (HALF, HALF, [HALF]),
        (0, HALF, [0]),
    ):
        interval = Interval()
        interval.low, interval.width = low, width
        assert list(interval.settle()) == cuts


def test_a_message_that_ends_too_early_is_noticed():
    """Kills: zeros for ever: a decoder that reads symbols where there are none."""
    edges = [0, 1, 2**20]
    message = encoded([0] * 60, [edges] * 60).to_bytes()
    assert decoded(message, [edges] * 60) == [0] * 60
    with pytest.raises(ValueError, match="expected more bits for this symbol, got its end"):
        decoded(message[:50], [edges] * 60)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: Encoder().push(3, EDGES), "symbol: expected 0 to 2, got 3"),
        (lambda: Encoder().push(-1, EDGES), "symbol: expected 0 to 2, got -1"),
        (lambda: Encoder().push(1, [0, 2, 2, 4]), "expected a share for symbol 1, got none"),
        (lambda: Encoder().push(0, [0, 15, 10]), "expected symbol 0 between 0 and M, got one bey"),
        (lambda: Encoder().push(1, [0, -2, 10]), "expected symbol 1 between 0 and M, got one bey"),
        (lambda: Encoder().push(0, [0]), "edges: expected whole numbers from 0 to M"),
        (lambda: Encoder().push(0, [1, 3]), r"edges: expected .* got \[1, 3\]"),
        (lambda: Encoder().push(0, [0, QUARTER + 1]), "0 < M <= 2\\^46, got"),
        (lambda: Decoder(b"x").pop([0, QUARTER + 1]), "0 < M <= 2\\^46, got"),
    ],
)
def test_what_cannot_be_coded_is_refused(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()


@pytest.mark.parametrize("call", [Encoder().push, lambda _, edges: Decoder(b"x").pop(edges)])
def test_shares_are_whole_numbers(call):
    """Kills: floating-point edges, of which 2^48 keeps no last slot."""
    with pytest.raises(TypeError, match="edges: expected whole numbers, got float"):
        call(0, [0, 0.5, 1.0])
