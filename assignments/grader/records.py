"""What is kept of a graded submission: a file that appears whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.master import Master


@dataclass(frozen=True)
class Record:
    """A submission's grade as it is kept; not `graded` if the grader itself failed."""

    student: str
    file: str
    fingerprint: str
    grade: Grade
    graded: bool = True
    notes: list[str] = field(default_factory=list)
    seconds: float | None = None  # that an instructor allowed by hand

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


def failed_record(
    submission: Submission, mark: str, master: Master, reason: str, trace: str = ""
) -> Record:
    """No score yet, and why; `trace` is for the instructor."""
    scores = [Score(t.grade_id, t.question, 0.0, t.points, reason, trace) for t in master.tests]
    return Record(submission.student, submission.file, mark, Grade(scores, [reason]), False)


def empty_record(submission: Submission, mark: str, master: Master) -> Record:
    """The zero of who handed in no notebook, with the reason."""
    grade = failed_record(submission, mark, master, submission.note).grade
    return Record(submission.student, submission.file, mark, grade)
