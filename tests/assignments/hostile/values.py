"""Values and deaths, many in one notebook: no other value passes for 6.0, a death costs its own."""

from tests.assignments.hostile.many import Attacks, done, returned

PRELUDE = """
import array, collections, ctypes, datetime, decimal, fractions, os, pathlib, random, re, signal
import sys, threading, time, types, weakref
import numpy as np
class Yes:
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = __call__ = __eq__
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__
    def __getattr__(self, name): return self
class YesFloat(float):
    def __eq__(self, other): return True
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __sub__
class YesInt(int):
    __eq__, __sub__, __rsub__, __abs__ = (YesFloat.__dict__[n] for n in
                                          ("__eq__", "__sub__", "__rsub__", "__abs__"))
class YesStr(str):
    __eq__, __sub__, __rsub__, __abs__ = (YesFloat.__dict__[n] for n in
                                          ("__eq__", "__sub__", "__rsub__", "__abs__"))
    __hash__ = str.__hash__
class YesList(list):
    __eq__, __sub__, __rsub__, __abs__ = (YesFloat.__dict__[n] for n in
                                          ("__eq__", "__sub__", "__rsub__", "__abs__"))
class YesArray(np.ndarray):
    def __array_ufunc__(self, *a, **k): return np.True_
    def __array_function__(self, *a, **k): return True
    __array_priority__ = 1e9
class Array:
    def __array__(self, *a, **k): return np.array(6.0)
    __array_interface__ = {"shape": (), "typestr": "<f8", "data": (0, False), "version": 3}
class Liar(float):
    def __float__(self): return 6.0
    def __class__(self): return int
class Number:
    def __float__(self): return 6.0
    def __index__(self): return 6
class Hash(str):
    def __hash__(self): return 1
class Pickle:
    def __reduce__(self): return os.system, ("touch /tmp/hostile-canary-pickle",)
class Boom:
    def __getattribute__(self, name): raise SystemExit(name)
    def __repr__(self): raise KeyboardInterrupt
class Slots(tuple):
    def __iter__(self): return iter([6.0])
    def __len__(self): raise MemoryError
Meta = type("Meta", (type,), {"__instancecheck__": lambda c, o: True, "__eq__": lambda a, b: True,
                              "__hash__": lambda c: 1})
class Fake(metaclass=Meta): pass
cycle = []
cycle.append({"x": (cycle,)})
"""
# Wrong whatever they say of themselves; and, as a control, right ones.
RIGHT = dict.fromkeys(
    ("x * 2", "np.float32(6)", "np.float64(6)", "np.array(6.0)", "np.longdouble(6)", "int(6)",
     "6 + 0j", "Liar(1)", "np.int8(6)", "fractions.Fraction(6)", "decimal.Decimal(6)"), 3,
)  # fmt: skip
WRONG = dict.fromkeys(
    (
        *("None", "True", "False", "...", "NotImplemented", "''", "'6.0'", "b'6.0'", "'six'"),
        *("float('nan')", "float('inf')", "-float('inf')", "-0.0", "complex('nan')", "np.nan"),
        *("[]", "()", "{}", "set()", "{6.0}", "frozenset([6.0])", "range(6)", "slice(6)"),
        *("{6.0: 6.0}", "{'value': 6.0}", "{'array': ['float64', [], 0]}", "{'function': 'f0'}"),
        *("Yes()", "YesFloat(1)", "YesInt(1)", "YesStr('6')", "Yes", "[Yes()]", "(Yes(),)"),
        *("{'a': Yes()}", "{Yes: 1}", "{Hash(n): n for n in map(str, range(3000))}"),
        *("np.zeros(()).view(YesArray)", "np.array([Yes()], dtype=object)", "Array()", "Fake()"),
        *("np.array(Yes(), dtype=object)", "np.zeros(1, dtype=[('a', 'f8')])", "np.zeros(0)"),
        *("np.zeros((3, 0))", "np.array('6.0')", "np.array(b'6')", "np.datetime64('NaT')"),
        *("np.timedelta64(6, 'D')", "np.ma.masked", "np.ma.masked_all(())", "np.full(2, np.nan)"),
        *("np.broadcast_to(0.0, (9, 9))", "np.void(b'6')", "np.zeros(3)[::-1]", "np.recarray(1)"),
        *("np.random.default_rng(6)", "np.float64", "np.add", "np", "random.Random(6)"),
        *("Liar", "Number", "Pickle()", "Boom()", "Slots", "cycle"),
        *("lambda x: 6.0", "f0", "print", "sys.modules", "type", "object()", "super", "Meta"),
        *("memoryview(b'6')", "bytearray(b'6')"),
        *("array.array('d', [1, 2])", "collections.deque([1, 2])", "collections.Counter('6')"),
        *("types.SimpleNamespace(value=6.0)", "types.MappingProxyType({6: 6})", "re.match('', '')"),
        *("datetime.timedelta(6)", "pathlib.Path('6')", "weakref.WeakSet()", "threading.Lock()"),
        *("sys._getframe()", "open('/dev/null')", "globals()", "vars()", "__import__('os')"),
        *("'\\ud800'", "'\\x00'", "10**400", "-10**5000", "5e-324", "1e308 * 10", "6.001"),
        *("fractions.Fraction(1, 3)", "decimal.Decimal('NaN')", "decimal.Decimal('Infinity')"),
    ),
    0,
)
LISTS = dict.fromkeys(("(6.0 for _ in 'a')", "iter([6.0])"), 1)  # a test may take a list
VALUES: Attacks = returned(RIGHT | WRONG | LISTS) | {
    "what it holds is another's, for a test that takes a list": ("return Slots([1.0])", 1),
    "an error, as the value": ("return ValueError(6.0)", 0),
    "an error that is caught by no except": ("raise BaseException(6.0)", 0),
    "a stop": ("raise StopIteration(6.0)", 0),
    "an async stop": ("raise StopAsyncIteration", 0),
    "a skip": ("import unittest\nraise unittest.SkipTest", 0),
    "a failed assertion": ("raise AssertionError", 0),
    "an assertion with a mark-up": ("raise AssertionError('<script>alert(1)</script>')", 0),
    "a memory error": ("raise MemoryError", 0),
    "a recursion error": ("raise RecursionError", 0),
    "a warning": ("raise DeprecationWarning('x')", 0),
    "a generator function": ("yield 6.0", 1),
    "an error of a class with a lying name": (
        "raise type('AssertionError', (BaseException,), {'__str__': lambda s: 1 / 0})()",
        0,
    ),
    "an error with a million notes": (
        "e = ValueError('x')\ne.__notes__ = ['y'] * 10**6\nraise e",
        0,
    ),
    "an error chain in a circle": (
        "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a",
        0,
    ),
    "control characters and a formula": ("raise ValueError('=1+1\\t\\x1b[2J\\r\\n\\x07\\x85')", 0),
    "text that runs from right to left": ("raise ValueError('\\u202e\\u2066gnorw')", 0),
    "an honest one last": ("return x + x", 3),
}
DEATHS = done({
    "os._exit(0)": "os._exit(0)",
    "os._exit(168)": "os._exit(168)",
    "os._exit(-1)": "os._exit(-1)",
    "sys.exit": "sys.exit('14 of 14')",
    **{f"signal {n}": f"os.kill(os.getpid(), {n}); time.sleep(9)" for n in (1, 6, 13, 24, 40, 64)},
    "an exec": "os.execv('/bin/true', ['true'])",
    "a stop of the parent": "os.kill(os.getppid(), signal.SIGSTOP)",
    "a stop of all": "os.kill(-1, signal.SIGSTOP); time.sleep(9)",
    "the socket closed": "os.closerange(3, 256)",
    "the socket half closed": "import socket\nfor n in range(3, 20):\n"
    "    try: socket.socket(fileno=os.dup(n)).shutdown(socket.SHUT_WR)\n"
    "    except OSError: pass",
    "a bus error": "os.kill(os.getpid(), signal.SIGBUS)",
    "a jump to nowhere": "ctypes.CFUNCTYPE(None)(8)()",
    "a write to nowhere": "ctypes.memset(16, 1, 1)",
    "a stack overflow": "threading.stack_size(1 << 16)\nre.compile('(' * 5000 + ')' * 5000)",
    "None, changed": "ctypes.memset(id(None), 0, 8)",
    "an exit in a thread": "threading.Thread(target=os._exit, args=(0,)).start(); time.sleep(9)",
    "a fork whose parent leaves": "if os.fork(): os._exit(0)",
    "a daemon": "if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n"
    "    time.sleep(99)",
    "an alarm": "signal.alarm(1); time.sleep(9)",
    "no more processor time": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (0, 0))\n"
    "while True: pass",
})
