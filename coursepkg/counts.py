"""Checks of counts, sizes and generators, in the manner of `coursepkg.validate`."""

from collections.abc import Sequence
from numbers import Integral

from torch import Generator

from coursepkg.scalars import is_number
from coursepkg.validate import check_positive


def check_integers(**values: int) -> None:
    """Checks that each named number is an integer.

    Raises:
        TypeError: if one is not; True and 2.0 are none.
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise TypeError(f"{name}: expected an integer, got {value!r:.60}")


def check_numbers(**values: float) -> None:
    """Checks that each named thing is a number, before it is compared with one.

    Raises:
        TypeError: if one is not; True is none.
    """
    for name, value in values.items():
        if not is_number(value):
            raise TypeError(f"{name}: expected a number, got {value!r:.60}")


def check_counts(**counts: int) -> None:
    """Checks that each named number is an integer above zero; True and 2.0 are none.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if one is not above zero.
    """
    check_integers(**counts)
    check_positive(**counts)


def check_sizes(**sizes: int) -> None:
    """Checks that each named number is an integer of at least 0, such as a size that may be none.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if one is below zero.
    """
    check_integers(**sizes)
    for name, size in sizes.items():
        if size < 0:
            raise ValueError(f"{name}: expected an integer >= 0, got {size}")


def check_integer_lists(**lists: object) -> None:
    """Checks that each named thing is a list, or a tuple, of integers.

    Raises:
        TypeError: if one is not.
    """
    for name, values in lists.items():
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise TypeError(f"{name}: expected a list of integers, got {values!r:.60}")
        for value in values:
            check_integers(**{name: value})


def check_share(**shares: float) -> None:
    """Checks that each named number is in [0, 1), like the share of units that dropout removes.

    Raises:
        TypeError: if one is not a number; True is none.
        ValueError: if one is outside.
    """
    for name, share in shares.items():
        if not is_number(share):
            raise TypeError(f"{name}: expected a number in [0, 1), got {share!r:.60}")
        if not 0 <= share < 1:
            raise ValueError(f"{name}: expected a number in [0, 1), got {share}")


def check_generator(generator: Generator) -> None:
    """Checks that randomness comes from a generator: torch takes its global state for None.

    Raises:
        TypeError: if it is not a generator.
    """
    if not isinstance(generator, Generator):
        raise TypeError(f"generator: expected a torch.Generator, got {generator!r:.60}")


def check_draws(n: int, generator: Generator) -> None:
    """Checks that at least one draw is asked for, of a generator.

    Raises:
        TypeError: if n is not an integer, or `generator` no generator.
        ValueError: if n is not above zero.
    """
    check_counts(n=n)
    check_generator(generator)
