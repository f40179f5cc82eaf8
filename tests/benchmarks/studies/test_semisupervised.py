"""The study of M2 beside its classifier alone."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies.semisupervised import Alone, errors, m2, main, reader, summary
from coursepkg.models.autoencoders.semisupervised import SemiSupervised
from tests.benchmarks.invoke import invoke


def test_both_start_from_the_same_classifier():
    """Kills: other initial weights, a reader of another network."""
    alone, both = Alone(3), SemiSupervised(m2(3), 1.0)
    x = torch.randint(17, (40, 64), generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 10
    assert errors(reader(alone), x, y) == errors(reader(both), x, y)
    for a, b in zip(reader(alone).parameters(), reader(both).parameters(), strict=True):
        assert torch.equal(a, b)
    assert errors(lambda _: torch.eye(10)[y], x, y) == 0
    assert errors(lambda _: torch.eye(10)[(y + 1) % 10], x, y) == 1


def test_a_gain_is_a_mean_of_differences_with_its_error():
    """Kills: the sign, an error of the mean in place of that of the difference."""
    row = summary(50, [(0.3, 0.2), (0.5, 0.4), (0.4, 0.3)])
    assert row["gain"] == pytest.approx(0.1)
    assert row["error"] == pytest.approx(0, abs=1e-9)
    assert (row["alone"], row["m2"]) == (pytest.approx(0.4), pytest.approx(0.3))


@pytest.mark.slow
def test_the_study_writes_one_row_for_each_number_of_labels(tmp_path, float32):
    result = invoke(main, 20, 30, "--seeds", 2, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "semisupervised.json").read_text())["rows"]
    assert [row["labels"] for row in rows] == [20, 30]


def test_the_results_are_of_five_seeds_or_more():
    rows = json.loads((RESULTS / "semisupervised.json").read_text("utf8"))["rows"]
    assert [row["labels"] for row in rows] == [50, 100]
    assert all(len(row["m2_per_seed"]) >= 5 for row in rows)
