import json
import math

import pytest
import torch

from benchmarks.studies import sampling_dimension
from benchmarks.studies.sampling_dimension import THETA, exact_sum
from coursepkg.bayes.coin import log_binomial, log_likelihood
from tests.benchmarks.invoke import invoke


def test_the_sum_over_all_sequences_is_the_binomial_tail():
    """Kills: sequences counted twice or left out, >= for >."""
    for D in (1, 4, 11, 12):
        tail = sum(
            math.exp(log_binomial(D, k) + log_likelihood(torch.tensor(THETA), k, D).item())
            for k in range(D + 1)
            if k > 3 * D / 4
        )
        assert exact_sum(D) == pytest.approx(tail)


def test_rows_hold_what_was_measured_beside_what_was_expected(tmp_path, monkeypatch):
    """Kills: theory and measurement exchanged, an exact value where there is none."""
    monkeypatch.setattr(sampling_dimension, "LARGEST_SUM", 4)
    result = invoke(sampling_dimension.main, 2, 8, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "sampling_dimension.json").read_text())
    assert written["provenance"]["threads"] == 1
    small, large = written["rows"]
    assert (small["D"], large["D"]) == (2, 8)
    assert large["exact"] is None is large["sum_seconds"]
    assert abs(small["value"] - small["exact"]) < 6 * small["error"]
    for row in (small, large):
        error = math.sqrt(row["kept_theory"] / row["proposals"])
        assert abs(row["kept_share"] - row["kept_theory"]) < 6 * error
        assert row["effective_share"] == pytest.approx(row["effective_theory"], rel=0.2)
    assert small["kept_share"] > large["kept_share"]
