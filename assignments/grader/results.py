"""What a student gets in the end: the tests' points, points by hand, less what lateness takes."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from assignments.grader.collect import Submission, handed
from assignments.grader.master import Master
from assignments.grader.records import Record

BLANK = re.compile(
    r"NotImplementedError|no cell that ran defines|nothing was handed in|no notebook"
)
STOPPED = re.compile(r"took longer|was stopped|used up the|no answer within")


@dataclass(frozen=True)
class Late:
    """A deadline, and the percentage of the points earned that each day begun after it costs."""

    deadline: datetime
    percent: float = 0.0

    def days(self, submission: Submission) -> int:
        """Days begun after the deadline; one if the platform says no more than that it is late."""
        time = handed(submission)
        if time is None:
            return int(submission.owner.late)
        return max(0, math.ceil((time - self.deadline) / timedelta(days=1)))


@dataclass(frozen=True)
class ByHand:
    """Points that an instructor gave for a question, or days for "late", and why."""

    value: float
    reason: str


@dataclass(frozen=True)
class Result:
    """A student's final result.

    Attributes:
        submission: what was handed in.
        record: what the tests gave.
        points: per question, those given by hand included.
        by_hand: question, or "late" -> what was given by hand.
        days: begun after the deadline.
        penalty: points that these cost.
    """

    submission: Submission
    record: Record
    points: dict[str, float]
    by_hand: dict[str, ByHand] = field(default_factory=dict)
    days: int = 0
    penalty: float = 0.0

    @property
    def total(self) -> float:
        """The points that count."""
        return round(sum(self.points.values()) - self.penalty, 2)

    @property
    def late(self) -> str:
        """How late it came, in words; empty if it came in time."""
        return f"{self.days} day{'s' * (self.days > 1)} late" if self.days else ""

    def state(self, question: str, possible: float) -> str:
        """In a word: "right", "partly", "wrong", "stopped", "not answered" or "not graded"."""
        reasons = [s.reason for s in self.record.grade.scores if s.question == question]
        earned = self.points.get(question, 0.0)
        if earned >= possible:
            return "right"
        if not self.record.graded and question not in self.by_hand:
            return "not graded"
        if any(STOPPED.search(reason) for reason in reasons):
            return "stopped"
        if earned > 0:
            return "partly"
        return "not answered" if any(BLANK.search(reason) for reason in reasons) else "wrong"


def results(
    pairs: Iterable[tuple[Submission, Record]],
    late: Late | None = None,
    by_hand: Mapping[str, dict[str, ByHand]] | None = None,
) -> list[Result]:
    """The class's results, from each one's submission and record."""
    made = []
    for submission, record in pairs:
        given = (by_hand or {}).get(submission.student, {})
        points = record.grade.points
        points |= {key: one.value for key, one in given.items() if key != "late"}
        days = late.days(submission) if late else 0
        if "late" in given:
            days = int(given["late"].value)
        share = min(1.0, days * late.percent / 100) if late else 0.0
        penalty = round(share * sum(points.values()), 2)
        made.append(Result(submission, record, points, given, days, penalty))
    return made


def read_by_hand(path: Path, master: Master, students: set[str]) -> dict[str, dict[str, ByHand]]:
    """Read points given by hand: a CSV file with columns student, question, points, reason.

    Args:
        path: the file; a question is one of the master's, or ``late``, whose points are days.
        master: the assignment.
        students: the ids that there are.

    Raises:
        ValueError: a row that would not be used, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a CSV file in UTF-8, got {error}") from error
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=max(",;", key=text.partition("\n")[0].count)
    )
    wanted = {"student", "question", "points", "reason"}
    if not wanted <= set(reader.fieldnames or ()):
        raise ValueError(f"{path}: expected columns {sorted(wanted)}, got {reader.fieldnames}")
    given: dict[str, dict[str, ByHand]] = {}
    most = master.questions | {"late": 366.0}
    for row in reader:
        student, question, points, reason = (
            (row[column] or "").strip() for column in ("student", "question", "points", "reason")
        )
        where = f"{path}, line {reader.line_num}"
        if student not in students:
            raise ValueError(f"{where}: expected a student's id, got {student!r}; see class.csv")
        if question not in most or question in given.get(student, {}):
            raise ValueError(f"{where}: expected each of {list(most)} once, got {question!r}")
        try:
            value = float(points.replace(",", "."))
        except ValueError:
            value = math.nan
        if not 0 <= value <= most[question] or not reason:
            asked = f"0 to {most[question]:g} points and a reason"
            raise ValueError(f"{where}: expected {asked}, got {points!r} and {reason!r}")
        given.setdefault(student, {})[question] = ByHand(value, reason)
    return given


def read_late(deadline: str, percent: float) -> Late:
    """A deadline such as ``2026-05-04 23:59``, in the machine's zone unless it names another.

    Raises:
        ValueError: it is no time.
    """
    try:
        return Late(datetime.fromisoformat(deadline).astimezone(), percent)
    except ValueError as error:
        raise ValueError(f"expected a time as 2026-05-04 23:59, got {deadline!r}") from error
