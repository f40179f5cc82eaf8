"""What spread counts gain: rows that differ in the width alone."""

import json

import pytest
import torch

from benchmarks.studies import spread_counts
from coursepkg.data.digits import load_split
from tests.benchmarks.invoke import invoke


def test_each_number_of_components_is_fitted_with_and_without(tmp_path, monkeypatch):
    monkeypatch.setattr(spread_counts, "SHRINKAGES", (1.0,))
    result = invoke(spread_counts.main, 2, "--seeds", 2, "--steps", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "spread_counts.json").read_text())["rows"]
    assert [(row["M"], row["width"], row["seeds"]) for row in rows] == [(2, 0, 2), (2, 2, 2)]
    assert all(90 < row["valid"] < 130 for row in rows)


def test_the_prior_of_the_lowest_mean_is_kept(monkeypatch):
    """Kills: the highest, the best seed in place of the mean, a spread that is no error."""
    scores = {0.25: [3.0, 5.0], 1.0: [1.0, 9.0], 4.0: [7.0, 7.0]}
    monkeypatch.setattr(
        spread_counts, "_score", lambda split, M, width, s, *, seed, steps: scores[s][seed]
    )
    row = spread_counts.measure(load_split(), 2, 0.0, seeds=2, steps=1)
    assert (row["shrinkage"], row["valid"]) == (0.25, 4.0)
    assert row["valid_error"] == pytest.approx(torch.tensor([3.0, 5.0]).std().item() / 2**0.5)
