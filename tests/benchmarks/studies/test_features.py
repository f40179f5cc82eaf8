import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies.features import accuracy, main, some, summary
from tests.benchmarks.invoke import invoke


def test_every_class_has_its_share_of_the_labels():
    """Kills: rows drawn without regard to their class, the same rows for every seed."""
    y = torch.arange(200) % 7 % 5
    few = some(y, 23, seed=0)
    assert len(few.unique()) == 23
    assert sorted(y[few].bincount().tolist()) == [4, 4, 5, 5, 5]
    assert not torch.equal(few, some(y, 23, seed=1))


def test_accuracy_is_measured_on_the_test_images(generator):
    """Kills: a score on the labelled images, which is 1 here."""
    y = torch.arange(60) % 2
    f = (y[:, None] + 0.1 * torch.randn(60, 2, generator=generator)).numpy()
    assert accuracy(f, y, f, y, seed=0) == 1
    assert accuracy(f, y, f, 1 - y, seed=0) == 0


def test_a_gain_is_a_mean_of_differences_with_its_error():
    """Kills: an error of the mean accuracy in place of that of the difference."""
    row = summary("RBM", 30, [0.6, 0.7, 0.5], [0.5, 0.6, 0.4])
    assert row["gain"] == pytest.approx(0.1)
    assert row["error"] == pytest.approx(0, abs=1e-9)
    row = summary("RBM", 30, [0.6, 0.8], [0.6, 0.6])
    assert row["error"] == pytest.approx(0.1)


@pytest.mark.slow
def test_the_study_writes_one_row_for_each_kind_of_features(tmp_path, float32):
    result = invoke(main, 30, "--splits", 2, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "features.json").read_text())["rows"]
    assert [row["features"] for row in rows] == ["pixels", "PCA", "RBM"]
    assert rows[0]["gain"] == rows[0]["error"] == 0
    assert all(0.1 < row["accuracy"] < 1 for row in rows)


def test_chapter_6_says_what_the_study_found():
    """To the digits printed. Kills: a sentence that outlives its numbers."""
    rows = json.loads((RESULTS / "features.json").read_text("utf8"))["rows"]
    gain = {row["labels"]: round(100 * row["gain"]) for row in rows if row["features"] == "RBM"}
    assert gain == {30: -3, 100: -5, 300: -4}
    assert all(row["error"] < 0.01 and len(row["accuracies"]) == 20 for row in rows)
