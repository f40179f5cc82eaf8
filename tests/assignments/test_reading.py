"""What is read of a notebook, and that its reading ends, however large or odd it is."""

import contextlib
import io
import json
import os
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
        (b"", "json"),
        (b"{", "json"),
        (b"\xff\xfe{\x00", "json"),
        (b'{"cells": [], "x": "\xc3"}', "json"),
        (b"[" * 10**6, "json"),
        (b'{"a":' * 10**5, "json"),
        (b'{"cells": ' + b"9" * 10**6 + b"}", "json"),
        (b"null", "form"),
        (b"[]", "form"),
        (b"{}", "form"),
        (b'{"cells": null}', "form"),
        (b'{"cells": {"0": {}}}', "form"),
        (b'{"worksheets": {}}', "form"),
        (b'{"cells": [' + b"{}," * CELLS + b"{}]}", "size"),
        (content(*[code("x" * (1 << 20))] * 17), "size"),
    ],
)
def test_what_is_no_notebook_has_a_reason(text, trouble):
    """Kills: an exception of the grader's own for what a student hands in."""
    assert extract(text) == trouble
    assert trouble in reading.TROUBLES


def test_a_byte_order_mark_is_no_part_of_the_notebook():
    """Kills: a notebook that went through an editor of Windows, refused."""
    assert extract(b"\xef\xbb\xbf" + content(code("a"))) == [("code", "a", "")]


def test_what_is_kept_of_a_cell_is_its_kind_its_source_and_its_id():
    """Kills: a source for an id; lines of which only the first is read."""
    marked = code(["a\n", 3, "b"], metadata={"nbgrader": {"grade_id": "q1"}})
    text = {"cell_type": "markdown", "source": "\ud800é"}
    assert extract(content(marked, text)) == [
        ("code", "a\nb", "q1"),
        ("markdown", "\ud800é", ""),
    ]


@pytest.mark.parametrize("odd", [3, None, "x", [], {"source": 3}, {"source": None}, {"source": {}}])
def test_a_cell_that_is_none_is_passed_over(odd):
    """Kills: one odd cell for which all others are lost."""
    assert extract(content(odd, code("x"))) == [("code", "x", "")]


@pytest.mark.parametrize("mark", [3, [], {"grade_id": 3}, {"grade_id": "n" * (NAME + 1)}, {"x": 1}])
def test_an_id_that_is_none_is_no_id(mark):
    """Kills: an id that is a number, or a megabyte."""
    assert extract(content(code("x", metadata={"nbgrader": mark}))) == [("code", "x", "")]
    assert extract(content(code("x", metadata=[mark]))) == [("code", "x", "")]


@pytest.mark.parametrize("kind", [None, 3, [], {"a": 1}, "k" * (NAME + 1)])
def test_a_kind_that_is_none_is_no_kind(kind):
    """Kills: a kind that is printed, whatever it holds."""
    assert extract(content({"cell_type": kind, "source": "x"})) == [("", "x", "")]


def test_the_third_format_is_read_with_sheets_that_are_null():
    """Kills: ``"cells": null`` in a sheet, or a sheet that is none, which is an error."""
    sheets = [{"cells": None}, 3, {"cells": 3}, {"cells": [{"cell_type": "code", "input": "x"}]}]
    text = json.dumps({"nbformat": 3, "cells": None, "worksheets": sheets}).encode()
    assert extract(text) == [("code", "x", "")]
    text = content(code("y"), worksheets=sheets)
    assert extract(text) == [("code", "y", "")]


def test_of_a_long_cell_as_much_is_kept_as_tells_that_it_is_too_long():
    """Kills: a limit that cannot be noticed; a long cell that costs the others."""
    (first, second) = extract(content(code("x" * (TOTAL + 1)), code("y")))
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
    found: list[str] = []

    class Input:
        buffer = property(lambda self: self)

        def read(self) -> bytes:
            found.extend(
                str(resource.getrlimit(getattr(resource, f"RLIMIT_{what}"))[1])
                for what in ("AS", "CPU", "CORE")
            )
            return b"{}"

    read, write = os.pipe()
    if not (child := os.fork()):  # for what is limited once is so for good
        try:
            sys.stdin = Input()
            with contextlib.redirect_stdout(io.StringIO()) as out:
                reading.main()
            os.write(write, " ".join([*found, out.getvalue()]).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 99).decode().split() == [str(3 << 29), "20", "1", '"form"']
    os.close(read)


def test_a_process_that_the_kernel_ends_was_too_slow_and_one_that_fails_too_large(monkeypatch):
    """Kills: a reason for the other trouble."""
    for status, reason in ((-9, "20 s"), (-24, "20 s"), (1, "memory")):

        def fail(*_: object, status: int = status, **__: object) -> None:
            raise subprocess.CalledProcessError(status, "python")

        monkeypatch.setattr(reading.subprocess, "run", fail)
        with pytest.raises(Unreadable, match=reason):
            read_notebook(b"{}")


def test_another_process_reads_the_same():
    """Kills: an answer that is lost, or changed, on its way; a trouble told by its key."""
    text = content(code("\ud800é", metadata={"nbgrader": {"grade_id": "q1"}}), code("y"))
    assert read_notebook(text) == extract(text) == [("code", "\ud800é", "q1"), ("code", "y", "")]
    with pytest.raises(Unreadable, match="JSON, but no notebook"):
        read_notebook(b"[]")
