"""The machine's processes, as /proc tells of them."""

from __future__ import annotations

import ctypes
import os
import signal

SET_CHILD_SUBREAPER, SET_PDEATHSIG = 36, 1  # of prctl
SOCKET = 512 << 10  # bytes that an open file may hold outside its process: a socket's queue
ENTRY = 2 << 10  # bytes of an empty file with a long name


def adopt_orphans() -> None:
    """Make this process, not init, the parent of orphans below it, so that it can end them."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """End this process when the one that started it ends, however that is."""
    ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children() -> dict[int, list[int]]:
    """All processes by their parents."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (parent := _parent(entry)):
            found.setdefault(parent, []).append(int(entry))
    return found


def seen(pid: int) -> int:
    """How many processes its namespace has; 0 if it is gone. What all have is dear to look up."""
    try:
        return sum(name.isdigit() for name in os.listdir(f"/proc/{pid}/root/proc"))
    except OSError:
        return 0


def memory(pid: int) -> int:
    """Bytes that the process has, its share of pages that forks share, and those of its sockets."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            pages = sum(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
        return pages + SOCKET * len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, IndexError, ValueError):
        return 0


def entries(pid: int, folder: str) -> int:
    """Bytes of the kernel's own for the files below a file system's root, as the process sees it.

    A file system in memory counts what files hold, and not what it costs that there are any.
    """
    try:
        status = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return 0
    return ENTRY * (status.f_files - status.f_ffree)


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
