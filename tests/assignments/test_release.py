"""What students get: complete, and without a trace of what they are to find out."""

import ast
import json
import re
import zipfile
from pathlib import Path

import nbformat
import pytest

from assignments.grader.master import read_master
from tools import assignments as tool

ROOT = Path(__file__).parents[2]
MASTERS = sorted((ROOT / tool.MASTERS).glob("*.py"))
ALLOWED = {"itertools", "math", "numpy", "torch", "scipy", "sklearn", "coursepkg"}

HEAD = "# ---\n# jupyter:\n#   jupytext:\n#     cell_metadata_filter: nbgrader,tags,-all\n# ---\n"
ANSWER = "def answer():\n    ### BEGIN SOLUTION\n    return 6 * 7\n    ### END SOLUTION\n"
HIDDEN = (
    "# hint: it is even\n### BEGIN HIDDEN TESTS\nassert answer() % 2 == 0\n### END HIDDEN TESTS\n"
)


def cell(source: str, grade_id: str, *, points: int = 0, solution: bool = False) -> str:
    """A cell of a master."""
    flags = {"grade": bool(points), "grade_id": grade_id, "locked": not solution}
    flags |= {"schema_version": 3, "solution": solution, "task": False}
    flags |= {"points": points} if points else {}
    return f"\n# %% nbgrader={json.dumps(flags)}\n{source}"


def write(folder: Path, *cells: str) -> Path:
    """A master of these cells."""
    (folder / "01_small.py").write_text(HEAD + "".join(cells), encoding="utf-8")
    return folder / "01_small.py"


@pytest.fixture(scope="module", params=MASTERS, ids=lambda path: path.stem)
def pair(request, tmp_path_factory):
    """A master and its release, as notebooks, and the release's file."""
    course = tmp_path_factory.mktemp("course").resolve()
    tool.convert(request.param, course)
    path = tool.strip(request.param, course, tmp_path_factory.mktemp("release"))
    return tool.read(request.param), nbformat.read(path, as_version=4), path


def test_these_are_the_masters():
    """Kills: a glob that finds nothing, so that every test below passes."""
    names = ["01_bayes", "02_density_estimation", "04_mcmc", "06_energy", "09_autoregressive"]
    names += ["11_flows", "13_autoencoders", "15_adversarial", "17_diffusion", "20_language"]
    assert [path.stem for path in MASTERS] == names


def test_release_holds_no_marker_and_no_line_of_a_solution_or_hidden_test(pair):
    """Kills: hidden tests or solutions copied along. All lines, not only `secrets`'s."""
    master, released, path = pair
    assert "### " not in path.read_text("utf8").replace("#### ", "")
    lines = {line.strip() for line in tool.text_of(released).splitlines()}
    parts = [p for c in master.cells for p in tool.SOLUTION.findall(c.source)]
    body = {line.strip() for part in parts for line in part.splitlines()} - {""}
    asked = {m["grade_id"].partition("-")[0] for m in tool.marks(master) if m["solution"]}
    assert len(parts) >= len(asked) == len(tool.questions(master))
    assert len(body) > 20
    assert not body & lines
    assert len(tool.secrets(master)) > 50
    assert not tool.secrets(master) & lines


def test_release_is_the_master_in_all_else(pair):
    """Kills: a visible test that was lost, a stub in the wrong place, a changed point."""
    master, released, _ = pair
    assert len(master.cells) == len(released.cells)
    for old, new in zip(master.cells, released.cells, strict=True):
        kept = {k: v for k, v in tool.mark(new).items() if k not in {"checksum", "cell_type"}}
        assert kept == tool.mark(old)
        if tool.mark(old)["solution"]:
            (function,) = ast.parse(new.source).body
            assert ast.get_docstring(function)
            assert ast.unparse(function.body[1:]) == "raise NotImplementedError"
        elif "HIDDEN" in old.source:
            assert new.source.strip() == old.source.splitlines()[0]
            assert new.source.startswith("# hint: ")
        else:
            assert new.source == old.source
        assert not new.get("outputs")


def test_release_needs_the_course_and_nothing_else(pair):
    """Kills: an import of nbgrader or of the grader in a cell of the students'."""
    _, released, _ = pair
    code = "\n".join(c.source for c in released.cells if c.cell_type == "code")
    found = [
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {getattr(node, "module", None) or node.names[0].name for node in found}
    assert {name.partition(".")[0] for name in names} <= ALLOWED


def test_points_and_questions(pair):
    """20 points, in 4-7 questions from easy to hard; each says what it trains."""
    rows = tool.questions(pair[0])
    assert 4 <= len(rows) <= 7
    assert sum(row.points for row in rows) == 20
    assert all(row.visible == 1 and row.trains and row.name for row in rows)
    promised = re.findall(r"(?m)^## \d\. .+ \((\d+) points\)$", tool.text_of(pair[0]))
    assert [int(points) for points in promised] == [row.points for row in rows]


def test_downloads_hold_the_notebook_and_pins(pair, tmp_path):
    """Kills: an archive with the master in it; pins that are missing; a chapter's file name."""
    path = pair[2]
    tool.pack(path, tmp_path, ROOT)
    own = f"assignment-{path.stem}"  # beside the chapter of the same name
    assert {file.name for file in tmp_path.iterdir()} == {f"{own}.ipynb", f"{own}.zip"}
    with zipfile.ZipFile(tmp_path / f"{own}.zip") as archive:
        names = [f"{own}/{own}.ipynb", f"{own}/requirements.txt"]
        assert archive.namelist() == names
        assert archive.read(names[0]) == path.read_bytes()
        assert b"\nnumpy==" in archive.read(names[1])
    assert (tmp_path / f"{own}.ipynb").read_bytes() == path.read_bytes()
    assert tool.check(tmp_path) == []


def test_check_finds_what_was_not_stripped(tmp_path):
    """Kills: a check that reads no archives."""
    (tmp_path / "page.html").write_text("### BEGIN as a page may say", "utf8")
    (tmp_path / "a.ipynb").write_text("{}", "utf8")
    (tmp_path / "b.py").write_text(ANSWER, "utf8")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("fine.txt", "fine")
        archive.writestr("master.py", ANSWER)
    assert [Path(name).name for name in tool.check(tmp_path)] == ["b.py", "c.zip"]


def test_leaks_are_named(tmp_path):
    """Kills: comparison of whole cells, which a copied line escapes."""
    master = tool.read(
        write(tmp_path, cell(ANSWER, "q1", solution=True), cell(HIDDEN, "q1-hidden", points=20))
    )
    assert (
        list(tool.leaks(master, "def answer():\n    raise NotImplementedError\n# hint: it is even"))
        == []
    )
    assert list(tool.leaks(master, "x\n        return 6 * 7\n")) == [
        "a line of a solution or hidden test: return 6 * 7"
    ]
    assert len(list(tool.leaks(master, "### BEGIN SOLUTION\nassert answer() % 2 == 0"))) == 2


FAULTY = {
    "expected 20 points": [cell("assert answer()", "q1-visible", points=19)],
    "q1: expected one function": [cell(ANSWER + "\nx = 1\n", "q1", solution=True)],
    "q1-hidden: expected `# hint": [cell(HIDDEN.replace("hint", "note"), "q1-hidden", points=20)],
    "setup: a solution in a cell that is none": [cell(ANSWER, "setup")],
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_master_with_a_fault_is_refused(tmp_path, fault):
    with pytest.raises(ValueError, match=fault):
        tool.convert(write(tmp_path, *FAULTY[fault]), tmp_path / "course")


def test_nbgrader_s_refusal_is_passed_on(tmp_path):
    """A missing END marker would release the solution."""
    broken = cell(ANSWER.replace("    ### END SOLUTION\n", ""), "q1", solution=True)
    master = write(tmp_path, broken, cell("assert answer()", "q1-visible", points=20))
    tool.convert(master, tmp_path)
    with pytest.raises(ValueError, match=r"(?s)nbgrader made no release.*no end solution"):
        tool.strip(master, tmp_path, tmp_path / "release")


@pytest.mark.slow
def test_a_reference_that_fails_is_not_released(tmp_path):
    """Kills: a release that does not run the hidden tests."""
    wrong = cell(ANSWER.replace("6 * 7", "41"), "q1", solution=True)
    master = write(tmp_path, wrong, cell(HIDDEN, "q1-hidden", points=20))
    with pytest.raises(ValueError, match=r"(?s)the reference fails.*assert answer\(\) % 2 == 0"):
        tool.release(master, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_each_assignment_has_a_page_with_its_title_its_table_and_its_downloads():
    pages = tool.pages(ROOT)
    assert set(pages) == {master.stem for master in MASTERS}
    for master in MASTERS:
        name, text = master.stem, pages[master.stem]
        for suffix in ("ipynb", "zip"):
            link = f'<a href="../_static/assignments/assignment-{name}.{suffix}" download>'
            assert f"{link}assignment-{name}.{suffix}</a>" in text
        linked = re.findall(r"\(\.\./notebooks/(\d\d)_\w+\.ipynb\)", text)
        said = re.findall(r"\[chapter (\d+)\]", tool.read(master).cells[0].source)
        assert [int(number) for number in linked] == [int(number) for number in said]
        assert name[:2] in linked
        points = [int(n) for n in re.findall(r"\| \d\. .+ \| (\d+) \| .+ \|", text)]
        assert sum(points) == 20
        assert f"Points: 20, of which {len(points)} " in text  # one for each visible test
        file = ROOT / "book" / f"assignment-{name}.md"
        heading = re.search(r"(?m)^# (.+)$", tool.read(master).cells[0].source)[1]
        assert file.read_text("utf8").startswith(f"# {heading}\n")
        assert f"generated/assignment-{name}.md" in file.read_text("utf8")


def test_a_student_is_told_how_much_time_there_is():
    """Kills: a budget of which nobody hears before it is spent."""
    for master in MASTERS:
        grader = read_master(master)
        first = tool.read(master).cells[0]
        assert first.cell_type == "markdown"
        assert f"together may take {grader.seconds / 2:.0f} seconds on one core" in first.source
        assert f"that you write {grader.call_seconds:.0f} seconds" in first.source
