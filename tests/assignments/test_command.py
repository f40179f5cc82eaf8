"""What an instructor sees of ``python -m assignments.grader``: help, refusals, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from assignments.grader import __main__ as command_line
from assignments.grader.batch import Batch, Record, failed_record
from assignments.grader.collect import Submission
from assignments.grader.grade import Grade, Score
from assignments.grader.isolation import NAMES
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.stage import ROOT, GraderError
from tests.assignments.notebook import TINY

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
        (folder / "submissions").mkdir()
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
    (classroom.folder / "own").mkdir()
    (classroom.folder / "own" / "tiny.py").write_bytes(TINY.read_bytes())
    own = str(classroom.folder / "own")
    done = classroom.grade("--jobs=3", "--seed=7", f"--private={own}")
    assert done.exit_code == 0, done.output
    assert f"Isolation: bwrap: all {len(NAMES)} checks hold" in done.stderr
    assert "WARNING" not in done.output
    assert done.stdout == f"1 graded: {classroom.folder / 'report' / 'class.csv'}\n"
    seen = classroom.seen
    assert (seen["jobs"], seen["seed"], seen["allow_weak"]) == (3, 7, False)
    assert set(seen["hidden"]) == {TINY.parent, Path(own), classroom.folder / "submissions"}
    assert seen["batch"].private == Path(own)
    assert seen["batch"].isolation == STRONG
    assert (classroom.folder / "report" / "students" / "ann.html").exists()


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


def test_help_says_what_an_instructor_needs():
    """Kills: a command that does not start; an option nobody hears of."""
    words = [sys.executable, "-m", "assignments.grader", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    for word in ("MASTER", "class.csv", "Interrupted", "--private", "--allow-weak-isolation"):
        assert word.lower() in done.stdout.lower()
