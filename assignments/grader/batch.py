"""Grade a folder of submissions: several at a time, each in a process of its own.

A finished grade is a file in ``REPORT/private`` that appears whole or not at all, so an
interrupted run goes on where it stopped. What a process writes counts only if it was made from
this submission, this master and this seed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import secrets
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tqdm import tqdm

from assignments.grader.collect import Submission, find
from assignments.grader.grade import Grade, Score, grade_one
from assignments.grader.master import Master, read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.processes import die_with_parent
from assignments.grader.stage import scratch
from assignments.grader.submission import Unreadable, read_bytes


@dataclass(frozen=True)
class Record:
    """A submission's grade as it is kept; not `graded` if the grader itself failed."""

    student: str
    file: str
    fingerprint: str
    grade: Grade
    graded: bool = True
    notes: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """The record in the file, or None if there is none that can be read."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            grade = data.pop("grade")
            scores = [Score(**score) for score in grade.pop("scores")]
            return cls(grade=Grade(scores=scores, **grade), **data)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def write_whole(path: Path, text: str) -> None:
    """Replace the file's content at once: no reader, and no interruption, sees half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(partial, path)


@dataclass(frozen=True)
class Batch:
    """One run of the grader over a class.

    Args:
        master: the master's file.
        submissions: the folder of submissions.
        report: the folder of reports.
        isolation: as measured.
        private: an instructor's own tests, or None.
    """

    master: Path
    submissions: Path
    report: Path
    isolation: Isolation
    private: Path | None = None

    @property
    def records(self) -> Path:
        """The folder of finished grades: for the instructor only."""
        return self.report / "private"

    def seed(self, wanted: int | None = None) -> int:
        """The class's seed: as wanted, or that of the interrupted run, or a new secret one."""
        path = self.records / "seed.txt"
        if wanted is None and path.is_file():
            return int(path.read_text(encoding="utf-8"))
        seed = secrets.randbits(31) if wanted is None else wanted
        write_whole(path, f"{seed}\n")
        return seed

    def run(self, *, jobs: int = 1, seed: int | None = None, progress: bool = True) -> list[Record]:
        """Grade what is not graded yet; the records of all submissions, by student.

        Args:
            jobs: how many at a time.
            seed: of the hidden tests; None draws a secret one, and keeps it for this report.
            progress: whether to show a bar.

        Raises:
            ValueError: the master is wrong.
            KeyboardInterrupt: passed on; what is finished stays.
        """
        assignment = read_master(self.master, self.private)
        self.records.mkdir(parents=True, exist_ok=True)
        self.records.chmod(0o700)
        drawn = self.seed(seed)
        work: list[tuple[Submission, str]] = []
        for submission in find(self.submissions, assignment.name):
            mark = self._fingerprint(submission, drawn)
            record = Record.load(self._path(submission))
            if record is None or not record.graded or record.fingerprint != mark:
                work.append((submission, mark))
        self._grade(work, assignment, drawn, jobs, progress)
        return self.finished()

    def finished(self) -> list[Record]:
        """The records of the submissions that have one."""
        name = read_master(self.master, self.private).name
        loaded = (Record.load(self._path(s)) for s in find(self.submissions, name))
        return [record for record in loaded if record is not None]

    def _path(self, submission: Submission) -> Path:
        return self.records / f"{submission.slug}.json"

    def _fingerprint(self, submission: Submission, seed: int) -> str:
        digest = hashlib.sha256(f"{seed}".encode())
        for path in (self.master, self.private / self.master.name if self.private else None):
            digest.update(path.read_bytes() if path else b"-")
        try:
            digest.update(read_bytes(submission.path) if submission.path else b"-")
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
        patience = 4 * master.seconds + 300
        with (
            scratch() as place,
            tqdm(total=len(work), unit="submission", disable=not progress) as bar,
            interrupts() as interrupted,
        ):
            place.chmod(0o755)  # a worker without namespaces, under its own uid, reads it
            try:
                while True:
                    while len(running) < jobs and (item := next(waiting, None)) is not None:
                        process = self._start(context, *item, seed, str(place))
                        running[process.sentinel] = (process, *item, time.monotonic())
                    if not running:
                        return
                    wait(list(running), timeout=0.5)
                    if interrupted.is_set():
                        raise KeyboardInterrupt
                    for sentinel, (process, submission, mark, begun) in list(running.items()):
                        if process.is_alive() and time.monotonic() - begun > patience:
                            process.kill()
                            process.join()
                        if not process.is_alive():
                            del running[sentinel]
                            self._check(submission, mark, master, process.exitcode)
                            bar.update()
            finally:
                for process, *_ in running.values():
                    process.kill()
                    process.join()

    def _start(
        self,
        context: ForkServerContext,
        submission: Submission,
        mark: str,
        seed: int,
        folder: str,
    ) -> ForkServerProcess:
        arguments = (self, submission, mark, seed, folder)
        process = context.Process(target=work_on, args=arguments, daemon=False)
        process.start()
        return process

    def _check(self, submission: Submission, mark: str, master: Master, status: int | None) -> None:
        """If the process left no grade, say so in a record that the next run does not keep."""
        record = Record.load(self._path(submission))
        if record is not None and record.fingerprint == mark:
            return
        reason = f"not graded: the grader's process ended with status {status}; tell the instructor"
        failed_record(submission, mark, master, reason).save(self._path(submission))


def failed_record(
    submission: Submission, mark: str, master: Master, reason: str, trace: str = ""
) -> Record:
    """No score yet, and why; `trace` is for the instructor."""
    scores = [Score(t.grade_id, t.question, 0.0, t.points, reason, trace) for t in master.tests]
    return Record(submission.student, str(submission.path), mark, Grade(scores, [reason]), False)


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
    notes = [submission.note] if submission.note else []
    master = read_master(batch.master, batch.private)
    if submission.path is None:
        failed = failed_record(submission, mark, master, submission.note)
        Record(submission.student, "", mark, failed.grade).save(path)
        return
    try:
        grade = grade_one(
            batch.master,
            submission.path,
            isolation=batch.isolation,
            seed=seed,
            private=batch.private,
        )
    except Exception as error:  # of the grader's own, whatever it is: the class goes on
        reason = f"not graded: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error, limit=-8))
        failed_record(submission, mark, master, reason, trace).save(path)
        return
    file = str(submission.path.relative_to(batch.submissions))
    Record(submission.student, file, mark, grade, notes=notes).save(path)


def _imports(master: Master) -> list[str]:
    """What its cells import, so that it is imported once and not in each process."""
    text = "\n".join((*master.setup, *(test.source for test in master.tests)))
    return re.findall(r"^\s*(?:from|import) ([\w.]+)", text, re.MULTILINE)
