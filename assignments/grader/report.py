"""Write what a class gets: a page and a JSON file a student, a table and a figure for the class."""

from __future__ import annotations

import csv
import html
import io
import json
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

from assignments.grader.batch import Record, write_whole
from assignments.grader.collect import Submission
from assignments.grader.master import Master

PAGE = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #ccc; padding: .4rem .6rem; text-align: left }
td { vertical-align: top }
td.points { white-space: nowrap; text-align: right }
td.reason, pre { overflow-wrap: anywhere; white-space: pre-wrap }
</style></head><body>
<h1>$title</h1>
<p>$student: <strong>$total of $possible points</strong></p>
<table><thead><tr><th>Test</th><th>Points</th><th>Why</th></tr></thead><tbody>
$rows</tbody></table>
$notes$output</body></html>
""")


def write_reports(folder: Path, master: Master, records: list[Record]) -> None:
    """Everything that is made from the records; it can be made again at any time.

    Args:
        folder: gets ``class.csv``, ``points.svg`` and, to hand back, ``students/``.
        master: the assignment.
        records: one a submission.
    """
    students = folder / "students"
    students.mkdir(parents=True, exist_ok=True)
    for record in records:
        slug = Submission(record.student, None).slug
        write_whole(students / f"{slug}.json", json.dumps(for_student(record, master), indent=1))
        write_whole(students / f"{slug}.html", page(record, master))
    write_whole(folder / "class.csv", table(records, master))
    picture = io.StringIO()
    figure(records, master).savefig(picture, format="svg")
    write_whole(folder / "points.svg", picture.getvalue())


def for_student(record: Record, master: Master) -> dict[str, object]:
    """What a student may see: no traceback of a hidden test."""
    grade = record.grade
    return {
        "student": record.student,
        "assignment": master.name,
        "file": record.file,
        "graded": record.graded,
        "total": grade.total,
        "possible": grade.possible,
        "points": grade.points,
        "tests": [
            {"test": s.test, "points": s.points, "possible": s.possible, "reason": s.reason}
            for s in grade.scores
        ],
        "notes": record.notes + grade.problems,
        "output": grade.output,
    }


def page(record: Record, master: Master) -> str:
    """The same as a page; whatever the student wrote is escaped."""
    grade = record.grade
    rows = "".join(
        f'<tr><td>{html.escape(s.test)}</td><td class="points">{s.points:g} of {s.possible:g}</td>'
        f'<td class="reason">{html.escape(s.reason)}</td></tr>\n'
        for s in grade.scores
    )
    notes = "".join(f"<li>{html.escape(note)}</li>\n" for note in record.notes + grade.problems)
    output = html.escape(grade.output[:4000])
    return PAGE.substitute(
        title=html.escape(f"Assignment {master.name}"),
        student=html.escape(record.student),
        total=f"{grade.total:g}",
        possible=f"{grade.possible:g}",
        rows=rows,
        notes=f"<h2>About your notebook</h2>\n<ul>\n{notes}</ul>\n" if notes else "",
        output=f"<h2>What your cells printed</h2>\n<pre>{output}</pre>\n" if output else "",
    )


def table(records: list[Record], master: Master) -> str:
    """The class as CSV: a row a submission, points per question, and what was wrong."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "file", "graded", "total", *master.questions, "seconds", "notes"])
    writer.writerow([
        "(possible)",
        "",
        "",
        sum(master.questions.values()),
        *master.questions.values(),
    ])
    for record in records:
        grade = record.grade
        points = [f"{grade.points.get(question, 0.0):g}" for question in master.questions]
        notes = "; ".join(record.notes + grade.problems)
        graded = "yes" if record.graded else "no"
        row = [record.student, record.file, graded, f"{grade.total:g}", *points]
        writer.writerow([harmless(cell) for cell in (*row, f"{grade.seconds:g}", notes)])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def figure(records: list[Record], master: Master) -> Figure:
    """Per question: how many submissions earned all of its points, some, none."""
    questions = list(master.questions)
    counts = {"all points": [0] * len(questions), "some": [0] * len(questions)}
    counts["none"] = [0] * len(questions)
    for record in records:
        for number, (question, possible) in enumerate(master.questions.items()):
            earned = record.grade.points.get(question, 0.0)
            kind = "all points" if earned >= possible else "some" if earned > 0 else "none"
            counts[kind][number] += 1
    picture = Figure(figsize=(7, 0.6 + 0.45 * len(questions)), layout="constrained")
    ax = picture.add_subplot()
    left = [0] * len(questions)
    for (kind, widths), colour in zip(
        counts.items(), ("#0072B2", "#E69F00", "#BBBBBB"), strict=True
    ):
        ax.barh(questions, widths, left=left, color=colour, label=kind)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    ax.invert_yaxis()
    ax.set_xlabel("submissions")
    ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.25), frameon=False)
    return picture
