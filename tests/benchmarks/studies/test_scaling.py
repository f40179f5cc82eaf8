"""The study of scaling: runs that are there are not done again; sizes are counted."""

import json

import pytest

from benchmarks.provenance import RESULTS
from benchmarks.studies import scaling
from coursepkg.data.text import shakespeare_folder
from tests.benchmarks.invoke import invoke

PLAYS = pytest.mark.skipif(not shakespeare_folder().exists(), reason="needs the plays")


@PLAYS
@pytest.mark.slow
def test_runs_are_written_once(tmp_path, monkeypatch, float32):
    """Kills: rows that are overwritten, sizes without embeddings, operations without their 6."""
    monkeypatch.setattr(scaling, "HELD_OUT", 1000)
    arguments = ("16", "--seen", "4096", "--out", tmp_path)
    for _ in range(2):
        done = invoke(scaling.main, *arguments)
        assert done.exit_code == 0, done.output
    assert done.output == "", "done again"
    done = invoke(scaling.main, "32", *arguments[1:])
    rows = json.loads((tmp_path / "scaling.json").read_text())["rows"]
    assert [row["width"] for row in rows] == [16, 32]
    w, d = 16, 1
    size = 80 * w + d * (12 * w * w + 13 * w) + 2 * w
    assert rows[0]["size"] == size
    assert rows[0]["operations"] == 6 * size * 4096
    assert 2 < rows[1]["loss"] < 4.5


def test_there_are_twelve_runs_and_more():
    assert len(scaling.SIZES) * len(scaling.SEEN) >= 12


@pytest.mark.skipif(not (RESULTS / "scaling.json").exists(), reason="the study's run")
def test_more_characters_and_more_parameters_cost_less():
    """What chapter 21 draws: in data always; in size where there is data enough."""
    rows = json.loads((RESULTS / "scaling.json").read_text("utf8"))["rows"]
    assert len(rows) >= 12
    for width in scaling.SIZES:
        losses = [row["loss"] for row in rows if row["width"] == width]
        assert losses == sorted(losses, reverse=True)
