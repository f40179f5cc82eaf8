"""What is read of a notebook, and that its reading ends, however large or odd it is."""

import json
import resource
import subprocess
import sys

import pytest

from assignments.grader import reading
from assignments.grader.reading import CELLS, NAME, TOTAL, Unreadable, extract, read_notebook


def content(*cells: object, **more: object) -> bytes:
    return json.dumps({"cells": list(cells), **more}).encode()


def code(source: object, **more: object) -> dict:
    return {"cell_type": "code", "source": source, **more}


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (b"", "not a notebook"),
        (b"{", "not a notebook"),
        (b"\xff\xfe{\x00", "not a notebook"),
        (b'{"cells": [], "x": "\xc3"}', "not a notebook"),
        (b"[" * 10**6, "not a notebook"),
        (b'{"a":' * 10**5, "not a notebook"),
        (b'{"cells": ' + b"9" * 10**6 + b"}", "not a notebook"),
        (b"null", "JSON, but no notebook"),
        (b"[]", "JSON, but no notebook"),
        (b"{}", "JSON, but no notebook"),
        (b'{"cells": null}', "JSON, but no notebook"),
        (b'{"cells": {"0": {}}}', "JSON, but no notebook"),
        (b'{"worksheets": {}}', "JSON, but no notebook"),
        (b'{"cells": [' + b"{}," * CELLS + b"{}]}", "more than 10000 cells"),
        (content(*[code("x" * (1 << 20))] * 17), "cells of more than 16 MiB"),
    ],
)
def test_what_is_no_notebook_has_a_reason(text, trouble):
    """Kills: an exception of the grader's own for what a student hands in."""
    with pytest.raises(Unreadable, match=trouble):
        read_notebook(text)


def test_what_is_kept_of_a_cell_is_its_kind_its_source_and_its_id():
    """Kills: a source for an id; lines of which only the first is read."""
    marked = code(["a\n", 3, "b"], metadata={"nbgrader": {"grade_id": "q1"}})
    text = {"cell_type": "markdown", "source": "\ud800é"}
    assert read_notebook(content(marked, text)) == [
        ("code", "a\nb", "q1"),
        ("markdown", "\ud800é", ""),
    ]


@pytest.mark.parametrize("odd", [3, None, "x", [], {"source": 3}, {"source": None}, {"source": {}}])
def test_a_cell_that_is_none_is_passed_over(odd):
    """Kills: one odd cell for which all others are lost."""
    assert read_notebook(content(odd, code("x"))) == [("code", "x", "")]


@pytest.mark.parametrize("mark", [3, [], {"grade_id": 3}, {"grade_id": "n" * (NAME + 1)}, {"x": 1}])
def test_an_id_that_is_none_is_no_id(mark):
    """Kills: an id that is a number, or a megabyte."""
    assert read_notebook(content(code("x", metadata={"nbgrader": mark}))) == [("code", "x", "")]
    assert read_notebook(content(code("x", metadata=[mark]))) == [("code", "x", "")]


@pytest.mark.parametrize("kind", [None, 3, [], {"a": 1}, "k" * (NAME + 1)])
def test_a_kind_that_is_none_is_no_kind(kind):
    """Kills: a kind that is printed, whatever it holds."""
    assert read_notebook(content({"cell_type": kind, "source": "x"})) == [("", "x", "")]


def test_the_third_format_is_read_with_sheets_that_are_null():
    """Kills: ``"cells": null`` in a sheet, or a sheet that is none, which is an error."""
    sheets = [{"cells": None}, 3, {"cells": 3}, {"cells": [{"cell_type": "code", "input": "x"}]}]
    text = json.dumps({"nbformat": 3, "cells": None, "worksheets": sheets}).encode()
    assert read_notebook(text) == [("code", "x", "")]
    text = content(code("y"), worksheets=sheets)
    assert read_notebook(text) == [("code", "y", "")]


def test_of_a_long_cell_as_much_is_kept_as_tells_that_it_is_too_long():
    """Kills: a limit that cannot be noticed; a long cell that costs the others."""
    (first, second) = read_notebook(content(code("x" * (TOTAL + 1)), code("y")))
    assert len(first.source) == reading.CELL_LIMIT + 1
    assert second.source == "y"


def test_much_saved_output_is_no_trouble_but_much_memory_is():
    """Kills: honest pictures that are refused; 64 MB of brackets that take three gigabytes."""
    assert read_notebook(content(code("x", outputs=["p" * (64 << 20)]))) == [("code", "x", "")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with pytest.raises(Unreadable, match="more than 1536 MiB of memory: clear all outputs"):
        read_notebook(b'{"cells": [' + b"{}," * (21 << 20) + b"1]}")
    most = max(before, reading.MEMORY >> 10)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= most


def test_reading_ends_in_time(monkeypatch, tmp_path):
    """Kills: a process that reads for ever, or computes for ever."""
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(reading, "SECONDS", 0.02)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Unreadable, match="takes more than 20 s"):
        read_notebook(b"{}")


def test_the_process_has_limits_before_it_reads():
    """Kills: limits that are set when the file has been read."""
    program = f"""
import importlib.util, resource, sys
spec = importlib.util.spec_from_file_location("reading", {reading.__file__!r})
module = importlib.util.module_from_spec(spec)
sys.modules["reading"] = module
spec.loader.exec_module(module)
class Input:
    def __getattr__(self, name): return self
    def read(self):
        for what in "AS", "CPU", "CORE":
            print(resource.getrlimit(getattr(resource, "RLIMIT_" + what))[1])
        return b"{{}}"
sys.stdin = Input()
module.main()
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(3 << 29), "20", "0", '"form"']


def test_a_process_that_the_kernel_ends_was_too_slow_and_one_that_fails_too_large(monkeypatch):
    """Kills: a reason for the other trouble."""
    for status, reason in ((-9, "20 s"), (-24, "20 s"), (1, "memory")):

        def fail(*_: object, status: int = status, **__: object) -> None:
            raise subprocess.CalledProcessError(status, "python")

        monkeypatch.setattr(reading.subprocess, "run", fail)
        with pytest.raises(Unreadable, match=reason):
            read_notebook(b"{}")


def test_extract_names_its_troubles():
    """Kills: a trouble without a text."""
    assert {extract(b"{"), extract(b"[]")} <= reading.TROUBLES.keys()
