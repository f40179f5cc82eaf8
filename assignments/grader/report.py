"""Write what a class gets: a page and a JSON file a student, a page and a table for the class."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
import jupytext

from assignments.grader import export
from assignments.grader.master import Master
from assignments.grader.names import Owner
from assignments.grader.records import write_whole
from assignments.grader.results import Result

MARKS = {
    "right": "✓",
    "partly": "◐",
    "wrong": "✗",
    "stopped": "■",
    "not answered": "–",
    "not graded": "?",
}
BINS = 10  # of the distribution of totals, at most
HEADING = re.compile(r"^(#{1,2}) (.+?)(?: \([\d.]+ points?\))?$", re.MULTILINE)
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Titles(NamedTuple):
    """What the assignment is called, and each question."""

    heading: str
    questions: dict[str, str]


def titles(path: Path, master: Master) -> Titles:
    """From the headings above the questions; a question without one is called by its id."""
    heading, last, found = f"Assignment {master.name}", "", {}
    for cell in jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            for level, text in HEADING.findall(cell.source):
                heading, last = (text, "") if level == "#" else (heading, text)
        question = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.cell_type == "code" and last and question in master.questions:
            found[question], last = last, ""
    return Titles(
        heading, {question: found.get(question, question) for question in master.questions}
    )


def write_reports(folder: Path, master: Master, results: list[Result], named: Titles) -> None:
    """Everything that is made from the results; it can be made again at any time.

    Args:
        folder: gets ``class.html``, ``class.csv`` and, to hand back, ``students/``.
        master: the assignment.
        results: one a student.
        named: titles.
    """
    students = folder / "students"
    students.mkdir(parents=True, exist_ok=True)
    written = set()
    for one in results:
        told = for_student(one, master, named)
        for ending, text in (
            ("json", json.dumps(told, indent=1)),
            ("html", page(told, named.heading)),
        ):
            written.add(f"{one.submission.slug}.{ending}")
            write_whole(students / f"{one.submission.slug}.{ending}", text)
    # an Excel that meets no byte order mark takes the file for one of the last century's
    write_whole(folder / "class.csv", "\ufeff" + export.table(results, master))
    write_whole(folder / "class.html", class_page(results, master, named))
    for path in students.iterdir():  # of who is not in the class any more, or has another id
        if path.name not in written and path.suffix in {".html", ".json"}:
            path.unlink()


def for_student(result: Result, master: Master, named: Titles) -> dict[str, Any]:
    """What a student may see: no traceback of a hidden test."""
    grade, by_hand = result.record.grade, result.by_hand
    return {
        "student": result.submission.student,
        "name": result.submission.owner.name,
        "assignment": master.name,
        "file": result.record.file,
        "graded": result.record.graded,
        "total": result.total,
        "possible": sum(master.questions.values()),
        "days_late": result.days,
        "penalty": result.penalty,
        "points": result.points,
        "questions": [
            {
                "question": question,
                "title": named.questions[question],
                "state": result.state(question, possible),
                "points": result.points.get(question, 0.0),
                "possible": possible,
                "by_hand": by_hand[question].reason if question in by_hand else "",
                "tests": [
                    {"test": s.test, "points": s.points, "possible": s.possible, "reason": s.reason}
                    for s in grade.scores
                    if s.question == question
                ],
            }
            for question, possible in master.questions.items()
        ],
        "notes": notes(result),
        "output": grade.output,
    }


def notes(result: Result) -> list[str]:
    """What is to be said of a submission as a whole."""
    made = [*result.record.notes, *result.record.grade.problems]
    if result.record.seconds is not None:
        made.append(f"graded with {result.record.seconds:g} s by hand")
    if "late" in result.by_hand:
        made.append(f"lateness set by hand: {result.by_hand['late'].reason}")
    return made


def page(told: dict[str, Any], heading: str) -> str:
    """The same as a page; whatever the student wrote is escaped."""
    share = min(100.0, 100 * told["total"] / told["possible"])
    template = TEMPLATES.get_template("student.html")
    return template.render(told=told, heading=heading, share=share, marks=MARKS)


def class_page(results: list[Result], master: Master, named: Titles) -> str:
    """The instructor's page: the distribution, the questions, what to look at, everybody."""
    possible = sum(master.questions.values())
    rows = [_row(one, master) for one in results]
    questions = []
    for number, (question, title) in enumerate(named.questions.items()):
        counts = Counter(row["questions"][number]["state"] for row in rows)
        ordered = {state: counts[state] for state in MARKS}
        questions.append({"question": question, "title": title, "counts": ordered})
    totals = [one.total for one in results] or [0.0]
    return TEMPLATES.get_template("class.html").render(
        heading=named.heading,
        rows=rows,
        questions=questions,
        marks=MARKS,
        mean=statistics.mean(totals),
        median=statistics.median(totals),
        possible=possible,
        bins=bins(totals, possible),
        nothing=[one for one in results if one.submission.path is None],
        looks=_looks(results, rows, master),
    )


def bins(totals: list[float], possible: float) -> list[dict[str, Any]]:
    """How many totals fall into each of at most `BINS` equal parts; the last has its upper end."""
    parts = max(1, min(BINS, int(possible)))
    counts = Counter(min(parts - 1, int(total * parts / possible)) for total in totals)
    most = max(counts.values())
    edges = [possible * part / parts for part in range(parts + 1)]
    made = []
    for part in reversed(range(parts)):
        below = "to" if part == parts - 1 else "to under"
        label = f"{edges[part]:g} {below} {edges[part + 1]:g}"
        made.append({"label": label, "count": counts[part], "share": 85 * counts[part] / most})
    return made


def _row(result: Result, master: Master) -> dict[str, Any]:
    states = [
        {"state": result.state(q, possible), "points": result.points.get(q, 0.0)}
        for q, possible in master.questions.items()
    ]
    late = [f"{result.late}, {result.penalty:g} points less"] if result.late else []
    by_hand = [f"{key} by hand: {one.reason}" for key, one in result.by_hand.items()]
    return {
        "student": result.submission.student,
        "name": result.submission.owner.name,
        "page": f"students/{quote(result.submission.slug)}.html",
        "total": result.total,
        "questions": states,
        "notes": [*late, *by_hand, *result.record.notes, *result.record.grade.problems],
    }


def _looks(
    results: list[Result], rows: list[dict[str, Any]], master: Master
) -> list[tuple[str, str, list[dict[str, str]]]]:
    """What an instructor should look at before anything is returned."""
    failed, stopped, nothing = [], [], []
    for one, row in zip(results, rows, strict=True):
        who = {"who": f"{row['student']} {row['name']}".strip(), "page": row["page"], "what": ""}
        if not one.record.graded:
            failed.append(who | {"what": "; ".join(one.record.grade.problems)})
        elif one.submission.path is None:
            nothing.append(who | {"what": one.submission.note})
        which = [q for q, most in master.questions.items() if one.state(q, most) == "stopped"]
        reasons = [
            f"{s.test}: {s.reason}"
            for s in one.record.grade.scores
            if s.question in which and s.points < s.possible
        ]
        if reasons:
            stopped.append(who | {"what": "; ".join(reasons)})
    return [
        ("Not graded", "The grader failed, through no fault of theirs. Run it again.", failed),
        ("Stopped", "Perhaps only slow: --only NAME --seconds N grades one again.", stopped),
        ("No notebook", "They count as 0.", nothing),
    ]


def anonymous(results: list[Result], key_file: Path, folder: Path) -> list[Result]:
    """The same without names, under ids that nobody can make without the key.

    What was said about how the files were found is left out, since it quotes their names.

    Args:
        results: the class's.
        key_file: kept by the instructor; made if it is not there.
        folder: gets ``anonymous.csv``, which id is whose.
    """
    if not key_file.exists():
        write_whole(key_file, secrets.token_hex(32) + "\n")
        key_file.chmod(0o600)
    key = key_file.read_bytes().strip()
    if len(key) < 32:
        raise ValueError(f"{key_file}: expected a key of 32 characters or more, got {len(key)}")
    made, rows = [], [["id", "student", "name"]]
    for one in results:
        student = one.submission.student
        digest = hmac.new(key, student.encode(errors="surrogateescape"), hashlib.sha256)
        number = f"anon-{digest.hexdigest()[:12]}"
        rows.append([number, student, one.submission.owner.name])
        note = "no notebook was found" if one.submission.path is None else ""
        hidden = replace(
            one.submission, student=number, owner=Owner(number), note=note, file="", member=""
        )
        grade = one.record.grade
        if note:
            scores = [replace(score, reason=note) for score in grade.scores]
            grade = replace(grade, scores=scores, problems=[note])
        record = replace(one.record, student=number, file="", notes=[], grade=grade)
        made.append(replace(one, submission=hidden, record=record))
    write_whole(folder / "anonymous.csv", export.write(rows))
    return sorted(made, key=lambda one: one.submission.student)
