"""The class as a learning platform lists it: who is in it, and in which columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from assignments.grader.names import Owner

# headings, in small letters, of Moodle's worksheet and lists, of Canvas's gradebook, of one's own
ID = ("identifier", "id", "student id", "id number", "username", "sis user id")
NAME = ("full name", "name", "student")
EMAIL = ("email address", "email", "e-mail")
LOGIN = ("id number", "username", "sis user id", "sis login id")
HANDED = "last modified (submission)"  # of Moodle's worksheet
TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")


@dataclass(frozen=True)
class Roster:
    """A class.

    Attributes:
        columns: the file's headings.
        rows: its rows, as they stand there.
        students: whose each row is; None for a row that is nobody's.
    """

    columns: list[str]
    rows: list[dict[str, str]]
    students: list[Owner | None]

    @cached_property
    def people(self) -> dict[str, Owner]:
        """The students, by id."""
        return {student.id: student for student in self.students if student}

    @cached_property
    def _by_key(self) -> dict[str, Owner]:
        """The students by address, login and name, where that tells one from all others."""
        pairs = zip(self.students, self.rows, strict=True)
        keys = [(key, one) for one, row in pairs if one for key in _keys(one, row)]
        often = Counter(key for key, _ in keys)
        return {key: student for key, student in keys if often[key] == 1}

    def known(self, owner: Owner) -> Owner:
        """Who of the class this is, by id, address, login or name; as given if nobody."""
        keys = (_plain(owner.id), _plain(owner.name))
        others = (found for key in keys if (found := self._by_key.get(key)))
        found = self.people.get(owner.id) or next(others, owner)
        return replace(found, late=owner.late, platform=owner.platform)


def read_roster(path: Path) -> Roster:
    """Read a class from a CSV file, with commas or semicolons.

    Raises:
        ValueError: it is no such file, has no column of ids, or an id twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a CSV file in UTF-8, got {error}") from error
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    columns = [column.strip() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    rows = [{column: row.get(column) or "" for column in columns} for row in reader]
    small = {column.lower(): column for column in reversed(columns)}
    if not any(heading in small for heading in (*ID, *EMAIL)):
        raise ValueError(f"{path}: expected a column Identifier, ID or Email, got {columns}")
    students = [_student(row, small) for row in rows]
    twice = [i for i, n in Counter(one.id for one in students if one).items() if n > 1]
    if twice:
        raise ValueError(f"{path}: expected each student once, got twice {twice[:5]}")
    return Roster(columns, rows, students)


def _student(row: dict[str, str], small: dict[str, str]) -> Owner | None:
    def first(*headings: str) -> str:
        values = (row[small[heading]].strip() for heading in headings if heading in small)
        return next((value for value in values if value), "")

    number = first(*ID)
    if "identifier" in small:  # "Participant 123456", whatever the language
        number = re.sub(r"^.*?(\d+)$", r"\1", number)
    name = first(*NAME) or f"{first('first name')} {first('last name', 'surname')}".strip()
    email = first(*EMAIL)
    if name == "Student, Test" or not (number or email):  # Canvas's row of points has neither
        return None
    return Owner(number or email, name, email, handed=_time(first(HANDED)))


def _time(text: str) -> datetime | None:
    """Moodle's way to write a time, in the machine's own zone."""
    for form in TIMES:
        try:
            return datetime.strptime(text, form).astimezone()
        except ValueError:
            continue
    if text.strip("-"):
        raise ValueError(f"expected a time as Moodle writes it in English, got {text!r}")
    return None


def _plain(text: str) -> str:
    return re.sub(r"[^\w@.]", "", text).casefold()


def _keys(student: Owner, row: dict[str, str]) -> set[str]:
    """By what else a student may be called: address, login, name in either order."""
    last, _, first = student.name.partition(", ")
    logins = [value for column, value in row.items() if column.lower() in LOGIN]
    local = student.email.partition("@")[0]
    words = student.name.split()
    turned = " ".join([words[-1], *words[:-1]]) if words else ""
    said = [student.email, local, student.name, f"{first}{last}", turned, *logins]
    return {key for text in said if (key := _plain(text))}
