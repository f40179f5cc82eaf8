"""The class, as Moodle, Canvas or an instructor lists it."""

from datetime import datetime
from pathlib import Path

import pytest

from assignments.grader.names import Owner
from assignments.grader.roster import read_roster
from tests.assignments.classes import canvas, moodle, put
from tests.assignments.notebook import TINY


def listed(path: Path, text: str):
    return read_roster(put(path / "class.csv", text))


def test_moodle_s_worksheet(tmp_path):
    """Kills: the word before the number as a part of it; a time that is not read."""
    roster = read_roster(moodle(tmp_path, TINY))
    assert len(roster.rows) == len(roster.people) == 11
    ann = roster.people["1001"]
    assert (ann.name, ann.email) == ("Ann Lee", "ann@example.edu")
    assert ann.handed == datetime(2026, 5, 4, 22, 15).astimezone()
    assert roster.people["1002"].handed == datetime(2026, 5, 6, 9, 0).astimezone()
    assert roster.people["1011"].handed is None


def test_canvas_s_gradebook(tmp_path):
    """Kills: the row of points, or Canvas's test student, as members of the class."""
    roster = read_roster(canvas(tmp_path, TINY))
    assert list(roster.people) == ["201", "202", "203", "204", "205", "206"]
    assert roster.students[0] is roster.students[-1] is None
    assert roster.rows[0]["Student"] == "    Points Possible"


@pytest.mark.parametrize("text", [
    "id,name,email\n7,Ann Lee,ann@b.edu\n", "ID;Name;E-Mail\n7;Ann Lee;ann@b.edu\n\n",
    "\ufeffStudent ID\tFirst name\tLast name\tEmail address\n7\tAnn\tLee\tann@b.edu\n",
    'id,name,email\r\n"7","Ann Lee","ann@b.edu"\r\n,,\r\n',
])  # fmt: skip
def test_a_list_of_one_s_own(tmp_path, text):
    """Kills: semicolons, a byte order mark, or an empty row that stops an instructor."""
    assert listed(tmp_path, text).people == {"7": Owner("7", "Ann Lee", "ann@b.edu")}


def test_without_a_number_the_address_is_the_id(tmp_path):
    """Kills: a class of one student, whose id is empty."""
    roster = listed(tmp_path, "name,email\nA,a@b.edu\nB,b@b.edu\n")
    assert list(roster.people) == ["a@b.edu", "b@b.edu"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("first,second\n1,2\n", "expected a column Identifier, ID or Email, got"), ("", "got"),
     ("id,name\n1,a\n1,b\n", r"got twice \['1'\]"), (b"id\n\xff", "CSV file in UTF-8"),
     ("id,Last modified (submission)\n1,am Montag\n", "Moodle writes it in English")],
)  # fmt: skip
def test_what_is_no_roster_is_refused(tmp_path, text, reason):
    """Kills: a class that is graded with half a list."""
    with pytest.raises(ValueError, match=reason):
        listed(tmp_path, text)


@pytest.mark.parametrize(
    ("owner", "expected"),
    [(Owner("7"), "7"), (Owner("ann@b.edu"), "7"), (Owner("ANN"), "7"), (Owner("u7"), "7"),
     (Owner("Ann Lee"), "7"), (Owner("lee-ann"), "7"), (Owner("99", "Ann Lee"), "7"),
     (Owner("leeann"), "7"), (Owner("Bob Lee"), "Bob Lee"), (Owner("9"), "9"), (Owner("x"), "x"),
     (Owner("ferriscem"), "10"), (Owner(""), "")],
)  # fmt: skip
def test_somebody_is_known_by_number_address_login_or_name(tmp_path, owner, expected):
    """Kills: a guess between two who have one name; a name that only looks like it."""
    roster = listed(tmp_path, "id,username,name,email\n7,u7,Ann Lee,ann@b.edu\n8,u8,Bob Lee,\n"
                              '9,u9,Bob Lee,\n10,,"Ferris, Cem",\n')  # fmt: skip
    assert roster.known(owner).id == expected


def test_an_id_goes_before_a_name(tmp_path):
    """Kills: a student whose address begins with another's id."""
    roster = listed(tmp_path, "id,email\nann,zoe@b.edu\nzoe,ann@b.edu\n")
    assert roster.known(Owner("ann")).id == "ann"
    late = roster.known(Owner("zoe", late=True, platform="canvas"))
    assert (late.id, late.late, late.platform, late.email) == ("zoe", True, "canvas", "ann@b.edu")
