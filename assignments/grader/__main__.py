"""The command: ``python -m assignments.grader MASTER SUBMISSIONS REPORT``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assignments.grader.batch import Batch
from assignments.grader.isolation import best_isolation, describe
from assignments.grader.master import read_master
from assignments.grader.report import write_reports
from assignments.grader.stage import GraderError


def main(
    master: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="The assignment: assignments/masters/NN_topic.py."
        ),
    ],
    submissions: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="A folder with a notebook a student: NAME.ipynb, NAME/anything.ipynb, or what "
            "nbgrader collects, NAME/ASSIGNMENT/ASSIGNMENT.ipynb.",
        ),
    ],
    report: Annotated[
        Path,
        typer.Argument(file_okay=False, help="Where the reports go; made if need be."),
    ],
    jobs: Annotated[
        int, typer.Option(min=1, help="How many submissions to grade at a time: one a core.")
    ] = 1,
    private: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A folder of your own, kept from students, with a file of the master's name: "
            "its graded cells replace those of the same grade_id.",
        ),
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

    REPORT/students has a page (.html) and a .json for each student, to hand back;
    REPORT/class.csv has the class; REPORT/points.svg shows which questions were hard;
    REPORT/private holds full tracebacks of hidden tests and is yours alone.

    Interrupted (Ctrl-C, power cut)? The same command goes on where it stopped. A notebook that
    was handed in anew is graded anew.
    """
    try:
        assignment = read_master(master, private)
        hidden = [submissions, master.parent, *([private] if private else [])]
        isolation = best_isolation(*hidden, allow_weak=allow_weak_isolation)
    except (ValueError, GraderError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"Isolation: {describe(isolation)}", err=True)
    if not isolation.strong:
        typer.echo("WARNING: student code is NOT kept in; you allowed that.", err=True)
    batch = Batch(master.resolve(), submissions.resolve(), report.resolve(), isolation, private)
    interrupted = False
    try:
        records = batch.run(jobs=jobs, seed=seed)
    except KeyboardInterrupt:
        interrupted, records = True, batch.finished()
    write_reports(batch.report, assignment, records)
    if interrupted:
        typer.echo("Interrupted; finished grades are kept. The same command goes on.", err=True)
        raise typer.Exit(130)
    failed = [record.student for record in records if not record.graded]
    typer.echo(f"{len(records) - len(failed)} graded: {batch.report / 'class.csv'}")
    if failed:
        typer.echo(f"NOT graded, through no fault of theirs: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
