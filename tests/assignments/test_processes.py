"""Who is whose child, and how much memory it has, as the grader must know to end a sandbox."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assignments.grader.processes import (
    ENTRY,
    SET_CHILD_SUBREAPER,
    SOCKET,
    adopt_orphans,
    children,
    die_with_parent,
    entries,
    memory,
    seen,
)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def run(program: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-I", "-S", "-c", program]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


NAMED = """
import time
open("/proc/self/comm", "w").write({name!r})
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["plain", "a b", "x) S 1 (", ") R 1 1 1"])
def test_a_child_is_found_whatever_it_calls_itself(start, name):
    """Kills: a process that hides from its end by a bracket in its name."""
    child = start(NAMED.format(name=name))
    assert child.stdout.readline() == "ready\n"
    assert child.pid in children()[os.getpid()]
    assert os.getpid() in children()[os.getppid()]


def test_what_is_gone_or_no_process_has_no_parent_and_no_memory(start):
    """Kills: an error, where a process ends between two looks."""
    child = start("")
    child.wait()
    assert child.pid not in children().get(os.getpid(), [])
    assert memory(child.pid) == seen(child.pid) == 0


def test_the_processes_of_a_namespace_are_those_that_its_proc_lists(start):
    """Kills: files of /proc that are no processes."""
    child = start("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    child.stdout.readline()
    here = len([name for name in os.listdir("/proc") if name.isdigit()])
    assert abs(seen(child.pid) - here) <= 20  # others come and go


def test_memory_is_counted_in_bytes_and_shared_pages_once(start):
    """Kills: kilobytes for bytes; a fork that counts all that it shares with its parent."""
    program = """
import os, sys
x = bytearray(b"x") * (96 << 20)
child = os.fork()
if child: print(child, flush=True)
import time; time.sleep(60)
"""
    parent = start(program)
    child = int(parent.stdout.readline())
    both = memory(parent.pid) + memory(child)
    os.kill(child, signal.SIGKILL)
    assert 96 << 20 < both < 150 << 20


def test_open_files_count_as_what_a_sockets_queue_may_hold(start):
    """Kills: gigabytes in the queues of sockets, which are no process's memory."""
    program = """
import os, time
{}
print("ready", flush=True)
time.sleep(60)
"""
    few, many = (start(program.format(line)) for line in ("", "x = [os.pipe() for _ in range(50)]"))
    for process in (few, many):
        assert process.stdout.readline() == "ready\n"
    more = memory(many.pid) - memory(few.pid)
    # a page that both share counts by halves, or whole if the other came later: less than 1 MiB
    assert 98 * SOCKET < more < 104 * SOCKET


def test_files_count_even_if_they_are_empty(start):
    """Kills: a file system's size for its contents; another's for that of a process that ended."""
    child = start("")
    child.wait()
    assert entries(child.pid, "/dev/shm") == 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        before = entries(os.getpid(), "/dev/shm")
        for number in range(500):
            Path(folder, str(number)).touch()
        assert 400 * ENTRY < entries(os.getpid(), "/dev/shm") - before < 600 * ENTRY


def test_a_process_that_asked_for_it_ends_with_its_parent():
    """Kills: graders at work whose batch was killed, and which write their records later."""
    read, write = os.pipe()
    if not (parent := os.fork()):
        if not os.fork():
            die_with_parent()
            os.write(write, f"{os.getpid()}\n".encode())
        time.sleep(60)
        os._exit(0)
    with open(read, encoding="ascii") as said, open(write, "wb"):
        child = int(said.readline())
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if not Path(f"/proc/{child}/cmdline").read_bytes():  # a zombie that nobody has reaped
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("it is still there")


def test_orphans_become_the_graders_own():
    """Kills: a sandbox's process that init adopts, out of the grader's sight."""
    program = """
import os, time
child = os.fork()
if not child: time.sleep(60)
print(child, flush=True)
"""
    adopt_orphans()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE, text=True
        )
        orphan = int(process.stdout.readline())
        process.wait()
        assert orphan in children()[os.getpid()]
    finally:
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        os.kill(orphan, signal.SIGKILL)
        os.waitpid(orphan, 0)
        process.stdout.close()
