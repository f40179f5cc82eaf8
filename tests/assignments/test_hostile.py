"""No submission gains a point it did not earn, stops the batch, or leaves a process or a file.

The whole table of `tests.assignments.hostile` is graded in one batch, as an instructor would do it.
"""

import contextlib
import csv
import ctypes
import hashlib
import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assignments.grader import namespaces
from assignments.grader.grade import grade_one
from assignments.grader.namespaces import Isolation
from tests.assignments.hostile.notebooks import CANARY, Case
from tests.assignments.hostile.table import CASES, KINDS

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]
ROOT = Path(__file__).parents[2]
MASTER = Path(__file__).parent / "hostile" / "master.py"
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: whoever loses its parent becomes a child of this process


@dataclass(frozen=True)
class Graded:
    """What one run of the grader left behind."""

    done: subprocess.CompletedProcess[str]
    report: Path
    scratch: Path
    submissions: Path
    before: dict[str, str]
    survivors: list[str]
    visitors: int

    def of(self, case: Case) -> dict:
        """A student's own report."""
        return next(page for page in self.pages() if page["student"] == case.student)

    def pages(self) -> list[dict]:
        """All students' reports."""
        return [
            json.loads(p.read_text(encoding="utf-8"))
            for p in (self.report / "students").glob("*.json")
        ]


def children() -> set[int]:
    """Processes whose parent this one is, once those that have ended are reaped."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= set(map(int, (task / "children").read_text(encoding="utf-8").split()))
    return {pid for pid in found if Path(f"/proc/{pid}/cmdline").read_bytes()}


def snapshot(folder: Path) -> dict[str, str]:
    """Every entry under the folder and what it holds."""

    def content(path: Path) -> str:
        if path.is_symlink():
            return f"link to {os.readlink(path)}"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"

    found, folders = {}, [folder]
    while folders:
        for path in folders.pop().iterdir():
            found[os.fspath(path.relative_to(folder))] = content(path)
            if path.is_dir() and not path.is_symlink():
                folders.append(path)
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Where things are, as attackers know it, with two servers that nobody may reach."""
    folder = tmp_path_factory.mktemp("hostile")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(f"\0{CANARY}-{os.getpid()}")  # of this run: another may have one, too
        unix.listen()
        yield {
            "@ROOT@": str(ROOT),
            "@MASTER@": str(MASTER),
            "@SUBMISSIONS@": str(folder / "submissions"),
            "@REPORT@": str(folder / "report"),
            "@PORT@": str(server.getsockname()[1]),
            "@SOCKET@": f"{CANARY}-{os.getpid()}",
            "servers": f"{server.fileno()} {unix.fileno()}",
        }
    subprocess.run(["rm", "-rf", folder], check=True)  # deeper than shutil.rmtree can go


@pytest.fixture(scope="module")
def graded(places) -> Graded:
    submissions, report = Path(places["@SUBMISSIONS@"]), Path(places["@REPORT@"])
    scratch = submissions.parent / "scratch"
    scratch.mkdir()
    for case in CASES:
        path = submissions / case.file
        path.parent.mkdir(parents=True, exist_ok=True)
        case.write(path, places)
    before = snapshot(submissions)
    ours = children()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "assignments.grader", MASTER, submissions, report, "--jobs=2"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(scratch), "HOSTILE_SECRET": "x"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
        )
        survivors = survive(ours)
    finally:
        ctypes.CDLL(None).prctl(SUBREAPER, 0, 0, 0, 0)
    visitors = sum(map(visited, map(int, places["servers"].split())))
    return Graded(done, report, scratch, submissions, before, survivors, visitors)


def survive(ours: set[int]) -> list[str]:
    """Command lines of processes that are still there two seconds after the end."""
    deadline = time.monotonic() + 2  # multiprocessing's own helpers notice the end by themselves
    while (left := children() - ours) and time.monotonic() < deadline:
        time.sleep(0.1)
    lines = []
    for pid in left:
        lines.append(Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " "))
        os.kill(pid, 9)
    return lines


def visited(server: int) -> bool:
    """Whether anybody has connected."""
    with socket.socket(fileno=os.dup(server)) as listening:
        listening.setblocking(False)
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def test_there_are_more_than_forty_submissions_and_each_has_an_id_of_its_own():
    assert len(CASES) >= 40
    assert len({case.student for case in CASES}) == len(CASES) == len({c.file for c in CASES})


def test_the_batch_ends_and_grades_everyone(graded):
    """Kills: one exception, hang or death in a submission takes the batch with it."""
    assert graded.done.returncode == 0, graded.done.stderr[-4000:]
    assert {page["student"] for page in graded.pages()} == {case.student for case in CASES}
    assert all(page["graded"] for page in graded.pages())


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{kind}: {case.name}".encode("unicode_escape").decode())
        for kind, cases in KINDS.items()
        for case in cases
    ],
)
def test_a_submission_gets_what_it_earned_and_a_reason(graded, case):
    """Kills: a cheat that scores, an attack that gets through, an honest cell that loses points."""
    page = graded.of(case)
    tests = [test for question in page["questions"] for test in question["tests"]]
    assert {test["test"]: test["points"] for test in tests} == case.earns, page
    assert all(test["reason"] for test in tests)


def test_nobody_survives(graded):
    """Kills: a process in a session of its own that the grader does not find at the end."""
    assert graded.survivors == []


def test_nobody_used_the_network(graded):
    """Kills: a sandbox in the machine's own network namespace."""
    assert graded.visitors == 0


def test_no_file_is_left_or_changed(graded):
    """Kills: a scratch folder that is not removed, a writable folder outside it."""
    assert list(graded.scratch.iterdir()) == []
    assert snapshot(graded.submissions) == graded.before
    names = {path.name for path in graded.report.iterdir()}
    assert names == {"class.csv", "class.html", "private", "students"}
    assert len(list((graded.report / "students").iterdir())) == 2 * len(CASES)
    assert len(list((graded.report / "private").iterdir())) == len(CASES) + 3
    outside = {Path(path) for path in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/")}
    outside |= {Path.home(), Path("/home"), Path("/run"), Path("/etc"), Path("/usr"), ROOT}
    outside |= {ROOT / "assignments", ROOT / ".venv", *map(Path, sysconfig.get_paths().values())}
    left = [path for folder in outside if folder.is_dir() for path in folder.glob(f"*{CANARY}*")]
    assert left == []
    with contextlib.suppress(FileNotFoundError):
        keys = [
            line.split()[0]
            for line in Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()[1:]
        ]
        assert not {str(0x686F73 + n) for n in range(20)} & set(keys)


def test_a_report_runs_nothing_and_tells_nothing_hidden(graded):
    """Kills: messages that are not escaped, hidden inputs in a message, a formula in the table."""
    told = [path.read_text(encoding="utf-8") for path in (graded.report / "students").iterdir()]
    assert any("LEAK-VISIBLE" in text for text in told)
    assert not any("LEAK-HIDDEN" in text or "HOSTILE_SECRET" in text for text in told)
    assert sum("LEAK-CLOCK" in text for text in told) == 2
    assert all(text.count("LEAK-CLOCK") <= 1 for text in told)
    seed = (graded.report / "private" / "seed.txt").read_text(encoding="utf-8").strip()
    assert not any(seed in text or "default_rng" in text for text in told)
    pages = [
        path.read_text(encoding="utf-8") for path in (graded.report / "students").glob("*.html")
    ]
    assert not any("<script" in page or "<img" in page for page in pages)
    rows = list(csv.reader((graded.report / "class.csv").read_text(encoding="utf-8").splitlines()))
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@") and cell[:1]]


@pytest.mark.parametrize(
    "name",
    [
        "reading the master",
        "importing the reference by its file",
        "importing the grader",
        "other people's processes",
        "a connection to this machine",
        "a connection to an abstract socket",
        *(case.name for case in KINDS["what is closed"] if "all objects" not in case.name),
    ],
)
def test_without_a_sandbox_an_attack_succeeds(places, tmp_path, name, monkeypatch):
    """An attack that could never work would prove nothing: these do, where nothing stops them.

    Nothing: not even that root's home, if the course lies there, is closed to others.
    """
    monkeypatch.setattr(namespaces, "become", list)
    case = next(case for case in CASES if case.name == name)
    case.write(tmp_path / "attack.ipynb", places)
    grade = grade_one(MASTER, tmp_path / "attack.ipynb", isolation=Isolation("none"), seed=1)
    assert grade.points["q2"] == 4, grade
