"""Finished grades are kept whole, found again, and made anew when anything changed.

Nothing of a student's runs here: `grade_one` is replaced, in processes that are forks of this one.
"""

import itertools
import json
import multiprocessing
import os
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from assignments.grader import batch as batches
from assignments.grader.batch import Batch, interrupts, work_on
from assignments.grader.cells import TOTAL
from assignments.grader.claim import changed
from assignments.grader.clock import SLACK
from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.records import Record, empty_record, failed_record
from assignments.grader.roster import read_roster
from assignments.grader.stage import GraderError
from tests.assignments.classes import put
from tests.assignments.notebook import SOFTMAX, TINY, write

MASTER = read_master(TINY)
RECORD = Record("ann", "ann.ipynb", "mark", Grade([Score("q1-visible", "q1", 1, 1, "passed")]))
HANG = 5  # seconds: an end to what should have been ended
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def graded(master: Path, submission: Path, **options: object) -> Grade:
    """In place of `grade_one`: one point for a `softmax`, and the seed as the reason."""
    points = float("softmax" in submission.read_text("utf8"))
    return Grade([Score("q1-visible", "q1", points, 1, f"seed {options['seed']}")])


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Batch:
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(batches.multiprocessing, "get_context", lambda _: fork)
    monkeypatch.setattr(batches, "grade_one", graded)
    master = tmp_path / "master" / "tiny.py"
    master.parent.mkdir()
    master.write_bytes(TINY.read_bytes())
    folder = tmp_path / "submissions"
    write(folder / "ann.ipynb", SOFTMAX)
    write(folder / "bob" / "homework.ipynb", SOFTMAX)
    write(folder / "cem.ipynb", "x = 1")
    (folder / "eve").mkdir()
    return Batch(master, folder, tmp_path / "report", Isolation("none"))


def run(batch: Batch, **options: object) -> dict[str, float]:
    records = batch.run(progress=False, **options)
    return {record.student: record.grade.total for record in records}


def stamps(batch: Batch) -> dict[str, int]:
    """When each record was written."""
    return {path.stem: path.stat().st_mtime_ns for path in batch.records.glob("*.json")}


def renewed(batch: Batch, before: dict[str, int]) -> set[str]:
    return {name for name, at in stamps(batch).items() if before.get(name) != at}


# --- records ----------------------------------------------------------------------------------


def test_a_record_is_whole_or_not_there(tmp_path, monkeypatch):
    """Kills: a record written in place, which an interruption leaves cut."""
    RECORD.save(tmp_path / "ann.json")
    monkeypatch.setattr(batches.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        replace(RECORD, fingerprint="other").save(tmp_path / "ann.json")
    monkeypatch.undo()
    assert Record.load(tmp_path / "ann.json") == RECORD


@pytest.mark.parametrize(
    "text",
    ["", "{ half a rec", "3", "[]", "{}", '{"grade": 3}', '{"grade": {"scores": [{"x": 1}]}}',
     '{"grade": {"scores": []}}', '{"grade": {"scores": 3}, "student": "ann"}'],
)  # fmt: skip
def test_what_is_no_record_is_none(tmp_path, text):
    """Kills: a damaged file, or one of an older grader, that stops the class."""
    (tmp_path / "ann.json").write_text(text, encoding="utf-8")
    assert Record.load(tmp_path / "ann.json") is None
    assert Record.load(tmp_path / "missing.json") is None


def test_a_failure_of_the_graders_is_no_score():
    """Kills: a record that the next run keeps; a test that is missing from it."""
    record = failed_record(Submission("ann", Path("a.ipynb")), "mark", MASTER, "why")
    assert not record.graded
    assert (record.grade.total, record.grade.possible) == (0, 6)
    assert {score.reason for score in record.grade.scores} == {*record.grade.problems} == {"why"}
    nothing = empty_record(Submission("ann", None, "no file"), "mark", MASTER)
    assert (nothing.graded, nothing.fingerprint) == (True, "mark")
    assert nothing.grade.problems == ["no file"]


def test_an_interrupt_is_noted_and_raises_nothing_between_two_steps():
    """Kills: a KeyboardInterrupt after a process was started and before that was noted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            with interrupts() as noted:
                assert not noted.is_set()
                os.kill(os.getpid(), number)
                assert noted.is_set()
        except KeyboardInterrupt:
            pytest.fail("it was raised")


# --- a run ------------------------------------------------------------------------------------


def test_everyone_has_a_record(batch):
    """Kills: a student who is lost between the processes, or graded under another's name."""
    write(batch.submissions / "bob.ipynb", "x = 1")
    write(batch.submissions / "ü<b>.ipynb", SOFTMAX)
    put(batch.submissions / "fay.py", SOFTMAX)
    (batch.submissions / "gil.py").symlink_to(batch.submissions / "fay.py")
    assert run(batch, jobs=3, seed=1) == {
        "ann": 1, "bob": 1, "cem": 0, "eve": 0, "fay": 1, "gil": 0, "ü<b>": 1}  # fmt: skip
    told = {record.student: record for record in batch.finished()}
    assert all(record.graded for record in told.values())
    assert told["bob"].file == "bob/homework.ipynb"
    assert "not graded: bob.ipynb" in told["bob"].notes[0]
    assert told["fay"].notes == ["graded: fay.py"]
    assert "no notebook" in told["eve"].grade.problems[0]
    assert "cannot be read" in told["gil"].grade.problems[0]
    assert batch.records.stat().st_mode & 0o077 == 0
    assert not list(batch.records.glob("*.part"))


def test_who_handed_in_nothing_has_a_row_with_a_reason(batch, tmp_path):
    """Kills: a student of the roster who is in no table; one in two rows, by name and number."""
    text = "id,name\n1,Ann\n2,Kim\n"
    listed = replace(batch, roster=read_roster(put(tmp_path / "class.csv", text)))
    assert run(listed, seed=1) == {"1": 1, "2": 0, "bob": 1, "cem": 0, "eve": 0}
    kim = next(record for record in listed.finished() if record.student == "2")
    assert (kim.graded, kim.grade.problems) == (True, ["nothing was handed in"])
    assert [one.owner.name for one in listed.find()][:2] == ["Ann", "Kim"]


def test_one_student_is_graded_again_and_the_others_rows_are_kept(batch):
    """Kills: a second run that grades all; more time that the next run takes back."""
    first = run(batch, seed=1)
    before = stamps(batch)
    slow = replace(batch, seconds=600)
    for _ in range(2):  # who is chosen is graded, also when there is nothing new
        assert run(slow, only={"cem"}) == first
        assert renewed(batch, before) == {"cem"}
        before = stamps(batch)
    assert run(batch) == first
    assert renewed(batch, before) == set()
    assert [r.seconds for r in batch.finished()] == [None, None, 600, None]
    run(slow)  # for all: who has had the time keeps the grade
    assert renewed(batch, before) == {"ann", "bob", "eve"}


def test_more_time_reaches_the_grader_and_only_a_seed_of_the_class_s(batch, monkeypatch):
    """Kills: an option without effect; one student with other inputs than the class."""

    def look(master: Path, submission: Path, **options: object) -> Grade:
        return Grade([Score("q1-visible", "q1", 1, 1, f"{options['seconds']}")])

    monkeypatch.setattr(batches, "grade_one", look)
    run(replace(batch, seconds=77.0), seed=1)
    assert batch.finished()[0].grade.scores[0].reason == "77.0"
    with pytest.raises(ValueError, match="expected --only with the class's own seed"):
        run(batch, seed=2, only={"ann"})


def test_who_has_no_record_yet_has_a_row(batch):
    """Kills: a class of which an interrupted run shows half."""
    run(batch, only={"ann"})
    told = {record.student: record for record in batch.finished()}
    assert [told[name].graded for name in ("ann", "bob", "cem", "eve")] == [True] + 3 * [False]
    assert told["bob"].grade.problems == ["not graded yet"]


def test_a_report_belongs_to_one_assignment(batch, tmp_path):
    """Kills: a second assignment's reports over the first one's."""
    run(batch, seed=1)
    other = tmp_path / "master" / "other.py"
    other.write_bytes(TINY.read_bytes())
    with pytest.raises(ValueError, match="folder of its own for other, got one with tiny"):
        run(replace(batch, master=other))


def test_whose_tests_graded_is_noted_once_they_have(batch):
    """Kills: one student graded by a mended test, and the others by what it was."""
    run(batch, seed=1)
    mended = batch.master.read_text(encoding="utf-8") + "# mended\n"
    batch.master.write_text(mended, encoding="utf-8")
    with pytest.raises(ValueError, match="expected --only with the tests that graded the class"):
        run(batch, only={"ann"})
    assert changed(batch.records, batch.tests)
    run(batch)
    assert not changed(batch.records, batch.tests)
    run(batch, only={"ann"})


def test_what_is_finished_is_kept(batch):
    """Kills: a run that begins at the beginning each time."""
    first, before = run(batch, seed=1), stamps(batch)
    assert run(batch) == first
    assert renewed(batch, before) == set()


def test_what_changed_or_broke_is_graded_anew(batch):
    """Kills: a record that is kept by the file's name, whatever the file now holds."""
    run(batch, seed=1)
    before = stamps(batch)
    write(batch.submissions / "cem.ipynb", SOFTMAX)
    (batch.records / "ann.json").write_text("{ half a rec", encoding="utf-8")
    assert run(batch)["cem"] == 1
    assert renewed(batch, before) == {"ann", "cem"}


@pytest.mark.parametrize("what", ["seed", "master", "overlay"])
def test_another_seed_master_or_overlay_grades_all_anew(batch, tmp_path, what):
    """Kills: a class of which half was graded with other tests or other inputs."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "tiny.py").write_bytes(TINY.read_bytes())
    first = replace(batch, private=own)
    run(first, seed=1)
    before = stamps(batch)
    changed = {"master": batch.master, "overlay": own / "tiny.py"}.get(what)
    if changed:
        changed.write_bytes(TINY.read_bytes() + b"\n")
    run(first, seed=2 if what == "seed" else None)
    assert renewed(batch, before) == before.keys()


def test_a_seed_is_drawn_once_a_report(batch, tmp_path):
    """Kills: a new seed for those who come after an interruption; the same one every year."""
    other = replace(batch, report=tmp_path / "second")
    for one in (batch, other):
        one.records.mkdir(parents=True)
    assert batch.seed() == batch.seed()
    assert batch.seed() != other.seed()  # fails once in two thousand million runs
    assert (batch.seed(0), batch.seed()) == (0, 0)


def test_the_seed_reaches_the_tests(batch):
    """Kills: a seed that is kept, and another one used."""
    run(batch, seed=5)
    write(batch.submissions / "ann.ipynb", "softmax = 2")
    run(batch)
    reasons = {record.student: record.grade.scores[0].reason for record in batch.finished()}
    assert [reasons[name] for name in ("ann", "bob", "cem")] == ["seed 5"] * 3


@pytest.mark.parametrize("error", [GraderError("no sandbox"), OSError("no space"), MemoryError()])
def test_a_grader_that_fails_is_no_students_fault_and_is_tried_again(batch, monkeypatch, error):
    """Kills: a failure of the grader's own that is kept as a student's zero."""

    def fail(*_: object, **__: object) -> Grade:
        raise error

    monkeypatch.setattr(batches, "grade_one", fail)
    run(batch, seed=1)
    told = {record.student: record for record in batch.finished()}
    assert {name for name, record in told.items() if record.graded} == {"eve"}
    assert told["ann"].grade.problems == [f"not graded: {type(error).__name__}: {error}"]
    trace = (batch.records / "ann.error.txt").read_text("utf8")
    assert "raise error" in trace
    assert type(error).__name__ in trace
    monkeypatch.setattr(batches, "grade_one", graded)
    assert run(batch)["ann"] == 1
    assert all(record.graded for record in batch.finished())
    assert not list(batch.records.glob("*.error.txt"))


def test_a_process_that_dies_costs_nobody_else_anything(batch, monkeypatch):
    """Kills: a death that ends the class, or leaves a student without a record."""

    def die(master: Path, submission: Path, **options: object) -> Grade:
        if submission.name == "ann.ipynb":
            os.kill(os.getpid(), signal.SIGKILL)
        return graded(master, submission, **options)

    monkeypatch.setattr(batches, "grade_one", die)
    assert run(batch, seed=1)["bob"] == 1
    (ann,) = [record for record in batch.finished() if not record.graded]
    assert ann.student == "ann"
    assert "status -9; tell the instructor" in ann.grade.problems[0]


def test_a_process_that_hangs_is_ended(batch, monkeypatch):
    """Kills: a grader's process that waits for ever, and the class with it."""

    def hang(*_: object, **__: object) -> Grade:
        time.sleep(HANG)
        return Grade()

    monkeypatch.setattr(batches, "grade_one", hang)
    hours = itertools.count(step=3600)
    monkeypatch.setattr(batches, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    run(batch, jobs=4, seed=1)
    assert {record.student for record in batch.finished() if not record.graded} == {
        "ann", "bob", "cem"}  # fmt: skip


def test_who_is_within_all_limits_is_not_taken_for_dead():
    """Kills: a grader that is ended, on a busy machine, before its submission's time is up."""
    assert SLACK * TOTAL * 600 < batches.patience(600) - 300 < 30_000


def test_an_old_record_is_not_taken_for_what_a_dead_process_did(batch, monkeypatch):
    """Kills: last week's grade for a notebook that was handed in anew, if its process dies."""
    run(batch, seed=1)
    write(batch.submissions / "ann.ipynb", "x = 1")
    monkeypatch.setattr(batches, "grade_one", lambda *_, **__: os._exit(3))
    run(batch)
    ann = next(record for record in batch.finished() if record.student == "ann")
    assert (ann.graded, ann.grade.total) == (False, 0)


def test_an_interrupt_ends_the_run_and_keeps_what_is_finished(batch, monkeypatch):
    """Kills: a process that outlives the interrupt; a grade that is lost by it."""
    parent = os.getpid()

    def stop(master: Path, submission: Path, **options: object) -> Grade:
        if submission.name == "homework.ipynb":
            os.kill(parent, signal.SIGINT)
            time.sleep(HANG)
        return graded(master, submission, **options)

    monkeypatch.setattr(batches, "grade_one", stop)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(KeyboardInterrupt):
        run(batch, seed=1)
    assert {r.student: r.grade.total for r in batch.finished() if r.graded} == {"ann": 1, "eve": 0}
    assert multiprocessing.active_children() == []
    assert {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)} == before


def test_temporary_files_are_the_batchs_own(batch, tmp_path, monkeypatch):
    """Kills: what a killed process leaves in the machine's temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()

    def leave(master: Path, submission: Path, **options: object) -> Grade:
        descriptor, name = tempfile.mkstemp()
        os.close(descriptor)
        assert Path(name).parent.parent == tmp_path / "scratch"
        return graded(master, submission, **options)

    monkeypatch.setattr(batches, "grade_one", leave)
    assert run(batch, seed=1)["ann"] == 1
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_process_passes_everything_on(batch, monkeypatch, tmp_path):
    """Kills: an overlay or an isolation that gets lost between the command and the grade."""
    seen = {}

    def look(master: Path, submission: Path, **options: object) -> Grade:
        seen.update(options, master=master, submission=submission)
        return Grade()

    own = tmp_path / "own"
    own.mkdir()
    (own / "tiny.py").write_bytes(TINY.read_bytes())
    batch.records.mkdir(parents=True)
    monkeypatch.setattr(batches, "grade_one", look)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    path = batch.submissions / "ann.ipynb"
    work_on(
        replace(batch, private=own),
        Submission("ann", path, file="ann.ipynb"),
        "mark",
        3,
        str(tmp_path),
    )
    assert seen == {"master": batch.master, "submission": path, "isolation": batch.isolation,
                    "seed": 3, "private": own, "seconds": None}  # fmt: skip
    kept = json.loads((batch.records / "ann.json").read_text("utf8"))
    assert (kept["file"], kept["fingerprint"]) == ("ann.ipynb", "mark")


def test_what_the_cells_import_is_imported_before_the_processes_fork():
    """Kills: torch, and all that a face imports, anew for each student."""
    master = read_master(Path(__file__).parent / "hostile" / "master.py")
    assert sorted(batches._imports(master)) == ["coursepkg.bayes.coin", "math", "numpy"]
