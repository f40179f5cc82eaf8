"""The command: ``python -m assignments.grader MASTER SUBMISSIONS REPORT``."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assignments.grader import export as exports
from assignments.grader.batch import Batch
from assignments.grader.check import check as tried
from assignments.grader.claim import changed
from assignments.grader.collect import Submission
from assignments.grader.isolation import best_isolation, describe
from assignments.grader.master import Master, read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.records import Record, write_whole
from assignments.grader.report import anonymous, titles, write_reports
from assignments.grader.results import Result, read_by_hand, read_late, results
from assignments.grader.roster import Roster, read_roster
from assignments.grader.stage import GraderError


class Platform(StrEnum):
    """Whose file of grades is wanted."""

    moodle = "moodle"
    canvas = "canvas"


FILE = {"exists": True, "dir_okay": False}
FOLDER = {"exists": True, "file_okay": False}


def main(
    master: Annotated[
        Path, typer.Argument(**FILE, help="The assignment: assignments/masters/NN_topic.py.")
    ],
    submissions: Annotated[
        Path | None,
        typer.Argument(
            **FOLDER,
            help="A folder with a file or a folder a student: what Moodle or Canvas packs, "
            "unpacked; what nbgrader collects; or NAME.ipynb and NAME/anything.ipynb.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Argument(file_okay=False, help="Where the reports go; made if need be."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="How many submissions to grade at a time: one a core.")
    ] = 1,
    private: Annotated[
        Path | None,
        typer.Option(
            **FOLDER,
            help="A folder of your own, kept from students, with a file of the master's name: "
            "its graded cells replace those of the same grade_id, and its settings win.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Grade nobody: see whether the reference earns every point, with your private "
            "tests too, and an empty notebook none.",
        ),
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(
            **FILE,
            help="The class, a CSV: Moodle's grading worksheet, Canvas's gradebook, or columns "
            "id, name, email. Who handed in nothing gets a row.",
        ),
    ] = None,
    late: Annotated[
        str | None,
        typer.Option(help="The deadline, as 2026-05-04 23:59; days begun after it are counted."),
    ] = None,
    late_percent: Annotated[
        float,
        typer.Option(min=0, max=100, help="Of the points earned, what a day late costs."),
    ] = 0.0,
    overrides: Annotated[
        Path | None,
        typer.Option(
            **FILE,
            help="Points by hand, a CSV: student, question, points, reason; for the question "
            "`late` the points are days.",
        ),
    ] = None,
    export: Annotated[
        Platform | None,
        typer.Option(help="Write the roster's file again with the grades in it, to upload."),
    ] = None,
    column: Annotated[
        str, typer.Option(help="With --export canvas: the assignment's column, or part of it.")
    ] = "",
    anonymise: Annotated[
        Path | None,
        typer.Option(
            "--anonymous",
            dir_okay=False,
            help="Reports without names, under ids made with the key in this file; made if it "
            "is not there.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Grade this student, again if need be, and keep the others' rows."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=1, help="What a submission's code may take, in place of the master's."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Fixes the hidden tests' random inputs; otherwise drawn once a report."),
    ] = None,
    allow_weak_isolation: Annotated[
        bool,
        typer.Option(
            "--allow-weak-isolation",
            help="Grade even where this machine cannot keep student code in. Only for "
            "submissions that you trust as you trust your own code.",
        ),
    ] = False,
) -> None:
    """Grade a folder of notebooks; every one gets a score and a reason, whatever it does.

    Students' code runs in a sandbox without network, files or time to waste; the tests run
    outside, so nothing that a notebook patches can change them. Submissions are only read.

    REPORT/class.html and class.csv have the class; REPORT/students has a page (.html) and a .json
    for each student, to hand back; REPORT/private holds full tracebacks of hidden tests and is
    yours alone.

    Interrupted (Ctrl-C, power cut)? The same command goes on where it stopped. A notebook that
    was handed in anew is graded anew.
    """
    with _refusals():
        assignment = read_master(master, private)
        hidden = [master.parent, *(path for path in (submissions, private) if path)]
        isolation = best_isolation(*hidden, allow_weak=allow_weak_isolation)
        _say(isolation)
        if check:
            _check(master, private, isolation)
            return
        submissions, report = _folders(submissions, report)
        if late_percent and late is None:
            raise ValueError("expected --late with a deadline for --late-percent, got none")
        deadline = read_late(late, late_percent) if late else None
        members = read_roster(roster) if roster else None
        write = _writer(export, assignment, members, column)
        folders = (master.resolve(), submissions.resolve(), report.resolve())
        isolation = isolation.hiding(report)
        batch = Batch(*folders, isolation, private, members, seconds)
        found = _found(batch)
        by_hand = read_by_hand(overrides, assignment, set(found)) if overrides else {}
        chosen = {_student(name, found) for name in only or ()}
        _say_tests(batch, assignment)
        records, interrupted = _run(batch, jobs, seed, chosen)
        pairs = [(found[one.student], one) for one in records if one.student in found]
        final = results(pairs, deadline, by_hand)
        shown = anonymous(final, anonymise, batch.records) if anonymise else final
        write_reports(batch.report, assignment, shown, titles(master, assignment))
        if export:
            write_whole(batch.report / f"{export}.csv", write(final))
    _end(final, members, batch.report, interrupted)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """A line and an exit code for what the instructor can put right."""
    try:
        yield
    except (ValueError, OSError, GraderError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error


def _folders(submissions: Path | None, report: Path | None) -> tuple[Path, Path]:
    """Both of them; a report among the submissions would be a student's in the next run."""
    if submissions is None or report is None:
        raise ValueError("expected a folder of submissions and one for the report, got none")
    if report.resolve().is_relative_to(submissions.resolve()):
        raise ValueError(f"expected the report outside {submissions}, got {report}")
    return submissions, report


def _found(batch: Batch) -> dict[str, Submission]:
    """By student; where none is of the roster's, the folder or the roster is another one."""
    found = {one.student: one for one in batch.find()}
    people = batch.roster.people if batch.roster else found
    strangers = [key for key in found if key not in people]
    if strangers and not any(one.path for key, one in found.items() if key in people):
        raise ValueError(f"expected submissions of the roster's students, got {strangers[:5]}")
    return found


def _run(batch: Batch, jobs: int, seed: int | None, chosen: set[str]) -> tuple[list[Record], bool]:
    """The records, and whether the run was interrupted."""
    try:
        return batch.run(jobs=jobs, seed=seed, only=chosen), False
    except KeyboardInterrupt:
        return batch.finished(), True


def _say(isolation: Isolation) -> None:
    typer.echo(f"Isolation: {describe(isolation)}", err=True)
    if not isolation.strong:
        typer.echo("WARNING: student code is NOT kept in; you allowed that.", err=True)


def _say_tests(batch: Batch, assignment: Master) -> None:
    """Whose tests grade the class; that is no secret of a report's, and easily forgotten."""
    public = read_master(batch.master).tests
    own = [test.grade_id for test in assignment.tests if test not in public]
    typer.echo(f"Tests: the master's; your own: {', '.join(own) or 'none'}", err=True)
    if changed(batch.records, batch.tests):
        typer.echo("They are not those that graded this folder: all are graded again.", err=True)


def _check(master: Path, private: Path | None, isolation: Isolation) -> None:
    """Say what is wrong with the tests, and fail if anything is."""
    wrong = list(tried(master, private, isolation))
    for line in wrong:
        typer.echo(line, err=True)
    if wrong:
        typer.echo(f"{len(wrong)} tests are wrong: do not grade a class with them", err=True)
        raise typer.Exit(1)
    typer.echo("The reference earns every point, an empty notebook none.")


def _student(name: str, found: dict[str, Submission]) -> str:
    """The id of the student who has this id or name."""
    ids = [key for key, one in found.items() if name in {key, one.owner.name, one.owner.email}]
    if len(ids) == 1:
        return ids[0]
    near = difflib.get_close_matches(name, [*found, *(one.owner.name for one in found.values())])
    raise ValueError(f"expected --only with a student's id or name, got {name!r}; like it: {near}")


def _writer(
    platform: Platform | None, master: Master, roster: Roster | None, column: str
) -> Callable[[list[Result]], str]:
    """Makes the platform's file; what cannot be made is refused before a class waits for it."""
    if platform is None:
        return lambda _: ""
    if roster is None:
        raise ValueError("expected --roster with the platform's file for --export, got none")

    def write(final: list[Result]) -> str:
        if platform is Platform.moodle:
            return exports.moodle(final, master, roster)
        return exports.canvas(final, master, roster, column)

    write([])
    return write


def _end(final: list[Result], roster: Roster | None, report: Path, interrupted: bool) -> None:
    """Say what was done, and what was not."""
    if interrupted:
        typer.echo("Interrupted; finished grades are kept. The same command goes on.", err=True)
        raise typer.Exit(130)
    failed = [one.submission.student for one in final if not one.record.graded]
    typer.echo(f"{len(final) - len(failed)} graded: {report / 'class.csv'}")
    ids = (one.submission.student for one in final)
    if strangers := [one for one in ids if roster and one not in roster.people]:
        typer.echo(f"Not on the roster: {_listed(strangers)}", err=True)
    if failed:
        typer.echo(f"NOT graded, through no fault of theirs: {_listed(failed)}", err=True)
        raise typer.Exit(1)


def _listed(ids: list[str]) -> str:
    """Ids for a terminal, which may take no half of a character."""
    return ", ".join(ids).encode(errors="backslashreplace").decode()


if __name__ == "__main__":
    typer.run(main)
