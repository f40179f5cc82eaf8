"""What student code can reach, use up and leave behind: tried from inside, in every backend."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assignments.grader import isolation as measuring
from assignments.grader import namespaces
from assignments.grader.isolation import best_isolation, describe, measure
from assignments.grader.namespaces import Isolation
from assignments.grader.plain import decode, encode
from assignments.grader.processes import children
from assignments.grader.sandbox import OUTPUT_LIMIT, Died, Hung, Limits, Sandbox
from assignments.grader.stage import ROOT, GraderError, stage

pytestmark = pytest.mark.sandbox

LIMITS = Limits(memory=256 << 20, scratch=8 << 20, seconds=30)


@pytest.fixture(scope="module", params=["bwrap", "unshare"])
def strong(request: pytest.FixtureRequest) -> Isolation:
    measured = measure(request.param)
    if not measured.checks:
        pytest.skip(describe(measured))
    return measured


@pytest.fixture
def sandbox(strong: Isolation) -> Iterator[Sandbox]:
    with stage(("coursepkg.bayes.coin",)) as folder, Sandbox(strong, folder, LIMITS) as running:
        running.setup(["import os, sys, time"])
        yield running


def define(sandbox: Sandbox, source: str, *, full: bool = True, seconds: float = 10) -> dict:
    header = {"op": "cell", "number": 1, "source": source, "full": full}
    return sandbox.request(header, b"", seconds=seconds)[0]


def errors(sandbox: Sandbox, source: str, *, full: bool = True) -> list[str]:
    """Run a cell as the grader does, statement by statement, or only what defines something."""
    answer, _ = sandbox.request({"op": "read", "number": 1, "source": source}, b"", seconds=10)
    kinds = answer.get("value", [])
    answers = [answer]
    for index, defines in enumerate(kinds):
        header = {"op": "step", "number": 1, "index": index, "patches": True}
        header["seconds"] = 5.0 if full or defines else 0.0
        answers.append(sandbox.request(header, b"", seconds=10)[0])
    return [answer["error"]["kind"] for answer in answers if "error" in answer]


def call(sandbox: Sandbox, name: str, *arguments: object, seconds: float = 10) -> object:
    tree, payload = encode((list(arguments), {}))
    args, kwargs = tree["tuple"]
    header = {"op": "call", "name": name, "args": args, "kwargs": kwargs}
    answer, data = sandbox.request(header, payload, seconds=seconds)
    return decode(answer["value"], data) if "value" in answer else answer["error"]["kind"]


def test_all_checks_hold(strong):
    """Kills: an option dropped from the command line that builds the sandbox."""
    assert [name for name, held in strong.checks.items() if not held] == []
    assert strong.checks.keys() == measuring.NAMES.keys()


def test_without_a_sandbox_the_measurement_says_so_and_grading_is_refused(monkeypatch):
    """Kills: checks that pass whatever happens."""
    monkeypatch.setattr(namespaces, "become", list)  # root's home may be closed to others
    weak = measure("none")
    failed = {name for name, held in weak.checks.items() if not held}
    assert failed >= {"course", "write_outside", "network", "processes", "uncounted", "keys"}
    assert "NOT ENFORCED" in describe(weak)
    monkeypatch.setattr(measuring, "BACKENDS", ("missing-tool", "missing-too", "none"))
    with pytest.raises(GraderError):
        best_isolation()
    assert best_isolation(allow_weak=True).backend == "none"


@pytest.fixture
def roomy(strong: Isolation) -> Iterator[Sandbox]:
    """With memory for torch, which every face imports."""
    with stage(("coursepkg.bayes.coin",)) as folder, Sandbox(strong, folder, Limits()) as running:
        running.setup(["import os, torch"])
        yield running


def test_the_course_is_not_there_but_coursepkg_is_without_what_was_deleted(roomy):
    define(
        roomy,
        """
def look(path): return os.path.exists(path)
def listing(path): return sorted(os.listdir(path))
def load(name): __import__(name); return True
def offers(name):
    import coursepkg.bayes
    return hasattr(coursepkg.bayes, name)
""",
    )
    assert call(roomy, "look", str(ROOT / "pyproject.toml")) is False
    assert call(roomy, "look", __file__) is False
    python = Path(sys.prefix)  # of a course that lives below /tmp it is shown, and nothing else
    below = python.parts[2:3] if python.is_relative_to("/tmp") else ()
    assert call(roomy, "listing", "/tmp") == list(below)
    assert call(roomy, "load", "coursepkg.bayes") is True
    assert call(roomy, "load", "coursepkg.bayes.coin") == "ModuleNotFoundError"
    assert call(roomy, "offers", "ridge") is True
    assert call(roomy, "offers", "BetaBernoulli") is False
    assert call(roomy, "load", "assignments") == "ModuleNotFoundError"
    assert call(roomy, "load", "tests") == "ModuleNotFoundError"


def test_the_course_is_hidden_inside_a_folder_that_is_shown(strong, monkeypatch):
    """Kills: a hidden folder sealed before what it shows, such as .venv, is mounted within it."""
    folders = namespaces.package_folders()
    monkeypatch.setattr(namespaces, "package_folders", lambda: [*folders, ROOT.parent])
    measured = measure(strong.backend)
    assert measured.strong, describe(measured)


WALK = """
import os
def files(*known):
    found = []
    for top, folders, names in os.walk("/"):
        folders[:] = [f for f in folders if os.path.join(top, f) not in known]
        paths = [os.path.join(top, name) for name in names]
        found += [p for p in paths if os.access(p, os.R_OK) and p not in known]
    return found
def texts(top, word):
    return [p for p in (os.path.join(f, n) for f, _, names in os.walk(top) for n in names)
            if word.encode() in open(p, "rb").read()]
"""


def test_what_can_be_read_is_python_its_packages_and_what_is_staged(strong, monkeypatch, tmp_path):
    """Kills: the current folder, or the course's, shown because Python's path names it."""
    (tmp_path / "ann.ipynb").write_text("a submission", encoding="utf-8")
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = {*namespaces.SYSTEM, *namespaces.FILES, "/proc", "/dev", "/grader"}
    shown |= {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}
    shown |= set(map(str, namespaces.package_folders()))
    with stage(("coursepkg.bayes.coin",)) as folder, Sandbox(strong, folder, LIMITS) as sandbox:
        sandbox.setup([])
        define(sandbox, WALK)
        assert call(sandbox, "files", *sorted(shown), seconds=60) == []
        hidden = " ".join(["BEGIN", "HIDDEN", "TESTS"])
        assert call(sandbox, "texts", "/grader", hidden, seconds=60) == []
        assert call(sandbox, "texts", "/grader", "class BetaBernoulli", seconds=60) == []
        assert call(sandbox, "files", *sorted(shown - {"/grader"}), seconds=60) != []


def test_a_million_empty_files_end_the_sandbox_or_cannot_be_made(strong):
    """Kills: a scratch folder that counts what files hold and not the files."""
    source = """
import os
made = 0
def count(): return made
for place in ("/tmp", "/dev/shm"):
    try:
        for n in range(300_000):
            os.close(os.open(f"{place}/{n}", os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError: pass
"""
    with stage() as folder, Sandbox(strong, folder, LIMITS) as sandbox:
        sandbox.setup([])
        if strong.backend == "bwrap":
            with pytest.raises(Died, match="used more than 512 MiB of memory"):
                define(sandbox, source, seconds=100)
        else:
            define(sandbox, source, seconds=100)
            assert 10_000 < call(sandbox, "count") < 30_000


def test_the_environment_is_scrubbed(strong, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "x")
    with stage() as folder, Sandbox(strong, folder, LIMITS) as sandbox:
        sandbox.setup(["import os"])
        define(sandbox, "def keys(): return list(os.environ)")
        assert not {"GRADER_SECRET", "VIRTUAL_ENV", "USER"} & set(call(sandbox, "keys"))


def test_an_error_is_an_answer_and_what_stands_below_is_run(sandbox):
    """Kills: a worker that an exception or an exit ends; a function below it that is lost."""
    assert errors(sandbox, "x = 1\n1 / 0\ndef f(): return 3") == ["ZeroDivisionError"]
    assert call(sandbox, "f") == 3
    assert errors(sandbox, "sys.exit(3)") == ["SystemExit"]
    assert errors(sandbox, "def f(: pass") == ["SyntaxError"]
    assert errors(sandbox, "%matplotlib inline\n!ls\ndef g(): return 4") == []
    assert call(sandbox, "g") == 4


def test_reduced_cells_define_and_do_nothing_else(sandbox):
    """Kills: a loop that is run again in each worker; a constant that is left out with it."""
    source = "import math\nRATE = 0.5\nwhile True: pass\ndef f(): return math.pi * RATE\nf()"
    assert errors(sandbox, source, full=False) == []
    assert call(sandbox, "f") == pytest.approx(1.5708, abs=1e-4)


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import re; re.match('(a*)*$', 'a' * 64 + 'b')",
        "import signal\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n"
        "  except Exception: pass\nwhile True:\n  try: time.sleep(9)\n  except BaseException: pass",
        "os.kill(os.getpid(), 19)",
    ],
    ids=["python", "C", "ignoring signals", "stopped"],
)
def test_an_endless_cell_is_stopped_in_time(sandbox, source):
    start = time.monotonic()
    with pytest.raises(Hung):
        define(sandbox, source, seconds=1)
    sandbox.close()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("source", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()",
                                    "import ctypes; ctypes.string_at(0)"])  # fmt: skip
def test_a_cell_that_ends_the_worker_is_noticed(sandbox, source):
    with pytest.raises(Died, match="ended its process"):
        define(sandbox, source)


@pytest.mark.parametrize("end", ["", "os._exit(0)"], ids=["alive", "ended by itself"])
def test_nothing_is_left_in_the_table_of_processes(strong, end):
    """Kills: one that ended and stays; hundreds of them make each look at the clock dear."""
    before = children().get(os.getpid(), [])
    with stage() as folder, Sandbox(strong, folder, LIMITS) as running:
        running.setup(["import os"])
        with pytest.raises(Died) if end else contextlib.nullcontext():
            define(running, end or "pass")
    assert [pid for pid in children().get(os.getpid(), []) if pid not in before] == []


def test_a_forged_reply_is_not_taken_for_another_calls(sandbox):
    """Kills: a channel without nonces, in which a reply sent ahead answers the next call."""
    define(
        sandbox,
        """
import struct
def send(): [fd for fd in range(3, 64) if forge(fd)]; return 1
def forge(fd):
    try: os.write(fd, bytes(16) + struct.pack("<IQ", 12, 0) + b'{"value": 7}')
    except OSError: pass
def honest(): return 2
""",
    )
    with pytest.raises(Died, match="not asked for"):
        call(sandbox, "send")


def test_output_is_cut_and_stops_nothing(sandbox):
    define(sandbox, "os.write(1, b'begin')\nfor _ in range(100): os.write(2, b'x' * (1 << 20))")
    assert call(sandbox, "len") == "missing"  # it still answers
    assert len(sandbox.printed) == OUTPUT_LIMIT
    assert sandbox.printed.startswith(b"begin")


def test_memory_of_many_processes_together_is_limited(sandbox):
    """Kills: RLIMIT_AS alone, which binds each process and not their sum."""
    source = """
for _ in range(4):
    if not os.fork():
        x = bytearray(b"x") * (200 << 20)
        time.sleep(60)
"""
    with pytest.raises(Died, match="memory"):
        define(sandbox, source + "time.sleep(60)", seconds=20)


def test_a_fork_bomb_ends_with_the_sandbox(sandbox):
    family = []
    with pytest.raises(Hung):
        define(sandbox, "while True:\n  try: os.fork()\n  except OSError: pass", seconds=1.5)
    family = sandbox.processes()
    sandbox.close()
    assert 5 < len(family) <= LIMITS.processes + 4
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]


def test_processes_left_running_are_noticed(sandbox):
    define(sandbox, "if not os.fork():\n  os.setsid(); time.sleep(60)")
    assert sandbox.left_running()
    assert sandbox.request({"op": "cell", "number": 1, "source": "", "full": True}, b"", seconds=5)


def test_a_killed_grader_takes_its_sandbox_along(strong, tmp_path, monkeypatch):
    """Kills: a sandbox without --die-with-parent, which outlives the grader's own SIGKILL."""
    program = f"""
from assignments.grader.sandbox import *
from assignments.grader.stage import stage
with stage() as folder, Sandbox(Isolation({strong.backend!r}), folder, Limits()) as sandbox:
    sandbox.setup(["import time"])
    print(*sandbox.processes(), flush=True)
    header = {{"op": "cell", "number": 1, "source": "while True: pass", "full": True}}
    sandbox.request(header, b"", seconds=60)
"""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    grader = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    assert grader.stdout
    family = [int(pid) for pid in grader.stdout.readline().split()]
    assert len(family) >= 2
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    grader.stdout.close()
    for _ in range(100):
        if not [pid for pid in family if alive(pid)]:
            return
        time.sleep(0.05)
    pytest.fail("the sandbox outlived its grader")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
