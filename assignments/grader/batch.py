"""Grade a folder of submissions: several at a time, each in a process of its own.

A finished grade is a file in ``REPORT/private`` that appears whole or not at all, so an
interrupted run goes on where it stopped. What a process writes counts only if it was made from
this submission, this master and this seed.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import re
import secrets
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assignments.grader import unpack
from assignments.grader.cells import TOTAL
from assignments.grader.claim import claim, settle
from assignments.grader.clock import SLACK
from assignments.grader.collect import Submission, find
from assignments.grader.grade import grade_one
from assignments.grader.master import Master, read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.processes import die_with_parent
from assignments.grader.records import Record, empty_record, failed_record, write_whole
from assignments.grader.roster import Roster
from assignments.grader.stage import scratch
from assignments.grader.submission import Unreadable, read_bytes

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


@dataclass(frozen=True)
class Batch:
    """One run of the grader over a class.

    Args:
        master: the master's file.
        submissions: the folder of submissions.
        report: the folder of reports.
        isolation: as measured.
        private: an instructor's own tests, or None.
        roster: who is in the class, or None.
        seconds: that a submission's code may take altogether, or None for the master's.
    """

    master: Path
    submissions: Path
    report: Path
    isolation: Isolation
    private: Path | None = None
    roster: Roster | None = None
    seconds: float | None = None

    @property
    def records(self) -> Path:
        """The folder of finished grades: for the instructor only."""
        return self.report / "private"

    @property
    def tests(self) -> list[Path]:
        """The files that hold them: the master, and an instructor's own."""
        return [self.master, *([self.private / self.master.name] if self.private else [])]

    def seed(self, wanted: int | None = None) -> int:
        """The class's seed: as wanted, or that of the interrupted run, or a new secret one."""
        path = self.records / "seed.txt"
        if wanted is None and path.is_file():
            return int(path.read_text(encoding="utf-8"))
        seed = secrets.randbits(31) if wanted is None else wanted
        write_whole(path, f"{seed}\n")
        return seed

    def find(self) -> list[Submission]:
        """What was handed in, and those of the roster who handed in nothing; by student."""
        master = read_master(self.master, self.private)
        roster = self.roster or Roster([], [], [])
        people = roster.people
        found = find(self.submissions, master.name, master.solutions, roster.known)
        absent = people.keys() - {submission.student for submission in found}
        nothing = (
            Submission(one, None, "nothing was handed in", owner=people[one]) for one in absent
        )
        return sorted([*found, *nothing], key=lambda submission: submission.student)

    def run(
        self,
        *,
        jobs: int = 1,
        seed: int | None = None,
        only: Collection[str] = (),
        progress: bool = True,
    ) -> list[Record]:
        """Grade what is not graded yet; the records of all submissions, by student.

        Args:
            jobs: how many at a time.
            seed: of the hidden tests; None draws a secret one, and keeps it for this report.
            only: ids of students: these are graded, again if need be, and nobody else.
            progress: whether to show a bar.

        Raises:
            ValueError: the master is wrong, or the report's folder is another's (see `claim`).
            KeyboardInterrupt: passed on; what is finished stays.
        """
        assignment = read_master(self.master, self.private)
        if only and seed is not None:
            raise ValueError("expected --only with the class's own seed, got --seed")
        claim(self.records, assignment.name, self.tests, all_of_them=not only)
        drawn = self.seed(seed)
        work: list[tuple[Submission, str]] = []
        for submission in self.find():
            mark = self._fingerprint(submission, drawn)
            if only and submission.student not in only:
                continue
            if not only and self._stands(Record.load(self._path(submission)), mark):
                continue
            if submission.path is None:
                empty_record(submission, mark, assignment).save(self._path(submission))
            else:
                work.append((submission, mark))
        self._grade(work, assignment, drawn, jobs, progress)
        settle(self.records, self.tests)
        return self.finished()

    def _stands(self, record: Record | None, mark: str) -> bool:
        """Whether the record is of this very work, and made in the time that is now allowed."""
        if record is None or not record.graded or record.fingerprint != mark:
            return False
        return self.seconds is None or record.seconds == self.seconds

    def finished(self) -> list[Record]:
        """The records of all submissions; who has none yet is not graded."""
        master = read_master(self.master, self.private)
        return [self._finished(one, master) for one in self.find()]

    def _finished(self, submission: Submission, master: Master) -> Record:
        record = Record.load(self._path(submission))
        if record is None:
            record = failed_record(submission, "", master, "not graded yet")
        noted = [submission.note] if submission.path and submission.note else []
        return replace(record, notes=noted)

    def _path(self, submission: Submission) -> Path:
        return self.records / f"{submission.slug}.json"

    def _fingerprint(self, submission: Submission, seed: int) -> str:
        digest = hashlib.sha256(f"{seed} {submission.member!r}".encode())
        for path in (self.master, self.private / self.master.name if self.private else None):
            digest.update(path.read_bytes() if path else b"-")
        try:
            path = submission.path
            digest.update(read_bytes(path) if path else os.fsencode(submission.note))
        except (OSError, Unreadable):
            digest.update(b"unreadable")
        return digest.hexdigest()

    def _grade(
        self,
        work: list[tuple[Submission, str]],
        master: Master,
        seed: int,
        jobs: int,
        progress: bool,
    ) -> None:
        """Keep `jobs` processes busy until the work is done."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["assignments.grader.grade", *_imports(master)])
        waiting = iter(work)
        running: dict[int, tuple[ForkServerProcess, Submission, str, float]] = {}
        longest = patience(self.seconds or master.seconds)
        with (
            scratch() as place,
            Progress(*COLUMNS, console=Console(stderr=True), disable=not progress) as bar,
            interrupts() as interrupted,
        ):
            task = bar.add_task("grading", total=len(work))
            place.chmod(0o755)  # a worker without namespaces, under its own uid, reads it
            try:
                while True:
                    while len(running) < jobs and (item := next(waiting, None)) is not None:
                        process = context.Process(
                            target=work_on, args=(self, *item, seed, str(place)), daemon=False
                        )
                        process.start()
                        running[process.sentinel] = (process, *item, time.monotonic())
                    if not running:
                        return
                    wait(list(running), timeout=0.5)
                    if interrupted.is_set():
                        raise KeyboardInterrupt
                    for sentinel, (process, submission, mark, begun) in list(running.items()):
                        if process.is_alive() and time.monotonic() - begun > longest:
                            process.kill()
                            process.join()
                        if not process.is_alive():
                            del running[sentinel]
                            self._check(submission, mark, master, process.exitcode)
                            bar.advance(task)
            finally:
                for process, *_ in running.values():
                    process.kill()
                    process.join()

    def _check(self, submission: Submission, mark: str, master: Master, status: int | None) -> None:
        """If the process left no grade, say so in a record that the next run does not keep."""
        record = Record.load(self._path(submission))
        if record is not None and record.fingerprint == mark:
            return
        reason = f"not graded: the grader's process ended with status {status}; tell the instructor"
        failed_record(submission, mark, master, reason).save(self._path(submission))


def patience(seconds: float) -> float:
    """Seconds on the wall for a submission that may take so many: no limit of its own is longer."""
    return SLACK * (TOTAL + 1) * seconds + 300


@contextlib.contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Take note of Ctrl-C, or of a request to end, and act on it between two steps.

    At once it could fall between the start of a process and the note that it is running.
    """
    noted = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: noted.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work_on(batch: Batch, submission: Submission, mark: str, seed: int, folder: str) -> None:
    """Grade one submission and keep the record: the whole life of a process.

    Its temporary files are below `folder`, which the batch removes even if this is killed; if the
    batch is killed, this one ends with it.
    """
    if multiprocessing.parent_process():
        die_with_parent()
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the batch ends this one
    path = batch.records / f"{submission.slug}.json"
    master = read_master(batch.master, batch.private)
    assert submission.path is not None
    try:
        unpacked = Path(tempfile.mkdtemp(prefix="unpacked-"))
        notebook = unpack.notebook(submission.path, submission.member, unpacked)
        grade = grade_one(
            batch.master,
            notebook,
            isolation=batch.isolation,
            seed=seed,
            private=batch.private,
            seconds=batch.seconds,
        )
    except Unreadable as error:  # what the student packed
        empty_record(replace(submission, note=str(error)), mark, master).save(path)
    except Exception as error:  # of the grader's own, whatever it is: the class goes on
        reason = f"not graded: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error, limit=-8))
        write_whole(path.with_suffix(".error.txt"), trace)
        failed_record(submission, mark, master, reason, trace).save(path)
    else:
        path.with_suffix(".error.txt").unlink(missing_ok=True)
        seconds = batch.seconds
        Record(submission.student, submission.file, mark, grade, seconds=seconds).save(path)


def _imports(master: Master) -> list[str]:
    """What its cells import, so that it is imported once and not in each process."""
    text = "\n".join((*master.setup, *(test.source for test in master.tests)))
    return re.findall(r"^\s*(?:from|import) ([\w.]+)", text, re.MULTILINE)
