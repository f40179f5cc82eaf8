"""The grader's side of a sandbox: with a worker of this file's own in place of one that is kept in.

It is a bare Python that speaks the channel's frames by hand, so it starts at once and needs no
namespaces; what keeps a student in is tried in test_sandbox.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assignments.grader import sandbox
from assignments.grader.clock import SLACK
from assignments.grader.namespaces import Isolation
from assignments.grader.processes import SET_CHILD_SUBREAPER
from assignments.grader.sandbox import (
    OUTPUT_LIMIT,
    Died,
    Hung,
    Limits,
    Sandbox,
    environment,
)
from assignments.grader.stage import GraderError

BASE = """
import os, socket, struct, sys, time
sock = socket.socket(fileno=int(sys.argv[1]))
def receive():
    start = sock.recv(28, socket.MSG_WAITALL)
    if not start: sys.exit()
    sizes = struct.unpack("<IQ", start[16:])
    sock.recv(sum(sizes), socket.MSG_WAITALL)
    return start[:16]
def send(nonce, text=b'{"value": 1}'):
    sock.sendall(nonce + struct.pack("<IQ", len(text), 0) + text)
send(receive())  # the setup
"""
LIMITS = Limits(memory=1 << 30)
Start = Callable[..., Sandbox]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker that does `program` after its setup."""
    begun: list[Sandbox] = []

    def run(
        program: str,
        limits: Limits = LIMITS,
        backend: str = "bwrap",
        seen: Callable[[int], int] = lambda _: 0,
    ) -> Sandbox:
        def command(*words: Any) -> list[str]:
            worker = words[3]
            return [sys.executable, "-I", "-S", "-c", BASE + program, worker[4]]

        monkeypatch.setattr(sandbox, "command", command)
        # it sees the machine's own /tmp and /proc
        monkeypatch.setattr(sandbox, "entries", lambda *_: 0)
        monkeypatch.setattr(sandbox, "seen", seen)
        begun.append(Sandbox(Isolation(backend), tmp_path, limits))
        begun[-1].setup([])
        return begun[-1]

    yield run
    for one in begun:
        if one.read >= 0:
            one.close()
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def ask(running: Sandbox, seconds: float = 5) -> object:
    return running.request({"op": "call"}, b"", seconds=seconds)[0]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


# --- requests ---------------------------------------------------------------------------------


def test_a_request_has_its_answer(start):
    """Kills: an answer to another request, or none."""
    assert ask(start("while True: send(receive())")) == {"value": 1}


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("send(bytes(16))", "a reply that was not asked for"),
        ("nonce = receive(); send(nonce[:15] + bytes([nonce[15] ^ 1]))", "not asked for"),
        ("send(receive(), b'[1]')", "not asked for"),
        ("send(receive(), b'{')", "its reply made no sense"),
        ("sock.sendall(b'\\xff' * 28)", "its reply made no sense"),
        ("receive(); os._exit(3)", "it ended its process$"),
        ("receive(); os.kill(os.getpid(), 9)", r"it ended its process \(SIGKILL\)"),
        ("receive(); os._exit(128 + 11)", r"it ended its process \(SIGSEGV\)"),
    ],
)
def test_what_is_no_answer_is_a_death(start, program, reason):
    """Kills: a forged reply that is taken; a death without a cause."""
    running = start(program + "\ntime.sleep(20)")
    with pytest.raises(Died, match=reason):
        ask(running)


def test_a_silent_worker_is_out_of_time(start):
    """Kills: a wait without an end; a deadline that only a reply's first byte must meet."""
    running = start("sock.sendall(receive()); time.sleep(20)")
    begun = time.monotonic()
    with pytest.raises(Hung, match="no answer within 0 s"):
        ask(running, 0.3)
    assert 0.3 <= time.monotonic() - begun < 4


def test_a_busy_machine_does_not_end_a_worker(start, monkeypatch):
    """Kills: a limit by the time on the wall."""
    begun = time.monotonic()
    slow = SimpleNamespace(now=lambda: (time.monotonic() - begun) / 3)
    monkeypatch.setattr(sandbox, "clock", slow)
    running = start("receive(); time.sleep(20)")
    asked = time.monotonic()
    with pytest.raises(Hung):
        ask(running, 0.5)
    assert 1.5 <= time.monotonic() - asked < 6


HIDING = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
receive()
os.nice(19)  # waits for its children, of which none lives long enough to be seen
while True:
    if not os.fork():
        end = time.monotonic() + 0.02
        while time.monotonic() < end: pass
        os._exit(0)
"""
POOL = """
receive()
for _ in range(8):
    if not os.fork():
        while True: pass
time.sleep(20)
"""


@pytest.mark.parametrize("program", ["receive(); time.sleep(20)", POOL, HIDING],
                         ids=["sleeps", "a pool", "hides"])  # fmt: skip
def test_whatever_it_does_a_worker_is_ended(start, program):
    """Kills: a sleep, a pool, or children that are not accounted for, that keep the machine."""
    running = start(program)
    begun = time.monotonic()
    with pytest.raises(Hung):
        ask(running, 0.3)
    assert 0.3 <= time.monotonic() - begun < SLACK * 0.3 + 3


def test_a_setup_that_fails_is_the_graders_fault(start, monkeypatch):
    """Kills: a broken machine, or master, for which each student gets a zero."""
    monkeypatch.setattr(sys.modules[__name__], "BASE", BASE.replace("send(receive())", "1 / 0"))
    with pytest.raises(GraderError, match=r"did not start(?s:.*)ZeroDivisionError"):
        start("")
    monkeypatch.undo()
    fails = BASE.replace("send(receive())", "send(receive(), b'{\"error\": 3}')")
    monkeypatch.setattr(sys.modules[__name__], "BASE", fails)
    with pytest.raises(GraderError, match="setup cell failed"):
        start("time.sleep(20)")


def test_output_is_kept_from_its_beginning_to_a_limit(start, monkeypatch):
    """Kills: the end in place of the beginning; a gigabyte of it; the setup's own."""
    program = """
nonce = receive()
os.write(1, b'begin')
for _ in range(9): os.write(2, b'x' * 50_000)
send(nonce)
send(receive())
"""
    monkeypatch.setattr(sys.modules[__name__], "BASE", "print('ours', flush=True)\n" + BASE)
    running = start(program)
    ask(running)
    ask(running)
    assert running.printed[:5] == b"begin"
    assert len(running.printed) == OUTPUT_LIMIT


# --- the end ----------------------------------------------------------------------------------

FAMILY = """
nonce = receive()
for _ in range(2):
    if not os.fork(): os.setsid(); time.sleep(20)
send(nonce)
time.sleep(20)
"""


def test_what_is_left_running_is_noticed_and_ended(start):
    """Kills: a child in a session of its own that lives on; a zombie that stays."""
    running = start(FAMILY)
    assert running.alone == 1
    ask(running)
    family = running.processes()
    assert len(family) == 3
    assert running.left_running()
    running.close()
    assert all(map(gone, family))
    assert running.read == -1


def test_a_worker_alone_has_left_nothing_running(start):
    """Kills: a count that takes the worker for a child of its own."""
    running = start("while True: send(receive())")
    ask(running)
    assert not running.left_running()


def test_in_a_namespace_whoever_is_there_is_counted(start, monkeypatch):
    """Kills: a look at all the machine's processes after each call; one that counts others'."""
    counts = [4, 4, 5, 0]
    running = start("while True: send(receive())", seen=lambda _: counts.pop(0))
    with monkeypatch.context() as patch:
        patch.setattr(running, "processes", lambda: pytest.fail("a look at all processes"))
        assert not running.left_running()
        assert running.left_running()
    assert not running.left_running(), "where the worker has ended, its namespace is gone"


def test_who_has_no_namespace_counts_all(start, monkeypatch):
    """Kills: the machine's own processes, of which there always are new ones."""
    monkeypatch.setattr(sandbox, "check_reach", lambda *_: None)  # it is not kept in
    counts = iter(range(5, 99))
    running = start("while True: send(receive())", backend="none", seen=lambda _: next(counts))
    assert not running.left_running()
    assert not running.left_running()


def test_what_comes_to_the_grader_when_its_parent_ends_is_reaped(start, monkeypatch):
    """Kills: a zombie for each worker that ended itself: bubblewrap's, below the one it was."""
    child = "if not os.fork(): os.close(write); os.read(read, 1); os._exit(0)"
    before = f"read, write = os.pipe()\n{child}\nsend(receive())"
    monkeypatch.setattr(sys.modules[__name__], "BASE", BASE.replace("send(receive())", before))
    running = start("receive(); os._exit(0)")
    family = running.family
    assert len(family) == 2
    with pytest.raises(Died):
        ask(running)
    running.close()
    assert all(map(gone, family))


def test_a_stopped_worker_is_ended_too(start):
    """Kills: an end that a stopped process, or one that ignores it, does not notice."""
    program = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    running = start(program + "send(receive())\nos.kill(os.getpid(), signal.SIGSTOP)")
    ask(running)
    running.close()
    assert running.process.returncode == -signal.SIGKILL


def test_processes_that_use_too_much_memory_together_are_ended(start, monkeypatch):
    """Kills: a limit for each process alone."""
    monkeypatch.setattr(sandbox, "memory", lambda _: 1 << 30)
    running = start(FAMILY + "receive()")  # three of one, where two are allowed
    with pytest.raises(Died, match="used more than 2048 MiB of memory"):  # ruff: ignore[pytest-raises-with-multiple-statements]
        ask(running)
        ask(running)


def test_empty_files_and_sockets_are_memory_too(start, monkeypatch):
    """Kills: a million files without a byte; those of one scratch folder; another's folder."""
    monkeypatch.setattr(sandbox, "memory", lambda _: 0)
    running = start("time.sleep(0.6); send(receive()); time.sleep(20)")
    seen = []
    monkeypatch.setattr(sandbox, "entries", lambda *at: seen.append(at) or 1 << 30)
    assert ask(running) == {"value": 1}
    pid = running.process.pid
    assert set(seen) == {(pid, "/tmp"), (pid, "/dev/shm")}
    monkeypatch.setattr(sandbox, "entries", lambda *_: 3 << 29)
    with pytest.raises(Died, match="used more than 2048 MiB of memory"):
        ask(running)


def test_without_namespaces_the_machines_own_files_do_not_count(start, monkeypatch):
    """Kills: a student who pays for all that lies in /tmp."""
    monkeypatch.setattr(sandbox, "memory", lambda _: 0)
    running = start("time.sleep(0.6); send(receive())")
    running.isolation = Isolation("none")
    monkeypatch.setattr(sandbox, "entries", lambda *_: 1 << 40)
    assert ask(running) == {"value": 1}


def test_within_its_memory_a_worker_is_left_alone(start, monkeypatch):
    """Kills: a limit in other units."""
    monkeypatch.setattr(sandbox, "memory", lambda _: 1 << 31)
    running = start("time.sleep(0.6); send(receive())")
    assert ask(running) == {"value": 1}


def test_without_namespaces_orphans_are_found_and_ended(start):
    """Kills: a process whose parent has ended, which no look from the worker down can find."""
    program = """
nonce = receive()
if not os.fork():
    if not os.fork(): os.setsid(); time.sleep(20)
    os._exit(0)
os.wait()
send(nonce)
receive()
"""
    running = start(program)
    running.isolation = Isolation("none")
    ask(running)
    family = running.processes()
    assert len(family) == 2
    assert running.left_running()
    running.close()
    assert all(map(gone, family))


def test_the_graders_own_other_children_are_not_ended(start):
    """Kills: an end of everything below the grader, the next student's worker too."""
    first = start("while True: send(receive())")
    second = start("while True: send(receive())")
    second.isolation = Isolation("none")
    second.close()
    assert ask(first) == {"value": 1}


# --- what is shown ----------------------------------------------------------------------------


def test_the_worker_knows_nothing_of_the_graders_environment(start, monkeypatch):
    """Kills: a key of the instructor's that a student's cell prints."""
    monkeypatch.setenv("GRADER_SECRET", "x")
    running = start("while True: send(receive(), str(sorted(os.environ)).encode())")
    path = Path(f"/proc/{running.process.pid}/environ")
    names = {line.partition(b"=")[0].decode() for line in path.read_bytes().split(b"\0")} - {""}
    assert names == environment().keys()
    assert os.readlink(f"/proc/{running.process.pid}/cwd") == "/"
    assert os.getsid(running.process.pid) == running.process.pid


def test_limits_are_asked_for_as_the_worker_names_them():
    """Kills: two limits that change places."""
    asked = Limits(memory=1, scratch=2, files=3, processes=4, seconds=5).request()
    assert asked == {"memory": 1, "size": 2, "files": 3, "processes": 4, "seconds": 5}
