"""What is written down is plain data, and comes back whole; all else is refused."""

import json
import numbers
import sys
from collections import Counter, UserList, deque
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assignments.grader import channel, plain
from assignments.grader.plain import PlainError, decode, encode

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
        st.sampled_from(sorted(plain.DTYPES)).map(np.dtype),
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
    with pytest.raises(PlainError):
        decode(tree, payload)
    with pytest.raises(PlainError):
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
    ("value", "nearest"),
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
def test_a_number_of_any_library_comes_back_as_the_nearest_plain_one(value, nearest):
    """Kills: a right answer that is refused for its type."""
    back = through_json(value)
    assert type(back) is type(nearest)
    if isinstance(nearest, np.ndarray | torch.Tensor):
        assert back.dtype == nearest.dtype
        assert back.shape == nearest.shape
        np.testing.assert_array_equal(np.asarray(back), np.asarray(nearest))
    else:
        assert repr(back) == repr(nearest)


def test_what_has_no_end_is_no_value():
    """Kills: a text, or bytes, taken for a sequence that holds itself or numbers."""
    loop: list = []
    loop.append(loop)
    with pytest.raises(PlainError, match="nested"):
        encode(loop)
    assert through_json(np.str_("ab")) == "ab"


def test_keys_that_collide_are_refused_before_they_cost_time():
    """Kills: a dict of a quarter of a million keys with one hash, made in the grader."""
    modulus = sys.hash_info.modulus
    tree, payload = encode({k * modulus: 0 for k in range(200)})
    with pytest.raises(PlainError, match="keys collide"):
        decode(tree, payload)
    ordinary = {k: 0 for k in range(-3000, 3000)} | {f"w{k}": 1 for k in range(3000)}
    assert through_json(ordinary) == ordinary


@pytest.mark.parametrize("value", [object(), len, {1}, b"bytes", np.array([object()]), (1).__add__])
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(PlainError, match="cannot be returned"):
        encode(value)


def test_too_much_data_is_refused(monkeypatch):
    monkeypatch.setattr(plain, "ARRAYS_LIMIT", 100)
    with pytest.raises(PlainError, match="arrays of more than"):
        encode([np.zeros(10), np.zeros(10)])
    deep = []
    for _ in range(30):
        deep = [deep]
    with pytest.raises(PlainError, match="nested"):
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
    with pytest.raises(PlainError):
        decode(tree, bytes(8))


def test_arrays_may_not_share_bytes():
    """Kills: a thousand arrays of 64 MiB each, made of the same 64 MiB."""
    array = {"array": ["float64", [1], 0]}
    assert len(decode({"list": [array]}, bytes(8))) == 1
    with pytest.raises(PlainError, match="not an array"):
        decode({"list": [array, array]}, bytes(8))


def test_an_array_may_not_reach_beyond_its_bytes():
    tree, payload = encode(np.arange(3.0))
    with pytest.raises(PlainError):
        decode(tree, payload[:-1])


def test_what_a_value_may_hold_fits_into_a_frame():
    """Kills: a limit raised in one of two places: a right answer that is called a forged reply."""
    assert plain.ARRAYS_LIMIT <= channel.PAYLOAD_LIMIT
