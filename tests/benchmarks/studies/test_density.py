"""How estimates of a density die: what it says about itself, and a loss that can be predicted."""

import json

import pytest

from benchmarks.studies import density
from tests.benchmarks.invoke import invoke


def test_losses_are_positive_and_the_gaussian_one_is_known(tmp_path):
    """A fitted Gaussian loses D (D + 3) / (4 N) nats. Kills: log q - log p, fit on fresh points."""
    result = invoke(density.main, 1, 3, "--sizes", 150, "--seeds", 4, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "density.json").read_text())["rows"]
    assert [(row["D"], row["N"], row["seeds"]) for row in rows] == [(1, 150, 4), (3, 150, 4)]
    for row in rows:
        expected = row["D"] * (row["D"] + 3) / (4 * 150)
        assert row["gaussian"] == pytest.approx(expected, abs=5 * row["gaussian_error"] + 0.02)
        assert row["histogram"] > row["kernel"] > 0
    assert rows[1]["kernel"] > 2 * rows[0]["kernel"]


def test_chosen_bandwidth_is_inside_the_grid():
    """Kills: a grid that ends before the optimum, which would flatter or damn the estimate."""
    for D in (1, 6):
        row = density.measure(D, 150, 1)
        assert density.BANDWIDTHS[0] < row["bandwidth"] < density.BANDWIDTHS[-1]
