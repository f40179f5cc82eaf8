"""What a call leaves in its worker for the next: hooks, timers, threads; and the clock.

Each is set up in a call of q2, which is wrong; the honest questions that the same worker is asked
afterwards keep their points, in a worker of their own if need be.
"""

from textwrap import dedent

from tests.assignments.hostile.forging import _INSIDE
from tests.assignments.hostile.notebooks import Case, attack


def _leaves(name: str, body: str) -> Case:
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    q2 = f"{_INSIDE}\nimport gc, signal\nkeep = []\ndef log_evidence(k, n, a, b):\n{lines}"
    return attack(name, "q1 q3", q2=f"{q2}    return 1.0\n")


HOOKING: list[Case] = [
    _leaves(
        "a reply whenever garbage is collected",
        """
        keep.append(inside()[0].sock.dup())
        def speak(*_):
            keep[0].setblocking(True)
            keep[0].sendall(frame(os.urandom(16), {"value": 14.0}))
        gc.callbacks.append(speak)
        gc.set_threshold(1, 1, 1)
        """,
    ),
    _leaves(
        "a timer that raises between two calls",
        """
        def stop(*_): raise KeyboardInterrupt
        signal.signal(signal.SIGPROF, stop)
        signal.setitimer(signal.ITIMER_PROF, 0.05, 0.001)
        """,
    ),
    _leaves(
        "a thread that never lets go",
        """
        def hog():
            while True: pass
        threading.Thread(target=hog, daemon=True).start()
        sys.setswitchinterval(1e6)
        """,
    ),
    _leaves(
        "an output that takes for ever to be flushed",
        """
        class Slow:
            def write(self, text): return len(text)
            def flush(self): time.sleep(600)
        sys.stdout = Slow()
        """,
    ),
    _leaves(
        "a finaliser that answers for the next question",
        """
        channel, nonce = inside()
        class Last:
            def __del__(self): say(frame(nonce, {"value": -6.0}))
        channel.last = Last()
        threading.Timer(0.01, lambda: delattr(channel, "last")).start()
        """,
    ),
    attack(
        "hidden arguments told by the time at which cells are run again",
        "q1 q3",
        'import time\nraise ValueError(f"LEAK-CLOCK {time.time()}")\n',
        q2="""
        import os, time
        def log_evidence(k, n, a, b):
            if n != 1:
                time.sleep(a / 10)
                os._exit(0)
            return 1.0
        """,
    ),
    attack(
        "hidden arguments told by what is printed at that time",
        "q1 q3",
        "import time\nseen = time.time()\n",
        q2="""
        import os, sys
        def log_evidence(k, n, a, b):
            if n != 1:
                print("LEAK-HIDDEN", a, flush=True)
                os._exit(0)
            return 1.0
        """,
    ),
]
