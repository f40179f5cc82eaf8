"""Submissions that die, hang, or use up the machine; the rest of their points must survive."""

from textwrap import dedent

from tests.assignments.hostile.notebooks import ALL, Case, attack


def _cell(name: str, code: str) -> Case:
    """The attack is a cell of its own: all three questions are honest, and count."""
    return attack(name, ALL, code)


def _call(name: str, code: str) -> Case:
    """The attack is in a call of q2: q1 and q3 are honest, and count."""
    lines = "".join(f"    {line}\n" for line in dedent(code).strip().splitlines())
    imports = "import os, signal, sys, time\n"
    return attack(name, "q1 q3", q2=f"{imports}def log_evidence(k, n, a, b):\n{lines}")


_SEGFAULT = "import ctypes\nctypes.string_at(0)"
_IGNORE = """
import signal
for s in range(1, 32):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""
DYING: list[Case] = [
    _cell("sys.exit in a cell", "import sys\nsys.exit(0)"),
    _cell("os._exit in a cell", "import os\nos._exit(0)"),
    _cell("SIGKILL of itself in a cell", "import os\nos.kill(os.getpid(), 9)"),
    _cell("a segmentation fault in a cell", _SEGFAULT),
    _cell("an exec in a cell", "import os\nos.execv('/bin/sleep', ['sleep', '600'])"),
    _cell("KeyboardInterrupt in a cell", "raise KeyboardInterrupt"),
    _cell("an error in every other cell", "raise ExceptionGroup('x', [ValueError('\\ud800')])"),
    _call("sys.exit in a call", "sys.exit(0)"),
    _call("os._exit in a call", "os._exit(0)"),
    _call("abort in a call", "os.abort()"),
    _call("SIGKILL of the whole group in a call", "os.killpg(0, 9)"),
    _call("SIGKILL of everyone", "os.kill(-1, 9)"),
    _call("SIGKILL of the parent", "os.kill(os.getppid(), 9)"),
    _call("SIGSTOP of itself", "os.kill(os.getpid(), signal.SIGSTOP)"),
    _call("a KeyboardInterrupt in a call", "raise KeyboardInterrupt"),
    _call("a GeneratorExit in a call", "raise GeneratorExit"),
    _call("a skipped test in a call", "import unittest\nraise unittest.SkipTest('all is well')"),
    _call("endless recursion", "return log_evidence(k, n, a, b)"),
    _call(
        "recursion through the stack's end",
        """
        sys.setrecursionlimit(10**9)
        return eval('log_evidence(k,n,a,b)')
        """,
    ),
    _call(
        "an error whose text is an error",
        "class Evil(Exception):\n"
        "    def __str__(self): raise self\n"
        "    __repr__ = __str__\n"
        "raise Evil",
    ),
    _call("an error of a hundred megabytes", "raise ValueError('x' * 10**8)"),
    _call("an error without an encoding", "raise ValueError('\\ud800\\x1b[2J\\x00')"),
    _call("an error in HTML", "raise ValueError('<script>alert(1)</script>')"),
]

HANGING: list[Case] = [
    _cell("a loop in a cell", "while True: pass"),
    _cell(
        "a loop in a cell that catches everything",
        _IGNORE + "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ),
    _call("a loop in a call", "while True: pass"),
    _call("a loop in C", "import itertools\nreturn sum(itertools.repeat(0))"),
    _call("a regular expression without end", "import re\nreturn re.match('(a+)+b', 'a' * 60)"),
    _call(
        "a generator that hangs",
        "def forever():\n    while True: yield 0.0\nreturn list(forever()) and forever()",
    ),
    _call(
        "a value that hangs when it is looked at",
        "class Slow(list):\n"
        "    def __iter__(self):\n        while True: time.sleep(1)\n"
        "    __len__ = __float__ = __iter__\n"
        "return Slow([1.0])",
    ),
    _call(
        "a sleeping error",
        """
        class Evil(Exception):
            def __str__(self): time.sleep(600)
        raise Evil
        """,
    ),
    _cell(
        "a thread that outlives its cell",
        """
        import threading, time
        threading.Thread(target=lambda: time.sleep(600)).start()
        """,
    ),
    _cell(
        "an exit that hangs",
        "import atexit, time\natexit.register(lambda: time.sleep(600))\n"
        "class Last:\n    def __del__(self): time.sleep(600)\nlast = Last()",
    ),
]

HOGGING: list[Case] = [
    _call("a fork bomb", "for _ in range(2000):\n    os.fork()\ntime.sleep(600)"),
    _call(
        "children in sessions of their own",
        "for _ in range(20):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)\n"
        "        os._exit(0)",
    ),
    _cell(
        "a daemon left by a cell",
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.closerange(0, 256); time.sleep(600)\n"
        "    os._exit(0)",
    ),
    _call(
        "threads without end",
        """
        import threading
        while True: threading.Thread(target=time.sleep, args=(600,)).start()
        """,
    ),
    _call("all memory", "hog = []\nfor _ in range(200): hog.append(b'x' * (1 << 28))"),
    _call(
        "all memory in children",
        """
        hog = [b'x' * (1 << 28)]
        for _ in range(40):
            if os.fork() == 0:
                hog = [b'y' * (1 << 28) for _ in range(8)]; time.sleep(600)
        time.sleep(600)
        """,
    ),
    _call(
        "the whole disk",
        """
        for i in range(4096):
            with open(f'/tmp/hostile-canary-{i}', 'wb') as f: f.write(bytes(1 << 20))
        """,
    ),
    _call(
        "all shared memory",
        """
        for i in range(4096):
            with open(f'/dev/shm/hostile-canary-{i}', 'wb') as f: f.write(bytes(1 << 20))
        """,
    ),
    _cell("a hundred megabytes of output", "for _ in range(100): print('x' * 10**6)"),
    _call(
        "a hundred megabytes of errors",
        """
        for _ in range(100): print('x' * 10**6, file=sys.stderr)
        """,
    ),
    _call("an array of terabytes", "return np.broadcast_to(0.0, (10**6, 10**6))"),
    _call("a text of a hundred megabytes", "return 'x' * 10**8"),
    _call("an integer of a million digits", "return 1 << 3_300_000"),
    _call("a list in itself", "v = []\nv.append(v)\nreturn v"),
    _call("a list nested very deep", "v = []\nfor _ in range(10**5): v = [v]\nreturn v"),
    _call("a list of ten million numbers", "return [0.0] * 10**7"),
    _call("all file descriptors", "files = []\nwhile True: files.append(open('/dev/null'))"),
    _cell(
        "limits raised again",
        """
        import resource
        for what in range(16):
            resource.setrlimit(what, (resource.RLIM_INFINITY,) * 2)
        """,
    ),
]
