"""What the grader reads out of a master, and what it refuses to read."""

from pathlib import Path

import pytest

from assignments.grader.master import Test as GradedCell
from assignments.grader.master import plain, read_master
from tests.assignments.notebook import TINY

TEXT = TINY.read_text(encoding="utf-8")


def master(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tiny.py").write_text(text, encoding="utf-8")
    return folder / "tiny.py"


def test_a_master_is_read_as_it_is_written():
    """Kills: a setting, a cell or a point that gets lost on the way."""
    tiny = read_master(TINY)
    assert tiny.name == "tiny"
    assert tiny.solutions == {"softmax": "q1", "integrate": "q2"}
    assert [(t.grade_id, t.points, t.hidden) for t in tiny.tests] == [
        ("q1-visible", 1, False), ("q1-hidden", 2, True),
        ("q2-visible", 1, False), ("q2-hidden", 2, True)]  # fmt: skip
    assert tiny.questions == {"q1": 3, "q2": 3}
    assert len(tiny.setup) == 1
    assert tiny.setup[0].startswith("import numpy")
    assert (tiny.deleted, tiny.seconds, tiny.seed) == (("coursepkg.bayes.coin",), 12, None)


def test_settings_are_lists_and_numbers(tmp_path):
    """Kills: names that keep their blanks, so that nothing is deleted."""
    text = TEXT.replace("delete = coursepkg.bayes.coin", "delete = a.b ,  c.d,\n# grader: seed = 7")
    tiny = read_master(master(tmp_path, text))
    assert (tiny.deleted, tiny.seed) == (("a.b", "c.d"), 7)


@pytest.mark.parametrize(
    ("grade_id", "question"), [("q1-hidden", "q1"), ("q-1-hidden", "q-1"), ("q1", "q1")]
)
def test_a_cell_belongs_to_the_question_before_its_last_hyphen(grade_id, question):
    """Kills: the first hyphen; a nameless question for an id without one."""
    assert GradedCell(grade_id, "", 1).question == question


def test_a_hint_is_the_line_that_says_so_and_nothing_more():
    """Kills: a hint that runs on into the hidden test's code."""
    source = "### BEGIN HIDDEN TESTS\n  # hint:  mind the ends  \nassert secret == 7\n"
    assert GradedCell("q1-hidden", source, 1).hint == "mind the ends"
    assert GradedCell("q1-hidden", "assert secret == 7", 1).hint == "a hidden test failed"


def test_locked_cells_are_known_without_their_layout(tmp_path):
    """Kills: a setup cell, indented anew by an editor, that runs as the student's own."""
    tiny = read_master(TINY)
    for source in (*tiny.setup, *(test.source for test in tiny.tests)):
        assert plain(source.replace("\n", "  \n\n")) in tiny.locked
    assert plain("def softmax(a): return a") not in tiny.locked
    assert plain(" a\n\n  b \n") == "a\nb"


def test_only_functions_of_a_solution_cell_are_asked_for(tmp_path):
    """Kills: a proxy for a constant or for a function inside a function."""
    text = TEXT.replace("def softmax(a):", "RATE = 1\n\n\ndef softmax(a):\n    def inner(): pass\n")
    assert list(read_master(master(tmp_path, text)).solutions) == ["softmax", "integrate"]


def test_an_overlay_replaces_tests_and_fixes_the_seed(tmp_path):
    """Kills: an overlay that adds its tests to the master's, or whose seed is not used."""
    own = TEXT.replace("seconds = 12", "seed = 0").replace("(3, 5)", "(5, 3)")
    own = own[: own.index('# %% nbgrader={"grade": false, "grade_id": "q2"')]
    own = own.replace('"points": 2', '"points": 5')
    path = master(tmp_path / "own", own)
    before, after = read_master(TINY), read_master(TINY, path.parent)
    changed = [new for old, new in zip(before.tests, after.tests, strict=True) if old != new]
    assert [(test.grade_id, test.points) for test in changed] == [("q1-hidden", 5)]
    assert "(5, 3)" in changed[0].source
    assert (after.seed, after.seconds) == (0, 12)
    assert after.solutions == before.solutions


def test_what_a_student_was_given_is_known_whatever_an_instructor_lays_over_it(tmp_path):
    """Kills: each student's notebook told that its locked cells were changed."""
    public = read_master(TINY)
    (tmp_path / TINY.name).write_text(
        TINY.read_text(encoding="utf-8").replace("np.full(4, 0.25)", "np.full(4, 1 / 4)"),
        encoding="utf-8",
    )
    private = read_master(TINY, tmp_path)
    assert private.locked > public.locked
    hidden = next(test for test in public.tests if test.hidden)
    begin, end = hidden.source.index("### BEGIN"), hidden.source.index("END HIDDEN TESTS") + 16
    assert plain(hidden.source[:begin] + hidden.source[end:]) in public.locked


def test_an_overlay_without_a_seed_keeps_the_masters(tmp_path):
    """Kills: an overlay that takes the master's seed away."""
    public = master(tmp_path, TEXT.replace("seconds = 12", "seed = 5"))
    assert read_master(public, master(tmp_path / "own", TEXT).parent).seed == 5


def test_what_an_overlay_deletes_or_closes_is_added_to_the_masters(tmp_path):
    """Kills: a module that is there again because an instructor deletes another."""
    both = [
        master(tmp_path / name, TEXT.replace("seconds = 12", f"seconds = {n}\n{lines}"))
        for name, n, lines in (
            ("public", 5, "# grader: delete = a\n# grader: close = b"),
            ("own", 7, "# grader: delete = c\n# grader: close = d"),
        )
    ]
    read = read_master(both[0], both[1].parent)
    assert (read.deleted, read.closed, read.seconds) == (("a", "c"), ("b", "d"), 7)


def test_an_overlay_that_does_not_fit_is_refused(tmp_path):
    """Kills: a typing error in an id that leaves the public test in force."""
    own = master(tmp_path / "own", TEXT.replace("q1-hidden", "q9"))
    with pytest.raises(ValueError, match=r"no graded cell.*q9"):
        read_master(TINY, own.parent)
    with pytest.raises(ValueError, match=r"holds no tiny\.py"):
        read_master(TINY, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("q1-hidden", "q1-visible", "two graded cells have the same grade_id"),
        ("# grader: seconds", "# grader: sekonds", "unknown setting.*sekonds"),
        ('"grade": true', '"grade": false', "no graded cell"),
    ],
)
def test_a_master_with_a_mistake_is_refused(tmp_path, old, new, fault):
    """Kills: a mistake that would cost every student the points of a test."""
    with pytest.raises(ValueError, match=fault):
        read_master(master(tmp_path, TEXT.replace(old, new)))


def test_a_file_that_is_no_master_is_refused(tmp_path):
    """Kills: a traceback, where the instructor named the wrong file."""
    (tmp_path / "image.py").write_bytes(b"\xff\xd8\xff")
    for path in (tmp_path / "image.py", tmp_path / "missing.py", Path(__file__)):
        with pytest.raises(ValueError, match="is not a master"):
            read_master(path)


def test_times_are_shared_out():
    """Kills: a function's share that leaves nothing for the others, or for the cells."""
    tiny = read_master(TINY)
    assert (tiny.cell_seconds, tiny.call_seconds) == (6, 4)


def test_an_empty_answer_is_known():
    """Kills: the released cell of a question taken for somebody's answer."""
    head = 'def softmax(a):\n"""Probabilities, from the logits of the last axis."""\n'
    assert f"{head}raise NotImplementedError" in read_master(TINY).stubs
