"""What a class gets back: complete, harmless, and silent about hidden tests."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.master import read_master
from assignments.grader.names import Owner
from assignments.grader.records import Record
from assignments.grader.report import (
    Titles,
    anonymous,
    bins,
    class_page,
    for_student,
    page,
    titles,
    write_reports,
)
from assignments.grader.results import ByHand, Result
from assignments.grader.stage import ROOT
from tests.assignments.notebook import TINY
from tests.assignments.test_results import MASTER, record

TITLES = Titles("Two questions", {"q1": "1. Softmax", "q2": "2. Integrals"})
STOPPED = ("passed", "failed: h (`f` took longer than the 2 s it has)", "passed", "passed")
BLANK = ("failed: `f` raised NotImplementedError", "failed: h") * 2


def result(
    student: str, *points: float, reasons: tuple[str, ...] = (), **details: object
) -> Result:
    made = record(student, *points, reasons=reasons)
    submission = Submission(student, Path(f"{student}.ipynb"), owner=Owner(student, f"N-{student}"))
    return Result(submission, made, made.grade.points, **details)


def failed(one: Result) -> Result:
    return replace(one, record=replace(one.record, graded=False))


FULL = result("ann", 1, 2, 1, 2)
HALF = result("bob", 1, 0, 0, 2, reasons=("passed", "why-1", "why-2", "passed"))
HALF = replace(HALF, record=replace(HALF.record, notes=["a note"]))


def student_page(one: Result) -> str:
    return page(for_student(one, MASTER, TITLES), TITLES.heading)


def words(html: str) -> str:
    """What is read on the page."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def test_titles_are_the_headings_above_the_questions():
    """Kills: a question under the heading of the next; points that stand there twice."""
    path = ROOT / "assignments" / "masters" / "01_bayes.py"
    named = titles(path, read_master(path))
    assert named.heading == "Assignment 1: Bayes from one coin"
    assert list(named.questions) == [f"q{n}" for n in range(1, 7)]
    assert named.questions["q1"] == "1. The posterior of the log-odds"
    assert named.questions["q6"] == "6. A small trained model, and its evidence"
    assert titles(TINY, MASTER) == Titles(
        "Two small questions, for the grader's own tests", {"q1": "q1", "q2": "q2"})  # fmt: skip


def test_pages_escape_what_a_student_wrote():
    """Kills: a script in a reason, a note, a name or an output that runs in a browser."""
    scores = [Score("<a>", "q1", 0, 3, "<img src=x onerror=alert(1)>")]
    bad = Record("<b>", "<q>", "", Grade(scores, ["<i>"], "<u>{{ told }}"), notes=["<s>"])
    one = Result(Submission('"><b>', Path("x"), owner=Owner("1", "<u>Jo")), bad, {}, {"q2": ByHand(
        1, "<em>")})  # fmt: skip
    named = Titles("<h1>t", {"q1": "<p>1", "q2": "<p>2"})
    both = page(for_student(one, MASTER, named), named.heading), class_page([one], MASTER, named)
    for text in both:
        body = text.partition("<main>")[2]
        assert not re.search(r"<(img|b|q|i|u|s|em|h1>t|p>[12])\b", body)
        assert "&lt;u&gt;Jo" in body
        assert "default-src 'none'" in text
        assert "<script" not in text
    for shown in ("&lt;img src=x", "&lt;i&gt;", "&lt;u&gt;{{ told }}", "&lt;s&gt;", "&lt;em&gt;"):
        assert shown in both[0]
    assert 'href="students/' in both[1]
    assert '"><b>' not in both[1]


def test_a_page_says_points_reasons_notes_and_output():
    """Kills: a page on which something that a student must know is missing."""
    text = words(student_page(HALF))
    assert "3 of 6 points" in text
    assert "N-bob · bob · bob.ipynb" in text
    assert (
        "1. Softmax ◐ partly 1 of 3 q1-visible , 1 of 1: passed q1-hidden , 0 of 2: why-1" in text
    )
    assert "2. Integrals ◐ partly 2 of 3 q2-visible , 0 of 1: why-2" in text
    assert "About your notebook a note a problem" in text
    assert "What your cells printed printed" in text
    quiet = student_page(
        replace(FULL, record=replace(FULL.record, grade=Grade(FULL.record.grade.scores)))
    )
    assert "About your notebook" not in quiet
    assert "printed" not in quiet


def test_a_page_tells_lateness_points_by_hand_and_time_by_hand():
    """Kills: points that change without a word."""
    given = {"q1": ByHand(2, "right idea"), "late": ByHand(2, "ill")}
    one = replace(HALF, days=2, penalty=0.8, by_hand=given, points={"q1": 2, "q2": 2})
    one = replace(one, record=replace(one.record, seconds=600.0))
    text = words(student_page(one))
    assert "3.2 of 6 points" in text
    assert "2 days late : 0.8 points less." in text.replace("late:", "late :")
    assert "Points given by hand: right idea" in text
    assert "graded with 600 s by hand lateness set by hand: ill" in text
    assert "1 day late." in words(student_page(replace(HALF, days=1)))


def test_a_blank_is_not_called_wrong():
    """Kills: tracebacks of stubs, where "not answered" says it."""
    text = words(student_page(result("zoe", 0, 0, 0, 0, reasons=BLANK)))
    assert "1. Softmax – not answered 0 of 3" in text
    assert "wrong" not in text
    assert "q1-hidden" not in text


def test_who_was_not_graded_is_told_so():
    """Kills: a 0 that looks like a grade."""
    assert "Not graded. This is no fault of yours" in words(student_page(failed(FULL)))
    assert "no fault" not in student_page(FULL)


def test_a_student_sees_no_traceback():
    """Kills: the instructor's details, which may quote a hidden test, in a student's report."""
    for text in (student_page(HALF), json.dumps(for_student(HALF, MASTER, TITLES)),
                 class_page([HALF], MASTER, TITLES)):  # fmt: skip
        assert "DETAIL" not in text


def test_a_students_file_has_the_points_of_each_question():
    """Kills: a total over what was possible; notes that stay with the instructor."""
    told = for_student(HALF, MASTER, TITLES)
    assert (told["total"], told["possible"], told["points"]) == (3, 6, {"q1": 1, "q2": 2})
    assert told["notes"] == ["a note", "a problem"]
    assert (told["student"], told["assignment"], told["file"]) == ("bob", "tiny", "bob.ipynb")
    assert (told["graded"], told["output"], told["days_late"]) == (True, "printed", 0)
    second = told["questions"][1]
    assert (second["title"], second["state"], second["points"]) == ("2. Integrals", "partly", 2)
    assert second["tests"][1] == {
        "test": "q2-hidden", "points": 2, "possible": 2, "reason": "passed"}  # fmt: skip


def test_the_class_s_page_counts_and_says_what_to_look_at():
    """Kills: a stopped call or a failure that nobody sees before the grades are out."""
    nobody = replace(result("kim", 0, 0, 0, 0), submission=Submission("kim", None, "no file"))
    rows = [
        FULL,
        HALF,
        result("cem", 1, 0, 1, 2, reasons=STOPPED),
        nobody,
        failed(result("dan", 0, 0, 0, 0)),
        result("eve", 0, 0, 0, 0, reasons=BLANK),
    ]
    html = class_page(rows, MASTER, TITLES)
    text = words(html)
    assert "6 students. Mean 2.2, median 1.5 of 6 points; without a notebook: 1 (0 points)." in text
    first = "1. Softmax 1 right, 1 partly, 1 wrong, 1 stopped, 1 not answered, 1 not graded"
    assert f"{first} 2. Integrals 2 right, 1 partly, 1 wrong, 1 not answered, 1 not" in text
    assert "Not graded The grader failed" in text
    assert "dan N-dan : a problem" in text.replace("dan:", "dan :")
    assert "cem N-cem : q1-hidden: failed: h (`f` took longer" in text.replace("cem:", "cem :")
    assert "q2-hidden: passed" not in text
    assert "kim : no file" in text.replace("kim:", "kim :")
    assert html.count('<th scope="row">') == 6
    quiet = words(class_page([FULL], MASTER, TITLES))
    assert "Stopped" not in quiet.replace("stopped", "")
    assert "No notebook" not in quiet
    assert "without a notebook" not in quiet


def test_an_empty_class_has_a_page():
    """Kills: a division by no students."""
    assert "0 students. Mean 0.0" in words(class_page([], MASTER, TITLES))


def test_the_distribution_counts_every_total_once():
    """Kills: full points beyond the last part; a total on an edge that counts twice."""
    made = bins([0, 1.99, 2, 20, 19, 18, 17.9, 18], 20)
    counted = {b["label"]: b["count"] for b in made if b["count"]}
    assert counted == {
        "18 to 20": 4, "16 to under 18": 1, "2 to under 4": 1, "0 to under 2": 2}  # fmt: skip
    assert len(made) == 10
    assert made[0]["share"] == 85
    assert [b["label"] for b in bins([1], 2)] == ["1 to 2", "0 to under 1"]


def test_all_reports_are_written_and_can_be_written_again(tmp_path):
    """Kills: a report under a name that the file system, or another student, has taken."""
    folder = tmp_path / "report"
    odd = replace(FULL, submission=replace(FULL.submission, student="../ann"))
    for rows in ([FULL], [FULL, odd]):
        write_reports(folder, MASTER, rows, TITLES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]
    assert {p.name for p in folder.iterdir()} == {"students", "class.csv", "class.html"}
    files = sorted(path.name for path in (folder / "students").iterdir())
    assert [name.partition(".")[2] for name in files] == ["html", "json"] * 2
    told = json.loads((folder / "students" / "ann.json").read_text("utf8"))
    assert told["student"] == "ann"
    rows = list(csv.reader((folder / "class.csv").read_text("utf-8-sig").splitlines()))
    assert [row[0] for row in rows] == ["student", "(possible)", "ann", "../ann"]
    assert (folder / "class.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    for target in re.findall(r'href="([^"]+)"', (folder / "class.html").read_text("utf8")):
        assert (folder / target.replace("%7E", "~").replace("%7e", "~")).is_file()


def test_the_page_of_who_is_gone_goes_too(tmp_path):
    """Kills: last week's pages under names, beside today's without."""
    write_reports(tmp_path, MASTER, [FULL, HALF], TITLES)
    (tmp_path / "students" / "mine.txt").write_text("x", encoding="utf-8")
    write_reports(tmp_path, MASTER, [HALF], TITLES)
    assert {p.name for p in (tmp_path / "students").iterdir()} == {
        "bob.html", "bob.json", "mine.txt"}  # fmt: skip


def test_what_is_no_unicode_is_written_nevertheless(tmp_path):
    """Kills: a file name of another century, or half a character printed, that ends the reports."""
    one = replace(FULL, submission=replace(FULL.submission, student="\udcff"))
    write_reports(tmp_path, MASTER, [one], TITLES)
    assert len(list((tmp_path / "students").iterdir())) == 2


# --- without names ----------------------------------------------------------------------------


def test_anonymous_reports_name_nobody_and_the_key_s_owner_knows_all(tmp_path):
    """Kills: a name in a note or a file's name; ids that a class can compute."""
    nobody = replace(result("kim", 0, 0, 0, 0), submission=Submission(
        "kim", None, "no notebook: kim.pdf", owner=Owner("kim", "N-kim")))  # fmt: skip
    grade = Grade([replace(s, reason="kim.pdf") for s in nobody.record.grade.scores], ["kim.pdf"])
    nobody = replace(nobody, record=replace(nobody.record, grade=grade))
    rows = [HALF, nobody]
    key = tmp_path / "key.txt"
    made = anonymous(rows, key, tmp_path)
    assert key.stat().st_mode & 0o077 == 0
    text = "".join(map(student_page, made)) + class_page(made, MASTER, TITLES)
    for name in ("bob", "kim", "a note<"):
        assert name not in text
    assert "a problem" in text
    kept = {
        row[1]: row[0]
        for row in csv.reader((tmp_path / "anonymous.csv").read_text("utf8").splitlines())
    }
    assert {one.submission.student for one in made} == {kept["bob"], kept["kim"]}
    again = anonymous(rows, key, tmp_path)
    assert [a.submission.student for a in again] == [a.submission.student for a in made]
    (tmp_path / "other").mkdir()
    other = anonymous(rows, tmp_path / "other.txt", tmp_path / "other")
    assert {a.submission.student for a in other}.isdisjoint(kept.values())
    assert sorted(a.total for a in made) == [0, 3]


def test_a_short_key_is_refused(tmp_path):
    """Kills: ids under an empty key, which anybody can compute."""
    (tmp_path / "key.txt").write_text("secret\n", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a key of 32 characters or more, got 6"):
        anonymous([HALF], tmp_path / "key.txt", tmp_path)
