"""A folder of reports is one assignment's, and no two students of it are graded by other tests."""

from pathlib import Path

import pytest

from assignments.grader.claim import changed, claim, settle
from tests.assignments.classes import put


@pytest.fixture
def master(tmp_path: Path) -> Path:
    return put(tmp_path / "masters" / "tiny.py", "public")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return put(tmp_path / "own" / "tiny.py", "own")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "report" / "private"


def test_a_new_folder_is_the_instructors_alone(records, master):
    """Kills: tracebacks of hidden tests that the whole machine can read."""
    claim(records, "tiny", [master], all_of_them=True)
    assert records.stat().st_mode & 0o777 == 0o700
    claim(records, "tiny", [master], all_of_them=False)
    with pytest.raises(ValueError, match="folder of its own for other, got one with tiny"):
        claim(records, "other", [master], all_of_them=True)


def test_who_forgets_their_own_tests_is_told(records, master, own):
    """Kills: --private left out when a class, or one student, is graded again."""
    claim(records, "tiny", [master, own], all_of_them=True)
    for all_of_them in (True, False):
        with pytest.raises(ValueError, match="expected --private"):
            claim(records, "tiny", [master], all_of_them=all_of_them)
    claim(records, "tiny", [master, own], all_of_them=False)


@pytest.mark.parametrize("which", ["master", "own"])
def test_one_student_is_not_graded_by_other_tests_than_the_class(records, master, own, which):
    """Kills: --only after a test was mended: one student's points by another measure."""
    tests = [master, own]
    claim(records, "tiny", tests, all_of_them=True)
    assert not changed(records, tests)
    {"master": master, "own": own}[which].write_text("mended", encoding="utf-8")
    assert changed(records, tests)
    with pytest.raises(ValueError, match="expected --only with the tests that graded the class"):
        claim(records, "tiny", tests, all_of_them=False)
    claim(records, "tiny", tests, all_of_them=True)
    assert changed(records, tests), "an interrupted run has not graded all"
    settle(records, tests)
    assert not changed(records, tests)
    claim(records, "tiny", tests, all_of_them=False)


def test_tests_of_ones_own_may_come_later(records, master, own):
    """Kills: a refusal of what grades everybody again."""
    claim(records, "tiny", [master], all_of_them=True)
    with pytest.raises(ValueError, match="expected --only with"):
        claim(records, "tiny", [master, own], all_of_them=False)
    claim(records, "tiny", [master, own], all_of_them=True)
    assert changed(records, [master, own])


def test_a_folder_that_says_nothing_is_taken_as_it_is(records, master):
    """Kills: an older grader's reports that nobody can go on with."""
    claim(records, "tiny", [master], all_of_them=True)
    (records / "tests.txt").unlink()
    assert not changed(records, [master])
    claim(records, "tiny", [master], all_of_them=False)
    assert (records / "tests.txt").exists()
