"""Replies that nobody asked for: the attacker knows the wire format and the worker's internals."""

from tests.assignments.hostile.notebooks import ALL, Case, attack

# What an attack finds in the worker: its Channel, and the nonce of the request.
_INSIDE = """
import json, os, struct, sys, threading, time
def inside():
    frame = sys._getframe()
    while "nonce" not in frame.f_locals or "channel" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["channel"], frame.f_locals["nonce"]
def frame(nonce, text, payload=b"", length=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return nonce + struct.pack("<IQ", length or len(text), len(payload)) + text + payload
def say(data):
    channel, _ = inside()
    channel.sock.setblocking(True)
    channel.sock.sendall(data)
"""


def _forged(name: str, body: str) -> Case:
    """The attack is in a call of q2; whatever it does, q1 and q3 are honest."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    q2 = f"{_INSIDE}\ndef log_evidence(k, n, a, b):\n    channel, nonce = inside()\n{lines}"
    return attack(name, "q1 q3", q2=q2 + "    return 1.0\n")


FORGING: list[Case] = [
    _forged(
        "a reply for this call and one for the next in advance",
        "say(frame(nonce, {'value': 1.0}) + frame(nonce, {'value': -1.0}))",
    ),
    _forged("a guessed nonce", "say(frame(os.urandom(16), {'value': -6.0}))"),
    _forged("a reply without a value", "say(frame(nonce, {'points': 14, 'passed': True}))"),
    _forged("a reply that is a list", "say(frame(nonce, ['value', 14]))"),
    _forged(
        "a reply of a function of the grader's",
        "say(frame(nonce, {'value': {'function': 'seeded'}}))",
    ),
    _forged(
        "a generator with a broken state",
        "say(frame(nonce, {'value': {'generator': ['uint8', [5056], 0]}}, b'\\xff' * 5056))",
    ),
    _forged(
        "an array of Python objects",
        "say(frame(nonce, {'value': {'array': ['object', [1], 0]}}, b'\\x41' * 8))",
    ),
    _forged(
        "an array of negative size",
        "say(frame(nonce, {'value': {'array': ['float64', [-1, -8], -8]}}, b'A' * 64))",
    ),
    _forged(
        "an array longer than its bytes",
        "say(frame(nonce, {'value': {'array': ['float64', [1 << 25], 0]}}, b'A' * 8))",
    ),
    _forged(
        "a thousand arrays that share their bytes",
        "one = {'array': ['uint8', [1 << 25], 0]}\n"
        "say(frame(nonce, {'value': {'list': [one] * 1000}}, bytes(1 << 25)))",
    ),
    _forged("a header of a petabyte", "say(nonce + struct.pack('<IQ', 9, 1 << 50) + b'{')"),
    _forged("a header that is no JSON", "say(frame(nonce, b'\\x80\\x04cos\\nsystem\\n'))"),
    _forged(
        "a header of NaN and huge integers", "say(frame(nonce, b'{\"value\": ' + b'9' * 5000))"
    ),
    _forged(
        "a deeply nested header",
        "say(frame(nonce, b'[' * 1000000))",
    ),
    _forged(
        "a deeply nested value",
        "v = 1.0\nfor _ in range(500): v = {'list': [v]}\nsay(frame(nonce, {'value': v}))",
    ),
    _forged(
        "an error that is a dict of lies",
        "say(frame(nonce, {'error': {'kind': ['<b>'], 'message': {'x': 1}, 'points': 99}}))",
    ),
    _forged("an error that is a number", "say(frame(nonce, {'error': 14}))"),
    _forged("half a reply, then silence", "say(nonce + b'\\x10')\ntime.sleep(600)"),
    _forged("a flood of bytes", "while True: say(b'\\0' * (1 << 20))"),
    _forged(
        "garbage on every file descriptor",
        """
        for fd in range(256):
            try: os.write(fd, b"14 points\\n" * 100)
            except OSError: pass
        """.replace("\n        ", "\n"),
    ),
    _forged("all file descriptors closed", "os.closerange(0, 256)"),
    _forged(
        "all file descriptors replaced",
        "for fd in range(3, 64): os.dup2(os.open('/dev/zero', os.O_RDWR), fd)",
    ),
    _forged(
        "a thread that takes the next requests",
        "threading.Thread(target=lambda: [channel.sock.recv(64) for _ in range(99)]).start()",
    ),
    _forged("a child that answers too", "if os.fork() == 0: say(frame(nonce, {'value': -1.0}))"),
    attack(
        "forged replies while the cells are read",
        ALL,
        _INSIDE + "\nsay(frame(inside()[1], {'value': 14.0}) * 20)\n",
        earns="",  # they are taken for what the cells below hold, which then is not run
    ),
    attack(
        "the worker's own functions are replaced",
        ALL,
        """
        import sys
        worker = sys._getframe()
        while "worker" not in worker.f_locals:
            worker = worker.f_back
        worker.f_locals["worker"].call = lambda *a, **k: (14.0, b"")
        worker.f_globals["encode"] = lambda *a: (True, b"")
        raise SystemExit
        """,
    ),
]
