"""What an instructor sees of ``python -m assignments.grader``: help, refusals, exit codes."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from assignments.grader import __main__ as command_line
from assignments.grader.batch import Batch
from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.isolation import NAMES
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.records import Record, failed_record
from assignments.grader.roster import Roster
from assignments.grader.stage import ROOT, GraderError
from tests.assignments.classes import WORKSHEET, put, written
from tests.assignments.notebook import TINY, write

MASTER = read_master(TINY)
STRONG = Isolation("bwrap", dict.fromkeys(NAMES, True))
SCORES = [Score(test.grade_id, test.question, 1, test.points, "passed") for test in MASTER.tests]
ANN = Record("ann", "ann.ipynb", "mark", Grade(SCORES))
BOB = failed_record(Submission("bob", Path("bob.ipynb")), "mark", MASTER, "not graded: no space")


class Classroom:
    """The command with a batch that does as it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.isolation: Isolation | GraderError = STRONG
        self.records = [ANN]
        self.interrupted = False
        self.seen: dict[str, object] = {}
        write(folder / "submissions" / "ann.ipynb", "x")
        write(folder / "submissions" / "bob.ipynb", "x")
        monkeypatch.setattr(command_line, "best_isolation", self.measure)
        monkeypatch.setattr(Batch, "run", lambda batch, **how: self.run(batch, how))
        monkeypatch.setattr(Batch, "finished", lambda _: self.records)

    def measure(self, *hidden: Path, allow_weak: bool) -> Isolation:
        self.seen |= {"hidden": hidden, "allow_weak": allow_weak}
        if isinstance(self.isolation, GraderError):
            raise self.isolation
        return self.isolation

    def run(self, batch: Batch, how: dict[str, object]) -> list[Record]:
        self.seen |= {"batch": batch, **how}
        batch.records.mkdir(parents=True, exist_ok=True)
        if self.interrupted:
            raise KeyboardInterrupt
        return self.records

    def grade(self, *arguments: str, master: Path = TINY) -> Result:
        app = typer.Typer()
        app.command()(command_line.main)
        folders = [str(self.folder / "submissions"), str(self.folder / "report")]
        return CliRunner().invoke(app, [str(master), *folders, *arguments])


@pytest.fixture
def classroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    return Classroom(tmp_path, monkeypatch)


def test_a_class_is_graded_and_the_isolation_told(classroom):
    """Kills: an option that does not reach the batch; submissions in a student's sight."""
    put(classroom.folder / "own" / "tiny.py", TINY.read_bytes())
    own = str(classroom.folder / "own")
    done = classroom.grade("--jobs=3", "--seed=7", f"--private={own}", "--seconds=99")
    assert done.exit_code == 0, done.output
    assert f"Isolation: bwrap: all {len(NAMES)} checks hold" in done.stderr
    assert "WARNING" not in done.output
    assert done.stdout == f"1 graded: {classroom.folder / 'report' / 'class.csv'}\n"
    seen = classroom.seen
    assert (seen["jobs"], seen["seed"], seen["allow_weak"]) == (3, 7, False)
    assert set(seen["hidden"]) == {TINY.parent, Path(own), classroom.folder / "submissions"}
    assert seen["batch"].private == Path(own)
    assert seen["batch"].isolation == STRONG.hiding(classroom.folder / "report")
    assert (seen["batch"].seconds, seen["only"]) == (99, set())
    assert (classroom.folder / "report" / "students" / "ann.html").exists()


def test_whose_tests_grade_is_said_and_a_change_too(classroom):
    """Kills: --private left out, and a class graded by the public tests without a word."""
    text = TINY.read_text(encoding="utf-8")
    assert "your own: none\n" in classroom.grade().stderr
    own = put(classroom.folder / "own" / "tiny.py", text.replace("np.zeros(4)", "np.zeros(5)"))
    changed = [t.grade_id for t in read_master(TINY, own.parent).tests if t not in MASTER.tests]
    (classroom.folder / "report" / "private" / "tests.txt").write_text("x\n", encoding="utf-8")
    said = classroom.grade(f"--private={own.parent}").stderr
    assert changed
    assert f"Tests: the master's; your own: {', '.join(changed)}\n" in said
    assert "They are not those that graded this folder: all are graded again." in said


@pytest.mark.parametrize("below", ["", "report"])
def test_a_report_among_the_submissions_is_refused(classroom, below):
    """Kills: a report that the next run takes for a student, and grades."""
    app = typer.Typer()
    app.command()(command_line.main)
    folder = classroom.folder / "submissions"
    refused = CliRunner().invoke(app, [str(TINY), str(folder), str(folder / below)])
    assert refused.exit_code == 2
    assert f"expected the report outside {folder}" in refused.stderr
    assert {path.name for path in folder.iterdir()} == {"ann.ipynb", "bob.ipynb"}


def test_a_folder_in_which_nobody_is_on_the_roster_is_refused(classroom):
    """Kills: a folder too high up, or another class's roster, and 0 points for everybody."""
    other = written(classroom.folder / "roster.csv", [["id", "name"], ["7", "Zoe Park"]])
    refused = classroom.grade(f"--roster={other}")
    assert refused.exit_code == 2
    assert "expected submissions of the roster's students, got ['ann', 'bob']" in refused.stderr
    assert "batch" not in classroom.seen
    shutil.rmtree(classroom.folder / "submissions")
    (classroom.folder / "submissions").mkdir()
    assert classroom.grade(f"--roster={other}").exit_code == 0


def test_without_a_seed_one_is_drawn(classroom):
    """Kills: a seed that every student of every year can read in the source."""
    assert classroom.grade().exit_code == 0
    assert classroom.seen["seed"] is None


def test_weak_isolation_is_refused_before_anything_is_made(classroom):
    """Kills: a class graded on a machine that keeps nothing in."""
    classroom.isolation = GraderError("this machine does not keep student code in")
    refused = classroom.grade()
    assert refused.exit_code == 2
    assert "error: this machine does not keep student code in" in refused.stderr
    assert not (classroom.folder / "report").exists()
    assert "batch" not in classroom.seen


def test_weak_isolation_that_was_allowed_is_said_to_be_weak(classroom):
    """Kills: a permission that is given once and never heard of again."""
    classroom.isolation = Isolation("none", dict.fromkeys(NAMES, False))
    done = classroom.grade("--allow-weak-isolation")
    assert classroom.seen["allow_weak"] is True
    assert done.exit_code == 0
    assert "NOT ENFORCED" in done.stderr
    assert "WARNING: student code is NOT kept in" in done.stderr


def test_a_file_that_is_no_master_is_refused(classroom):
    """Kills: a traceback for an instructor who named the wrong file."""
    wrong = classroom.grade(master=Path(__file__))
    assert wrong.exit_code == 2
    assert "is not a master" in wrong.stderr
    assert "Traceback" not in wrong.output


def test_who_could_not_be_graded_is_named_and_the_command_fails(classroom):
    """Kills: a script that hands back reports of which one is no grade."""
    classroom.records = [ANN, BOB]
    done = classroom.grade()
    assert done.exit_code == 1
    assert done.stdout.startswith("1 graded")
    assert "NOT graded, through no fault of theirs: bob\n" in done.stderr
    assert (classroom.folder / "report" / "students" / "bob.html").exists()


def test_an_interrupted_run_reports_what_is_finished(classroom):
    """Kills: reports written only at the end; an exit code that says all went well."""
    classroom.interrupted = True
    done = classroom.grade()
    assert done.exit_code == 130
    assert "finished grades are kept" in done.stderr
    assert "ann" in (classroom.folder / "report" / "class.csv").read_text("utf8")


def test_names_lateness_points_by_hand_and_an_export_reach_the_reports(classroom):
    """Kills: an option that is read and not used."""
    row = ["Participant 7", "=Ann", "ann@b.edu", "", "", "60", "Yes",
           "Wednesday, 6 May 2026, 9:00 AM", "-", ""]  # fmt: skip
    roster = written(classroom.folder / "roster.csv", [WORKSHEET, row])
    by_hand = put(classroom.folder / "hand.csv", "student,question,points,reason\n7,q1,0,copied\n")
    classroom.records = [replace(ANN, student="7")]
    done = classroom.grade(f"--roster={roster}", "--export=moodle", f"--overrides={by_hand}",
                           "--late=2026-05-04 23:59", "--late-percent=25")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert isinstance(classroom.seen["batch"].roster, Roster)
    report = classroom.folder / "report"
    told = json.loads((report / "students" / "7.json").read_text("utf8"))
    assert (told["total"], told["days_late"], told["name"]) == (1, 2, "=Ann")
    assert "copied" in (report / "students" / "7.html").read_text("utf8")
    (graded,) = csv.DictReader((report / "moodle.csv").read_text("utf8").splitlines())
    assert (graded["Grade"], graded["Full name"]) == ("10.00", "'=Ann")  # 1 of 6 points, of 60
    assert "copied" in graded["Feedback comments"]


def test_who_is_not_on_the_roster_is_named(classroom):
    """Kills: a notebook under a mistyped id, whose grade is uploaded for nobody."""
    roster = put(classroom.folder / "roster.csv", "id,name\nbob,Bob\n")
    assert "Not on the roster: ann\n" in classroom.grade(f"--roster={roster}").stderr


def test_one_student_is_chosen_by_id_or_name(classroom):
    """Kills: a typo, after which nobody is graded and the command says all went well."""
    roster = put(classroom.folder / "roster.csv", "id,name,email\n7,Ann Lee,ann@b.edu\n")
    done = classroom.grade(f"--roster={roster}", "--only=Ann Lee", "--only=bob")
    assert done.exit_code == 0, done.output
    assert classroom.seen["only"] == {"7", "bob"}
    refused = classroom.grade("--only=anm")
    assert refused.exit_code == 2
    assert "got 'anm'; like it: ['ann']" in refused.stderr


def test_reports_without_names(classroom):
    """Kills: names beside a key that nobody asked to be used."""
    key = classroom.folder / "key.txt"
    assert classroom.grade(f"--anonymous={key}").exit_code == 0
    pages = [path.name for path in (classroom.folder / "report" / "students").iterdir()]
    assert key.exists()
    assert all(name.startswith("anon-") for name in pages)


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--export=moodle"], "expected --roster"), (["--late-percent=5"], "expected --late with"),
     (["--late=soon"], "expected a time as"),
     (["--export=canvas", "--roster=ROSTER"], "expected Canvas's gradebook"),
     (["--overrides=ROSTER"], "expected columns"),
     (["--export=moodle", "--roster=ROSTER"], "expected Moodle's grading worksheet")],
)  # fmt: skip
def test_what_would_not_be_used_is_refused_before_a_class_is_graded(classroom, options, reason):
    """Kills: an hour of grading, and then a file that Moodle does not take."""
    roster = put(classroom.folder / "roster.csv", "id,name\n7,Ann\n")
    refused = classroom.grade(*(one.replace("ROSTER", str(roster)) for one in options))
    assert refused.exit_code == 2
    assert f"error: {reason}" in refused.stderr.replace(f"{roster}: ", "")
    assert not (classroom.folder / "report").exists()


def test_the_tests_are_tried_without_a_class(classroom, monkeypatch):
    """Kills: a check that grades; one that finds a fault and ends well."""
    faults = ["q1-hidden: the reference: failed"]
    monkeypatch.setattr(command_line, "tried", lambda *_: faults)
    app = typer.Typer()
    app.command()(command_line.main)
    refused = CliRunner().invoke(app, [str(TINY), "--check"])
    assert refused.exit_code == 1
    assert "q1-hidden: the reference: failed\n1 tests are wrong" in refused.stderr
    faults.clear()
    done = CliRunner().invoke(app, [str(TINY), "--check"])
    assert (done.exit_code, done.stdout) == (
        0, "The reference earns every point, an empty notebook none.\n")  # fmt: skip
    assert "batch" not in classroom.seen
    without = CliRunner().invoke(app, [str(TINY)])
    assert without.exit_code == 2
    assert "expected a folder of submissions" in without.stderr


def test_help_says_what_an_instructor_needs():
    """Kills: a command that does not start; an option nobody hears of."""
    words = [sys.executable, "-m", "assignments.grader", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    for word in ("MASTER", "class.csv", "Interrupted", "--private", "--allow-weak-isolation",
                 "--roster", "--late", "--overrides", "--export", "--only", "--check"):  # fmt: skip
        assert word.lower() in done.stdout.lower()
