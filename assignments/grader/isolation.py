"""Measure, by trying from inside, what a sandbox prevents on this machine."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import tempfile
from pathlib import Path

from assignments.grader.namespaces import Isolation
from assignments.grader.plain import PlainError, decode, encode
from assignments.grader.sandbox import Died, Limits, Sandbox
from assignments.grader.stage import ROOT, GraderError, stage

BACKENDS = ("bwrap", "unshare", "none")
LIMITS = Limits(memory=256 << 20, scratch=4 << 20, files=32, processes=8, seconds=20)

# Run inside, as a student's cell would be. Each function says whether it was prevented.
PROBES = """
import ctypes, mmap, os, socket, threading

def refused(action):
    try:
        action()
    except (OSError, MemoryError, RuntimeError):
        return True
    return False

def course(): return not any(os.path.exists(path) for path in HIDDEN)
def write_outside():
    return all(refused(lambda: write(os.path.join(place, "grader-probe"))) for place in OUTSIDE)
def write(path):
    open(path, "w").close()
    try: os.remove(path)
    except OSError: pass
def network():
    with socket.socket(socket.AF_UNIX) as probe:
        return refused(lambda: probe.connect(NAME)) and refused(
            lambda: socket.create_connection(("127.0.0.1", PORT), 2)
        )
def processes(): return len([name for name in os.listdir("/proc") if name.isdigit()]) < 6
def memory(): return refused(lambda: bytearray(2 * MEMORY))
def uncounted():
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o1600)
    if segment >= 0:
        libc.shmctl(segment, 0, None)
    shared = refused(lambda: mmap.mmap(-1, 4096)), refused(map_zeros)
    return segment < 0 and libc.memfd_create(b"probe", 0) < 0 and all(shared)
def map_zeros():
    with open("/dev/zero", "r+b") as file:
        mmap.mmap(file.fileno(), 4096)
def keys():
    keyctl = 250 if os.uname().machine == "x86_64" else 219
    return ctypes.CDLL(None).syscall(keyctl, 0, -3, 0) < 0
def files(): return refused(lambda: [open("/dev/null") for _ in range(2 * FILES)])
def file_size(): return refused(lambda: fill("/tmp/probe", 2))
def scratch(): return all(refused(lambda: fill_folder(place)) for place in ("/tmp", "/dev/shm"))
def fill_folder(place): [fill(f"{place}/{n}", 0.5) for n in range(6)]
def fill(path, scale):
    with open(path, "wb", 0) as file:
        wanted = int(scale * SCRATCH)
        while wanted > 0:
            wanted -= file.write(bytes(min(wanted, 1 << 16)))
def forks():
    children = []
    def bomb():
        for _ in range(4 * PROCESSES):
            child = os.fork()
            if child == 0:
                threading.Event().wait()
            children.append(child)
    stopped = refused(bomb)
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return stopped
def privileges():
    status = open("/proc/self/status").read()
    none = "CapEff:\\t0000000000000000" in status and "NoNewPrivs:\\t1" in status
    return none and os.geteuid() != 0
def namespaces():
    return ctypes.CDLL(None).unshare(0x10000000) != 0
def survivor():
    for _ in range(2):
        if os.fork():
            return True
        os.setsid()
    threading.Event().wait()
"""
NAMES = {
    "ordinary": "runs as an ordinary user",
    "privileges": "cannot gain privileges",
    "course": "cannot read the course, masters or submissions",
    "write_outside": "cannot write outside its scratch folder",
    "network": "no network",
    "processes": "sees no other process",
    "namespaces": "cannot make namespaces of its own",
    "memory": "memory is limited",
    "uncounted": "no memory that no limit counts",
    "keys": "no keys of the session",
    "files": "open files are limited",
    "file_size": "a file's size is limited",
    "scratch": "the scratch folder is limited",
    "forks": "processes are limited",
    "survivor": "nothing survives the end",
}


def best_isolation(*hidden: Path, allow_weak: bool = False) -> Isolation:
    """The strongest isolation that this machine gives, measured.

    Args:
        hidden: folders that the student's code must not see, such as the submissions.
        allow_weak: take the best there is even if a check failed.

    Raises:
        GraderError: none passes all checks, and `allow_weak` is false.
    """
    tried: list[Isolation] = []
    for backend in BACKENDS[: 3 if allow_weak else 2]:
        measured = measure(backend, *hidden)
        if measured.strong:
            return measured
        tried.append(measured)
    best = max(tried, key=lambda isolation: sum(isolation.checks.values()))
    if not best.checks:
        raise GraderError("no sandbox starts on this machine:\n" + "\n".join(map(describe, tried)))
    if not allow_weak:
        raise GraderError(
            "this machine does not keep student code in. Install bubblewrap (Debian, Ubuntu: apt "
            "install bubblewrap), or pass --allow-weak-isolation if you trust every submission.\n"
            + "\n".join(map(describe, tried))
        )
    return best


def describe(isolation: Isolation) -> str:
    """One line: the tool, and what holds or does not."""
    failed = [NAMES[name] for name, held in isolation.checks.items() if not held]
    if not isolation.checks:
        return f"{isolation.backend}: {isolation.trouble or 'does not start here'}"
    if failed:
        return f"{isolation.backend}: NOT ENFORCED: " + "; ".join(failed)
    return f"{isolation.backend}: all {len(isolation.checks)} checks hold"


def measure(backend: str, *hidden: Path) -> Isolation:
    """Start a sandbox with small limits and try, from inside, all that must not succeed."""
    isolation = Isolation(backend).hiding(*hidden)
    if backend != "none" and shutil.which(backend) is None:
        return Isolation(backend, trouble="is not installed")
    checks: dict[str, bool] = {}
    with (
        stage() as folder,
        tempfile.TemporaryDirectory() as outside,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind("")  # the kernel gives it a name
        local.listen()
        os.chmod(outside, 0o777)
        known = {
            "HIDDEN": [
                str(p)
                for top in (ROOT, *isolation.hidden)
                for p in (top.iterdir() if top.is_dir() else ())
                if p.is_file()
            ],
            "OUTSIDE": [outside, "/", "/var", "/dev", "/grader", "/home"],
            "NAME": local.getsockname(),
            "PORT": server.getsockname()[1],
            "MEMORY": LIMITS.memory,
            "FILES": LIMITS.files,
            "SCRATCH": LIMITS.scratch,
            "PROCESSES": LIMITS.processes,
        }
        constants = "\n".join(f"{name} = {value!r}" for name, value in known.items())
        try:
            for name in NAMES:
                if name not in checks:
                    _probe(isolation, folder, constants, checks)
        except GraderError as error:
            return Isolation(backend, trouble=str(error))
    return Isolation(backend, checks, isolation.hidden)


def _probe(isolation: Isolation, folder: Path, constants: str, checks: dict[str, bool]) -> None:
    """Run the checks that are left, until one ends the worker: it counts as not prevented."""
    with Sandbox(isolation, folder, LIMITS) as sandbox:
        sandbox.setup([constants])
        sandbox.request(
            {"op": "cell", "number": 0, "source": PROBES, "full": True}, b"", seconds=10
        )
        checks["ordinary"] = not any(_is_root(pid) for pid in sandbox.processes()[-1:])
        for name in NAMES:
            if name in checks:
                continue
            checks[name] = False
            tree, payload = encode(([], {}))
            args, kwargs = tree["tuple"]
            header = {"op": "call", "name": name, "args": args, "kwargs": kwargs}
            try:
                answer, data = sandbox.request(header, payload, seconds=10)
            except Died:
                return
            with contextlib.suppress(PlainError):
                checks[name] = decode(answer.get("value"), data) is True
        if checks["survivor"]:
            started = sandbox.left_running()
            pipe = os.dup(sandbox.read)  # whoever lives still holds the other end
            sandbox.close()
            checks["survivor"] = started and _hung_up(pipe)


def _is_root(pid: int) -> bool:
    """Whether a process runs as root, seen from outside its namespaces."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return "\nUid:\t0\t" in status


def _hung_up(pipe: int) -> bool:
    """Whether no process holds the writing end; closes the reading end."""
    poll = select.poll()
    poll.register(pipe, 0)
    events = poll.poll(10_000)
    os.close(pipe)
    return bool(events)
