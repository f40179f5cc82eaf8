"""What a table of growth is: a name, sizes, and the work that is done at each of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

Row = dict[str, Any]


class Table(NamedTuple):
    """Cost against size, measured in one process on one thread, so that ratios mean something.

    Args:
        name: of the file of results.
        sizes: arguments of `work`, one tuple a row.
        work: does it at one size, and returns sizes and CPU seconds by name.
        dtype: of all numbers that do not say theirs.
    """

    name: str
    sizes: Sequence[tuple[Any, ...]]
    work: Callable[..., Row]
    dtype: torch.dtype = torch.float32
