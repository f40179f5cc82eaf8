"""Ways out of the sandbox, many in one notebook: each is true if it works, and raises if not."""

from tests.assignments.hostile.many import tried

PRELUDE = r"""
import ctypes, errno, fcntl, glob, mmap, os, platform, resource, shutil, signal, socket, stat
import subprocess, sys, tempfile, termios, threading, time
libc = ctypes.CDLL(None, use_errno=True)
INTEL = platform.machine() == "x86_64"
keep = []
def call(intel, arm, *args):
    "Whether there is such a system call, by whatever error."
    ctypes.set_errno(0)
    number = intel if INTEL else arm
    return libc.syscall(ctypes.c_long(number), *args) >= 0 or ctypes.get_errno() != errno.ENOSYS
def gained(name, *args):
    return getattr(libc, name)(*args) == 0
def reads(*paths):
    return [open(p, "rb").read(1) for p in paths][-1]
OURS = sum([p.split("/") for p in (sys.prefix, sys.base_prefix)], [])  # on the way to Python
def lists(path, *allowed):
    return set(os.listdir(path)) - set(allowed)
def writes(path, text="x"):
    with open(path, "w") as file: return file.write(text)
def raises(what):
    resource.setrlimit(getattr(resource, what), (resource.RLIM_INFINITY,) * 2); return True
def mapped(flags, fd=-1, size=1 << 20):
    return mmap.mmap(fd, size, flags=flags) is not None
def old_way():
    "memfd_create of the 32-bit kind, by an interrupt; its name is nowhere: EFAULT, if it is there."
    if not INTEL: return False
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    page.write(b"\x53\xb8\x64\x01\x00\x00\x31\xc9\x31\xdb\xcd\x80\x5b\xc3")
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)() != -errno.ENOSYS
def grows():
    "Memory of which only a page is mapped still."
    held = 0
    for _ in range(8):
        start = libc.mmap(None, 1 << 29, 3, 0x21, -1, 0)
        if start in (-1, None): break
        held += 1
    return held == 8
def sticky(fd): return fcntl.ioctl(fd, termios.TIOCSTI, b"x") == 0
def cloned(flag): return libc.syscall(ctypes.c_long(56 if INTEL else 220), ctypes.c_long(flag | 17),
                                      0, 0, 0, 0) > 0
"""
_FAMILIES = "AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_ALG AF_VSOCK AF_BLUETOOTH AF_CAN AF_TIPC"
_LIMITS = "RLIMIT_AS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_FSIZE RLIMIT_CPU RLIMIT_CORE RLIMIT_NICE"
_SPACES = {"mount": 0x20000, "user": 0x10000000, "net": 0x40000000, "pid": 0x20000000}
_CALLS = {
    "memfd_create": (319, 279, "b'x', 0"),
    "memfd_create of huge pages": (319, 279, "b'x', 4"),
    "memfd_secret": (447, 447, "0"),
    "shmget": (29, 194, "0, 4096, 0o1666"),
    "shmget of huge pages": (29, 194, "0, 1 << 21, 0o5666"),
    "shmat": (30, 196, "0, 0, 0"),
    "msgget": (68, 186, "1, 0o1666"),
    "semget": (64, 190, "1, 8, 0o1666"),
    "mq_open": (240, 180, "b'x', 0o102, 0o600, 0"),
    "userfaultfd": (323, 282, "1"),
    "io_uring_setup": (425, 425, "8, 0"),
    "io_uring_register": (427, 427, "0, 0, 0, 0"),
    "perf_event_open": (298, 241, "0, 0, -1, -1, 0"),
    "bpf": (321, 280, "0, 0, 0"),
    "vmsplice": (278, 75, "0, 0, 0, 0"),
    "keyctl": (250, 219, "0, -3, 1"),
    "add_key": (248, 217, "b'user', b'hostile-canary', b'x', 1, -3"),
    "request_key": (249, 218, "b'user', b'hostile-canary', 0, -3"),
    "ptrace": (101, 117, "16, 1, 0, 0"),
    "process_vm_readv": (310, 270, "1, 0, 0, 0, 0, 0"),
    "process_vm_writev": (311, 271, "1, 0, 0, 0, 0, 0"),
    "pidfd_getfd": (438, 438, "0, 0, 0"),
    "kcmp": (312, 272, "1, 1, 0, 0, 0"),
    "unshare": (272, 97, "0x10000000"),
    "setns": (308, 268, "0, 0"),
    "mount": (165, 40, "b'x', b'/tmp', b'tmpfs', 0, 0"),
    "umount2": (166, 39, "b'/tmp', 2"),
    "pivot_root": (155, 41, "b'/tmp', b'/tmp'"),
    "chroot": (161, 51, "b'/tmp'"),
    "fsopen": (430, 430, "b'tmpfs', 0"),
    "open_tree": (428, 428, "-100, b'/', 1"),
    "move_mount": (429, 429, "0, 0, 0, 0, 0"),
    "open_by_handle_at": (304, 265, "0, 0, 0"),
    "fanotify_init": (300, 262, "0, 0"),
    "inotify_init1": (294, 26, "0"),
    "flock": (73, 32, "0, 2"),
    "syslog": (103, 116, "3, 0, 0"),
    "clone3": (435, 435, "0, 0"),
    "a call of the x32 kind": (0x40000000 | 319, 0x40000000 | 279, "b'x', 0"),
}
ESCAPES = tried(
    {name: f"call({intel}, {arm}, {args})" for name, (intel, arm, args) in _CALLS.items()}
    | {f"a socket of {name}": f"socket.socket(socket.{name})" for name in _FAMILIES.split()}
    | {f"{name} raised": f"raises('{name}')" for name in _LIMITS.split()}
    | {f"a {name} namespace by clone": f"cloned({flag})" for name, flag in _SPACES.items()}
    | {
        "a call of the 32-bit kind": "old_way()",
        "a shared mapping without a file": "mapped(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)",
        "a shared mapping of zeros": "mapped(mmap.MAP_SHARED, os.open('/dev/zero', os.O_RDWR))",
        "four gigabytes in shared mappings": "grows()",
        "more memory than there is": "bytearray(5 << 30)",
        "more memory in a mapping": "mapped(mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 5 << 30)",
        "who has a lock": "fcntl.fcntl(open(os.__file__), fcntl.F_GETLK, bytes(32))",
        "a terminal's input": "any(sticky(fd) for fd in range(3))",
        "the terminal": "sticky(os.open('/dev/tty', os.O_RDWR))",
        "root": "os.getuid() and not os.setuid(0)",
        "root's group": "os.getgid() and not os.setgid(0)",
        "another user": "not os.setuid(1)",
        "groups": "not os.setgroups([0])",
        "a raw user change": "os.getuid() and libc.setresuid(0, 0, 0) == 0",
        "a priority": "os.nice(-5) < 0",
        "a real-time priority": "not os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "the machine's name": "gained('sethostname', b'x', 1)",
        "the clock": "not time.clock_settime(time.CLOCK_REALTIME, 0)",
        "privileges of a program": "b'root' in subprocess.check_output(['su', '-c', 'id'])",
        "a device": "not os.mknod('/tmp/dev', 0o600 | stat.S_IFBLK, os.makedev(254, 0))",
        "a file of another's": "not os.chown('/tmp', 1, 1)",
        "the raw disk": "[reads(p) for p in glob.glob('/dev/[vsn]*[adm]*') if os.path.exists(p)]",
        "the machine's memory": "reads('/dev/mem')",
        "the kernel's memory": "reads('/proc/kcore')",
        "the kernel's log": "reads('/dev/kmsg')",
        "a virtual machine": "os.open('/dev/kvm', os.O_RDWR)",
        "a file system of its own": "os.open('/dev/fuse', os.O_RDWR)",
        "a network device": "os.open('/dev/net/tun', os.O_RDWR)",
        "password hashes": "reads('/etc/shadow')",
        "users": "reads('/etc/passwd')",
        "the machine's identity": "reads('/etc/machine-id')",
        "the home folders": "any(lists(f, *OURS) for f in ('/home', '/root'))",
        "variable data": "lists('/var')",
        "sockets of services": "lists('/run')",
        "the other file systems": "lists('/mnt') or lists('/media') or lists('/srv')",
        "the kernel's image": "lists('/boot')",
        "devices": "lists('/sys/class') or lists('/sys/block')",
        "control groups": "lists('/sys/fs/cgroup')",
        "what is configured": "lists('/etc', 'ld.so.cache', 'localtime')",
        "what lies at the top": "lists('/', *'usr bin sbin lib lib32 lib64 libx32 etc sys tmp dev "
        "proc var grader'.split(), *sys.prefix.split('/')[1:2], *sys.base_prefix.split('/')[1:2])",
        "what is staged": "lists('/grader', *'worker.py clock.py statements.py channel.py plain.py "
        "seccomp.py coursepkg root'.split())",
        "other processes": "len([p for p in os.listdir('/proc') if p.isdigit()]) > 6",
        "a first process without a filter": "'Seccomp:\\t2' not in open('/proc/1/status').read()",
        "the first process's environment": "b'SUDO' in open('/proc/1/environ', 'rb').read()",
        "another root": "lists('/proc/1/root/home', *OURS)",
        "open files of others": "[p for p in glob.glob('/proc/self/fd/*')"
        " if os.path.exists(p) and os.path.realpath(p).startswith(('/work', '/home', '/root'))]",
        "a folder that stayed open": "[p for p in glob.glob('/proc/self/fd/*')"
        " if os.path.isdir(p) and not os.path.realpath(p).startswith('/proc')]",
        "the grader's signals": "[p for p in range(2, 4000) if not os.kill(p, 0) and p > 60]",
        "a program on dumps": "writes('/proc/sys/kernel/core_pattern', '|/tmp/x')",
        "the system's keys": "writes('/proc/sysrq-trigger', 'h')",
        "settings of the kernel": "writes('/proc/sys/vm/overcommit_memory', '1')",
        "user namespaces": "writes('/proc/sys/user/max_user_namespaces', '99')",
        "a better fate when memory is short": "writes('/proc/self/oom_score_adj', '-500')",
        "a map of users": "writes('/proc/self/uid_map', '0 0 1')",
        **{
            f"a file in {place}": f"writes('{place}/hostile-canary')"
            for place in ("", "/usr", "/usr/lib", "/etc", "/dev", "/var", "/var/tmp", "/grader",
                          "/home", "/root", "/run", "/mnt", "/opt", "/sys", "/proc")
        },
        "a file among packages": "writes(os.__file__ + 'x')",
        "a module for all": "writes([p for p in sys.path if 'site-packages' in p][0] + '/a.pth')",
        "a mode of the libraries": "not os.chmod(os.__file__, 0o777)",
        "a time of the libraries": "not os.utime(os.__file__)",
        "an attribute of the libraries": "not os.setxattr(os.__file__, 'user.x', b'x')",
        "a program with a foreign user": "not os.chmod(shutil.copy('/bin/sh', '/tmp/s'), 0o4755)"
        " and not os.chown('/tmp/s', 1, 1)",
        "more scratch than there is": "[open(f'/tmp/{n}', 'wb').write(bytes(64 << 20))"
        " for n in range(8)]",
        "more shared memory than there is": "[open(f'/dev/shm/{n}', 'wb').write(bytes(64 << 20))"
        " for n in range(8)]",
        "a file larger than a file may be": "os.truncate(tempfile.mkstemp()[0], 1 << 40)",
        "pipes without end": "len([os.pipe() for _ in range(4000)])",
    }
)  # fmt: skip
# What one submission might leave for the next, in the same or in another sandbox: put, then found.
CHANNELS = {
    "the session's keyring": (
        "call(248, 217, b'user', b'hostile-canary', b'x', 1, -3)",
        "libc.syscall(ctypes.c_long(249 if INTEL else 218), b'user', b'hostile-canary', 0, 0) > 0",
    ),
    "the user's keyring": (
        "call(248, 217, b'user', b'hostile-canary', b'x', 1, -4)",
        "b'hostile-canary' in open('/proc/keys', 'rb').read()",
    ),
    "a name in the kernel's list of keys": (
        "libc.syscall(ctypes.c_long(250 if INTEL else 219), 1, b'hostile-canary')",
        "b'hostile' in open('/proc/keys', 'rb').read()",
    ),
    "SysV shared memory": ("libc.shmget(0x686F73, 1, 0o1666)", "libc.shmget(0x686F73, 0, 0) >= 0"),
    "a SysV message queue": ("libc.msgget(0x686F73, 0o1666)", "libc.msgget(0x686F73, 0) >= 0"),
    "SysV semaphores": ("libc.semget(0x686F73, 1, 0o1666)", "libc.semget(0x686F73, 0, 0) >= 0"),
    "a POSIX message queue": ("libc.mq_open(b'/hostile', 0o102, 0o666, 0)",
                              "libc.mq_open(b'/hostile', 0) >= 0"),
    "a POSIX semaphore": ("libc.sem_open(b'/hostile', 0o102, 0o666, 7)",
                          "os.path.exists('/dev/shm/sem.hostile')"),
    "POSIX shared memory": ("libc.shm_open(b'/hostile', 0o102, 0o666)",
                            "libc.shm_open(b'/hostile', 0, 0) >= 0"),
    "an abstract socket": (
        "keep.append(socket.socket(socket.AF_UNIX)) or keep[-1].bind('\\0hostile-canary')",
        "socket.socket(socket.AF_UNIX).connect('\\0hostile-canary') is None",
    ),
    "/tmp": ("writes('/tmp/hostile-canary')", "reads('/tmp/hostile-canary')"),
    "/dev/shm": ("writes('/dev/shm/hostile-canary')", "reads('/dev/shm/hostile-canary')"),
    "/var/tmp": ("writes('/var/tmp/hostile-canary')", "reads('/var/tmp/hostile-canary')"),
    "/run/lock": ("writes('/run/lock/hostile-canary')", "reads('/run/lock/hostile-canary')"),
    "the current folder": ("writes('hostile-canary')", "reads('hostile-canary')"),
    "the home folder": ("writes(os.path.expanduser('~/hostile-canary'))",
                        "reads(os.path.expanduser('~/hostile-canary'))"),
    "the environment": ("os.environ.update(HOSTILE='x')", "os.environ['HOSTILE']"),
    "a module": ("sys.modules.update(hostile=os)", "sys.modules['hostile']"),
    "a time of access": (
        "[open(p).read() for p in [os.path.dirname(os.__file__) + '/this.py']]",
        "os.stat(os.path.dirname(os.__file__) + '/this.py').st_atime > time.time() - 60",
    ),
    "a process's name": ("libc.prctl(15, b'hostile')",
                         "[p for p in glob.glob('/proc/*/comm') if 'hostile' in open(p).read()]"),
    "the kernel's log": ("libc.klogctl(3, 0, 0)", "libc.klogctl(10, 0, 0) > 0"),
    "the machine's name": ("libc.sethostname(b'hostile', 7)", "socket.gethostname() == 'hostile'"),
    "a priority": ("os.nice(3)", "os.nice(0) == 3"),
    "a mask of file modes": ("os.umask(0o123)", "os.umask(0o22) == 0o123"),
    "a process that stays": (
        "os.fork() or (os.setsid(), time.sleep(60))",
        "len([p for p in os.listdir('/proc') if p.isdigit()]) > 6",
    ),
}  # fmt: skip
