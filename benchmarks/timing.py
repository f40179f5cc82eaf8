"""How long a piece of work takes."""

import ctypes
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


def keep_memory() -> None:
    """Lets this process keep what it frees, where it runs on glibc.

    Otherwise large blocks go back to the system and are fetched again, page by page, after some
    orders of work and not after others: a race would time that.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
        libc.mallopt(-3, 1 << 25)  # M_MMAP_THRESHOLD, the most there is
