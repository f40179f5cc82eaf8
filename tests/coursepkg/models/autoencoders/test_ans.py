"""Asymmetric numeral systems: exact both ways, and as long as the surprise of what was coded."""

import math

import pytest
import torch

from coursepkg.models.autoencoders.ans import Stack, slots, slots_between

EDGES = [0, 3, 4, 8]  # shares 3/8, 1/8, 4/8


def slow_push(state, symbol, counts):
    """The state-th whole number whose slot, its remainder by M, belongs to the symbol."""
    M = sum(counts)
    start = sum(counts[:symbol])
    mine = [n for n in range((state + 2) * M) if start <= n % M < start + counts[symbol]]
    return mine[state]


def test_push_counts_the_numbers_whose_slot_is_the_symbols():
    """Against the definition, by counting. Kills: M and f_k exchanged, an edge forgotten."""
    for state in range(60):
        for symbol in range(3):
            stack = Stack(state)
            stack.push(symbol, EDGES)
            assert stack.state == slow_push(state, symbol, [3, 1, 4])


def test_a_number_by_hand():
    """s = 5, k = 0, f = 3 of M = 8: 8 · 1 + 0 + 2 = 10."""
    stack = Stack(5)
    stack.push(0, EDGES)
    assert stack.state == 10


def test_each_way_undoes_the_other():
    """Kills: a slot of the neighbour's, a queue in place of a stack, a state too small to pop."""
    for state in range(2000):
        stack = Stack(state)
        symbol = stack.pop(EDGES)
        assert EDGES[symbol] <= state % 8 < EDGES[symbol + 1]
        stack.push(symbol, EDGES)
        assert stack.state == state
        for symbol in range(3):
            stack.push(symbol, EDGES)
            assert stack.pop(EDGES) == symbol
            assert stack.state == state


def test_a_long_message_comes_back_and_is_as_long_as_its_surprise(generator):
    """Σ log2 M / f_k, within a bit of 20,000 symbols. Kills: a state cut to a machine word."""
    p = torch.tensor([0.5, 0.3, 0.15, 0.0499, 0.0001])
    edges = slots(p, bits=16).tolist()
    symbols = torch.multinomial(p, 20_000, replacement=True, generator=generator).tolist()
    stack = Stack(2**40)
    surprise = 0.0
    for symbol in symbols:
        stack.push(symbol, edges)
        surprise += math.log2(2**16 / (edges[symbol + 1] - edges[symbol]))
    assert stack.bits - 41 == pytest.approx(surprise, abs=1.01)
    entropy = torch.special.entr(p).sum().item() / math.log(2)
    assert surprise / 20_000 == pytest.approx(entropy, rel=0.02)
    stack = Stack.from_bytes(stack.to_bytes())
    assert [stack.pop(edges) for _ in symbols] == symbols[::-1]
    assert stack.state == 2**40


def test_popping_random_bits_draws(generator):
    """Exactly the shares, over all remainders: that is what bits-back relies on."""
    drawn = torch.tensor([Stack(state).pop(EDGES) for state in range(8 * 50)])
    assert torch.bincount(drawn).tolist() == [150, 50, 200]


def test_bytes_are_as_few_as_hold_the_number():
    """Kills: a byte too many, the lowest byte first."""
    assert Stack(0x01FF).to_bytes() == b"\x01\xff"
    assert [len(Stack(n).to_bytes()) for n in (2**16 - 1, 2**16)] == [2, 3]
    assert Stack.from_bytes(b"").state == 0


def test_slots_follow_the_shares_and_none_is_empty(generator):
    """Kills: rounding that leaves a rare symbol without a slot, edges that do not end at M."""
    p = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    edges = slots(p, bits=10)
    assert edges.dtype == torch.int64
    assert edges[:, 0].tolist() == [0, 0]
    assert edges[:, -1].tolist() == [1024, 1024]
    counts = edges.diff()
    assert counts.min() >= 1
    assert ((counts - 1 - p * (1024 - 4)).abs() < 1).all()
    assert slots(torch.tensor([0.5, 0.5]), bits=1).tolist() == [0, 1, 2]
    single = torch.rand(5, 17, generator=generator).float().softmax(-1)
    assert (slots(single, bits=12).diff() >= 1).all()


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: Stack(-1), "state: expected a whole number >= 0, got -1"),
        (lambda: Stack().push(3, EDGES), "symbol: expected 0 to 2, got 3"),
        (lambda: Stack().push(-1, EDGES), "symbol: expected 0 to 2, got -1"),
        (lambda: Stack().push(1, [0, 2, 2, 4]), "expected a slot for symbol 1, got 0"),
        (lambda: slots(torch.tensor([0.5, 0.6]), bits=8), "p: expected probabilities, got"),
        (lambda: slots(torch.tensor([-0.5, 1.5]), bits=8), "p: expected probabilities, got"),
        (lambda: slots(torch.tensor([torch.nan, 1.0]), bits=8), "p: expected probabilities, got"),
        (lambda: slots(torch.ones(5) / 5, bits=2), "bits: expected 5 slots or more.*got 2\\^2"),
        (lambda: slots(torch.ones(5) / 5, bits=49), "at most 2\\^48, got 2\\^49"),
        (lambda: slots(torch.ones(1), bits=0), "bits: expected a finite number > 0, got 0"),
        (lambda: slots_between(torch.tensor([0.0, 0.7, 0.6, 1.0]), bits=8), "cdf: expected.*got"),
        (lambda: slots_between(torch.tensor([0.0, 0.7, 0.9]), bits=8), "cdf: expected.*got"),
        (lambda: slots_between(torch.tensor([0.1, 0.7, 1.0]), bits=8), "cdf: expected.*got"),
    ],
)
def test_what_cannot_be_coded_is_refused(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
