"""What crosses the wire is plain data, whole, in time and of limited size; all else is refused."""

import json
import numbers
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter, UserList, deque
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assignments.grader import channel
from assignments.grader.channel import Channel, ChannelError, Closed, TimedOut, decode, encode

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text(max_size=5) | st.integers() | st.booleans()
TREES = st.recursive(
    LEAVES | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


def through_json(value: object) -> object:
    tree, payload = encode(value)
    return decode(json.loads(json.dumps(tree)), payload)


@given(TREES)
def test_plain_data_comes_back_with_its_types(value):
    """Kills: a tuple that comes back as a list, a bool as an int, a dict's int key as a string."""
    assert repr(through_json(value)) == repr(value)


@given(
    hnp.arrays(
        st.sampled_from(sorted(channel.DTYPES)).map(np.dtype),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    )
)
def test_arrays_come_back_bit_for_bit(array):
    """Kills: a lost shape (0-d, empty), a dtype that widens, a NaN that changes."""
    back = through_json([array, array])[1]
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_strided_big_endian_and_scalar_arrays_keep_their_values():
    values = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(through_json(values.T[::2]), values.T[::2])
    assert repr(through_json(np.float32(0.5))) == "0.5"
    assert np.array_equal(through_json(np.arange(3, dtype=">i4")), [0, 1, 2])


def test_a_tensor_comes_back_as_a_tensor_without_its_graph():
    back = through_json(torch.ones(2, 3, requires_grad=True).T)
    assert torch.equal(back, torch.ones(3, 2))
    assert not back.requires_grad


def test_a_generator_travels_by_its_state(generator):
    """Kills: a generator made anew from its seed, which has forgotten what was drawn."""
    torch.rand(5, generator=generator)
    back = through_json(generator)
    assert torch.equal(torch.rand(3, generator=back), torch.rand(3, generator=generator))


def test_a_function_travels_by_its_name_only_where_names_are_known():
    tree, payload = encode(len, {len: "len"}.get)
    assert decode(tree, payload, {"len": len}.__getitem__) is len
    with pytest.raises(ChannelError):
        decode(tree, payload)
    with pytest.raises(ChannelError):
        decode({"function": "eval"}, b"", {"len": len}.__getitem__)


class Whole:
    """An integer of some library: of none that is installed here."""

    def __int__(self) -> int:
        return 2**70


numbers.Integral.register(Whole)


class Precise:
    """A real number of some library, as mpmath's: with no claim to be one."""

    def __float__(self) -> float:
        return 0.125


class Column:
    """An array of some library, as pandas' or JAX's."""

    def __array__(  # ruff: ignore[bad-dunder-method-name]
        self, dtype: object = None, copy: object = None
    ) -> np.ndarray:
        return np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.longdouble(0.5), 0.5),
        (np.clongdouble(1j), 1j),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (Whole(), 2**70),
        (Fraction(1, 4), 0.25),
        (Decimal("0.25"), 0.25),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (range(3), [0, 1, 2]),
        (deque([1, 2]), [1, 2]),
        ({"a": 3}.values(), [3]),
        ({"a": 3}.items(), [("a", 3)]),
        ((x * x for x in (1, 2)), [1, 4]),
        (map(str, (1, 2)), ["1", "2"]),
        ({(0, 1): 0.5}, {(0, 1): 0.5}),
        ({np.int64(3): 1}, {3: 1}),
        (Precise(), 0.125),
        (Column(), np.array([1.0, 2.0])),
        (np.bool_(True), True),
        (np.array(3, dtype=object), np.array(3.0)),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([np.ones(1), None], dtype=object), [np.ones(1), None]),
        (np.asfortranarray(np.eye(2))[::-1], np.eye(2)[::-1]),
        (torch.tensor([[0.0, 2.0]]).to_sparse(), torch.tensor([[0.0, 2.0]])),
        (torch.tensor([0.5]).to(torch.float8_e4m3fn), torch.tensor([0.5], dtype=torch.float32)),
        (torch.nn.Parameter(torch.ones(1)), torch.ones(1)),
        (UserList([1]), [1]),
        (np.array([1, 2], dtype=np.uint64), np.array([1, 2], dtype=np.uint64)),
        (np.array([0.5], dtype=np.longdouble), np.array([0.5])),
        (np.array([1j], dtype=np.clongdouble), np.array([1j])),
        (np.array([Fraction(1, 2), 3], dtype=object), np.array([0.5, 3.0])),
        (torch.tensor([0.5], dtype=torch.bfloat16), torch.tensor([0.5], dtype=torch.float32)),
        (torch.tensor([3], dtype=torch.uint16), torch.tensor([3], dtype=torch.uint16)),
    ],
)
def test_a_number_of_any_library_comes_back_as_the_nearest_plain_one(value, plain):
    """Kills: a right answer that is refused for its type."""
    back = through_json(value)
    assert type(back) is type(plain)
    if isinstance(plain, np.ndarray | torch.Tensor):
        assert back.dtype == plain.dtype
        assert back.shape == plain.shape
        np.testing.assert_array_equal(np.asarray(back), np.asarray(plain))
    else:
        assert repr(back) == repr(plain)


def test_what_has_no_end_is_no_value():
    """Kills: a text, or bytes, taken for a sequence that holds itself or numbers."""
    loop: list = []
    loop.append(loop)
    with pytest.raises(ChannelError, match="nested"):
        encode(loop)
    assert through_json(np.str_("ab")) == "ab"


def test_keys_that_collide_are_refused_before_they_cost_time():
    """Kills: a dict of a quarter of a million keys with one hash, made in the grader."""
    modulus = sys.hash_info.modulus
    tree, payload = encode({k * modulus: 0 for k in range(200)})
    with pytest.raises(ChannelError, match="keys collide"):
        decode(tree, payload)
    ordinary = {k: 0 for k in range(-3000, 3000)} | {f"w{k}": 1 for k in range(3000)}
    assert through_json(ordinary) == ordinary


@pytest.mark.parametrize("value", [object(), len, {1}, b"bytes", np.array([object()]), (1).__add__])
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(ChannelError, match="cannot be returned"):
        encode(value)


def test_too_much_data_is_refused(monkeypatch):
    monkeypatch.setattr(channel, "PAYLOAD_LIMIT", 100)
    with pytest.raises(ChannelError, match="arrays of more than"):
        encode([np.zeros(10), np.zeros(10)])
    deep = []
    for _ in range(30):
        deep = [deep]
    with pytest.raises(ChannelError, match="nested"):
        encode(deep)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"list": 3},
        {"list": [], "tuple": []},
        {"pickle": "gASV"},
        {"dict": [[{"list": []}, 1]]},
        {"dict": [[1]]},
        {"array": ["object", [1], 0]},
        {"array": ["float64", [2], 0]},
        {"array": ["float64", [-1], 0]},
        {"array": ["float64", [1 << 40], 0]},
        {"array": ["float64", [1], -8]},
        {"array": ["float64", [0, 1 << 70], 0]},
        {"array": ["float64", [True], 0]},
        {"array": ["float64", [0] * 40, 0]},
        {"array": ["<f8,<f8", [0], 0]},
        {"array": [["float64"], [0], 0]},
        {"generator": ["uint8", [8], 0]},
        {"complex": ["x", 1]},
        {"function": "print"},
    ],
)
def test_forged_values_are_refused(tree):
    """Kills: a lax decoder; every entry once made numpy, or a lax decoder, raise something else."""
    with pytest.raises(ChannelError):
        decode(tree, bytes(8))


def test_arrays_may_not_share_bytes():
    """Kills: a thousand arrays of 64 MiB each, made of the same 64 MiB."""
    array = {"array": ["float64", [1], 0]}
    assert len(decode({"list": [array]}, bytes(8))) == 1
    with pytest.raises(ChannelError, match="not an array"):
        decode({"list": [array, array]}, bytes(8))


def test_an_array_may_not_reach_beyond_its_bytes():
    tree, payload = encode(np.arange(3.0))
    with pytest.raises(ChannelError):
        decode(tree, payload[:-1])


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(header: bytes, payload: bytes = b"", lengths: tuple[int, int] | None = None) -> bytes:
    sizes = lengths or (len(header), len(payload))
    return bytes(16) + struct.pack("<IQ", *sizes) + header + payload


def test_a_frame_arrives_however_it_is_cut(pair):
    ours, theirs = pair
    whole = frame(b'{"value": 1}', b"payload")

    def dribble() -> None:
        for byte in whole:
            theirs.send(bytes([byte]))

    thread = threading.Thread(target=dribble)
    thread.start()
    assert ours.receive(seconds=10) == (bytes(16), {"value": 1}, b"payload")
    thread.join()


def test_a_large_frame_goes_through_a_full_socket(pair):
    ours, theirs = pair
    got = []
    other = Channel(theirs)
    thread = threading.Thread(target=lambda: got.append(other.receive(seconds=10)))
    thread.start()
    payload = os.urandom(4 << 20)
    ours.send(b"n" * 16, ["header"], payload, seconds=10)
    thread.join()
    assert got == [(b"n" * 16, ["header"], payload)]


@pytest.mark.parametrize(
    "lengths", [(channel.HEADER_LIMIT + 1, 0), (2, channel.PAYLOAD_LIMIT + 1), (2, 1 << 63)]
)
def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(pair, lengths):
    ours, theirs = pair
    theirs.send(frame(b"{}", lengths=lengths))
    with pytest.raises(ChannelError, match="limit"):
        ours.receive(seconds=5)


@pytest.mark.parametrize("header", [b"{", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_a_header_that_is_no_json_is_refused(pair, header):
    ours, theirs = pair
    theirs.send(frame(header))
    with pytest.raises(ChannelError, match="JSON"):
        ours.receive(seconds=5)


def test_silence_and_half_a_frame_end_at_the_deadline(pair):
    """Kills: a deadline for each piece instead of the whole, which a slow writer never meets."""
    ours, theirs = pair
    start = time.monotonic()
    stop = threading.Event()

    def dribble() -> None:
        while not stop.wait(0.05):
            theirs.send(b"\0")

    thread = threading.Thread(target=dribble)
    thread.start()
    with pytest.raises(TimedOut):
        ours.receive(seconds=0.5)
    stop.set()
    thread.join()
    assert time.monotonic() - start < 5


def test_a_deadline_is_by_the_clock_that_was_given(pair):
    """Kills: a worker that is ended because the machine does something else."""
    ours, _ = pair
    start = time.monotonic()
    ours.now = lambda: (time.monotonic() - start) / 3
    with pytest.raises(TimedOut):
        ours.receive(seconds=0.3)
    assert time.monotonic() - start >= 0.9


def test_a_reader_that_never_reads_ends_at_the_deadline(pair):
    ours, _ = pair
    with pytest.raises(TimedOut):
        ours.send(bytes(16), {}, bytes(8 << 20), seconds=0.3)


def test_the_other_sides_end_is_noticed(pair):
    ours, theirs = pair
    theirs.send(b"half a fra")
    theirs.close()
    with pytest.raises(Closed):
        ours.receive(seconds=5)


def test_what_is_printed_is_read_while_waiting():
    """Kills: a full output pipe that blocks the worker for good."""
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    heard = bytearray()
    waiting = Channel(ours, drain=read, drained=heard.extend)

    def talk() -> None:
        with open(write, "wb") as out:
            out.write(b"x" * (1 << 20))
        theirs.send(frame(b"1"))

    thread = threading.Thread(target=talk)
    with ours, theirs:
        thread.start()
        assert waiting.receive(seconds=10)[1] == 1
        thread.join()
    os.close(read)
    assert len(heard) == 1 << 20
