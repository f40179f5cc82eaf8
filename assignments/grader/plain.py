"""Plain data as a JSON tree and raw arrays, and back; never pickle.

What comes back from a student's process was made by anybody: `decode` makes plain data of it, or
an error. The worker imports this file on its own, so it uses the standard library and numpy, and
torch only where a tensor turns up.
"""

from __future__ import annotations

import io
import numbers
import sys
from collections import Counter
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from decimal import Decimal
from typing import Any

import numpy as np

ARRAYS_LIMIT = 64 << 20  # bytes of all arrays of a value: a frame of `channel` holds no more
DEPTH_LIMIT = 20
COLLISIONS = 16  # keys of a dict with the same hash
DTYPES = frozenset((
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
))
WIDER = {"g": np.float64, "G": np.complex128}  # long doubles, of which machines have many kinds


class PlainError(Exception):
    """A value that is no plain data, or a tree that `encode` does not make."""


def encode(value: Any, names: Callable[[Any], str | None] = lambda _: None) -> tuple[Any, bytes]:
    """Plain data as a JSON tree and one run of bytes for all its arrays.

    Args:
        value: None, bool, int, float, complex, str, list, tuple, dict with such keys, numpy
            array or scalar, torch tensor, torch.Generator (its state travels), or a function
            for which `names` knows a name. Other numbers, mappings and sequences become the
            nearest of these: what a test compares are numbers.
        names: the name under which the other side knows a function, or None.

    Raises:
        PlainError: anything else, or too much of it.
    """
    encoder = _Encoder(names)
    return encoder.tree(value, 0), bytes(encoder.payload)


class _Encoder:
    def __init__(self, names: Callable[[Any], str | None]) -> None:
        self.names = names
        self.payload = bytearray()

    def tree(self, item: Any, depth: int) -> Any:
        if depth > DEPTH_LIMIT:
            raise PlainError(f"data nested more than {DEPTH_LIMIT} deep")
        if isinstance(item, np.generic):
            item = item.astype(WIDER.get(item.dtype.char, item.dtype)).item()
        match item:
            case None | bool():
                return item
            case int() | float() | str():
                return next(kind(item) for kind in (int, float, str) if isinstance(item, kind))
            case complex():
                return {"complex": [item.real, item.imag]}
            case list():
                return {"list": [self.tree(x, depth + 1) for x in item]}
            case tuple():
                return {"tuple": [self.tree(x, depth + 1) for x in item]}
            case dict():
                pairs = item.items()
                return {"dict": [[self.tree(x, depth + 1) for x in pair] for pair in pairs]}
        return self.leaf(item, depth)

    def leaf(self, item: Any, depth: int) -> Any:
        torch: Any = sys.modules.get("torch")
        if isinstance(item, np.ndarray):
            if item.dtype.kind == "U" or (item.dtype == object and not _real(item)):
                return self.tree(item.tolist(), depth + 1)
            return self.array("array", item)
        if torch and isinstance(item, torch.Tensor):
            return self.array("tensor", tensor_to_numpy(item))
        if torch and isinstance(item, torch.Generator):
            return self.array("generator", item.get_state().numpy())
        if (name := self.names(item)) is not None:
            return {"function": name}
        if (plain := nearest(item)) is not item:
            return self.tree(plain, depth)
        raise PlainError(
            f"a {type(item).__name__} cannot be returned: expected numbers, strings, arrays, "
            "tensors, or lists, tuples and dicts of these"
        )

    def array(self, kind: str, data: np.ndarray) -> dict[str, Any]:
        if data.dtype.char in WIDER:
            data = data.astype(WIDER[data.dtype.char])
        if data.dtype == object:
            data = data.astype(np.float64)
        if data.dtype.name not in DTYPES:
            raise PlainError(f"an array of dtype {data.dtype} cannot be returned")
        data = data.astype(data.dtype.newbyteorder("="), copy=False)
        start = len(self.payload)
        if start + data.nbytes > ARRAYS_LIMIT:
            raise PlainError(f"arrays of more than {ARRAYS_LIMIT >> 20} MiB")
        self.payload.extend(data.tobytes())
        return {kind: [data.dtype.name, list(data.shape), start]}


def _real(data: np.ndarray) -> bool:
    return all(isinstance(x, numbers.Real) for x in data.flat)


def nearest(item: Any) -> Any:
    """A number, array, mapping or sequence of another library as plain data; else the item."""
    match item:
        case numbers.Integral():
            return int(item)
        case numbers.Real() | Decimal():
            return float(item)
        case numbers.Complex():
            return complex(item)
        case Mapping():
            return dict(item)
        case bytes() | bytearray() | memoryview():
            return item
        case Sequence() | KeysView() | ValuesView() | ItemsView() | Iterator():
            return list(item)
    for method, convert in (("__array__", np.asarray), ("__float__", float)):
        if hasattr(type(item), method):
            return convert(item)
    return item


def tensor_to_numpy(tensor: Any) -> np.ndarray:
    """A tensor's values, detached, dense and on the CPU; numpy has no floats of fewer bits."""
    try:
        if "sparse" in str(tensor.layout):
            tensor = tensor.to_dense()
        if str(tensor.dtype).startswith(("torch.bfloat", "torch.float8")):
            tensor = tensor.float()
        return np.asarray(tensor.detach().cpu().resolve_conj().resolve_neg().numpy())
    except (TypeError, RuntimeError) as error:
        raise PlainError(f"a tensor that numpy cannot hold: {error}") from error


def decode(tree: Any, payload: bytes, functions: Callable[[str], Any] | None = None) -> Any:
    """The value that `encode` was given; whatever the bytes are, nothing but plain data.

    Args:
        tree: the JSON tree.
        payload: the arrays' bytes.
        functions: looks up a function by name; None forbids functions.

    Raises:
        PlainError: the tree is not one that `encode` makes.
    """
    try:
        return _decode(tree, io.BytesIO(payload), functions, 0)
    except (TypeError, ValueError, LookupError, RuntimeError, OverflowError) as error:
        raise PlainError("not a value") from error


def _decode(
    tree: Any, payload: io.BytesIO, functions: Callable[[str], Any] | None, depth: int
) -> Any:
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if depth > DEPTH_LIMIT or not isinstance(tree, dict) or len(tree) != 1:
        raise PlainError("not a value")
    ((kind, body),) = tree.items()

    def inner(item: Any) -> Any:
        return _decode(item, payload, functions, depth + 1)

    match kind, body:
        case (("list" | "tuple"), list()):
            values = [inner(x) for x in body]
            return values if kind == "list" else tuple(values)
        case "dict", list():
            return _dict([(_key(inner(k)), inner(x)) for k, x in body])
        case "complex", [real, imaginary]:
            return complex(float(real), float(imaginary))
        case "array", [dtype, list(shape), start]:
            return _array(dtype, shape, start, payload)
        case (("tensor" | "generator"), [dtype, list(shape), start]):
            return _torch(kind, _array(dtype, shape, start, payload))
        case "function", str() if functions is not None:
            return functions(body)
    raise PlainError("not a value")


def _dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict, unless a student chose its keys such that making it takes quadratic time."""
    hashes = Counter(hash(key) for key, _ in pairs)
    if max(hashes.values(), default=0) > COLLISIONS:
        raise PlainError("a dict whose keys collide")
    return dict(pairs)


def _key(item: Any) -> Any:
    if isinstance(item, tuple):
        return tuple(map(_key, item))
    if not isinstance(item, str | int | float | bool | None):
        raise PlainError("a dict's key must be a string, a number or a tuple")
    return item


def _array(name: Any, shape: list[Any], start: Any, payload: io.BytesIO) -> np.ndarray:
    """The next bytes as an array: arrays that share bytes could take any amount of memory."""
    sizes = [*shape, start]
    if name not in DTYPES or not all(type(n) is int and 0 <= n <= ARRAYS_LIMIT for n in sizes):
        raise PlainError("not an array")
    dtype, count = np.dtype(name), 1
    for n in shape:
        count *= n
    if len(shape) > DEPTH_LIMIT or count > ARRAYS_LIMIT or start != payload.tell():
        raise PlainError("not an array")
    data = bytearray(payload.read(count * dtype.itemsize))
    if len(data) < count * dtype.itemsize:
        raise PlainError("an array longer than its bytes")
    return np.frombuffer(data, dtype, count).reshape(shape)


def _torch(kind: str, data: np.ndarray) -> Any:
    import torch  # late: a worker without tensors starts sooner, and has more memory left

    tensor = torch.from_numpy(data)
    if kind == "tensor":
        return tensor
    generator = torch.Generator()
    generator.set_state(tensor)
    return generator
