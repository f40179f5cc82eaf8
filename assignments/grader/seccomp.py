"""The system calls that no student code may make: a seccomp filter, in the kernel's own words.

What is refused answers ENOSYS, as an older kernel would, so that libraries take another way. It is
memory that no limit counts, what outlives the sandbox, and ways into other processes or the kernel.
bubblewrap takes the filter itself; without it this file, run as a program, puts it on and becomes
its arguments. So it uses the standard library alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

# Numbers on x86_64 and aarch64: <asm/unistd_64.h>, <asm-generic/unistd.h>.
REFUSED = {
    # memory that RLIMIT_AS does not count
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282)},
    **{"shmget": (29, 194), "shmat": (30, 196), "vmsplice": (278, 75)},
    **{"msgget": (68, 186), "msgsnd": (69, 189), "mq_open": (240, 180), "semget": (64, 190)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    # what another submission would find: the session's keys, and in the kernel's log how this one
    # ended; locks on files that all see, and news of them
    **{"add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219)},
    **{"syslog": (103, 116), "flock": (73, 32), "inotify_init": (253, 26)},
    "inotify_init1": (294, 26),
    # other processes, and the kernel
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
    **{"pidfd_getfd": (438, 438), "kcmp": (312, 272), "bpf": (321, 280)},
    **{"perf_event_open": (298, 241), "fanotify_init": (300, 262), "quotactl": (179, 60)},
    **{"unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39)},
    **{"pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430), "open_tree": (428, 428)},
    **{"move_mount": (429, 429), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265)},
    "clone3": (435, 435),  # its flags lie in memory, where a filter cannot look; libc tries clone
}
NAMESPACES = 0x7E02_0000  # CLONE_NEW*
SHARED, ANONYMOUS, KIND = 0x01, 0x20, 0x0F  # of mmap's flags
# Some calls: numbers, argument, mask, value, and whether that value is refused or any other.
# A shared mapping without a file keeps all of its memory until its last page is unmapped.
CHECKED = (
    ((41, 198), 0, 0xFFFF_FFFF, 1, False),  # socket: AF_UNIX; a TCP socket has megabytes
    ((56, 220), 0, NAMESPACES, 0, False),  # clone
    ((9, 222), 3, KIND | ANONYMOUS, SHARED | ANONYMOUS, True),  # mmap
    ((72, 25), 1, 0xFFFF_FFFF, 5, True),  # fcntl: who has a lock
    ((72, 25), 1, 0xFFFF_FFFF, 36, True),
)
MACHINES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}  # AUDIT_ARCH_*
X32 = 0x4000_0000  # numbers from here on are x86_64's other set of calls

LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # of classic BPF
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16  # where they are in struct seccomp_data
ALLOW, REFUSE = 0x7FFF_0000, 0x0005_0000 | errno.ENOSYS
SET_NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2  # of prctl


class Unsupported(OSError):
    """There is no filter for this machine, or its kernel takes none."""


def program(machine: str = platform.machine()) -> bytes:
    """The filter, as an array of ``struct sock_filter``.

    Raises:
        Unsupported: calls have other numbers there.
    """
    if machine not in MACHINES:
        raise Unsupported(
            f"no filter of system calls: expected a machine of {' or '.join(MACHINES)}, "
            f"got {machine}"
        )
    column = list(MACHINES).index(machine)
    # (code, operand, refuse if true, refuse if false, or else how many to leap if false)
    steps: list[tuple[int, int, bool, bool, int]] = [
        (LOAD, MACHINE, False, False, 0),
        (EQUAL, MACHINES[machine], False, True, 0),
        (LOAD, NUMBER, False, False, 0),
        (AT_LEAST, X32, True, False, 0),
        *((EQUAL, numbers[column], True, False, 0) for numbers in REFUSED.values()),
    ]
    for numbers, argument, mask, value, refused in CHECKED:
        steps += [
            (EQUAL, numbers[column], False, False, 4),
            (LOAD, ARGUMENTS + 8 * argument, False, False, 0),  # its lower half
            (AND, mask, False, False, 0),
            (EQUAL, value, refused, not refused, 0),
            (LOAD, NUMBER, False, False, 0),
        ]
    end = len(steps) + 1  # where REFUSE stands, one after ALLOW
    words = [
        (code, end - 1 - n if yes else 0, end - 1 - n if no else leap, operand)
        for n, (code, operand, yes, no, leap) in enumerate(steps)
    ]
    words += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("<HBBI", *word) for word in words)


def descriptor() -> int:
    """A file descriptor from which bubblewrap reads the filter."""
    read, write = os.pipe()
    with open(write, "wb") as out:
        out.write(program())
    return read


def restrict() -> None:
    """Put the filter on this process, for good: what it starts has it, too.

    Raises:
        Unsupported: the kernel refuses.
    """
    code = program()
    buffer = ctypes.create_string_buffer(code)
    whole = struct.pack("HL", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, MODE_FILTER, whole):
        raise Unsupported(f"the kernel takes no filter: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    restrict()
    os.execvp(sys.argv[1], sys.argv[1:])
