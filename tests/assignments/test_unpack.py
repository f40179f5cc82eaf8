"""Archives and scripts: read within limits, whoever sized them."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from assignments.grader import unpack
from assignments.grader.submission import Unreadable, read_cells
from tests.assignments.classes import packed, put, script, worked
from tests.assignments.notebook import SOFTMAX, TINY, write


def archive(path: Path, **files: str) -> Path:
    return put(path, packed(**files))


def test_a_notebook_in_an_archive_is_read_and_nothing_is_written_where_it_says(tmp_path):
    """Kills: a member called ``../../x.ipynb`` that is unpacked there."""
    text = write(tmp_path / "a", SOFTMAX).read_text("utf8")
    path = archive(tmp_path / "in" / "x.zip", **{"../../evil.ipynb": text, "/abs.ipynb": "{}"})
    assert unpack.members(path) == ["../../evil.ipynb", "/abs.ipynb"]
    (tmp_path / "out").mkdir()
    made = unpack.notebook(path, "../../evil.ipynb", tmp_path / "out")
    assert made == tmp_path / "out" / "notebook.ipynb"
    assert made.read_text("utf8") == text
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == [
        "a", "in/x.zip", "out/notebook.ipynb"]  # fmt: skip


def test_what_a_mac_or_jupyter_adds_is_no_work(tmp_path):
    """Kills: a shadow of the notebook, or its checkpoint, graded beside it."""
    added = ["__MACOSX/a/._x.ipynb", "a/._x.ipynb", "a/.ipynb_checkpoints/x-checkpoint.ipynb"]
    path = archive(tmp_path / "x.zip", **dict.fromkeys([*added, "a/x.ipynb"], "{}"))
    assert unpack.members(path) == ["a/x.ipynb"]


def test_a_notebook_is_passed_on_as_it_is(tmp_path):
    """Kills: a copy of every notebook, or one read as a script."""
    path = write(tmp_path / "x.IPYNB", "x")
    assert unpack.notebook(path, "", tmp_path) == path


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [("ARCHIVE_LIMIT", 10, "the archive is larger than"), ("FILES", 2, "more than 2 files"),
     ("UNPACKED", 8, "its notebooks take more than")],
)  # fmt: skip
def test_an_archive_beyond_a_limit_is_refused(tmp_path, monkeypatch, limit, value, reason):
    """Kills: an archive that takes the instructor's memory: in bytes, in files, unpacked."""
    path = archive(tmp_path / "x.zip", **{f"{n}.ipynb": "{}{}" for n in range(3)})
    assert len(unpack.members(path)) == 3
    monkeypatch.setattr(unpack, limit, value)
    with pytest.raises(Unreadable, match=reason):
        unpack.members(path)


def test_a_bomb_is_refused_unread(tmp_path):
    """Kills: a megabyte of blanks from a kilobyte: the ratio, not the size, tells a bomb."""
    path = archive(tmp_path / "x.zip", **{"a.ipynb": " " * (8 << 20)})
    with pytest.raises(Unreadable, match="much larger than what it takes"):
        unpack.content(path, "a.ipynb")
    small = archive(tmp_path / "y.zip", **{"a.ipynb": " " * (100 << 10)})
    assert len(unpack.content(small, "a.ipynb")) == 100 << 10


def test_an_archive_that_lies_about_a_size_is_read_no_further(tmp_path):
    """Kills: a size taken from the archive's word, and all that is there read nevertheless."""
    data = bytearray(packed(**{"a.ipynb": "0123456789" * 50}))
    at = data.index(unpack.ENTRY) + 24
    data[at : at + 4] = (7).to_bytes(4, "little")
    path = put(tmp_path / "x.zip", bytes(data))
    with pytest.raises(Unreadable, match="damaged in the archive"):
        unpack.content(path, "a.ipynb")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_to_pack_that_have_no_limit_are_refused(tmp_path, method):
    """Kills: a bomb in LZMA, which Python unpacks whole before it counts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("a.ipynb", "{}")
    with pytest.raises(Unreadable, match="packed in a way"):
        unpack.content(put(tmp_path / "x.zip", out.getvalue()), "a.ipynb")


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"x" * 100, packed(a="b" * 99)[:60]],
    ids=["empty", "mark", "text", "half"],
)
def test_half_an_archive_is_refused(tmp_path, data):
    """Kills: a traceback, and a class without grades, for an upload that broke off."""
    with pytest.raises(Unreadable, match="damaged"):
        unpack.members(put(tmp_path / "x.zip", data))


def test_a_damaged_member_is_refused(tmp_path):
    """Kills: a flipped byte that ends the grader."""
    data = bytearray(packed(**{"a.ipynb": json.dumps(list(range(100)))}))
    data[60] ^= 255
    with pytest.raises(Unreadable, match="damaged in the archive"):
        unpack.content(put(tmp_path / "x.zip", bytes(data)), "a.ipynb")


def test_an_archive_that_is_a_link_is_not_followed(tmp_path):
    """Kills: a classmate's archive as one's own."""
    archive(tmp_path / "x.zip", **{"a.ipynb": "{}"})
    (tmp_path / "y.zip").symlink_to(tmp_path / "x.zip")
    with pytest.raises(Unreadable, match="cannot be read"):
        unpack.members(tmp_path / "y.zip")


def test_a_script_of_jupytext_s_has_the_notebook_s_cells(tmp_path):
    """Kills: a script as one cell, whose last question's fault costs the first."""
    text = worked(TINY, ["q1", "q2"])
    (tmp_path / "x.ipynb").write_text(text, encoding="utf-8")
    made = unpack.notebook(put(tmp_path / "x.py", script(text)), "", tmp_path)
    there, here = read_cells(tmp_path / "x.ipynb"), read_cells(made)[1:]
    assert [(c.kind, c.grade_id) for c in here] == [(c.kind, c.grade_id) for c in there]
    code = [c.source.strip() for c in there if c.kind == "code"]
    assert [c.source.strip() for c in here if c.kind == "code"] == code


def test_any_other_script_is_one_cell(tmp_path):
    """Kills: a module without marks, whose text before the first mark is dropped."""
    made = unpack.notebook(put(tmp_path / "x.py", "\ufeff" + SOFTMAX), "", tmp_path)
    assert [(c.kind, c.source) for c in read_cells(made)] == [("code", SOFTMAX)]
    other = put(tmp_path / "x.py", b"\xff# In[3]:\nx = 1\n# In[ ]:\ny")
    made = unpack.notebook(other, "", tmp_path)
    assert [c.source.strip() for c in read_cells(made)] == ["\ufffd# In[3]:\nx = 1", "y"]
