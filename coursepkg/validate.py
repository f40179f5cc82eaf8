"""Checks at the public boundary: each raises an error that says what was expected and what came."""

import math
from itertools import chain

import torch
from torch import Tensor, nn

from coursepkg.scalars import is_number

ANY = -1  # in the shape of an event: an axis of any size


def check_levels(
    x: Tensor, *, event: tuple[int, ...] | None = None, levels: int, name: str = "x"
) -> None:
    """Checks that x holds a non-empty batch of integer levels 0..levels-1.

    Args:
        x: what came; should be an integer tensor (B, *event) with B >= 1.
        event: shape of one example; default any.
        levels: number of levels K.
        name: what x is called, for the message.

    Raises:
        TypeError: if x is not an integer tensor.
        ValueError: if the shape or a level is wrong.
    """
    check_tensor(x, name)
    if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise TypeError(f"{name}: expected integer levels 0..{levels - 1}, got dtype {x.dtype}")
    _check_shape(x, event, name)
    low, high = int(x.min()), int(x.max())
    if low < 0 or high >= levels:
        raise ValueError(
            f"{name}: expected levels 0..{levels - 1}, got values from {low} to {high}"
        )


def check_real(
    x: Tensor, *, event: tuple[int, ...] | None = None, name: str = "x",
    like: nn.Module | None = None,
) -> None:  # fmt: skip
    """Checks that x holds a non-empty batch of finite real vectors.

    Args:
        x: what came; should be a floating-point tensor (B, *event) with B >= 1.
        event: shape of one example; default any.
        name: what x is called, for the message.
        like: the model that x is for, of whose precision and on whose device it should be.

    Raises:
        TypeError: if x is not a floating-point tensor, or not of the model's precision.
        ValueError: if the shape is wrong, an entry is NaN or infinite, or x is elsewhere.
    """
    check_floating(x, name)
    if like is not None:
        check_like(x, like, name=name)
    _check_shape(x, event, name)
    if not _all_finite(x):
        bad = int((~x.isfinite()).sum())
        raise ValueError(f"{name}: expected finite numbers, got {bad} NaN or inf")


def check_like(x: Tensor, model: nn.Module, *, name: str = "x") -> None:
    """Checks that x is where the model's numbers are and, if it is real, of their precision.

    Raises:
        TypeError: if x is a floating-point tensor of another precision.
        ValueError: if x is on another device.
    """
    numbers = (t for t in chain(model.parameters(), model.buffers()) if t.is_floating_point())
    if (one := next(numbers, None)) is None:
        return
    if x.is_floating_point() and x.dtype != one.dtype:
        raise TypeError(f"{name}: expected {one.dtype} as the model has, got {x.dtype}")
    if x.device != one.device:
        raise ValueError(f"{name}: expected a tensor on {one.device}, got one on {x.device}")


def check_binary(
    x: Tensor, *, event: tuple[int, ...] | None = None, name: str = "x",
    like: nn.Module | None = None,
) -> None:  # fmt: skip
    """Checks that x holds a non-empty batch of zeros and ones, as real numbers.

    The arguments are those of `check_real`.

    Raises:
        TypeError: if x is not a floating-point tensor, or not of the model's precision.
        ValueError: if the shape is wrong or an entry is neither 0 nor 1.
    """
    check_real(x, event=event, name=name, like=like)
    if (other := (x != 0) & (x != 1)).any():
        raise ValueError(
            f"{name}: expected zeros and ones, got {int(other.sum())} others, such as "
            f"{x[other][0].item():.4g}"
        )


def check_mask(known: Tensor, x: Tensor) -> None:
    """Checks that `known` is a mask for the entries of x: one for all examples, or one for each.

    Args:
        known: what came; should be bool, of the shape of one example or of x.
        x: examples, (B, *event).

    Raises:
        TypeError: if `known` is not a bool tensor.
        ValueError: if the shape is wrong.
    """
    check_tensor(known, "known")
    if known.dtype != torch.bool:
        raise TypeError(f"known: expected a bool tensor, got dtype {known.dtype}")
    if known.shape not in {x.shape, x.shape[1:]}:
        raise ValueError(
            f"known: expected shape {tuple(x.shape[1:])} or {tuple(x.shape)}, got "
            f"{tuple(known.shape)}"
        )


def check_shows(known: Tensor, x: Tensor) -> None:
    """Checks that `known` is a mask for the entries of x that hides no example wholly.

    What is missing is asked of what is known; where nothing is, `sample` and `log_prob` answer.

    Raises:
        TypeError: if `known` is not a bool tensor.
        ValueError: if the shape is wrong, or an example has no known entry.
    """
    check_mask(known, x)
    shown = known.expand_as(x).flatten(1).any(1)
    if not shown.all():
        raise ValueError(
            f"known: expected at least one known entry in each example, got "
            f"{int((~shown).sum())} of {len(x)} examples that hide everything"
        )


def check_odd(size: int, *, least: int = 1, name: str = "size") -> None:
    """Checks that the side of a window is odd, so that it has a centre, and at least `least`.

    Raises:
        ValueError: if it is not.
    """
    if size < least or size % 2 == 0:
        raise ValueError(f"{name}: expected an odd number >= {least}, got {size}")


def check_order(order: Tensor, *, dim: int) -> None:
    """Checks that `order` names each of `dim` variables once.

    Raises:
        TypeError: if it is not an int64 tensor.
        ValueError: if it is no permutation of 0..dim-1.
    """
    check_tensor(order, "order")
    if order.dtype != torch.int64:
        raise TypeError(f"order: expected an int64 tensor, got dtype {order.dtype}")
    if not torch.equal(order.sort().values.cpu(), torch.arange(dim)):
        raise ValueError(
            f"order: expected a permutation of 0..{dim - 1}, got shape {tuple(order.shape)} with "
            f"{order.flatten()[:10].tolist()}"
        )


def check_weights(model: nn.Module) -> None:
    """Checks that every parameter of the model is finite: a draw would not show a NaN.

    Raises:
        ValueError: that names the first one that is not.
    """
    for name, weights in model.named_parameters():
        if not _all_finite(weights):
            bad = int((~weights.isfinite()).sum())
            raise ValueError(f"{name}: expected finite weights, got {bad} NaN or inf")


def check_methods(thing: object, *methods: str, name: str = "model") -> None:
    """Checks that a thing has the methods that it is wanted for.

    Raises:
        TypeError: that names them, and what can give the thing a `log_prob`.
    """
    if isinstance(thing, type):
        raise TypeError(f"{name}: expected an instance, got the class {thing.__name__}")
    missing = [method for method in methods if not callable(getattr(thing, method, None))]
    if missing:
        hint = "; Normalised(model) has it" if hasattr(thing, "free_energy") else ""
        raise TypeError(
            f"{name}: expected methods {', '.join(methods)}, got {type(thing).__name__} without "
            f"{', '.join(missing)}{hint if 'log_prob' in missing else ''}"
        )


def check_finite(**values: float) -> None:
    """Checks that each named number is finite; the name goes into the message.

    Raises:
        TypeError: if one is not a number; True is none.
        ValueError: if one is not finite.
    """
    for name, value in values.items():
        if not is_number(value):
            raise TypeError(f"{name}: expected a finite number, got {value!r:.60}")
        if not math.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")


def check_positive(**values: float) -> None:
    """Checks that each named number is finite and above zero; the name goes into the message.

    Raises:
        TypeError: if one is not a number; True is none.
        ValueError: if one is not finite and above zero.
    """
    for name, value in values.items():
        if not is_number(value):
            raise TypeError(f"{name}: expected a finite number > 0, got {value!r:.60}")
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name}: expected a finite number > 0, got {value}")


def count_rows(x: Tensor, *, name: str = "x") -> int:
    """How many examples x holds, (B, ...), where nothing else of x is known yet.

    Raises:
        TypeError: if x is not a tensor.
        ValueError: if there is none.
    """
    check_tensor(x, name)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"{name}: expected at least one example, got shape {tuple(x.shape)}")
    return len(x)


def check_rows(
    condition: Tensor, n: int, *, event: tuple[int, ...] | None = None,
    like: nn.Module | None = None,
) -> None:  # fmt: skip
    """Checks that real conditions come one for each of n examples, (n, *event), as `check_real`.

    Raises:
        TypeError: if they are not a floating-point tensor of the model's precision.
        ValueError: if their shape or number is wrong, or one is NaN or infinite.
    """
    check_real(condition, event=event, name="condition", like=like)
    if len(condition) != n:
        raise ValueError(f"condition: expected {n} rows, one an example, got {len(condition)}")


def check_tensor(x: Tensor, name: str = "x") -> None:
    """Checks that x is a tensor, of whatever kind and shape, and holds numbers."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(x).__name__}")
    if x.is_meta:
        raise ValueError(f"{name}: expected a tensor that holds numbers, got one on meta")


def check_floating(x: Tensor, name: str = "x") -> None:
    """Checks that x is a tensor of real numbers, of whatever shape; they may be infinite."""
    check_tensor(x, name)
    if not x.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got dtype {x.dtype}")


def check_whole(x: Tensor, name: str = "x") -> None:
    """Checks that x is a tensor of integers, of whatever shape; True is none."""
    check_tensor(x, name)
    if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise TypeError(f"{name}: expected a tensor of integers, got dtype {x.dtype}")


def check_one(x: Tensor, *, event: tuple[int, ...], name: str) -> None:
    """Checks that x is one example, of the shape `event`, as `check_real` does of a batch."""
    check_tensor(x, name)
    check_real(x[None], event=event, name=name)


def _all_finite(x: Tensor) -> bool:
    """Whether no entry is NaN or infinite.

    If their sum is finite, all are, and a sum is many times quicker than a look at each. If it is
    not, it may have overflowed: then each is looked at.
    """
    return math.isfinite(x.detach().sum().item()) or bool(x.isfinite().all())


def _check_shape(x: Tensor, event: tuple[int, ...] | None, name: str = "x") -> None:
    event = tuple(x.shape[1:]) if event is None else tuple(event)
    sizes = ["B", *("D" if size == ANY else str(size) for size in event)]
    expected = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
    if x.ndim != len(sizes) or any(
        size not in {ANY, found} for size, found in zip(event, x.shape[1:], strict=True)
    ):
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(x.shape)}")
    if x.numel() == 0:
        what = "none" if len(x) == 0 else f"{len(x)} without entries"
        raise ValueError(f"{name}: expected at least one example of shape {expected}, got {what}")
