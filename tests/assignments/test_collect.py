"""Whose notebook is whose, in whatever form a class's work arrives."""

import re
from pathlib import Path

import pytest

from assignments.grader.collect import DEPTH, Submission, find
from tests.assignments.notebook import classroom, write


def names(folder: Path) -> dict[str, str | None]:
    return {s.student: s.path and s.path.name for s in find(folder, "tiny")}


def test_submissions_are_found_by_student(tmp_path):
    """Kills: a notebook of another assignment, or a checkpoint, in place of the one handed in."""
    assert names(classroom(tmp_path)) == {
        "=1+1 <b>ü": "=1+1 <b>ü.ipynb", "ann": "ann.ipynb", "bob": "homework.ipynb",
        "cem": "tiny.ipynb", "dup": "a.ipynb", "dup~2": "dup.ipynb", "eve": None,
        "fay": "fay.ipynb"}  # fmt: skip


def test_who_handed_in_two_or_none_is_told(tmp_path):
    """Kills: an empty folder that is passed over; a second notebook that nobody hears of."""
    notes = {s.student: s.note for s in find(classroom(tmp_path), "tiny")}
    assert "no notebook" in notes["eve"]
    assert notes["dup"] == notes["dup~2"] == "2 notebooks have the id dup: each was graded"
    assert notes["ann"] == notes["cem"] == ""


def test_what_an_editor_or_a_mac_leaves_beside_a_notebook_is_no_notebook(tmp_path):
    """Kills: a Mac's ``._homework.ipynb``, sorted first, graded as the student's only work."""
    write(tmp_path / "ann" / "homework.ipynb", "x")
    write(tmp_path / "ann" / "._homework.ipynb", "x")
    write(tmp_path / "ann" / ".trash" / "old.ipynb", "x")
    write(tmp_path / "ann" / "homework.ipynb.bak", "x")
    write(tmp_path / ".hidden" / "a.ipynb", "x")
    write(tmp_path / "._bob.ipynb", "x")
    assert names(tmp_path) == {"ann": "homework.ipynb"}


def test_the_download_s_own_name_counts_and_before_a_chapter_s(tmp_path):
    """Kills: the chapter ``NAME.ipynb``, or a draft, graded for ``assignment-NAME.ipynb``."""
    for name in ("tiny", "assignment-tiny", "draft"):
        write(tmp_path / "ann" / f"{name}.ipynb", "x")
    write(tmp_path / "bob" / "draft.ipynb", "x")
    write(tmp_path / "bob" / "assignment-tiny.ipynb", "x")
    assert names(tmp_path) == {
        "ann": "assignment-tiny.ipynb", "ann~2": "tiny.ipynb", "bob": "assignment-tiny.ipynb"
    }  # fmt: skip


def test_a_linked_folder_is_not_entered(tmp_path):
    """Kills: a folder that is a link to a classmate's, whose notebook then counts as one's own."""
    write(tmp_path / "ann" / "tiny.ipynb", "x")
    (tmp_path / "bob").symlink_to(tmp_path / "ann")
    assert names(tmp_path) == {"ann": "tiny.ipynb", "bob": "bob"}
    bob = find(tmp_path, "tiny")[1].path
    assert bob is not None
    assert bob.is_symlink()


def test_folders_are_searched_to_a_depth_and_no_further(tmp_path):
    """Kills: a folder in a folder, a thousand deep, that is walked to its end."""
    deep = tmp_path / "ann"
    for _ in range(DEPTH):
        deep /= "x"
    write(deep / "a.ipynb", "x")
    assert names(tmp_path) == {"ann": "a.ipynb"}
    (deep / "a.ipynb").unlink()
    write(deep / "x" / "a.ipynb", "x")
    assert names(tmp_path) == {"ann": None}


def test_no_two_submissions_have_one_id(tmp_path):
    """Kills: a student who is called ``dup~2`` and gets the report of dup's second notebook."""
    for path in ("dup.ipynb", "dup/a.ipynb", "dup~2.ipynb", "dup~2~.ipynb"):
        write(tmp_path / path, "x")
    found = find(tmp_path, "tiny")
    assert {s.path for s in found} == set(tmp_path.rglob("*.ipynb"))
    assert len({s.student for s in found}) == len({s.slug for s in found}) == 4


@pytest.mark.parametrize("student", ["..", ".", "a/b", "x" * 300, "ü", "~", "con\n", "\udcff", ""])
def test_a_report_has_a_safe_file_name_whatever_the_id(student):
    """Kills: an id that leads out of the folder of reports, or that no file system takes."""
    slug = Submission(student, None).slug
    assert re.fullmatch(r"[\w@+~-][\w.@+ ~-]{0,100}", slug, re.ASCII)


def test_ids_that_look_alike_have_reports_of_their_own():
    """Kills: a file name without a digest, which two ids share."""
    ids = ["ann~2", "ann_2", "ann 2", "ann-2", "ann:2", "ann;2"]
    assert len({Submission(student, None).slug for student in ids}) == len(ids)


def test_an_ordinary_id_is_its_own_file_name():
    """Kills: reports that an instructor cannot tell apart by their names."""
    for student in ("ann", "a.b-c_1", "Ann Lee", "a@b.edu"):
        assert Submission(student, None).slug == student
