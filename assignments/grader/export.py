"""The class as CSV: for a spreadsheet, for Moodle and for Canvas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from assignments.grader.master import Master
from assignments.grader.results import Result
from assignments.grader.roster import Roster

# a sign with which a spreadsheet lets a formula begin: at the start of a cell, or after what a
# program that splits lines at semicolons takes for one
FORMULA = re.compile(r"(^|[,;|\"'])(\s*)(?=[=+\-@＝＋－＠].)")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
CANVAS_ID = re.compile(r".* \(\d+\)")  # how Canvas heads an assignment's column
CANVAS_INFO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account")


def harmless(cell: str) -> str:
    """A cell of one line that no spreadsheet takes for a formula."""
    return FORMULA.sub(r"\1\2'", CONTROL.sub(" ", cell))


def write(rows: Iterable[Iterable[str]]) -> str:
    """The rows as CSV, with every cell quoted and harmless."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def table(results: list[Result], master: Master) -> str:
    """A row a student: points per question, lateness, and for each point lost a reason."""
    possible = master.questions
    head = ["student", "name", "email", "file", "graded", "total", *possible]
    rows = [[*head, "days late", "penalty", "by hand", "seconds", "reasons", "notes"]]
    worth = [f"{points:g}" for points in possible.values()]
    rows.append(["(possible)", "", "", "", "", f"{sum(possible.values()):g}", *worth, *[""] * 6])
    for one in results:
        owner, grade = one.submission.owner, one.record.grade
        points = [f"{one.points.get(question, 0.0):g}" for question in possible]
        graded = "yes" if one.record.graded else "no"
        by_hand = [f"{key}: {h.value:g} ({h.reason})" for key, h in one.by_hand.items()]
        reasons = [f"{s.test}: {s.reason}" for s in grade.scores if s.points < s.possible]
        rows.append([
            *(one.submission.student, owner.name, owner.email, one.record.file, graded),
            *(f"{one.total:g}", *points, f"{one.days}", f"{one.penalty:g}", "; ".join(by_hand)),
            *(f"{grade.seconds:g}", " | ".join(reasons)),
            "; ".join(one.record.notes + grade.problems),
        ])
    return write(rows)


def moodle(results: list[Result], master: Master, roster: Roster) -> str:
    """Moodle's grading worksheet with grades and feedback filled in; all else as it was.

    The points are scaled to the worksheet's maximum, if that is another one. The grade of who
    could not be graded stays as it was.

    Raises:
        ValueError: the roster is no grading worksheet.
    """
    small = {column.lower(): column for column in roster.columns}
    needed = ["identifier", "grade", "last modified (grade)"]  # or Moodle refuses the file
    if missing := [column for column in needed if column not in small]:
        raise ValueError(
            f"expected Moodle's grading worksheet (in English) as --roster, got no {missing}"
        )
    rows = [roster.columns]
    by_id = {one.submission.student: one for one in results if one.record.graded}
    for student, row in zip(roster.students, roster.rows, strict=True):
        filled = dict(row)
        if student and (one := by_id.get(student.id)):
            most = _number(row.get(small.get("maximum grade", ""), ""))
            filled[small["grade"]] = _scaled(one.total, master, most)
            if comments := small.get("feedback comments"):
                filled[comments] = summary(one, master)
        rows.append([filled[column] for column in roster.columns])
    return write(rows)


def canvas(results: list[Result], master: Master, roster: Roster, column: str = "") -> str:
    """Canvas's gradebook with one assignment's column; no other grade is in the file.

    Args:
        results: the class's.
        master: the assignment.
        roster: the gradebook, as Canvas exported it.
        column: part of the heading of the assignment; it may be missing if there is one only.

    Raises:
        ValueError: the roster is no gradebook, or not one column is meant.
    """
    info = [one for one in (*CANVAS_INFO, "Section") if one in roster.columns]
    if not {"Student", "ID", "Section"} <= set(info):
        raise ValueError(f"expected Canvas's gradebook as --roster, got {roster.columns[:6]}")
    columns = [one for one in roster.columns if CANVAS_ID.fullmatch(one)]
    found = [one for one in columns if column in one]
    if len(found) != 1:
        raise ValueError(f"expected --column to name one assignment, got {column!r} for {columns}")
    info.sort(key=roster.columns.index)
    points = (row for row in roster.rows if row["Student"].strip().startswith("Points Possible"))
    most = next((_number(row[found[0]]) for row in points), None)
    rows = [[*info, found[0]]]
    by_id = {one.submission.student: one for one in results if one.record.graded}
    for student, row in zip(roster.students, roster.rows, strict=True):
        one = by_id.get(student.id) if student else None
        value = _scaled(one.total, master, most) if one else row[found[0]]
        rows.append([*(row[column] for column in info), value])
    return write(rows)


def summary(result: Result, master: Master) -> str:
    """One line for a platform's comments: points and what to look at; the page says more."""
    parts = [
        f"{question} {result.points.get(question, 0.0):g}/{possible:g}"
        + ("" if (state := result.state(question, possible)) == "right" else f" {state}")
        for question, possible in master.questions.items()
    ]
    late = f"; {result.late}: {result.penalty:g} less" if result.penalty else ""
    by_hand = "".join(f"; {key}: {one.reason}" for key, one in result.by_hand.items())
    reasons = {score.reason for score in result.record.grade.scores}
    why = reasons.pop() if len(reasons) == 1 and not sum(result.points.values()) else ""
    note = why if result.submission.path else result.submission.note
    notes = f"; {note}" if note else ""
    return ", ".join(parts) + late + by_hand + notes


def _number(text: str) -> float | None:
    """A number as a platform writes it, with a point or a comma; None if it is none."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _scaled(points: float, master: Master, most: float | None) -> str:
    possible = sum(master.questions.values())
    return f"{points * most / possible if most else points:.2f}"
