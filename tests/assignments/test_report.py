"""What a class gets back: complete, harmless, and silent about hidden tests."""

import csv
import json
import re
from dataclasses import replace

import pytest

from assignments.grader.batch import Record
from assignments.grader.grade import Grade, Score
from assignments.grader.master import read_master
from assignments.grader.report import figure, for_student, harmless, page, table, write_reports
from tests.assignments.notebook import TINY

MASTER = read_master(TINY)


def record(student: str, *points: float, **details: object) -> Record:
    """A record with these points in the master's tests."""
    scores = [
        Score(test.grade_id, test.question, earned, test.points, f"why-{number}", "DETAIL")
        for number, (test, earned) in enumerate(zip(MASTER.tests, points, strict=True))
    ]
    grade = Grade(scores, ["a problem"], "printed", 1.25)
    return replace(Record(student, f"{student}.ipynb", "mark", grade), **details)


FULL = record("ann", 1, 2, 1, 2)
HALF = record("bob", 1, 0, 0, 2, notes=["a note"])
NONE = record("cem", 0, 0, 0, 0, graded=False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_no_cell_of_the_table_is_a_formula(text):
    """Kills: a student's name that the instructor's spreadsheet runs."""
    assert harmless(text) == f"'{text}"
    rows = list(csv.reader(table([replace(FULL, student=text)], MASTER).splitlines()))
    assert rows[2][0].startswith("'")
    assert harmless("ann = bob") == "ann = bob"


def test_a_page_escapes_what_a_student_wrote():
    """Kills: a script in a reason, a note or an output that runs in the instructor's browser."""
    scores = [Score("<a>", "q1", 0, 1, "<img src=x onerror=alert(1)>")]
    bad = Record("<b>", "f", "", Grade(scores, ["<i>"], "<u>$student"), notes=["<s>"])
    text = page(bad, replace(MASTER, name="<em>"))
    assert not re.search(r"<(img|a|b|i|u|s|em)\b", text)
    for shown in ("&lt;img src=x", "&lt;a&gt;", "&lt;i&gt;", "&lt;u&gt;$student", "&lt;s&gt;"):
        assert shown in text
    assert "default-src 'none'" in text


def test_a_page_says_points_reasons_notes_and_output():
    """Kills: a page on which something that a student must know is missing."""
    text = page(HALF, MASTER)
    assert "<strong>3 of 6 points</strong>" in text
    row = r'<tr><td>(.+?)</td><td class="points">(.+?)</td><td class="reason">(.+?)</td></tr>'
    assert re.findall(row, text) == [
        ("q1-visible", "1 of 1", "why-0"), ("q1-hidden", "0 of 2", "why-1"),
        ("q2-visible", "0 of 1", "why-2"), ("q2-hidden", "2 of 2", "why-3")]  # fmt: skip
    assert "<li>a note</li>\n<li>a problem</li>" in text
    assert "<pre>printed</pre>" in text
    quiet = replace(FULL, grade=Grade(FULL.grade.scores))
    assert "<h2>" not in page(quiet, MASTER)


def test_a_student_sees_no_traceback():
    """Kills: the instructor's details, which may quote a hidden test, in a student's report."""
    for text in (page(HALF, MASTER), json.dumps(for_student(HALF, MASTER))):
        assert "DETAIL" not in text
        assert "why-1" in text


def test_a_students_file_has_the_points_of_each_question():
    """Kills: a total over what was possible; notes that stay with the instructor."""
    told = for_student(HALF, MASTER)
    assert (told["total"], told["possible"], told["points"]) == (3, 6, {"q1": 1, "q2": 2})
    assert told["notes"] == ["a note", "a problem"]
    assert (told["student"], told["assignment"], told["file"]) == ("bob", "tiny", "bob.ipynb")
    assert (told["graded"], told["output"]) == (True, "printed")
    assert told["tests"][3] == {
        "test": "q2-hidden", "points": 2, "possible": 2, "reason": "why-3"}  # fmt: skip


def test_the_table_has_a_row_a_submission_with_points_per_question():
    """Kills: columns in another order than their heading; an ungraded one that looks like 0."""
    rows = list(csv.reader(table([FULL, HALF, NONE], MASTER).splitlines()))
    assert [float(cell) for cell in rows.pop(1)[3:]] == [6, 3, 3]
    assert rows == [
        ["student", "file", "graded", "total", "q1", "q2", "seconds", "notes"],
        ["ann", "ann.ipynb", "yes", "6", "3", "3", "1.25", "a problem"],
        ["bob", "bob.ipynb", "yes", "3", "1", "2", "1.25", "a note; a problem"],
        ["cem", "cem.ipynb", "no", "0", "0", "0", "1.25", "a problem"],
    ]


def test_the_figure_counts_submissions_by_question():
    """Kills: bars that start at zero and hide each other; `some` that counts the full ones too."""
    (ax,) = figure([FULL, FULL, HALF, NONE], MASTER).axes
    drawn = {bars.get_label(): [(b.get_x(), b.get_width()) for b in bars] for bars in ax.containers}
    assert drawn == {
        "all points": [(0, 2)] * 2, "some": [(2, 1)] * 2, "none": [(3, 1)] * 2}  # fmt: skip
    assert [label.get_text() for label in ax.get_yticklabels()] == ["q1", "q2"]


def test_all_reports_are_written_and_can_be_written_again(tmp_path):
    """Kills: a report under a name that the file system, or another student, has taken."""
    odd = replace(FULL, student="../ann")
    for records in ([FULL], [FULL, odd]):
        write_reports(tmp_path / "report", MASTER, records)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]
    assert {p.name for p in (tmp_path / "report").iterdir()} == {
        "students", "class.csv", "points.svg"}  # fmt: skip
    files = sorted(path.name for path in (tmp_path / "report" / "students").iterdir())
    assert [name.partition(".")[2] for name in files] == ["html", "json"] * 2
    told = json.loads((tmp_path / "report" / "students" / "ann.json").read_text("utf8"))
    assert told["student"] == "ann"
    assert (tmp_path / "report" / "points.svg").read_text("utf8").startswith("<?xml")


def test_what_is_no_unicode_is_written_nevertheless(tmp_path):
    """Kills: a file name of another century, or half a character printed, that ends the reports."""
    write_reports(tmp_path, MASTER, [replace(FULL, student="\udcff")])
    assert len(list((tmp_path / "students").iterdir())) == 2
