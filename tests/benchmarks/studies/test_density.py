"""How estimates of a density die: what it says about itself, and a loss that can be predicted."""

import json
import math

import pytest
import torch
from torch.distributions import Normal

from benchmarks.studies import density
from coursepkg.models.nonparametric import KernelDensity
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


def test_squared_error_is_that_of_the_estimate():
    """On the line, by quadrature over x and over the data. Kills: h for h², the mean's square."""
    grid = torch.linspace(-8, 8, 801)
    step, p, h = grid[1] - grid[0], Normal(0.0, 1.0).log_prob(grid).exp(), 0.6
    kernels = torch.stack([KernelDensity(h).fit(x).log_prob(grid).exp() for x in grid.split(1)])
    mean, second = kernels @ p * step, kernels**2 @ p * step
    bias, variance = density.squared_error(1, torch.tensor([h]))
    assert bias.item() == pytest.approx(((mean - p).square().sum() * step).item())
    assert variance.item() == pytest.approx(((second - mean**2).sum() * step).item())


@pytest.mark.equation("kernel-rate")
@pytest.mark.parametrize("D", [1, 3, 10])
def test_the_best_bandwidth_and_its_error_fall_at_the_stated_rates(D):
    """From the exact error of a standard normal, for large N. Kills: 2 + D for 4 + D."""
    h = torch.logspace(-4, -0.3, 4001)
    bias, variance = density.squared_error(D, h)
    totals = [bias + variance / N for N in (10.0 ** (10 + D), 10.0 ** (12 + D))]
    best = [h[total.argmin()].log() for total in totals]
    least = [total.min().log() for total in totals]
    assert (best[1] - best[0]) / math.log(100) == pytest.approx(-1 / (4 + D), rel=0.02)
    assert (least[1] - least[0]) / math.log(100) == pytest.approx(-4 / (4 + D), rel=0.02)
