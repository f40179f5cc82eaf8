"""The filter of system calls: run here step by step, and put on a process of its own."""

import ctypes
import errno
import os
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest

from assignments.grader import seccomp
from assignments.grader.seccomp import (
    CHECKED,
    MACHINES,
    REFUSED,
    Unsupported,
    descriptor,
    program,
    restrict,
)

NO = 0x0005_0000 | errno.ENOSYS
YES = 0x7FFF_0000


def run(code: bytes, machine: int, number: int, *arguments: int) -> int:
    """What the kernel would do with this call: its interpreter of classic BPF, in a few lines."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("<HBBI", code))
    at = value = 0
    while True:
        what, yes, no, operand = steps[at]
        at += 1
        match what:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                value &= operand
            case 0x15:
                at += yes if value == operand else no
            case 0x35:
                at += yes if value >= operand else no
            case 0x06:
                return operand


@pytest.fixture(params=list(MACHINES))
def call(request: pytest.FixtureRequest) -> Callable[..., int]:
    """The answer to a call, given its numbers on all machines."""
    column = list(MACHINES).index(request.param)

    def answer(numbers: tuple[int, ...], *arguments: int) -> int:
        return run(program(request.param), MACHINES[request.param], numbers[column], *arguments)

    return answer


def test_each_call_of_the_list_is_refused_and_its_neighbours_are_not(call):
    """Kills: a leap that is one too long or too short; a column for the other."""
    for name, numbers in REFUSED.items():
        assert call(numbers) == NO, name
    ordinary = [(0, 63), (1, 64), (39, 172), (202, 98), (59, 221), (318, 278), (257, 56)]
    assert all(call(numbers) == YES for numbers in ordinary)  # read, write, getpid, futex, ...


def test_sockets_are_local_ones(call):
    """Kills: the internet; a local socket that is refused, and with it a pool of processes."""
    socket = CHECKED[0][0]
    assert call(socket, 1) == YES
    assert call(socket, 1 << 32 | 1) == YES, "the kernel looks at the lower half alone"
    assert {call(socket, family) for family in (0, 2, 10, 16, 17, 38)} == {NO}


def test_no_new_namespace_but_processes_and_threads(call):
    """Kills: a flag of eight; a refusal of fork."""
    clone = CHECKED[1][0]
    assert call(clone, 0x01200011) == call(clone, 0x3D0F00) == YES
    flags = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    assert {call(clone, 17 | flag) for flag in flags} == {NO}


def test_a_mapping_is_private_or_of_a_file(call):
    """Kills: shared memory without a file; a refusal of every allocation."""
    mmap = CHECKED[2][0]
    for flags in (0x22, 0x20022, 0x01, 0x02, 0x03):
        assert call(mmap, 0, 4096, 3, flags) == YES
    for flags in (0x21, 0x8021, 0x40021):
        assert call(mmap, 0, 4096, 3, flags) == NO


def test_nobody_learns_who_has_a_lock(call):
    """Kills: a second rule for one call, to which the first never comes."""
    fcntl = CHECKED[3][0]
    assert {call(fcntl, 3, command) for command in (5, 36)} == {NO}
    assert {call(fcntl, 3, command) for command in (1, 2, 4, 6, 1030)} == {YES}


@pytest.mark.parametrize(
    ("machine", "number"),
    [(0x4000_0003, 1), (MACHINES["aarch64"], 1), (MACHINES["x86_64"], 1 << 30)],
)
def test_another_set_of_calls_is_refused_whole(machine, number):
    """Kills: memfd_create by its 32-bit number, or by that of x32."""
    assert run(program("x86_64"), machine, number) == NO


def test_a_machine_whose_calls_are_not_known_is_refused():
    """Kills: a filter with another machine's numbers."""
    with pytest.raises(Unsupported, match="expected a machine of x86_64 or aarch64, got riscv64"):
        program("riscv64")


def test_bubblewrap_reads_the_whole_filter():
    """Kills: half of it; a writing end that stays open, for whose end bubblewrap would wait."""
    with open(descriptor(), "rb") as file:
        assert file.read() == program()


TRY = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
assert libc.memfd_create(b"x", 0) == -1 and ctypes.get_errno() == 38
assert os.fork() == 0 or os.wait()[1] == 0
assert "NoNewPrivs:\\t1" in open("/proc/self/status").read()
socket.socketpair()
try: socket.socket()
except OSError as error: print(error.errno)
"""


def test_a_program_started_through_it_has_it():
    """Kills: a filter that an exec takes off; arguments that are lost."""
    words = [sys.executable, "-I", "-S", "-B", seccomp.__file__, sys.executable, "-I", "-c", TRY]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"38"}


def test_restrict_is_for_good():
    """Kills: a half of the filter, or none, and nobody looks."""
    if not (child := os.fork()):
        code = 8
        try:
            restrict()
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.memfd_create(b"x", 0) == -1 and ctypes.get_errno() == errno.ENOSYS:
                code = 7
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_kernel_without_filters_is_no_reason_to_go_on(monkeypatch):
    """Kills: a student's program that runs without the filter, because nobody looked."""

    class Kernel:
        def __init__(self, *_: object, **__: object) -> None: ...

        def prctl(self, option: int, *_: object) -> int:
            return 0 if option == seccomp.SET_NO_NEW_PRIVS else -1

    monkeypatch.setattr(ctypes, "CDLL", Kernel)
    with pytest.raises(Unsupported, match="the kernel takes no filter"):
        restrict()
    assert os.memfd_create("not filtered") > 0
