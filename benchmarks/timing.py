"""How long a piece of work takes."""

import time
import timeit
from collections.abc import Callable


def fastest(work: Callable[[], object], *, repeats: int = 3, least: float = 0.0) -> float:
    """CPU seconds of one call, the least of several runs: what disturbs a measurement only adds.

    Args:
        work: what is timed.
        repeats: number of runs.
        least: seconds that a run takes at least, of as many calls as that needs.
    """
    timer, calls = timeit.Timer(work, timer=time.process_time), 1
    while least and timer.timeit(calls) < least:
        calls *= 2
    return min(timer.repeat(repeats, calls)) / calls
