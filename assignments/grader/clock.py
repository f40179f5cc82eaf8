"""A clock for students' code, which a machine that is busy with other work does not run down.

The kernel counts, for each thread, how long it ran and how long it waited for a processor. A limit
of twenty seconds means twenty in which the code had a processor or did not want one. The worker
imports this file on its own, as it does ``channel``.
"""

from __future__ import annotations

import os
import time
from collections import Counter

SLACK = 10  # times its limit that anything may take on the wall, however busy the machine
TICK = 1e-3  # seconds between two looks, which cost a third of that


class Clock:
    """Seconds that this process and all below it have used.

    Of the seconds that pass, those count in which none of their threads waited for a processor; at
    least as many as they ran, together; and at least one of each `SLACK`, since a student's code
    may hide how long it ran. Never more than have passed count, so that a pool of processes costs
    no more than one.
    """

    def __init__(self) -> None:
        self.used = 0.0
        self.wall = time.monotonic()
        self.ran, self.waited = schedule(os.getpid())

    def now(self) -> float:
        """Seconds used so far: of two looks the difference counts, as with `time.monotonic`."""
        wall = time.monotonic()
        if (passed := wall - self.wall) < TICK:
            return self.used
        ran, waited = schedule(os.getpid())
        # a thread that ended is in neither difference: what it waited is not forgiven
        worked = (ran - self.ran).total() / 1e9
        delayed = (waited - self.waited).total() / 1e9
        self.used += min(passed, max(worked, passed - delayed, passed / SLACK))
        self.wall, self.ran, self.waited = wall, ran, waited
        return self.used


def schedule(pid: int) -> tuple[Counter[str], Counter[str]]:
    """Nanoseconds that each thread of a process, and of those below it, ran and waited to run.

    What ends meanwhile, and a kernel that does not say, are left out.
    """
    ran, waited = Counter[str](), Counter[str]()
    threads = [f"/proc/{pid}/task/{thread}" for thread in _listed(f"/proc/{pid}/task")]
    while threads:
        thread = threads.pop()
        if len(times := _words(f"{thread}/schedstat")) == 3:
            ran[thread], waited[thread] = int(times[0]), int(times[1])
        for child in _words(f"{thread}/children"):
            threads += [f"/proc/{child}/task/{one}" for one in _listed(f"/proc/{child}/task")]
    return ran, waited


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _words(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


now = Clock().now  # the grader's own
