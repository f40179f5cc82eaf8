"""Attacks on the sandbox: reading what must not be read, and reaching the network.

Each tells of its success by points (`notebooks.tells`): q2 is right only if the attack has worked.
"""

from textwrap import dedent

from tests.assignments.hostile.notebooks import Case, tells

_OPEN = """
import glob, os
def holds(paths, text):
    for path in paths:
        try:
            with open(path, "rb") as file:
                if text in file.read(1 << 20): return True
        except OSError: pass
    return False
"""


def _opens(name: str, code: str) -> Case:
    """An attack that uses `holds(paths, text)`."""
    return tells(name, _OPEN + dedent(code))


READING: list[Case] = [
    tells(
        "importing the reference",
        "def got():\n    from coursepkg.bayes import coin\n    return coin.BetaBernoulli",
    ),
    tells(
        "importing the reference from its package's face",
        "def got():\n    from coursepkg.bayes import BetaBernoulli\n    return BetaBernoulli",
    ),
    tells(
        "importing the reference by its file",
        """
        import importlib.util, os, sys
        def got():
            for folder in [*sys.path, "@ROOT@"]:
                path = os.path.join(folder, "coursepkg", "bayes", "coin.py")
                if os.path.exists(path): return True
            return importlib.util.find_spec("coursepkg.bayes.coin")
        """,
    ),
    _opens(
        "reading the reference's bytecode",
        """
        def got():
            import coursepkg, sys
            places = [*coursepkg.__path__, *(p + "/coursepkg" for p in ("@ROOT@", *sys.path))]
            return any(glob.glob(f"{p}/bayes/__pycache__/coin*") for p in places)
        """,
    ),
    tells(
        "the reference through importlib hooks",
        """
        def got():
            import importlib, pkgutil, sys, zipimport
            sys.path_importer_cache.clear()
            sys.path[:0] = ["@ROOT@", "/work/main"]
            for name in [n for n in sys.modules if n.startswith("coursepkg")]: del sys.modules[name]
            return importlib.import_module("coursepkg.bayes.coin")
        """,
    ),
    tells(
        "the reference in git's objects",
        """
        import os
        def got():
            places = '/.git', '/../main/.git', '/README.md'
            return any(os.path.exists('@ROOT@' + place) for place in places)
        """,
    ),
    _opens(
        "reading the master",
        """
        def got():
            return holds(['@MASTER@'], b'BEGIN')
        """,
    ),
    _opens(
        "reading the master through another root",
        """
        def got():
            roots = ["/proc/self/root", "/proc/self/cwd", *glob.glob("/proc/*/root")]
            return holds([root + "@MASTER@" for root in roots], b"BEGIN")
        """,
    ),
    _opens(
        "searching the disk for masters",
        """
        def got():
            text = b" ".join([b"BEGIN", b"HIDDEN", b"TESTS"])
            for top in "/work /root /home /tmp /var /grader /srv /opt".split():
                for folder, _, names in os.walk(top):
                    if "site-packages" in folder: continue
                    names = [n for n in names if n.endswith((".py", ".toml", ".ipynb"))]
                    if holds([os.path.join(folder, n) for n in names], text): return True
        """,
    ),
    _opens(
        "reading the other submissions",
        """
        def got():
            return glob.glob('@SUBMISSIONS@/*') or holds(['@SUBMISSIONS@/honest.ipynb'], b'def')
        """,
    ),
    tells(
        "reading the reports",
        """
        import os
        def got():
            return os.path.exists('@REPORT@') or os.path.exists('/tmp/report')
        """,
    ),
    tells(
        "importing the grader",
        """
        import sys
        def got():
            sys.path.append('@ROOT@')
            import assignments.grader.stage
            return True
        """,
    ),
    _opens(
        "the secret in an environment variable",
        """
        def got():
            name = 'HOSTILE_SECRET'
            return name in os.environ or holds(glob.glob('/proc/*/environ'), name.encode())
        """,
    ),
    _opens(
        "the secret in a command line",
        """
        def got():
            return holds(glob.glob('/proc/*/cmdline'), b'assignments.grader')
        """,
    ),
    tells(
        "the memory of the parent",
        """
        import os, re
        def got():
            for pid in {os.getppid(), 1} - {os.getpid()}:
                try:
                    lines = open(f"/proc/{pid}/maps").read().splitlines()
                    memory = open(f"/proc/{pid}/mem", "rb")
                except OSError: continue
                for line in lines:
                    try:
                        start, end = (int(x, 16) for x in line.split()[0].split("-"))
                        memory.seek(start)
                        part = memory.read(min(end - start, 1 << 26))
                        if re.search(rb"HIDDEN[ ]TESTS", part): return True
                    except (OSError, OverflowError, ValueError): pass
        """,
    ),
    tells(
        "ptrace of the parent",
        """
        import ctypes, os
        def got():
            libc = ctypes.CDLL(None, use_errno=True)
            outside = [p for p in range(2, 40000) if os.path.exists(f"/proc/{p}/exe")]
            return any(libc.ptrace(16, p, 0, 0) == 0 and b"grader" in
                       open(f"/proc/{p}/cmdline", "rb").read().replace(b"/grader/", b"")
                       for p in outside if p != os.getpid())
        """,
    ),
    _opens(
        "other people's processes",
        """
        def got():
            return len([p for p in os.listdir('/proc') if p.isdigit()]) > 8
        """,
    ),
    tells(
        "the own memory holds the tests",
        """
        import re
        def got():
            with open("/proc/self/mem", "rb", 0) as memory:
                for line in open("/proc/self/maps"):
                    start, end = (int(x, 16) for x in line.split()[0].split("-"))
                    if "heap" in line or line.endswith(" 0 \\n"):
                        try:
                            memory.seek(start)
                            part = memory.read(min(end - start, 1 << 25))
                            if re.search(rb"HIDDEN[ ]TESTS", part): return True
                        except (OSError, OverflowError): pass
        """,
    ),
    tells(
        "the raw disk",
        """
        import glob, os, stat
        def got():
            return any(stat.S_ISBLK(os.stat(p).st_mode) for p in glob.glob('/dev/*'))
        """,
    ),
    tells(
        "a device of its own",
        """
        import os, stat
        def got():
            os.mknod('/tmp/hostile-canary-disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0))
            return open('/tmp/hostile-canary-disk', 'rb').read(1)
        """,
    ),
    tells(
        "unmounting the mask",
        """
        import ctypes, os
        def got():
            libc = ctypes.CDLL(None)
            libc.unshare(0x10000000 | 0x00020000)
            for line in open("/proc/self/mounts"):
                libc.umount2(line.split()[1].encode(), 2)
            return os.path.exists("@MASTER@") or os.path.exists("@ROOT@/README.md")
        """,
    ),
    tells(
        "entering the first process's namespaces",
        """
        import ctypes, os
        def got():
            libc = ctypes.CDLL(None)
            for kind in ("user", "mnt", "pid"):
                libc.setns(os.open(f"/proc/1/ns/{kind}", os.O_RDONLY), 0)
            return os.path.exists("@MASTER@")
        """,
    ),
    tells(
        "leaving by file descriptors that were left open",
        """
        import os
        def got():
            for fd in range(256):
                try:
                    os.fchdir(fd)
                    if os.path.exists("../../../../../../../../work/assign/README.md"): return True
                    if os.path.exists("@MASTER@".lstrip("/")): return True
                except OSError: pass
        """,
    ),
    tells(
        "becoming root",
        """
        import os
        def got():
            for become in (os.setuid, os.seteuid):
                try: become(0)
                except OSError: pass
            return os.geteuid() == 0 or os.access('/etc/shadow', os.R_OK)
        """,
    ),
]

NETWORK: list[Case] = [
    tells(
        "a connection to this machine",
        """
        import socket
        def got():
            return socket.create_connection(('127.0.0.1', int('@PORT@')), 2)
        """,
    ),
    tells(
        "a connection to a name",
        "import socket\ndef got():\n    return socket.create_connection(('example.org', 80), 2)",
    ),
    tells(
        "a connection to an abstract socket",
        """
        import socket
        def got():
            s = socket.socket(socket.AF_UNIX)
            s.connect('\\0@SOCKET@')
            return True
        """,
    ),
    tells(
        "an interface that is not loopback",
        """
        import socket
        def got():
            return [n for _, n in socket.if_nameindex() if n not in ('lo', 'sit0', 'tunl0')]
        """,
    ),
    tells(
        "a datagram",
        """
        import socket
        def got():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.sendto(b'x', ('192.0.2.1', 53))
            return True
        """,
    ),
]
