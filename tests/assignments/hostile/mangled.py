"""Notebooks that are broken, or built so that reading them breaks the grader."""

import json
import os
from pathlib import Path

from assignments.grader.batch import Submission
from tests.assignments.hostile.notebooks import (
    ALL,
    HONEST,
    SETUP,
    WRONG,
    Case,
    Places,
    attack,
    cell,
    document,
    made,
    notebook,
    raw,
)

_TEXT = json.dumps(notebook([cell(SETUP, "setup"), *(cell(s, q) for q, s in HONEST.items())]))


def _cells(name: str, earns: str, *cells: dict) -> Case:
    return document(name, notebook(list(cells)), earns)


def _fancy(letters: str) -> str:
    """The letters in full width, which Python reads as plain ones."""
    return "".join(chr(0xFF41 + ord(c) - ord("a")) for c in letters)


FILES: list[Case] = [
    raw("an empty file", b""),
    raw("a truncated notebook", _TEXT[: len(_TEXT) // 2].encode()),
    raw("not JSON", b"\x80\x04\x95\xff\x00 not a notebook"),
    raw("JSON of a million brackets", b"[" * 10**6),
    raw("JSON with an integer of a million digits", b'{"cells": ' + b"9" * 10**6 + b"}"),
    raw("a notebook in UTF-16", _TEXT.encode("utf-16")),
    raw("a byte order mark", b"\xef\xbb\xbf" + _TEXT.encode(), ALL),
    document("a list", [], ""),
    document("a number", 14, ""),
    document("cells are null", {"cells": None, "nbformat": 4}, ""),
    document("cells are numbers", {"cells": [1, None, "x", [], {}]}, ""),
    document(
        "metadata are lists",
        notebook([
            cell(HONEST["q1"]) | {"metadata": [1], "outputs": 3},
            *map(cell, HONEST.values()),
        ]),
        ALL,
    ),
    document(
        "sources are no text",
        notebook([cell(None, "q1"), cell({"a": 1}, "q2"), cell([1, None], "q3")]),
        "",
    ),
    document(
        "a notebook of nbformat 3",
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}]},
        "",
    ),
    document(
        "a hundred megabytes of saved output",
        notebook([
            cell(HONEST["q1"], "q1")
            | {"outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 10**8}]},
            cell(HONEST["q2"], "q2"),
        ]),
        "q1 q2",
    ),
    attack("honest", ALL),
    raw("sixty megabytes of brackets", b'{"cells": [' + b"{}," * (20 << 20) + b"1]}"),
    raw("keys nested a hundred thousand deep", b'{"a":' * 10**5),
    raw("bytes that are no UTF-8 in a cell", b'{"cells": [{"source": "\xc3"}]}'),
    raw("two notebooks in one file", _TEXT.encode() * 2),
    raw("a comma too many", _TEXT[:-1].encode() + b",}"),
    raw("the beginning of an archive", b"PK\x03\x04" + bytes(100)),
    raw("marks of a merge", b"<<<<<<< HEAD\n" + _TEXT.encode()),
    raw("a page of the site", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
    raw("numbers that are none", _TEXT.replace('"nbformat": 4', '"nbformat": NaN').encode(), ALL),
    raw("cells twice, the last are none", _TEXT[:-1].encode() + b', "cells": []}'),
    document("a notebook in a list", [json.loads(_TEXT)], ""),
    document("cells in an object", {"cells": {"0": cell(HONEST["q1"], "q1")}}, ""),
    document("eleven thousand cells", notebook([cell("", "q1")] * 11_000), ""),
    document("cells of twenty megabytes", notebook([cell("x" * 10**6)] * 20), ""),
    document(
        "the third format with null",
        {"nbformat": 3, "cells": None, "worksheets": [{"cells": None}, None, {}]},
        "",
    ),
    document(
        "the third format",
        {
            "nbformat": 3,
            "worksheets": [
                {"cells": [{"cell_type": "code", "input": s.splitlines(True)}]}
                for s in HONEST.values()
            ],
        },
        ALL,
    ),
    document(
        "an id of a megabyte",
        notebook([cell(HONEST["q1"], "q" * 10**6), cell(HONEST["q2"], "q2")]),
        "q1 q2",
    ),
    document(
        "a kind of a megabyte",
        notebook([cell(HONEST["q1"], "q1"), cell("", None, "k" * 10**6)]),
        "q1",
    ),
]

_PARTS: dict[str, tuple[str, list[dict]]] = {
    "another assignment": ("", [cell("def posterior(x):\n    return x\n", "q7")]),
    "no metadata": (ALL, [cell(s) for s in HONEST.values()]),
    "cells turned to Markdown": (ALL, [cell(s, q, "markdown") for q, s in HONEST.items()]),
    "Markdown cells without metadata": (ALL, [cell(s, None, "markdown") for s in HONEST.values()]),
    "a raw cell": ("q1", [cell(HONEST["q1"], "q1", "raw")]),
    "the same id twice, the last is right": (
        "q1",
        [cell(WRONG["q1"], "q1"), cell(HONEST["q1"], "q1")],
    ),
    "the same id twice, the last is wrong": (
        "",
        [cell(HONEST["q1"], "q1"), cell(WRONG["q1"], "q1")],
    ),
    "a copy without metadata after a stub": (
        "q1",
        [cell("def scale(x, factor):\n    raise NotImplementedError\n", "q1"), cell(HONEST["q1"])],
    ),
    "one id for all questions": (ALL, [cell(s, "q1") for s in HONEST.values()]),
    "ids are exchanged": (
        ALL,
        [cell(s, q) for q, s in zip(["q2", "q3", "q1"], HONEST.values(), strict=True)],
    ),
    "ids are paths and code": (
        ALL,
        [cell(s, f"../../{q}<script>alert(1)</script>") for q, s in HONEST.items()],
    ),
    "ids are no text": (ALL, [cell(s) | {"metadata": {"nbgrader": 3}} for s in HONEST.values()]),
    "sources are lists of lines": (
        ALL,
        [cell(s.splitlines(keepends=True), q) for q, s in HONEST.items()],
    ),
    "everything in one cell": (ALL, [cell("\n".join(HONEST.values()))]),
    "tests and setup rewritten": (
        "q1",
        [
            cell("SEED = 3\ndef normals(n, seed):\n    return np.zeros(n)\n", "setup"),
            *(cell((WRONG | {"q1": HONEST["q1"]})[q], q) for q in WRONG),
            *(cell("pass", f"{q}-{k}") for q in WRONG for k in ("visible", "hidden")),
        ],
    ),
    "Windows line ends": (ALL, [cell(s.replace("\n", "\r\n"), q) for q, s in HONEST.items()]),
    "IPython's magics": (
        ALL,
        [
            cell("%matplotlib inline\n!touch /tmp/hostile-canary-shell\n?np"),
            *(cell(s, q) for q, s in HONEST.items()),
        ],
    ),
    "the name in look-alike letters": (
        "q2",
        [cell(HONEST["q1"].replace("scale", "sсale")), cell(HONEST["q2"])],  # a Cyrillic с
    ),
    "the name in letters that Python takes for the same": (
        "q1",
        [cell(HONEST["q1"].replace("scale", _fancy("scale")))],
    ),
    "a lambda": ("q1", [cell("scale = lambda x, factor: x * factor", "q1")]),
    "a class": (
        "q1",
        [cell("class scale:\n    def __new__(cls, x, factor):\n        return x * factor\n", "q1")],
    ),
    "a syntax error in one cell": (
        "q2 q3",
        [cell("def scale(x, factor:\n", "q1"), *(cell(HONEST[q], q) for q in ("q2", "q3"))],
    ),
    "a coroutine": ("", [cell("async def scale(x, factor):\n    return x * factor\n", "q1")]),
}
_EXTRAS: dict[str, str] = {
    "a null byte in a cell": "x = '\0'",
    "a lone surrogate in a cell": "x = '\ud800'",
    "a cell of deeply nested brackets": "x = " + "(" * 100_000 + ")" * 100_000,
    "a cell of a hundred thousand minus signs": "x = " + "-" * 100_000 + "1",
    "a cell of a hundred thousand attributes": "x = y" + ".a" * 100_000,
    "a cell of a hundred thousand sums": "x = " + "+".join(["1"] * 100_000),
    "a cell of deeply nested f-strings": "x = " + "f'{" * 200 + "1" + "}'" * 200,
    "a cell of deeply nested blocks": "".join(" " * i + "if 1:\n" for i in range(2000)),
    "a cell of twenty megabytes": "x = [" + "1," * 10**7 + "]",
    "a huge constant": "x = 10 ** 10 ** 10",
    "an integer of a million digits in a cell": "x = " + "9" * 10**6,
    "a coding line": "# -*- coding: utf_7 -*-\n+AG8-s",
}
CELLS: list[Case] = [_cells(name, earns, *cells) for name, (earns, cells) in _PARTS.items()]
CELLS += [
    _cells(name, ALL, cell(source), *(cell(s, q) for q, s in HONEST.items()))
    for name, source in _EXTRAS.items()
]


def _link(target: str) -> Case:
    def write(path: Path, places: Places) -> None:
        path.symlink_to(target.replace("@SUBMISSIONS@", places["@SUBMISSIONS@"]))

    return made(f"a link to {Path(target).stem}", write)


def _nested(path: Path, _: Places) -> None:
    """Deeper than Python recurses."""
    path.mkdir()
    for _ in range(1200):
        path /= "a"
        path.mkdir()


def _named(name: str, file: str, student: str = "", earns: str = ALL) -> Case:
    cells = [cell(HONEST[q], q) for q in earns.split()]
    return document(name, notebook(cells), earns, file, student)


NAMES: list[Case] = [
    _named("a formula as a name", "=HYPERLINK(1).ipynb"),
    _named("HTML as a name", "<img src=x onerror=alert(1)>.ipynb"),
    _named("a line break in a name", "two\nlines.ipynb"),
    _named("a name that is no UTF-8", os.fsdecode(b"\xff\xfe.ipynb")),
    _named("an option as a name", "--jobs.ipynb"),
    _named("dots in a name", "x.....ipynb"),
    _named("a name as long as a name may be", "n" * 249 + ".ipynb"),
    _named("a comma and quotes in a name", 'a,"b".ipynb'),
    # Two notebooks claim one id, and a third the name that the grader gives to the second.
    _named("an id twice: the folder", "twice/work.ipynb", "twice", "q1"),
    _named("an id twice: the name for the second", "twice~2.ipynb", "twice~2", "q3"),
    # Reports have the id as a file name where it is harmless, and one made from it where not.
    _named("a name in other letters", "ü.ipynb"),
    _named("the name of another's report", f"{Submission('ü', None).slug}.ipynb", "", "q1"),
    _link("@SUBMISSIONS@/honest.ipynb"),
    _link("/etc/passwd"),
    _link("nowhere.ipynb"),
    _link("/dev/zero"),
    made("a pipe", lambda path, _: os.mkfifo(path)),
    made("a folder", lambda path, _: path.mkdir(), student="a_folder.ipynb"),
    made("a folder of folders", _nested, student="a_folder_of_folders.ipynb"),
]
