"""How long a piece of work takes."""

import time
import timeit
from collections.abc import Callable


def fastest(work: Callable[[], object], *, repeats: int = 3) -> float:
    """Least CPU seconds of several runs: what disturbs a measurement only adds to it."""
    return min(timeit.repeat(work, timer=time.process_time, number=1, repeat=repeats))
