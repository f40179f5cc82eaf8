import json

import pytest

from benchmarks.speed.grading import handed_in, main
from tests.assignments.test_masters import MASTERS
from tests.benchmarks.invoke import invoke


def test_a_class_hands_in_the_reference_and_every_wrong_one_in_turn():
    """Kills: forty times the same notebook, which the grader's caches could make fast."""
    master = MASTERS[0]
    wrong = len(list((master.with_suffix("") / "wrong").glob("*.py")))
    notebooks = handed_in(master)
    sources = ["\n".join(c.source for c in next(notebooks).cells) for _ in range(wrong + 2)]
    assert len(set(sources)) == wrong + 1
    assert sources[0] == sources[-1]


@pytest.mark.sandbox
def test_every_master_has_its_row(tmp_path):
    done = invoke(main, "--students=2", "--only=01_bayes", f"--out={tmp_path}")
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "grading.json").read_text())["rows"]
    assert (row["master"], row["submissions"]) == ("01_bayes", 2)
    assert 0 < row["each"] == row["seconds"] / 2
