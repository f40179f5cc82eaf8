"""The command on a folder as Moodle packs it and on one as Canvas does, from files to grades."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from assignments.grader.stage import ROOT
from tests.assignments import classes
from tests.assignments.notebook import TINY

pytestmark = pytest.mark.sandbox


def graded(folder: Path, *options: str) -> dict[str, dict[str, str]]:
    words = [sys.executable, "-m", "assignments.grader", TINY, folder / "submissions",
             folder / "report", "--jobs=2", "--late=2026-05-04 23:59", "--late-percent=10",
             *options]  # fmt: skip
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True, capture_output=True)
    text = (folder / "report" / "class.csv").read_text("utf-8-sig")
    return {row["student"]: row for row in csv.DictReader(text.splitlines())}


def test_moodle_s_folder(tmp_path):
    """Kills: whoever of eleven students is lost, or graded by another file than the worked one."""
    worksheet = classes.moodle(tmp_path, TINY)
    rows = graded(tmp_path, f"--roster={worksheet}", "--export=moodle")
    totals = {"1001": 6, "1002": 2.4, "1003": 6, "1004": 6, "1005": 6, "1006": 0, "1007": 0,
              "1008": 0, "1009": 0, "1010": 0, "1011": 0}  # fmt: skip
    assert {key: float(row["total"]) for key, row in rows.items() if key != "(possible)"} == totals
    assert "-Copy1.ipynb; not graded" in rows["1001"]["notes"]
    assert rows["1002"]["days late"] == "2"
    assert "took longer" in rows["1008"]["reasons"]
    assert "report.pdf" in rows["1006"]["notes"]
    assert rows["1011"]["notes"] == "nothing was handed in"
    text = (tmp_path / "report" / "moodle.csv").read_text("utf8")
    grades = {row["Identifier"][-4:]: row["Grade"] for row in csv.DictReader(text.splitlines())}
    assert grades == {key: f"{total / 6 * 20:.2f}" for key, total in totals.items()}
    told = json.loads((tmp_path / "report" / "students" / "1002.json").read_text("utf8"))
    assert [q["state"] for q in told["questions"]] == ["right", "not answered"]


def test_canvas_s_folder(tmp_path):
    """Kills: the first attempt in place of the second; LATE that costs nothing."""
    gradebook = classes.canvas(tmp_path, TINY)
    rows = graded(tmp_path, f"--roster={gradebook}", "--export=canvas", "--column=tiny")
    totals = {"201": 6, "202": 5.4, "203": 6, "204": 3, "205": 0, "206": 0}
    assert {key: float(row["total"]) for key, row in rows.items() if key != "(possible)"} == totals
    assert rows["202"]["days late"] == "1"
    assert rows["205"]["notes"].endswith("stoneeve_205_text.html")
    text = (tmp_path / "report" / "canvas.csv").read_text("utf8")
    grades = {row["ID"]: row["tiny (88)"] for row in csv.DictReader(text.splitlines())}
    assert grades == {"": "20", "999": ""} | {
        key: f"{total / 6 * 20:.2f}" for key, total in totals.items()}  # fmt: skip
