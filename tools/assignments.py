"""Makes students' notebooks from the masters: validated, stripped by nbgrader, looked over, packed.

``python -m tools.assignments`` writes assignments/release/NAME/NAME.ipynb, what an instructor hands
out, and the same as book/_static/assignments/assignment-NAME.ipynb for the site, with the pinned
versions in assignment-NAME.zip; a chapter is called NAME.ipynb too, and a student has both. It
replaces both folders only if every master passed its own tests and nothing of a solution is left.
"""

import ast
import json
import logging
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jupytext
import nbformat
import typer
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.validator import Validator
from rich.progress import track
from traitlets.config import Config

from assignments.grader.master import read_master
from tools.launch import requirements
from tools.site import title

MASTERS = Path("assignments/masters")
RELEASE = Path("assignments/release")
DOWNLOADS = Path("book/_static/assignments")
STUB = "raise NotImplementedError"
BEGIN = "### BEGIN"
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
TRAINS = re.compile(r"\*Trains: (.+?)\*", re.DOTALL)
HEADING = re.compile(r"(?m)^## \d+\. (.+?) \(\d+ points?\)$")
CHAPTER = re.compile(r"/(notebooks/\w+)\.html")  # a link in the first cell
SECONDS = 180  # for one cell of a master
TIMES = """

When your notebook is graded, all its cells together may take {:.0f} seconds on one core, one
statement half of that, and each of the functions that you write {:.0f} seconds in all its calls.
Slow demonstrations are interrupted, and what stands below them is still run."""


class Question(NamedTuple):
    """One row of the table: points, the visible ones of them, and what it trains."""

    name: str
    points: int
    visible: int
    trains: str


def read(master: Path) -> nbformat.NotebookNode:
    """The master as a notebook; of its settings for the grader, a sentence about time is left."""
    notebook: nbformat.NotebookNode = jupytext.read(master, fmt="py:percent")
    if notebook.cells and notebook.cells[0].source.startswith("# grader: "):
        del notebook.cells[0]
        grader = read_master(master)
        notebook.cells[0].source += TIMES.format(grader.cell_seconds, grader.call_seconds)
    return notebook


def mark(cell: nbformat.NotebookNode) -> dict[str, Any]:
    """The cell's nbgrader metadata."""
    found: dict[str, Any] = cell.metadata.get("nbgrader", {})
    return found


def marks(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The metadata of all cells that have some."""
    return [mark(cell) for cell in notebook.cells if mark(cell)]


def validate(notebook: Path) -> list[str]:
    """Runs the reference against all of the master's tests; one line for each that fails."""
    settings = Config()
    settings.ExecutePreprocessor.timeout = SECONDS
    results = Validator(config=settings).validate(str(notebook.resolve()))
    failed = [f"{one['source']}\n{one['raw_error']}" for one in results.pop("failed", [])]
    return failed + [f"{kind}: {cells}" for kind, cells in results.items()]


def generate(course: Path, name: str) -> Path:
    """Runs nbgrader's release step in a course of its own.

    Raises:
        ValueError: nbgrader refuses the master; the message is nbgrader's.
    """
    settings = Config()
    settings.CourseDirectory.root = str(course)
    settings.CourseDirectory.assignment_id = name
    settings.ClearSolutions.code_stub = {"python": STUB}
    settings.GenerateAssignment.no_database, settings.SaveCells.enabled = True, False
    step = GenerateAssignment(coursedir=CourseDirectory(config=settings), config=settings)
    said = StringIO()
    step.log.addHandler(handler := logging.StreamHandler(said))
    try:
        step.start()
    except (NbGraderException, SystemExit) as error:
        raise ValueError(f"{name}: nbgrader made no release\n{said.getvalue()}{error}") from error
    finally:
        step.log.removeHandler(handler)
    return course / "release" / name / f"{name}.ipynb"


def secrets(master: nbformat.NotebookNode) -> set[str]:
    """Lines of solutions and hidden tests, without those that public cells hold as well.

    Brackets and words as short as `else:` tell nothing and are left out.
    """
    hidden: set[str] = set()
    public: set[str] = set()
    for cell in master.cells:
        parts = SOLUTION.findall(cell.source) + HIDDEN.findall(cell.source)
        hidden |= {line.strip() for part in parts for line in part.splitlines()}
        rest = HIDDEN.sub("", SOLUTION.sub("", cell.source))
        public |= {line.strip() for line in rest.splitlines()}
    return {line for line in hidden - public if len(line) > 6 and not line.startswith("### ")}


def leaks(master: nbformat.NotebookNode, text: str) -> Iterator[str]:
    """Whatever of the master's secrets a released text holds."""
    if BEGIN in text:
        yield f"`{BEGIN}` is left"
    lines = {line.strip() for line in text.splitlines()}
    yield from (f"a line of a solution or hidden test: {line}" for line in secrets(master) & lines)


def text_of(notebook: nbformat.NotebookNode) -> str:
    """All sources and outputs of a notebook, one after the other."""
    cells = notebook.cells
    return "\n".join(c.source + "\n" + json.dumps(c.get("outputs", [])) for c in cells)


def convert(master: Path, folder: Path) -> Path:
    """Writes the master as FOLDER/source/NAME/NAME.ipynb, where nbgrader looks for it.

    Raises:
        ValueError: the master lacks something that nbgrader does not ask for.
    """
    notebook = read(master)
    if faults := list(structure(notebook)):
        raise ValueError(f"{master}: " + "; ".join(faults))
    source = folder / "source" / master.stem / f"{master.stem}.ipynb"
    source.parent.mkdir(parents=True)
    jupytext.write(notebook, source, fmt="ipynb")
    return source


def strip(master: Path, course: Path, folder: Path) -> Path:
    """Makes FOLDER/NAME/NAME.ipynb, for students, from what `convert` wrote into `course`.

    Raises:
        ValueError: nbgrader refuses the master, or something of it leaked.
    """
    notebook, made = read(master), generate(course, master.stem)
    released = nbformat.read(made, as_version=4)
    found = list(leaks(notebook, text_of(released)))
    if text_of(released).count(f"    {STUB}\n") != sum(m["solution"] for m in marks(notebook)):
        found.append(f"expected `{STUB}` once in each solution cell")
    if found:
        raise ValueError(f"{master}: the release gives away\n" + "\n".join(found))
    target = folder / master.stem / made.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(released, target)
    return target


def release(master: Path, folder: Path) -> Path:
    """Makes FOLDER/NAME/NAME.ipynb from a master that passes its own tests.

    Raises:
        ValueError: it does not, or `convert` or `strip` refused it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        course = Path(temporary).resolve()
        if failed := validate(convert(master, course)):
            raise ValueError(f"{master}: the reference fails\n" + "\n".join(failed))
        return strip(master, course, folder)


def structure(master: nbformat.NotebookNode) -> Iterator[str]:
    """What a master must have that nbgrader does not ask for; one line for each fault."""
    total = sum(m.get("points", 0) for m in marks(master))
    if total != 20:
        yield f"expected 20 points, got {total}"
    for cell, m in ((cell, mark(cell)) for cell in master.cells if mark(cell)):
        if m["solution"]:
            defined = ast.parse(cell.source).body
            if len(defined) != 1 or not isinstance(defined[0], ast.FunctionDef):
                yield f"{m['grade_id']}: expected one function and nothing else"
        elif SOLUTION.search(cell.source):
            yield f"{m['grade_id']}: a solution in a cell that is none"
        told = cell.source.startswith("# hint: ") and HIDDEN.search(cell.source)
        if m["grade"] and not m["grade_id"].endswith("-visible") and not told:
            yield f"{m['grade_id']}: expected `# hint: ...`, then a hidden test"


def download(name: str) -> str:
    """What students see a master as; `assignments.grader.collect` knows it."""
    return f"assignment-{name}"


def pack(notebook: Path, folder: Path, root: Path) -> None:
    """FOLDER/assignment-NAME.ipynb, and a .zip of it with the versions it was tested with."""
    name = download(notebook.stem)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(notebook, folder / f"{name}.ipynb")
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(notebook, f"{name}/{name}.ipynb")
        archive.writestr(f"{name}/requirements.txt", requirements(root))


def questions(master: nbformat.NotebookNode) -> list[Question]:
    """The questions in order."""
    found: dict[str, Question] = {}
    for cell in master.cells:
        m, heading = mark(cell), HEADING.search(cell.source)
        question = m.get("grade_id", "").partition("-")[0]
        if heading and cell.cell_type == "markdown":
            trains = TRAINS.search(cell.source)
            text = " ".join(trains[1].split()).rstrip(".") if trains else ""
            found[question] = Question(heading[1], 0, 0, text)
        elif m.get("grade"):
            row, points = found[question], m["points"]
            visible = points if m["grade_id"].endswith("-visible") else 0
            found[question] = row._replace(
                points=row.points + points, visible=row.visible + visible
            )
    return list(found.values())


def chapters(master: nbformat.NotebookNode) -> list[str]:
    """The pages that its first cell says the master is on: `notebooks/06_rbm`, say."""
    return CHAPTER.findall(master.cells[0].source)


def pages(root: Path) -> dict[str, str]:
    """By the master's name, what its page of the book says: chapters, downloads, questions."""
    return {path.stem: _body(root, path) for path in sorted((root / MASTERS).glob("*.py"))}


def _body(root: Path, path: Path) -> str:
    master, name = read(path), download(path.stem)
    rows, found = questions(master), chapters(master)
    where = f"../_static/assignments/{name}"
    total, visible = sum(row.points for row in rows), sum(row.visible for row in rows)
    on = "Chapters: " if len(found) > 1 else "Chapter: "
    on += ", ".join(f"[{title(root / f'{page}.md')}](../{page}.ipynb)" for page in found)
    table = [
        f"| {number}. {row.name} | {row.points} | {row.trains} |"
        for number, row in enumerate(rows, 1)
    ]
    return f"""\
{on}. Points: {total}, of which {visible} for tests that you see. Download
<a href="{where}.ipynb" download>{name}.ipynb</a>, or <a href="{where}.zip" download>{name}.zip</a>
with the versions that it was tested with.

| question | points | what it trains |
|---|---:|---|
{chr(10).join(table)}
"""


def texts(path: Path) -> Iterator[str]:
    """What a download holds: the file itself, or the members of a zip file."""
    if path.suffix != ".zip":
        yield path.read_text("utf8")
        return
    with zipfile.ZipFile(path) as archive:
        yield from (archive.read(name).decode() for name in archive.namelist())


def check(site: Path) -> list[str]:
    """Names the notebooks, programs and archives of a built site that are not stripped."""
    files = [path for path in sorted(site.rglob("*")) if path.suffix in {".ipynb", ".py", ".zip"}]
    return [str(path) for path in files if any(BEGIN in text for text in texts(path))]


def main(
    *,
    site: Annotated[
        Path | None, typer.Option("--check", help="only look through this built site")
    ] = None,
) -> None:
    """Releases every master, or nothing."""
    if site is not None:
        if found := check(site):
            raise SystemExit("assignments: solutions or hidden tests in " + ", ".join(found))
        return
    root = Path()
    masters = sorted((root / MASTERS).glob("*.py"))
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "release"
        try:
            for master in track(masters, "assignments"):
                pack(release(master, made), Path(temporary) / "downloads", root)
        except ValueError as error:
            raise SystemExit(f"assignments: {error}") from None
        for new, old in ((made, RELEASE), (Path(temporary) / "downloads", DOWNLOADS)):
            shutil.rmtree(root / old, ignore_errors=True)
            shutil.copytree(new, root / old)
    print(f"assignments: {len(masters)} released into {RELEASE} and {DOWNLOADS}")


if __name__ == "__main__":
    typer.run(main)
