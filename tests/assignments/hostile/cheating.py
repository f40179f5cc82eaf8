"""Cheats that fool a grader which runs its tests beside the student's code."""

from tests.assignments.hostile.notebooks import ALL, Case, attack, tells

_CARRIED = """
import sys
stash = []
def scale(x, factor):
    if np.ndim(x):
        stash.append(x)
        print("LEAK-HIDDEN", x, flush=True)
        open("/tmp/stash", "w").write(f"LEAK-HIDDEN {x}")
    return x * factor
try:
    print(open("/tmp/stash").read())
except OSError:
    pass
def draws(n, seed):
    raise ValueError(f"LEAK-HIDDEN {stash}" if stash else "LEAK-VISIBLE")
"""

PATCHING: list[Case] = [
    attack(
        "numpy asserts do nothing",
        "q1",
        """
        import numpy.testing
        for name in dir(numpy.testing):
            if name.startswith("assert"):
                setattr(numpy.testing, name, lambda *a, **k: None)
        """,
    ),
    attack(
        "torch compares everything equal",
        "q1",
        """
        import torch
        torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
        torch.testing.assert_close = lambda *a, **k: None
        torch.Tensor.__eq__ = lambda self, other: torch.tensor(True)
        """,
    ),
    attack(
        "numpy compares everything equal",
        "q1",
        "np.allclose = np.isclose = np.array_equal = np.all = lambda *a, **k: True",
    ),
    attack(
        "builtins lie",
        "q1",
        """
        import builtins
        builtins.abs = lambda x: 0
        builtins.all = builtins.any = builtins.isinstance = lambda *a: True
        builtins.len = lambda x: 4
        builtins.AssertionError = builtins.Warning
        """,
    ),
    attack(
        "import is replaced",
        "q1",
        """
        import builtins
        class Anything:
            def __getattr__(self, name): return self
            def __call__(self, *a, **k): return self
        builtins.__import__ = lambda *a, **k: Anything()
        """,
    ),
    attack(
        "IPython is patched",
        "q1",
        """
        shell = get_ipython()
        shell.run_cell = shell.run_code = lambda *a, **k: None
        shell.showtraceback = lambda *a, **k: None
        """,
    ),
    attack(
        "the reference in sys.modules is a fake",
        "q1",
        """
        import sys, types
        fake = types.ModuleType("coursepkg.bayes.coin")
        class BetaBernoulli:
            def __init__(self, *a): pass
            def log_evidence_sequence(self, k, n): return 1.0
        fake.BetaBernoulli = BetaBernoulli
        sys.modules["coursepkg.bayes.coin"] = fake
        """,
    ),
    attack(
        "a locked name is defined anew",
        "q1",
        "SEED = 0\nnp = None\n",
        last="""
        def normals(n, seed):
            return np.zeros(n)
        want = got = 1.0
        """,
    ),
    attack(
        "random numbers are constants",
        "q1",
        """
        normals = lambda n, seed: np.zeros(n)
        np.random.default_rng = lambda *a: np.random.RandomState(0)
        """,
    ),
    attack(
        "a trace function rewrites locals",
        "q1",
        """
        import ctypes, sys
        def trace(frame, event, arg):
            if "want" in frame.f_locals:
                frame.f_locals["got"] = frame.f_locals["want"]
                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
            return trace
        sys.settrace(trace)
        sys.setprofile(lambda *a: None)
        """,
    ),
    attack(
        "an exit hook hides failures",
        "q1",
        """
        import atexit, os, sys
        sys.excepthook = lambda *a: os._exit(0)
        atexit.register(lambda: os._exit(0))
        """,
    ),
    attack(
        "numpy's own arrays are patched with ctypes",
        "q1",
        """
        import ctypes
        class Type(ctypes.Structure):
            _fields_ = [("head", ctypes.c_ssize_t * 25), ("richcompare", ctypes.c_void_p)]
        yes = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)(
            lambda a, b, op: True
        )
        Type.from_address(id(float)).richcompare = ctypes.cast(yes, ctypes.c_void_p).value
        """,
    ),
]

LOOKING: list[Case] = [
    tells("the control: an attack that works tells of it", "def got(): return True", earns=ALL),
    attack(
        "the caller's locals hold the answer",
        "q1",
        q2="""
        import sys
        def log_evidence(k, n, a, b):
            frame = sys._getframe()
            while frame:
                if isinstance(frame.f_locals.get("want"), float):
                    return frame.f_locals["want"]
                frame = frame.f_back
            return 1.0
        """,
    ),
    tells(
        "the tests are among the garbage collector's objects",
        """
        import gc
        def got():
            needle = " ".join(["BEGIN", "HIDDEN", "TESTS"])
            plain = [o for o in gc.get_objects() if type(o) in (list, tuple, dict)]
            texts = [x for o in plain for x in (*o, *getattr(o, "values", tuple)())]
            return any(type(x) is str and needle in x for x in texts)
        """,
    ),
    attack(
        "the arguments are changed in place",
        "",
        q1="""
        def scale(x, factor):
            if hasattr(x, "fill"):
                x.fill(0.0)
            return x if hasattr(x, "fill") else 0.0
        """,
    ),
    attack(
        "the answer to the visible tests by heart",
        "q1",
        q2="""
        def log_evidence(k, n, a, b):
            return {(1, 1, 1.0, 1.0): math.log(0.5)}.get((k, n, a, b), -6.0)
        """,
        earns="q1 q2-visible",
    ),
    attack(
        "the hidden cell is answered in the visible one",
        "q1",
        last="""
        for test in ("q2-visible", "q2-hidden", "q3-visible", "q3-hidden"):
            globals()[test] = True
        points = score = total = 14
        print("GRADE: 14/14 all tests passed")
        """,
    ),
    attack(
        "hidden arguments in messages and prints",
        "q1",
        q2="""
        def log_evidence(k, n, a, b):
            text = "LEAK-VISIBLE" if n == 1 else f"LEAK-HIDDEN {a} {b}"
            print(text, flush=True)
            raise ValueError(text)
        """,
    ),
]

LOOKING.append(
    attack("hidden arguments carried to a visible test", "q1 q2", q1=_CARRIED, q3="stash")
)

_CLASSES = """
import os
class Yes:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __float__(self): return 1.0
    __rsub__ = __abs__ = __le__ = __lt__ = __array__ = __sub__
class YesFloat(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
class YesArray(np.ndarray):
    def __array_ufunc__(self, *a, **k): return np.True_
    def __array_function__(self, *a, **k): return True
class Pickle:
    def __reduce__(self): return os.system, ("touch /tmp/hostile-canary-pickle",)
"""


def _three(first: str, second: str, third: str, prelude: str = _CLASSES) -> Case:
    """Three wrong values: for q1's visible test, which wants a number, and for both of q2's."""
    return attack(
        f"{first} and {second} and {third}",
        "",
        prelude,
        q1=f"def scale(x, factor):\n    return {first} if np.ndim(x) == 0 else 0.0\n",
        q2=f"def log_evidence(k, n, a, b):\n    return {second} if n == 1 else {third}\n",
    )


VALUES: list[Case] = [
    _three("True", "float('nan')", "math.inf"),
    _three("None", "'-0.6931471805599453'", "np.linspace(-50, 0, 1001)"),
    _three("np.zeros(0)", "np.zeros((0, 3))", "[]"),
    _three("[]", "{}", "np.zeros(0)"),
    _three("np.ma.masked_all(())", "np.ma.masked", "np.full(5, float('nan'))"),
    _three("np.array([Yes()], dtype=object)", "np.zeros(1, dtype=[('a', 'f8')])", "Yes()"),
    _three("Yes()", "YesFloat(1.0)", "np.zeros(()).view(YesArray)"),
    _three("YesFloat(1.0)", "np.zeros(()).view(YesArray)", "np.datetime64('2020')"),
    _three("Pickle()", "__import__('pickle').dumps(Pickle())", "Pickle()"),
    _three("Yes", "log_evidence", "(x for x in range(3))"),
    _three("'\\ud800'", "'\\ud800'", "{float('nan'): '\\x00'}"),
    _three(
        "torch.zeros(0)",
        "torch.eye(3).to_sparse()",
        "torch.zeros(3, device='meta')",
        "import torch",
    ),
    _three("torch.Generator()", "torch.tensor(True)", "torch.nn.Linear(1, 1)", "import torch"),
    attack(
        "an array that broadcasts to gigabytes",
        "q1 q2",
        q3="def draws(n, seed):\n    return np.zeros((4_000_000 if n > 4 else 4, 1))\n",
    ),
    attack(
        "a subclass of float is a number",
        ALL,
        "class Metres(float):\n    pass\n",
        q1="def scale(x, factor):\n    return x * factor if np.ndim(x) else Metres(x * factor)\n",
    ),
]
