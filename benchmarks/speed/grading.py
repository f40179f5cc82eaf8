"""Seconds to grade a class of ordinary submissions, as an instructor would: with the command.

    python -m benchmarks.speed.grading

writes `benchmarks/results/grading.json`. A class hands in the reference solution and, in turn, each
of the known-wrong ones. Time is wall time, all of it: the measurement of the isolation too.
"""

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jupytext
import nbformat
import typer

from benchmarks.provenance import RESULTS, write_results
from tools import assignments

ROOT = Path(__file__).parents[2]
LINE = "{master}: {submissions} submissions in {seconds:.0f} s with {jobs} jobs, {each:.1f} s each"


def main(
    students: Annotated[int, typer.Option(help="submissions for each assignment")] = 40,
    jobs: Annotated[int, typer.Option(help="how many at a time")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="masters, such as 01_bayes")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Grades a class for each master, prints a line for each and writes the results."""
    masters = sorted((ROOT / assignments.MASTERS).glob("*.py"))
    rows = [measure(m, students, jobs) for m in masters if not only or m.stem in only]
    for row in rows:
        print(LINE.format(**row))
    write_results(out / "grading.json", rows)


def measure(master: Path, students: int, jobs: int) -> dict[str, Any]:
    """One row: wall seconds of the command for a class."""
    with tempfile.TemporaryDirectory() as name:
        submissions, report = Path(name, "submissions"), Path(name, "report")
        submissions.mkdir()
        for number, notebook in enumerate(itertools.islice(handed_in(master), students)):
            jupytext.write(notebook, submissions / f"student{number:03}.ipynb", fmt="ipynb")
        places = map(str, (master, submissions, report))
        command = [sys.executable, "-m", "assignments.grader", *places, f"--jobs={jobs}"]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    return {"master": master.stem, "submissions": students, "jobs": jobs, "seconds": seconds,
            "each": seconds / students}  # fmt: skip


def handed_in(master: Path) -> Iterator[nbformat.NotebookNode]:
    """The reference, each known-wrong submission, and so on from the start."""
    wrong = sorted((master.with_suffix("") / "wrong").glob("*.py"))
    for path in itertools.cycle([None, *wrong]):
        notebook = assignments.read(master)
        cells = assignments.read(path).cells if path else []
        own = {assignments.mark(c)["grade_id"]: c.source for c in cells if assignments.mark(c)}
        for cell in notebook.cells:
            cell.source = own.get(assignments.mark(cell).get("grade_id"), cell.source)
        yield notebook


if __name__ == "__main__":
    typer.run(main)
