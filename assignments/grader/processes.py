"""The machine's processes, as /proc tells of them."""

from __future__ import annotations

import ctypes
import os

SET_CHILD_SUBREAPER = 36  # of prctl


def adopt_orphans() -> None:
    """Make this process, not init, the parent of orphans below it, so that it can end them."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> dict[int, list[int]]:
    """All processes by their parents."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (parent := _parent(entry)):
            found.setdefault(parent, []).append(int(entry))
    return found


def memory(pid: int) -> int:
    """Bytes that the process has, its share of pages that forks share."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
    except (OSError, IndexError, ValueError):
        return 0


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
