"""Each master through the real grader: reference 20, release 0, each known bug exactly its loss.

A bug spoils one question. So one notebook carries bugs in several questions, and the points of each
question stand for the submission with this bug alone: no test calls another question's function,
and a question that has none in it stays unanswered.
Some bugs are shortcuts: they earned points without what was asked for, and each question has one.
Beside them stand the alternatives: other right answers to all questions, which have all points.
"""

import ast
import functools
import os
import re
import tomllib
from importlib import import_module
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest

from assignments.grader.grade import Grade, grade_one
from assignments.grader.isolation import best_isolation
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from tools import assignments as tool
from tools import nbval

ROOT = Path(__file__).parents[2]
MASTERS = sorted((ROOT / tool.MASTERS).glob("*.py"))
SEED = 20261121
pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
each_master = pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
# of those that read what they read at a commit where all passed, only the reference and the release
each_changed = pytest.mark.parametrize(
    "master", nbval.masters(os.environ.get("SINCE", "")), ids=lambda path: path.stem
)


def expected(master: Path) -> dict[str, dict]:
    """The points of each known-wrong submission, by its name."""
    return tomllib.loads((master.with_suffix("") / "expected.toml").read_text("utf8"))


def replaced(path: Path) -> dict[str, list[str]]:
    """The solution cells that a submission has of its own, by grade_id, each after its helpers."""
    cells: dict[str, list[str]] = {}
    helpers: list[str] = []
    for cell in tool.read(path).cells:
        helpers.append(cell.source)
        if tool.mark(cell):
            cells[tool.mark(cell)["grade_id"]], helpers = helpers, []
    assert not helpers, f"{path}: helpers below the last answer"
    return cells


def wrong(master: Path, name: str) -> dict[str, list[str]]:
    """The cells of a known-wrong submission."""
    return replaced(master.with_suffix("") / "wrong" / f"{name}.py")


def answers(master: Path) -> dict[str, list[str]]:
    """The reference's own solution cells, by grade_id."""
    cells = [cell for cell in tool.read(master).cells if tool.mark(cell).get("solution")]
    return {tool.mark(cell)["grade_id"]: [cell.source] for cell in cells}


def alternatives(master: Path) -> list[Path]:
    """Right answers that are not the reference."""
    return sorted((master.with_suffix("") / "alternatives").glob("*.py"))


def submission(master: Path, cells: dict[str, list[str]]) -> nbformat.NotebookNode:
    """The master with these cells in place of its own."""
    notebook = tool.read(master)
    made = []
    for cell in notebook.cells:
        *helpers, cell.source = cells.get(tool.mark(cell).get("grade_id"), [cell.source])
        made += [*map(nbformat.v4.new_code_cell, helpers), cell]
    notebook.cells = made
    return notebook


def bundles(master: Path) -> list[list[str]]:
    """The known-wrong submissions, in as few groups as have at most one for each question."""
    by_question: dict[str, list[str]] = {}
    for name, row in expected(master).items():
        (question,) = points(row)
        by_question.setdefault(question, []).append(name)
    return [[name for name in group if name] for group in zip_longest(*by_question.values())]


def points(row: dict) -> dict[str, int]:
    return {key: value for key, value in row.items() if re.fullmatch(r"q\d", key)}


def grade(master: Path, notebook: nbformat.NotebookNode, folder: Path) -> Grade:
    path = folder / f"{master.stem}.ipynb"
    jupytext.write(notebook, path, fmt="ipynb")
    return grade_one(master, path, isolation=isolation(), seed=SEED)


@functools.cache
def isolation() -> Isolation:
    """As measured once: it takes seconds, and the machine stays the same."""
    return best_isolation()


# A student's cell that looks for the reference, and takes what everyone may have.
LOOKING = """
import importlib
found = []
for module, name in NAMES:
    try:
        found.append(getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError):
        pass
from coursepkg.data import load_split
assert not found, found
"""


def reference(deleted: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each way to import something of the deleted modules: by its module, and by a face."""
    ways = [(name, "__doc__") for name in deleted]
    for path in (ROOT / "coursepkg").rglob("__init__.py"):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        face = import_module(package)
        for name in getattr(face, "__all__", ()):
            home = str(getattr(getattr(face, name), "__module__", ""))
            if any(f"{home}.".startswith(f"{gone}.") for gone in deleted):
                ways.append((package, name))
    return ways


@each_master
def test_reference_has_all_points(master, tmp_path):
    """Kills: a hidden test that a right answer fails; a reference that needs a deleted module."""
    result = grade(master, tool.read(master), tmp_path)
    assert [score for score in result.scores if score.points != score.possible] == []
    assert (result.total, result.problems) == (20, [])


@each_master
def test_release_has_no_points(master, tmp_path):
    """Kills: a test that passes whatever the student wrote; a reference that he can import."""
    tool.convert(master, tmp_path)
    path = tool.strip(master, tmp_path, tmp_path / "release")
    ways = reference(read_master(master).deleted)
    assert len(ways) > 10
    ways += [(name, "__doc__") for name in read_master(master).closed]
    release = nbformat.read(path, as_version=4)
    release.cells.insert(1, nbformat.v4.new_code_cell(LOOKING.replace("NAMES", repr(ways))))
    result = grade(master, release, tmp_path)
    assert result.problems == []
    assert [score for score in result.scores if score.points] == []
    assert all("NotImplementedError" in score.reason for score in result.scores)


@each_changed
def test_each_known_bug_costs_exactly_its_points(master, tmp_path):
    """Kills: a hidden test that a bug of public code passes."""
    assert len(expected(master)) >= 5
    for number, names in enumerate(bundles(master)):
        cells = {key: own for name in names for key, own in wrong(master, name).items()}
        bugs = {key: n for name in names for key, n in points(expected(master)[name]).items()}
        for key in answers(master):  # right ones would take time, and the reference has them all
            if key.partition("-")[0] not in bugs:
                cells[key] = [""]
        (tmp_path / str(number)).mkdir()
        result = grade(master, submission(master, cells), tmp_path / str(number))
        nothing = dict.fromkeys(read_master(master).questions, 0)
        assert result.points == nothing | bugs, f"{names}: {result.reasons}"


@each_changed
@pytest.mark.parametrize("number", range(3))
def test_right_answers_of_other_kinds_have_all_points(master, number, tmp_path):
    """Kills: a test that asks for the reference's library, precision, types or random numbers."""
    result = grade(master, submission(master, replaced(alternatives(master)[number])), tmp_path)
    assert result.points == read_master(master).questions, result.reasons
    assert result.problems == []


@each_master
def test_each_question_has_three_alternatives(master):
    """Kills: a question whose only known right answer is the reference; an alternative twice."""
    paths = alternatives(master)
    assert len(paths) >= 3
    asked = answers(master)
    given = [asked, *map(replaced, paths)]
    for grade_id in asked:
        found = {body(cells[grade_id]) for cells in given}
        assert len(found) == len(given), f"{grade_id}: two answers are the same"
    assert all(cells.keys() == asked.keys() for cells in given)


def body(sources: list[str]) -> str:
    """What an answer does: without its docstring, its comments and its layout."""
    function = next(n for n in ast.parse(sources[-1]).body if isinstance(n, ast.FunctionDef))
    return ast.dump(ast.Module(function.body[1:], []))


@each_master
def test_each_question_has_a_shortcut(master):
    """Kills: a question of which no one asked what a lazy and clever student would hand in."""
    rows = expected(master).values()
    found = {key for row in rows if row.get("kind") == "shortcut" for key in points(row)}
    assert found == read_master(master).questions.keys()


@each_master
def test_the_numbers_of_visible_tests_depend_on_the_seed(master):
    """Kills: points for numbers that were read off the test."""
    visible = [test for test in read_master(master).tests if not test.hidden]
    assert [test.grade_id for test in visible if "SEED" not in test.source] == [], (
        "expected something drawn from SEED in each visible test"
    )


@each_master
@pytest.mark.parametrize(
    ("got", "want"),
    [([np.nan], [np.nan]), ([[1.0]], [1.0]), ([1.0], 1.0), (1.0, [1.0]), ([1.0], [1.001])],
)
def test_a_comparison_takes_neither_nan_nor_another_shape(master, got, want):
    """Kills: NaN equals NaN; an answer that is right once it is broadcast; a wide tolerance."""
    space: dict = {}
    exec(read_master(master).setup[0], space)
    space["check"]([[1.0]], [[1.0]])
    with pytest.raises(AssertionError):
        space["check"](got, want)


@each_master
def test_known_wrong_submissions_are_complete(master):
    """Kills: a bug without an expectation, in another question too, or at no cost."""
    rows, full = expected(master), read_master(master).questions
    assert sorted(rows) == sorted(
        path.stem for path in (master.with_suffix("") / "wrong").glob("*.py")
    )
    for name, row in rows.items():
        assert row["bug"]
        assert row["seen"]
        cells = wrong(master, name)  # q2, or q2-in where a question has several
        assert points(row).keys() == {key.partition("-")[0] for key in cells}, name
        assert all(row[key] < full[key] for key in points(row)), name
    assert {key for row in rows.values() for key in points(row)} == full.keys()


def test_the_private_folder_of_the_instructors_page_works(tmp_path):
    """Kills: an example in the book that fits no master, or fails the reference."""
    master, page = MASTERS[0], (ROOT / "book/instructors.md").read_text("utf8")
    example = re.search(r"```python\n(.+?)```", page, re.DOTALL)[1]
    (tmp_path / master.name).write_text(example, encoding="utf-8")
    before, after = read_master(master), read_master(master, tmp_path)
    assert after.seed == 12345
    assert after.questions == before.questions
    (changed,) = [test for test in after.tests if test not in before.tests]
    space: dict = {"SEED": after.seed}
    for cell in tool.read(master).cells:
        if tool.mark(cell).get("grade_id") in {"setup", changed.question}:
            exec(cell.source, space)
    exec(changed.source, space)
    space["log_predictive"] = lambda log_lik: log_lik.mean(0)
    with pytest.raises(AssertionError):
        exec(changed.source, space)
