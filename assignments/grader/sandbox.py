"""A process that sees Python, the worker and nothing of the course, and dies when told to.

What it sees is a white list: the system's libraries, this Python and its packages (``namespaces``
makes the command that shows them) and ``/grader`` (``stage`` fills it). Here it is started, watched
and ended.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assignments.grader import clock
from assignments.grader.channel import NONCE, Channel, ChannelError, Closed, TimedOut
from assignments.grader.namespaces import SHARES, Isolation, check_reach, command, package_folders
from assignments.grader.processes import adopt_orphans, children, entries, memory, seen
from assignments.grader.seccomp import descriptor
from assignments.grader.stage import GraderError

START_SECONDS = 120.0  # importing torch
OUTPUT_LIMIT = 64 << 10


class Died(Exception):
    """The student's code ended the worker, or had it ended."""


class Hung(Died):
    """The student's code ran out of time."""


@dataclass(frozen=True)
class Limits:
    """What the student's code may use, on top of what the setup cells use."""

    memory: int = 2 << 30
    scratch: int = 128 << 20
    files: int = 256
    processes: int = 32
    seconds: int = 120

    def request(self) -> dict[str, int]:
        """As the worker's `limit` wants them."""
        return {
            "memory": self.memory,
            "seconds": self.seconds,
            "files": self.files,
            "processes": self.processes,
            "size": self.scratch,
        }


class Sandbox:
    """A running worker.

    Args:
        isolation: how to keep it in.
        folder: what `stage` made.
        limits: what it may use.

    Raises:
        GraderError: see `check_reach`.
    """

    def __init__(self, isolation: Isolation, folder: Path, limits: Limits) -> None:
        check_reach(isolation, folder)
        adopt_orphans()
        self.isolation = isolation
        self.siblings = children().get(os.getpid(), [])
        self.limits = limits
        self.printed = bytearray()
        self.excess = ""
        self.inside = 0  # the worker's own process, once it is in
        self.crowd = 0  # processes in its namespace, if it has one
        self.family: list[int] = []  # all processes that it takes to be in
        self._looked = 0.0
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        inside = "/grader" if isolation.backend != "none" else str(folder)
        worker = [
            *(sys.executable, "-I", "-B", f"{inside}/worker.py", str(theirs.fileno())),
            *map(str, package_folders()),
        ]
        with theirs, open(write, "wb") as out, open(descriptor(), "rb") as rules:
            self.process = subprocess.Popen(
                command(isolation, folder, limits.scratch, worker, rules.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[theirs.fileno(), rules.fileno()],
                start_new_session=True,
                cwd="/",
                env=environment(),
            )
        self.read = read
        self.channel = Channel(
            ours, now=clock.now, idle=self._watch, drain=read, drained=self._print
        )

    def __enter__(self) -> Self:
        """Itself: the worker runs from its construction on."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker and everything that it started."""
        self.close()

    def setup(self, sources: list[str]) -> None:
        """Run the master's setup cells, then bind the limits."""
        header = {"op": "setup", "sources": sources, "limits": self.limits.request()}
        try:
            answer, _ = self.request(header, b"", seconds=START_SECONDS)
        except Died as error:
            printed = self.printed.decode(errors="replace")[-1000:]
            raise GraderError(f"the sandbox did not start: {error}\n{printed}") from error
        if "error" in answer:
            raise GraderError(f"the setup cell failed in the sandbox: {answer['error']}")
        self.family = self.processes()
        self.alone, self.inside = len(self.family), self.family[-1]
        self.crowd = seen(self.inside) if self.isolation.backend != "none" else 0
        self.printed.clear()

    def request(self, header: Any, payload: bytes, *, seconds: float) -> tuple[Any, bytes]:
        """One question and its answer.

        Raises:
            Hung: there was no answer within `seconds`, by `clock.now`.
            Died: there will be none; the message says why.
            ChannelError: the request itself cannot be sent.
        """
        nonce = secrets.token_bytes(NONCE)
        start = clock.now()
        try:
            self.channel.send(nonce, header, payload, seconds=seconds)
            left = max(0.0, seconds - (clock.now() - start))
            back, answer, data = self.channel.receive(seconds=left)
        except TimedOut:
            raise Hung(f"no answer within {seconds:.0f} s") from None
        except Closed:
            raise Died(self.excess or self._end()) from None
        except ChannelError as error:
            raise Died(f"its reply made no sense ({error})") from None
        if back != nonce or not isinstance(answer, dict):
            raise Died("a reply that was not asked for")
        return answer, data

    def left_running(self) -> bool:
        """Whether the student's code left other processes in the sandbox."""
        if self.crowd and (now := seen(self.inside)):
            return now > self.crowd
        return len(self.processes()) > self.alone

    def processes(self) -> list[int]:
        """The process that was started and all its descendants, by number.

        Without namespaces, orphans below it become this process's children: they count too.
        """
        below = children()
        new = [self.process.pid]
        if self.isolation.backend == "none":
            known = {self.process.pid, *self.siblings}
            new += [pid for pid in below.get(os.getpid(), []) if pid not in known]
        found = list(new)
        while new:
            new = [child for pid in new for child in below.get(pid, [])]
            found += new
        return found

    def close(self) -> None:
        """End the worker and everything that it started; wait until it is gone."""
        while True:
            family = self._kill()
            self.process.wait()
            # Orphans come to us (`adopt_orphans`), also those of a process that ended before.
            for pid in {*family[1:], *self.family[1:]}:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
            if len(self.processes()) == 1:
                break
        self.channel.sock.close()
        if self.read >= 0:
            os.close(self.read)
            self.read = -1

    def _print(self, piece: bytes) -> None:
        self.printed += piece[: OUTPUT_LIMIT - len(self.printed)]

    def _watch(self) -> None:
        """End a worker whose processes use too much memory together: RLIMIT_AS binds each.

        Twice that limit, and the two scratch folders, are all that a submission can have.
        """
        if time.monotonic() - self._looked < 0.25:
            return
        self._looked = time.monotonic()
        used = sum(memory(pid) for pid in self.processes())
        if self.inside and self.isolation.backend != "none":
            used += sum(entries(self.inside, folder) for folder in SHARES)
        if used > 2 * self.limits.memory:
            self.excess = f"used more than {2 * self.limits.memory >> 20} MiB of memory"
            self._kill()

    def _kill(self) -> list[int]:
        family = self.processes()
        for pid in reversed(family):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return family

    def _end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        status = self.process.returncode
        if status is not None and 0 < status - 128 < signal.NSIG:
            status = 128 - status
        if status is not None and -status in set(signal.Signals):
            return f"it ended its process ({signal.Signals(-status).name})"
        return "it ended its process"


def environment() -> dict[str, str]:
    """All that the worker knows of the grader's environment: nothing."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    }
