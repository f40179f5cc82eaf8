"""What a line of the leaderboard is: a function that trains one model on one split."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Generator

from coursepkg.data.digits import Split
from coursepkg.samplers.weighting import Estimate


class Entry(NamedTuple):
    """One line of the leaderboard.

    Args:
        family: what the line is called.
        fit: trains on ``split.train``, selects on ``split.valid``, never looks at ``split.test``;
            ``quick`` asks for a moment's training, for tests.
        seeds: how many seeds; 1 if nothing is random.
        log_z: estimates log Z, with its standard error, of a model that says a free energy only.
    """

    family: str
    fit: Callable[[Split, Generator, bool], object]
    seeds: int = 1
    log_z: Callable[[Any, Split, Generator], Estimate] | None = None
