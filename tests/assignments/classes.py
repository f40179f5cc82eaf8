"""A class as Moodle packs it, and one as Canvas does, from a master's release and its reference.

``python -m tests.assignments.classes assignments/masters/01_bayes.py FOLDER`` writes both.
"""

import csv
import io
import json
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat

from tools.assignments import HIDDEN, SOLUTION, STUB, read

WORKSHEET = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade",
    "Grade can be changed", "Last modified (submission)", "Last modified (grade)",
    "Feedback comments",
]  # fmt: skip
GRADEBOOK = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Essay (77)"]


def questions(master: Path) -> list[str]:
    """The ids of the solution cells."""
    marks = [cell.metadata.get("nbgrader", {}) for cell in read(master).cells]
    return [mark["grade_id"] for mark in marks if mark.get("solution")]


def worked(master: Path, answered: Iterable[str] = (), body: str = "") -> str:
    """The release with the reference, or `body`, in the cells of these questions."""
    made = read(master)
    answered = set(answered)
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        answer = name in answered
        kept = (lambda found: body or found[1].strip()) if answer else (lambda _: STUB)
        cell.source = HIDDEN.sub("", SOLUTION.sub(kept, cell.source))
    return nbformat.writes(made)


def script(notebook: str) -> str:
    """As Jupytext saves it."""
    return jupytext.writes(nbformat.reads(notebook, as_version=4), fmt="py:percent")


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def moodle(folder: Path, master: Path) -> Path:
    """Submissions below `folder`/submissions; the grading worksheet, which is returned."""
    ids, name = questions(master), f"assignment-{master.stem}"
    full, blank = worked(master, ids), worked(master)
    half = ids[: len(ids) // 2]
    class_ = [
        ("Ann Lee", "1001", {f"{name}.ipynb": blank, f"{name}-Copy1.ipynb": full}),
        ("Bob Ferris", "1002", {f"{name}.ipynb": worked(master, half)}),
        ("Cem Öztürk", "1003", {"Bayes homework.ipynb.json": full}),
        ("Dana Ruiz", "1004", {"hand-in.zip": packed(**{f"work/{name}.ipynb": full})}),
        ("Eve Stone", "1005", {"solution.py": script(full)}),
        ("Finn Berg", "1006", {"report.pdf": "%PDF-1.7"}),
        ("Gil Amar", "1007", {}),
        ("Hana Sato", "1008", {f"{name}.ipynb": worked(master, ids[:1], "while True: pass")}),
        ("Ivo Novák", "1009", {f"{name}.IPYNB": worked(master, ids, "return None")}),
        ("=Jo <b>Park", "1010", {f"{name}.ipynb": "{"}),
    ]
    for student, number, files in class_:
        own = folder / "submissions" / f"{student}_{number}_assignsubmission_file_"
        own.mkdir(parents=True)
        for file, content in files.items():
            put(own / file, content)
    rows = [
        [f"Participant {number}", student, f"{student.split()[0].lower()}@example.edu",
         "Submitted for grading", "", "20.00", "Yes", "Monday, 4 May 2026, 10:15 PM", "-", ""]
        for student, number, _ in [*class_, ("Kim Weiss", "1011", {})]
    ]  # fmt: skip
    rows[1][7] = "Wednesday, 6 May 2026, 9:00 AM"
    rows[-1][3], rows[-1][7] = "No submission", "-"
    return written(folder / "worksheet.csv", [WORKSHEET, *rows])


def canvas(folder: Path, master: Path) -> Path:
    """Submissions below `folder`/submissions; the gradebook, which is returned."""
    ids, name = questions(master), f"assignment-{master.stem}"
    full, half = worked(master, ids), worked(master, ids[: len(ids) // 2])
    files = {
        f"leeann_201_9001_{name}.ipynb": half,
        f"leeann_201_9050_{name}-1.ipynb": full,
        f"ferrisbob_LATE_202_9002_{name}.ipynb": full,
        f"oztrkcem_203_9003_{name}-2.ipynb": full,
        "ruizdana_204_9004_hand-in.zip": packed(**{f"{name}.ipynb": half}),
        "stoneeve_205_text.html": "<p>I could not upload it</p>",
    }
    for file, content in files.items():
        put(folder / "submissions" / file, content)
    head = [*GRADEBOOK, f"{master.stem} (88)", "Current Score"]
    class_ = [("Lee, Ann", "201"), ("Ferris, Bob", "202"), ("Öztürk, Cem", "203"),
              ("Ruiz, Dana", "204"), ("Stone, Eve", "205"), ("Weiss, Kim", "206")]  # fmt: skip
    rows = [
        [student, number, f"S{number}", f"u{number}@example.edu", "Section 1", "9", "", "50"]
        for student, number in class_
    ]
    possible = ["    Points Possible", "", "", "", "", "10", "20", "(read only)"]
    test = ["Student, Test", "999", "", "abc", "Section 1", "", "", ""]
    return written(folder / "gradebook.csv", [head, possible, *rows, test])


def written(path: Path, rows: list[list[str]]) -> Path:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return put(path, out.getvalue())


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    print(json.dumps([str(make(target / make.__name__, source)) for make in (moodle, canvas)]))
