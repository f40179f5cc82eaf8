"""The class as CSV: harmless in any spreadsheet, and what Moodle and Canvas take."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from assignments.grader.collect import Submission
from assignments.grader.export import canvas, harmless, moodle, summary, table, write
from assignments.grader.names import Owner
from assignments.grader.results import ByHand, Result
from assignments.grader.roster import Roster, read_roster
from tests.assignments import classes
from tests.assignments.classes import put
from tests.assignments.notebook import TINY
from tests.assignments.test_results import MASTER, record

REASONS = ("passed", "failed: h (`softmax` took longer than the 2 s it has)", "passed", "passed")


def student(number: str, *points: float, **details: object) -> Result:
    made = record(number, *points, reasons=details.pop("reasons", ()))
    submission = Submission(number, Path(f"{number}.ipynb"), owner=Owner(number, f"N{number}"))
    return replace(Result(submission, made, made.grade.points), **details)


def rows(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\r", "\n", "\x00", "a;", "a,", 'a"', "a\n", "'"]
)
def test_no_cell_is_a_formula_however_the_line_is_split(sign, before):
    """Kills: a formula after a semicolon, which half of Europe's spreadsheets run."""
    text = write([["ann", f"{before}{sign}cmd|' /C calc'!A0"]])
    for delimiter in ",;\t":
        for cell in rows(text, delimiter)[0]:
            assert not cell.strip().startswith(tuple("=+-@＝＋－＠\t\r"))
    for cell in text.replace(",", ";").split(";"):  # a program that knows no quotes
        assert not cell.strip('" \n').startswith(sign)


def test_ordinary_cells_stay_as_they_are():
    """Kills: an apostrophe before every name; two lines in a cell; a cell without quotes."""
    for text in ("ann = bob", "a-b", "-", "", "    Points Possible", "Öztürk, Cem", "3 - 4", "a@b"):
        assert harmless(text) == text
    assert harmless("a\r\n\x1b[31mb\u2028c") == "a [31mb c"
    assert write([["a", ""], ['"', "1"]]) == '"a",""\n"""","1"\n'


def test_the_table_has_a_row_a_student_with_points_per_question_and_reasons():
    """Kills: columns in another order than their heading; a stopped call without its reason."""
    late = student("7", 1, 0, 1, 2, reasons=REASONS, days=2, penalty=0.8,
                   by_hand={"q2": ByHand(3, "seen")})  # fmt: skip
    failed = student("8", 0, 0, 0, 0)
    failed = replace(failed, record=replace(failed.record, graded=False, notes=["a note"]))
    head, possible, first, second = rows(table([late, failed], MASTER))
    assert head == ["student", "name", "email", "file", "graded", "total", "q1", "q2",
                    "days late", "penalty", "by hand", "seconds", "reasons", "notes"]  # fmt: skip
    assert possible == ["(possible)", "", "", "", "", "6", "3", "3", *[""] * 6]
    assert first == ["7", "N7", "", "7.ipynb", "yes", "3.2", "1", "3", "2", "0.8", "q2: 3 (seen)",
                     "1.25", f"q1-hidden: {REASONS[1]}", "a problem"]  # fmt: skip
    assert second[4:8] == ["no", "0", "0", "0"]
    assert second[12:] == ["q1-visible: why-0 | q1-hidden: why-1 | q2-visible: why-2 | "
                           "q2-hidden: why-3", "a note; a problem"]  # fmt: skip


def test_moodle_s_worksheet_comes_back_with_grades(tmp_path):
    """Kills: a grade in another's row, or a column that Moodle looks for and does not find."""
    roster = read_roster(classes.moodle(tmp_path, TINY))
    failed = student("1003", 0, 0, 0, 0)
    failed = replace(failed, record=replace(failed.record, graded=False))
    made = rows(moodle([student("1002", 1, 0, 1, 2, reasons=REASONS), failed], MASTER, roster))
    assert made[0] == classes.WORKSHEET
    assert len(made) == 12
    by_id = {row[0]: dict(zip(made[0], row, strict=True)) for row in made[1:]}
    bob = by_id["Participant 1002"]
    assert bob["Grade"] == "13.33"  # four of six, of twenty
    assert bob["Feedback comments"] == "q1 1/3 stopped, q2 3/3"
    assert bob["Last modified (submission)"] == "Wednesday, 6 May 2026, 9:00 AM"
    assert bob["Last modified (grade)"] == "-"
    assert by_id["Participant 1003"]["Grade"] == by_id["Participant 1001"]["Grade"] == ""


def test_a_worksheet_without_a_maximum_or_comments_will_do(tmp_path):
    """Kills: a scale that is not there, taken for zero."""
    text = "Identifier,Grade,Last modified (grade)\nTeilnehmer/in 7,1,-\n"
    roster = read_roster(put(tmp_path / "w.csv", text))
    assert rows(moodle([student("7", 1, 0, 1, 2)], MASTER, roster))[1] == [
        "Teilnehmer/in 7", "4.00", "-"]  # fmt: skip


def test_what_is_no_worksheet_is_refused(tmp_path):
    """Kills: a file that Moodle refuses after the class was graded."""
    roster = read_roster(put(tmp_path / "w.csv", "Identifier,Grade\nParticipant 7,\n"))
    with pytest.raises(ValueError, match=r"grading worksheet.*got no \['last modified \(grade\)'"):
        moodle([], MASTER, roster)


def test_canvas_s_gradebook_comes_back_with_one_assignment(tmp_path):
    """Kills: another assignment's grades in the file, which Canvas would set back."""
    roster = read_roster(classes.canvas(tmp_path, TINY))
    made = rows(canvas([student("202", 1, 0, 1, 2)], MASTER, roster, "tiny"))
    assert made[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "tiny (88)"]
    assert made[1] == ["    Points Possible", "", "", "", "", "20"]
    assert made[2] == ["Lee, Ann", "201", "S201", "u201@example.edu", "Section 1", ""]
    assert made[3][:2] + made[3][5:] == ["Ferris, Bob", "202", "13.33"]
    assert made[-1][0] == "Student, Test"
    assert len(made) == 9


@pytest.mark.parametrize("column", ["", "none", "a"])
def test_one_column_must_be_meant(tmp_path, column):
    """Kills: the first column of several."""
    roster = read_roster(classes.canvas(tmp_path, TINY))
    if column == "a":
        roster = Roster([one.replace("tiny", "Essay") for one in roster.columns], [], [])
    with pytest.raises(ValueError, match="expected --column to name one assignment"):
        canvas([], MASTER, roster, column)


def test_the_columns_that_could_be_meant_are_named(tmp_path):
    """Kills: "for []", after which an instructor knows no more than before."""
    roster = read_roster(classes.canvas(tmp_path, TINY))
    with pytest.raises(ValueError, match=r"got 'none' for \['Essay \(77\)', 'tiny \(88\)'\]"):
        canvas([], MASTER, roster, "none")


def test_what_is_no_gradebook_is_refused(tmp_path):
    """Kills: a file without sections, which Canvas refuses."""
    roster = read_roster(put(tmp_path / "g.csv", "Student,ID,tiny (88)\nA,1,\n"))
    with pytest.raises(ValueError, match="expected Canvas's gradebook as --roster, got"):
        canvas([], MASTER, roster)


def test_a_summary_says_what_the_page_says():
    """Kills: comments that keep silent about lateness, or points by hand."""
    made = student("7", 1, 2, 1, 2, days=2, penalty=1.2, by_hand={"q1": ByHand(3, "seen")})
    assert summary(made, MASTER) == "q1 3/3, q2 3/3; 2 days late: 1.2 less; q1: seen"
    assert "; 1 day late: 0.6 less" in summary(replace(made, days=1, penalty=0.6), MASTER)
    nothing = replace(made, submission=Submission("7", None, "nothing was handed in"),
                      points={}, penalty=0, by_hand={})  # fmt: skip
    assert summary(nothing, MASTER) == "q1 0/3 wrong, q2 0/3 wrong; nothing was handed in"


def test_a_summary_says_why_there_are_no_points_at_all():
    """Kills: "wrong" six times over, and no word of a file that is no notebook."""
    damaged = student("7", 0, 0, 0, 0, reasons=("the file is not a notebook",) * 4)
    want = "q1 0/3 wrong, q2 0/3 wrong"
    assert summary(damaged, MASTER) == f"{want}; the file is not a notebook"
    assert summary(student("7", 0, 0, 0, 0), MASTER) == want
    assert summary(student("7", 1, 2, 1, 2, reasons=("passed",) * 4), MASTER) == "q1 3/3, q2 3/3"
