"""What counts in the end: points by hand, lateness, and a word for each question."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.master import read_master
from assignments.grader.names import Owner
from assignments.grader.records import Record
from assignments.grader.results import (
    ByHand,
    Late,
    Result,
    read_by_hand,
    read_late,
    results,
)
from tests.assignments.classes import put
from tests.assignments.notebook import TINY

MASTER = read_master(TINY)
DEADLINE = datetime(2026, 5, 4, 23, 59).astimezone()
LATE = Late(DEADLINE, 10)


def record(student: str, *points: float, reasons: tuple[str, ...] = ()) -> Record:
    """A record with these points in the master's tests."""
    scores = [
        Score(test.grade_id, test.question, earned, test.points, reason, "DETAIL")
        for test, earned, reason in zip(
            MASTER.tests, points, reasons or [f"why-{n}" for n in range(4)], strict=True
        )
    ]
    grade = Grade(scores, ["a problem"], "printed", 1.25)
    return Record(student, f"{student}.ipynb", "mark", grade)


def result(*points: float, reasons: tuple[str, ...] = (), **details: object) -> Result:
    made = record("ann", *points, reasons=reasons)
    return Result(Submission("ann", Path("ann.ipynb")), made, made.grade.points, **details)


@pytest.mark.parametrize(
    ("handed", "days"),
    [((1, 12, 0), 0), ((4, 23, 59), 0), ((5, 0, 0), 1), ((5, 23, 59), 1), ((6, 0, 0), 2)],
)
def test_a_day_begun_is_a_day(handed, days):
    """Kills: a minute before midnight that costs; a second day that costs nothing; days early."""
    owner = Owner("1", handed=datetime(2026, 5, *handed).astimezone())
    assert LATE.days(Submission("1", None, owner=owner)) == days


def test_canvas_says_late_and_not_how_much():
    """Kills: a mark that is overlooked; the time of the download, weeks later."""
    for late in (False, True):
        owner = Owner("1", late=late, platform="canvas")
        assert LATE.days(Submission("1", Path(__file__), owner=owner)) == late


def test_lateness_takes_a_share_of_what_was_earned_and_no_more():
    """Kills: a share of what was possible; a total below zero."""
    pairs = [
        (Submission("a", None, owner=Owner("a", handed=datetime(2026, 5, day, 12).astimezone())),
         record("a", 1, 2, 0, 0)) for day in (4, 6, 25)
    ]  # fmt: skip
    made = results(pairs, LATE)
    assert [(one.days, one.penalty, one.total) for one in made] == [
        (0, 0, 3), (2, 0.6, 2.4), (21, 3, 0)]  # fmt: skip
    assert [one.total for one in results(pairs)] == [3, 3, 3]
    assert [(one.days, one.total) for one in results(pairs, Late(DEADLINE))][1:] == [
        (2, 3), (21, 3)]  # fmt: skip


def test_points_by_hand_count_and_excuse_lateness():
    """Kills: points that are added, not set; an extension that is forgotten; another's points."""
    owner = Owner("a", handed=datetime(2026, 5, 6, 12).astimezone())
    pairs = [(Submission(name, None, owner=owner), record(name, 1, 0, 1, 2)) for name in "ab"]
    given = {"a": {"q1": ByHand(2.5, "right idea"), "late": ByHand(1, "ill")}}
    ann, bob = results(pairs, LATE, given)
    assert (ann.points, ann.days, ann.penalty, ann.total) == ({"q1": 2.5, "q2": 3}, 1, 0.55, 4.95)
    assert (bob.points, bob.days, bob.total) == ({"q1": 1, "q2": 3}, 2, 3.2)
    assert pairs[0][1].grade.total == 4  # the tests' own points stay as they were


@pytest.mark.parametrize(
    ("points", "reasons", "state"),
    [((1, 2), ("passed", "passed"), "right"), ((1, 0), ("passed", "failed: h"), "partly"),
     ((0, 0), ("failed: a", "failed: h"), "wrong"),
     ((0, 0), ("failed: `f` raised NotImplementedError", "failed: h"), "not answered"),
     ((0, 0), ("failed: no cell that ran defines `f`", "failed: h"), "not answered"),
     ((0, 0), ("nothing was handed in", "nothing was handed in"), "not answered"),
     ((0, 0), ("failed: a", "failed: h (`f` took longer than the 2 s it has)"), "stopped"),
     ((1, 0), ("passed", "failed: h (`f` was stopped)"), "stopped"),
     ((0, 0), ("failed: the submission used up the 9 s that it has in all",) * 2, "stopped")],
)  # fmt: skip
def test_a_question_is_right_wrong_or_not_answered(points, reasons, state):
    """Kills: a blank that is called wrong; a slow function that is called wrong."""
    made = result(*points, 0, 0, reasons=(*reasons, "failed: x", "failed: x"))
    assert made.state("q1", 3) == state
    assert made.state("q2", 3) == "wrong"


def test_a_failure_of_the_grader_s_is_no_answer_of_the_student_s():
    """Kills: "wrong" for who was not graded, unless points were given by hand."""
    made = result(0, 0, 0, 0, by_hand={"q2": ByHand(0, "seen")})
    made = replace(made, record=replace(made.record, graded=False))
    assert (made.state("q1", 3), made.state("q2", 3)) == ("not graded", "wrong")
    full = replace(made, points={"q1": 3.0})
    assert full.state("q1", 3) == "right"


def test_points_by_hand_are_read(tmp_path):
    """Kills: a decimal comma, or a file with semicolons, that stops an instructor."""
    text = "student;question;points;reason\nann;q1;2,5;right idea\nann;late;0; ill \nbob;q2;0;x\n"
    assert read_by_hand(put(tmp_path / "h.csv", "\ufeff" + text), MASTER, {"ann", "bob"}) == {
        "ann": {"q1": ByHand(2.5, "right idea"), "late": ByHand(0, "ill")},
        "bob": {"q2": ByHand(0, "x")}}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [("zoe,q1,1,x", "line 2: expected a student's id, got 'zoe'; see class.csv"),
     ("ann,q9,1,x", "expected each of .* once, got 'q9'"),
     ("ann,q1,1,x\nann,q1,2,x", "line 3: expected each of .* once, got 'q1'"),
     ("ann,q1,4,x", "0 to 3 points and a reason, got '4'"), ("ann,q1,-1,x", "got '-1'"),
     ("ann,q1,nan,x", "got 'nan'"), ("ann,q1,,x", "got ''"), ("ann,q1,1,", "and ''"),
     ("ann,q1,1", "and ''"), ("ann,late,-2,x", "0 to 366")],
)  # fmt: skip
def test_points_by_hand_that_would_not_be_used_are_refused(tmp_path, row, reason):
    """Kills: a typo in a name, after which nobody gets the points."""
    path = put(tmp_path / "h.csv", f"student,question,points,reason\n{row}\n")
    with pytest.raises(ValueError, match=reason):
        read_by_hand(path, MASTER, {"ann"})


def test_a_file_without_the_columns_is_refused(tmp_path):
    """Kills: a traceback for the wrong file."""
    with pytest.raises(ValueError, match=r"expected columns .* got \['a'\]"):
        read_by_hand(put(tmp_path / "h.csv", "a\n"), MASTER, set())
    with pytest.raises(ValueError, match="UTF-8"):
        read_by_hand(put(tmp_path / "h.csv", b"\xff"), MASTER, set())


def test_a_deadline_is_a_time():
    """Kills: a zone that is ignored; a day for a month."""
    assert read_late("2026-05-04 23:59", 10) == LATE
    assert read_late("2026-05-04T21:59+00:00", 0).deadline.timestamp() == 1777931940
    with pytest.raises(ValueError, match=r"expected a time as .*, got '4\.5\.2026'"):
        read_late("4.5.2026", 0)
