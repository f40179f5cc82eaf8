"""What is read out of a student's file, and which of its cells run."""

import json
import os
import re
import time

import pytest

from assignments.grader import submission
from assignments.grader.master import read_master
from assignments.grader.submission import Cell, Unreadable, pick, read_bytes, read_cells
from tests.assignments.notebook import INTEGRATE, SOFTMAX, TINY, cell, write

MASTER = read_master(TINY)


def code(source: str, grade_id: str = "") -> Cell:
    return Cell("code", source, grade_id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a notebook"),
        (b'{"cells": [{"cell_type": "code", "sour', "not a notebook"),
        (b"\xff\xfe\x00", "not a notebook"),
        (b"[" * 200_000, "not a notebook"),
        (b"[1, 2]", "no notebook"),
        (b'{"cells": {"a": 1}}', "no notebook"),
        (b'{"worksheets": 3}', "no notebook"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(tmp_path, content, reason):
    """Kills: an error of JSON's or of Python's that ends the batch."""
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        read_cells(tmp_path / "a.ipynb")


def test_a_cell_that_is_none_is_passed_over(tmp_path):
    """Kills: an entry of the wrong type that takes the whole notebook with it."""
    odd = [1, None, {"source": 3}, {"source": [1, {}]}, {"source": "x", "metadata": []},
           {"source": ["a\n", "b"], "metadata": {"nbgrader": {"grade_id": 3}}},
           {"cell_type": "raw", "source": "y", "metadata": {"nbgrader": ["q1"]}}]  # fmt: skip
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": odd}), encoding="utf-8")
    cells = read_cells(tmp_path / "a.ipynb")
    assert [c.source for c in cells] == ["", "x", "a\nb", "y"]
    assert {c.grade_id for c in cells} == {""}


def test_kind_source_and_id_are_read(tmp_path):
    """Kills: metadata read from the wrong key, after which every cell is a stranger."""
    path = write(tmp_path / "a.ipynb", cell("x = 1", "q1"), cell("text", kind="markdown"))
    assert read_cells(path) == [Cell("code", "x = 1", "q1"), Cell("markdown", "text", "")]


def test_an_old_notebook_and_one_with_much_saved_output_are_read(tmp_path):
    """Kills: a reader of nbformat 4 alone; a byte-order mark that is no JSON."""
    old = {"worksheets": [3, {"cells": [{"cell_type": "code", "input": [SOFTMAX, INTEGRATE]}]}]}
    (tmp_path / "old.ipynb").write_text("\ufeff" + json.dumps(old), encoding="utf-8")
    big = {**cell(SOFTMAX + INTEGRATE), "outputs": ["x" * (20 << 20)]}
    write(tmp_path / "big.ipynb", big)
    for name in ("old", "big"):
        assert read_cells(tmp_path / f"{name}.ipynb") == [code(SOFTMAX + INTEGRATE)]


def test_a_notebook_of_the_third_format_may_have_empty_sheets(tmp_path):
    """Kills: an error of the grader's own for ``"cells": null``."""
    sheets = [{"cells": None}, {}, {"cells": [cell(SOFTMAX)]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"worksheets": sheets}), encoding="utf-8")
    assert read_cells(tmp_path / "a.ipynb") == [code(SOFTMAX)]


def test_a_link_or_a_pipe_is_not_followed(tmp_path):
    """Kills: a submission that is a link to a classmate's, and one that blocks the batch."""
    good = write(tmp_path / "good.ipynb", SOFTMAX)
    (tmp_path / "thief.ipynb").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name in ("thief", "pipe", "missing"):
        with pytest.raises(Unreadable, match=r"cannot be read|regular file"):
            read_cells(tmp_path / f"{name}.ipynb")


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path):
    """Kills: a notebook of a terabyte, all holes and no disk, that is read into memory."""
    with open(tmp_path / "a.ipynb", "wb") as file:
        file.truncate(submission.SIZE_LIMIT + 1)
    with pytest.raises(Unreadable, match="larger than 256 MiB: clear all outputs"):
        read_bytes(tmp_path / "a.ipynb")


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("x = 1\ndef softmax(a): pass", True),
        ("class A:\n    def  softmax (self): pass", True),
        ("async def softmax(a): pass", True),
        ("softmax = 3", True),
        ("other, softmax = 3, 4", True),
        ("softmax: object = 3", True),
        ("from mine import integrate, softmax", True),
        ("from mine import soft as softmax", True),
        ("class softmax: pass", True),
        ("def softmax_of(a): pass", False),
        ("y = softmax(x)", False),
        ("softmax(x)", False),
        ("softmax == 3", False),
        ("if softmax == 3: pass", False),
        ("def f():\n    softmax = 3", False),
        ("# def softmax", False),
    ],
)
def test_a_definition_is_known_by_its_looks(source, answer):
    """Kills: a call, or a longer name, that passes for the definition."""
    assert ("softmax" in code(source).defined) is answer


@pytest.mark.parametrize("piece", ["\n", " ", "a", "a,", "from a import ", "from ", "a:", "```\n"])
def test_looking_at_a_cell_takes_time_as_it_grows(piece):
    """Kills: a megabyte of empty lines, at which a regular expression works for hours."""
    begun = time.monotonic()
    cell = Cell("markdown", "x\n" + piece * ((1 << 20) // len(piece)), "")
    assert len(cell.defined) < 5
    assert len(cell.python) > 5
    assert time.monotonic() - begun < 60


def test_locked_cells_are_left_out_with_and_without_metadata():
    """Kills: a student's copy of the tests or of the setup that runs with the rest."""
    setup, test = MASTER.setup[0], MASTER.tests[0].source
    cells = [code(setup, "setup"), code("x = 1", "setup"), code(setup + "\n\n"), code(SOFTMAX),
             code(test, "q1-visible"), code(f"\n{test}"), code("softmax = 0", "q2-hidden"),
             code(INTEGRATE)]  # fmt: skip
    sources, above, problems = pick(cells, MASTER)
    assert sources == ["x = 1", SOFTMAX, "softmax = 0", INTEGRATE]
    assert above == {"q1": 2, "q2": 2}
    assert problems == [
        "the locked cell `setup` was changed; it was run as one of yours",
        "the locked cell `q2-hidden` was changed; it was run as one of yours",
        "q1: `softmax` is defined 2 times, the last counts",
    ]


def test_a_released_notebook_has_no_changed_cell(tmp_path):
    """Kills: hidden tests, which a student never had, missed in each student's notebook."""
    region = re.compile(r"### BEGIN HIDDEN.*### END HIDDEN TESTS", re.DOTALL)
    cells = [code(region.sub("", test.source), test.grade_id) for test in MASTER.tests]
    sources, above, problems = pick(
        [code(SOFTMAX), *cells[:2], code(INTEGRATE), *cells[2:]], MASTER
    )
    assert (sources, above, problems) == ([SOFTMAX, INTEGRATE], {"q1": 1, "q2": 2}, [])


def test_without_metadata_a_test_is_known_by_its_text():
    """Kills: Colab's notebooks, in which no question has cells above it."""
    test = MASTER.tests[0]
    cells = [code(SOFTMAX), code("x = 1"), code(test.source), code("y = 1"), code("")]
    assert pick(cells, MASTER).above == {"q1": 2}


def test_without_its_tests_a_question_ends_with_its_answer():
    """Kills: a helper redefined below, in a notebook whose tests were deleted; a first attempt."""
    cells = [code("x = 1"), code(SOFTMAX), code("x = 2"), code(INTEGRATE), code("x = 3")]
    assert pick(cells, MASTER).above == {"q1": 2, "q2": 4}
    assert pick([*cells, code(SOFTMAX)], MASTER).above == {"q1": 6, "q2": 4}


STUB = """
def softmax(a):
    \"""Probabilities, from the logits of the last axis.\"""
    raise NotImplementedError
"""


def test_an_answer_is_no_worse_for_an_empty_copy_of_its_cell():
    """Kills: zero points for who answers in a copy, above the original or in Markdown."""
    cells = [code(SOFTMAX, "q1"), code(STUB, "q1"), code(INTEGRATE, "q2")]
    assert pick(cells, MASTER) == ([SOFTMAX, INTEGRATE], {"q1": 1, "q2": 2}, [])
    cells = [Cell("markdown", SOFTMAX, "q1"), code(STUB, "q1"), code(INTEGRATE, "q2")]
    assert pick(cells, MASTER)[0] == [SOFTMAX, INTEGRATE]
    assert pick([code(STUB, "q1"), code(INTEGRATE)], MASTER)[0] == [STUB, INTEGRATE]


def test_cells_run_in_the_notebooks_order():
    """Kills: cells that are run as they were found, a helper after its use; prose that is run."""
    late = Cell("markdown", f"Colab did this\n```python\n{SOFTMAX}\n```\nand more", "")
    sources, _, problems = pick([late, code("y = 1"), code(INTEGRATE)], MASTER)
    assert ["def softmax" in source for source in sources] == [True, False, False]
    assert "Colab" not in sources[0]
    assert "more" not in sources[0]
    assert sources[1:] == ["y = 1", INTEGRATE]
    assert problems == ["q1: `softmax` was taken from a cell that is no solution cell"]


def test_a_helper_that_became_text_is_code_again_unless_there_is_another():
    """Kills: an answer lost with its helper's cell; a draft in Markdown run on top of the code."""
    helper = Cell("markdown", "def top(a): return 0", "")
    cells = [helper, code(SOFTMAX), code(INTEGRATE), helper, Cell("raw", "no code", "")]
    sources, _, problems = pick(cells, MASTER)
    assert sources == ["def top(a): return 0", SOFTMAX, INTEGRATE]
    assert problems == ["`top` was taken from a cell that is no code"]
    assert pick([*cells, code("top = 3")], MASTER)[0] == [SOFTMAX, INTEGRATE, "top = 3"]


def test_of_two_cells_that_are_no_solution_the_last_counts():
    """Kills: a first attempt, kept as Markdown, that is graded for the second."""
    cells = [Cell("raw", SOFTMAX, ""), Cell("raw", SOFTMAX + "# 2", ""), code(INTEGRATE)]
    assert pick(cells, MASTER)[0] == [SOFTMAX + "# 2", INTEGRATE]


def test_a_code_cell_comes_before_text_that_repeats_it():
    """Kills: a Markdown cell that quotes the function and is run on top of it."""
    text = Cell("markdown", SOFTMAX.replace("e / e", "e * e"), "")
    picked = pick([code(SOFTMAX), text, code(INTEGRATE)], MASTER)
    assert (picked.sources, picked.problems) == ([SOFTMAX, INTEGRATE], [])


def test_a_student_is_told_what_is_missing_or_there_twice():
    """Kills: zero points, or another cell's, without a word."""
    sources, _, problems = pick([code(SOFTMAX, "q1"), code(SOFTMAX, "q1")], MASTER)
    assert sources == [SOFTMAX, SOFTMAX]
    assert problems == [
        "q1: `softmax` is defined 2 times, the last counts",
        "q2: no cell defines `integrate`",
    ]


def test_another_assignments_notebook_is_named_so_once():
    """Kills: a list of missing functions in place of the one thing that is wrong."""
    *_, problems = pick([code("x = 1"), code("def other(): pass")], MASTER)
    assert problems == ["nothing in this notebook belongs to the assignment tiny"]


def test_a_cell_beyond_the_limit_is_not_run(monkeypatch):
    """Kills: a megabyte of source in the worker's parser, and silence about it."""
    monkeypatch.setattr(submission, "CELL_LIMIT", len(INTEGRATE))
    sources, _, problems = pick([code(SOFTMAX), code("#" * 2000), code(INTEGRATE)], MASTER)
    assert sources == [SOFTMAX, INTEGRATE]
    assert problems == ["cell 2 is longer than 0 MiB and was not run"]
