"""Whose notebook is whose, in whatever form a class's work arrives; nobody vanishes."""

import os
import re
from datetime import datetime
from pathlib import Path

import pytest

from assignments.grader.collect import DEPTH, Submission, find, handed
from assignments.grader.names import Owner, own_name, owners, stem
from tests.assignments.classes import packed
from tests.assignments.notebook import INTEGRATE, SOFTMAX, classroom, write

FUNCTIONS = ("softmax", "integrate")
STUBS = ("def softmax(a):\n    raise NotImplementedError",
         "def integrate(f, n):\n    raise NotImplementedError")  # fmt: skip


def found(folder: Path) -> dict[str, Submission]:
    return {one.student: one for one in find(folder, "tiny", FUNCTIONS)}


def files(folder: Path) -> dict[str, str]:
    return {student: one.file for student, one in found(folder).items()}


def test_submissions_are_found_by_student(tmp_path):
    """Kills: a notebook of another assignment, or a checkpoint, in place of the one handed in."""
    assert files(classroom(tmp_path)) == {
        "=1+1 <b>ü": "=1+1 <b>ü.ipynb", "ann": "ann.ipynb", "bob": "bob/homework.ipynb",
        "cem": "cem/tiny/tiny.ipynb", "dup": "dup/a.ipynb", "eve": "", "fay": "fay.ipynb",
        "notes": ""}  # fmt: skip


def test_who_handed_in_two_or_none_is_told(tmp_path):
    """Kills: an empty folder that is passed over; a second notebook that nobody hears of."""
    notes = {student: one.note for student, one in found(classroom(tmp_path)).items()}
    assert notes["eve"] == "no notebook (.ipynb) was found"
    assert notes["notes"] == "no notebook (.ipynb) was found: notes.txt"
    assert notes["dup"] == (
        "2 notebooks were handed in; graded: dup/a.ipynb; not graded: dup.ipynb"
    )
    assert notes["ann"] == notes["bob"] == ""


def test_what_an_editor_or_a_mac_leaves_beside_a_notebook_is_no_notebook(tmp_path):
    """Kills: a Mac's ``._homework.ipynb``, sorted first, graded as the student's only work."""
    write(tmp_path / "ann" / "homework.ipynb", "x")
    write(tmp_path / "ann" / "._homework.ipynb", SOFTMAX)
    write(tmp_path / "ann" / ".trash" / "old.ipynb", SOFTMAX)
    write(tmp_path / "ann" / "homework.ipynb.bak", SOFTMAX)
    write(tmp_path / ".hidden" / "a.ipynb", "x")
    write(tmp_path / "._bob.ipynb", "x")
    write(tmp_path / "__MACOSX" / "x.ipynb", "x")
    assert files(tmp_path) == {"ann": "ann/homework.ipynb"}


def test_the_download_s_own_name_counts_and_before_a_chapter_s(tmp_path):
    """Kills: the chapter ``NAME.ipynb``, or a draft, graded for ``assignment-NAME.ipynb``."""
    for name in ("tiny", "assignment-tiny", "draft", "zz"):
        write(tmp_path / "ann" / f"{name}.ipynb", "x")
    write(tmp_path / "bob" / "zz.ipynb", "x")
    write(tmp_path / "bob" / "tiny.ipynb", "x")
    assert files(tmp_path) == {"ann": "ann/assignment-tiny.ipynb", "bob": "bob/tiny.ipynb"}


def test_the_worked_copy_counts_and_not_the_blank_original(tmp_path):
    """Kills: a file's name before what is in it: a night's work that counts 0."""
    write(tmp_path / "ann" / "assignment-tiny.ipynb", *STUBS)
    write(tmp_path / "ann" / "assignment-tiny-Copy1.ipynb", SOFTMAX, STUBS[1])
    write(tmp_path / "ann" / "other.ipynb", "x = 1")
    write(tmp_path / "bob.ipynb", *STUBS)
    write(tmp_path / "bob-Copy1.ipynb", SOFTMAX, INTEGRATE)
    write(tmp_path / "cem (1).ipynb", SOFTMAX)
    assert files(tmp_path) == {
        "ann": "ann/assignment-tiny-Copy1.ipynb", "bob": "bob-Copy1.ipynb",
        "cem (1)": "cem (1).ipynb"}  # fmt: skip
    assert found(tmp_path)["ann"].note == (
        "3 notebooks were handed in; graded: ann/assignment-tiny-Copy1.ipynb; "
        "not graded: ann/assignment-tiny.ipynb, ann/other.ipynb"
    )


def test_of_two_copies_the_one_with_more_answers_counts(tmp_path):
    """Kills: half of a night's work, saved later, graded for all of it."""
    all_of_it = write(tmp_path / "ann" / "assignment-tiny-Copy1.ipynb", SOFTMAX, INTEGRATE)
    os.utime(all_of_it, (1_000_000_000, 1_000_000_000))
    write(tmp_path / "ann" / "assignment-tiny.ipynb", SOFTMAX, STUBS[1])
    assert files(tmp_path) == {"ann": "ann/assignment-tiny-Copy1.ipynb"}


def test_the_last_attempt_counts_if_anything_is_answered_in_it(tmp_path):
    """Kills: the first attempt, or the one with the most answers, or an empty last one."""
    both, one = (SOFTMAX, INTEGRATE), (SOFTMAX, STUBS[1])
    for number, cells in enumerate((both, both, one, STUBS)):
        write(tmp_path / "ann" / f"hw{f'-{number}' * bool(number)}.ipynb", *cells)
    for number, cells in ((9, both), (10, one)):
        write(tmp_path / "bob" / f"tiny-{number}.ipynb", *cells)
    write(tmp_path / "cem" / "draft-7.ipynb", *one)  # its own name, no attempt of anything
    write(tmp_path / "cem" / "hw.ipynb", *both)
    assert files(tmp_path) == {
        "ann": "ann/hw-2.ipynb", "bob": "bob/tiny-10.ipynb", "cem": "cem/hw.ipynb"}  # fmt: skip


def test_of_equals_the_newer_file_counts(tmp_path):
    """Kills: the order of the alphabet, where the clock says which is the last word."""
    for name, at in (("a", 2_000_000_000), ("b", 1_000_000_000)):
        os.utime(write(tmp_path / "ann" / f"{name}.ipynb", SOFTMAX), (at, at))
    assert files(tmp_path) == {"ann": "ann/a.ipynb"}


@pytest.mark.parametrize(
    "name", ["hw.ipynb.json", "hw.ipynb.txt", "hw.IPYNB", "hw.py", "hw.json", "hw.Ipynb.JSON"]
)
def test_a_notebook_under_another_ending_is_found(tmp_path, name):
    """Kills: a browser's ``.ipynb.json`` that leaves no row."""
    write(tmp_path / f"ann{name[2:]}", SOFTMAX)
    write(tmp_path / "bob" / name, SOFTMAX)
    made = found(tmp_path)
    assert {student: one.file for student, one in made.items()} == {
        "ann": f"ann{name[2:]}", "bob": f"bob/{name}"}  # fmt: skip
    assert made["bob"].note == f"graded: bob/{name}"


@pytest.mark.parametrize("name", ["hw.pdf", "hw.docx", "hw.html", "hw.txt", "hw"])
def test_what_is_no_notebook_leaves_a_row_and_a_reason(tmp_path, name):
    """Kills: a student who handed in a PDF and is not in the table."""
    (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / name).write_text("x", encoding="utf-8")
    made = found(tmp_path)
    assert set(made) == {"bob", "hw"}
    assert made["hw"].path is made["bob"].path is None
    assert made["hw"].note == f"no notebook (.ipynb) was found: {name}"
    assert made["bob"].note == f"no notebook (.ipynb) was found: bob/{name}"


def test_an_archive_is_looked_into(tmp_path):
    """Kills: a zip that leaves no row; a blank notebook in it, graded for the worked one."""
    blank, full = write(tmp_path / "blank", *STUBS), write(tmp_path / "full", SOFTMAX)
    texts = blank.read_text("utf8"), full.read_text("utf8")
    blank.unlink(), full.unlink()
    inside = {"a/x.ipynb": texts[0], "../x.ipynb": texts[1], "__MACOSX/a/._x.ipynb": texts[1]}
    (tmp_path / "ann.zip").write_bytes(packed(**inside))
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "hw.ZIP").write_bytes(packed(**{"readme.md": "hello"}))
    (tmp_path / "cem.zip").write_bytes(b"PK no archive")
    made = found(tmp_path)
    assert (made["ann"].path, made["ann"].member) == (tmp_path / "ann.zip", "../x.ipynb")
    assert "not graded: ann.zip/a/x.ipynb" in made["ann"].note
    assert made["bob"].note.endswith("bob/hw.ZIP (no notebook in it)")
    assert "cem.zip (the archive is damaged" in made["cem"].note


def test_other_files_beside_a_notebook_are_named_but_not_all_of_many(tmp_path):
    """Kills: a page that lists a thousand pictures; a report.pdf nobody hears of."""
    write(tmp_path / "ann" / "hw.ipynb", SOFTMAX)
    for number in range(20):
        (tmp_path / "ann" / f"{number:02}.png").write_text("x", encoding="utf-8")
    note = found(tmp_path)["ann"].note
    assert note.startswith("no notebooks: ann/00.png, ")
    assert note.endswith("ann/07.png, and 12 more")


def test_a_linked_folder_is_not_entered(tmp_path):
    """Kills: a folder that is a link to a classmate's, whose notebook then counts as one's own."""
    write(tmp_path / "ann" / "tiny.ipynb", "x")
    (tmp_path / "bob").symlink_to(tmp_path / "ann")
    write(tmp_path / "cem.ipynb" / "tiny.ipynb", "x")
    assert files(tmp_path) == {
        "ann": "ann/tiny.ipynb", "bob": "bob", "cem.ipynb": "cem.ipynb/tiny.ipynb"}  # fmt: skip
    bob = found(tmp_path)["bob"].path
    assert bob is not None
    assert bob.is_symlink()


def test_folders_are_searched_to_a_depth_and_no_further(tmp_path):
    """Kills: a folder in a folder, a thousand deep, that is walked to its end."""
    deep = tmp_path / "ann"
    for _ in range(DEPTH):
        deep /= "x"
    write(deep / "a.ipynb", "x")
    assert found(tmp_path)["ann"].path == deep / "a.ipynb"
    (deep / "a.ipynb").unlink()
    write(deep / "x" / "a.ipynb", "x")
    assert found(tmp_path)["ann"].path is None


# --- names ------------------------------------------------------------------------------------


def test_moodle_s_names_give_number_and_name():
    """Kills: a student called ``Ann Lee_1_assignsubmission_file_``, twice if she wrote too."""
    names = ["Ann Lee_12_assignsubmission_file_", "Ann Lee_12_assignsubmission_onlinetext_",
             "B_C 3_4_assignsubmission_file_hw_1.ipynb", "D_5_assignsubmission_file"]  # fmt: skip
    made = owners(names)
    assert [(one.id, one.name, one.platform) for one in made.values()] == [
        ("12", "Ann Lee", "moodle"), ("12", "Ann Lee", "moodle"), ("4", "B_C 3", "moodle"),
        ("5", "D", "moodle")]  # fmt: skip
    assert own_name(names[2]) == "hw_1.ipynb"


def test_canvas_s_names_give_number_lateness_and_upload(tmp_path):
    """Kills: the upload's number for the student's; LATE as a part of the name."""
    names = ["leeann_12_901_hw_1_2.ipynb", "oboe_LATE_13_902_hw.ipynb", "anon_aB1_903_hw.ipynb",
             "LATE_anon_cD2_904_hw.ipynb", "lee_ann2_14_text.html"]  # fmt: skip
    made = owners(names)
    assert [(one.id, one.name, one.late) for one in made.values()] == [
        ("12", "leeann", False), ("13", "oboe", True), ("anon_aB1", "", False),
        ("anon_cD2", "", True), ("14", "lee_ann2", False)]  # fmt: skip
    assert {one.platform for one in made.values()} == {"canvas"}
    assert [own_name(name) for name in names[:2]] == ["hw_1_2.ipynb", "hw.ipynb"]
    write(tmp_path / names[1], SOFTMAX)
    assert found(tmp_path)["13"].note == "the learning platform marked it as late"


def test_of_canvas_s_uploads_the_later_counts_among_equals(tmp_path):
    """Kills: ``_99_`` after ``_100_``, by the alphabet; the first upload for the last."""
    for number in ("12_99", "12_100", "13_100", "13_101"):
        path = write(tmp_path / f"lee{number[:2]}_{number}_hw.ipynb", SOFTMAX)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert files(tmp_path) == {"12": "lee12_12_100_hw.ipynb", "13": "lee13_13_101_hw.ipynb"}


def test_names_that_look_like_canvas_s_may_be_anybody_s_own():
    """Kills: two students called 2024, of whom one vanishes."""
    made = owners(["ann_2024_01_hw.ipynb", "bob_2024_01_hw.ipynb"])
    assert [one.id for one in made.values()] == ["ann_2024_01_hw", "bob_2024_01_hw"]


def test_the_roster_says_who_somebody_is(tmp_path):
    """Kills: one student in two rows, by number and by name."""
    write(tmp_path / "ann.ipynb", *STUBS)
    write(tmp_path / "lee.ipynb", SOFTMAX)
    (one,) = find(tmp_path, "tiny", FUNCTIONS, lambda owner: Owner("7", f"not {owner.name}"))
    assert (one.student, one.file, one.owner.id) == ("7", "lee.ipynb", "7")


def test_a_file_s_time_is_when_it_was_handed_in_unless_a_platform_packed_it(tmp_path):
    """Kills: the time of the download, which makes a whole class late."""
    path = write(tmp_path / "ann.ipynb", "x")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    when = datetime.fromtimestamp(1_700_000_000).astimezone()
    said = datetime(2026, 1, 1).astimezone()
    assert handed(Submission("ann", path)) == when
    assert handed(Submission("ann", path, owner=Owner("1", platform="canvas"))) is None
    assert handed(Submission("ann", path, owner=Owner("1", handed=said))) == said
    assert handed(Submission("ann", None)) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.b.ipynb", "a.b"), ("a.ipynb.txt", "a"), ("a.PY", "a"), ("a.zip", "a"), ("a.pdf", "a"),
     ("J. Doe", "J. Doe"), ("a.ipynb.ipynb", "a.ipynb")],
)  # fmt: skip
def test_an_id_is_the_name_without_its_ending(name, expected):
    """Kills: a student called ``ann.ipynb``; a ``J`` for ``J. Doe``."""
    assert stem(name) == expected


# --- reports' names ---------------------------------------------------------------------------


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
