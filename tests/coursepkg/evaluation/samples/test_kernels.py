"""MMD by hand and by a loop over pairs; its mean for normal laws; p-values that are uniform."""

import math
from itertools import permutations

import pytest
import torch

from coursepkg import rng
from coursepkg.evaluation.samples import median_bandwidth, mmd_squared, permutation_test
from tests.statistics import assert_mean, assert_probs


def slow(x, y, h):
    """Means of the kernel over ordered pairs of different rows, and over all mixed pairs."""

    def k(a, b):
        return math.exp(-sum((a - b) ** 2).item() / (2 * h**2))

    def within(rows):
        return sum(k(a, b) for a, b in permutations(rows, 2)) / (len(rows) * (len(rows) - 1))

    mixed = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return within(x) - 2 * mixed + within(y)


def test_four_points_by_hand():
    """x = 0, 1 and y = 0, 2 with h = 1. Kills: h for h², a biased sum, one mixed term."""
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    e = math.exp
    expected = e(-1 / 2) - 2 * (1 + e(-2) + e(-1 / 2) + e(-1 / 2)) / 4 + e(-2)
    assert mmd_squared(x, y, bandwidth=1.0) == pytest.approx(expected)
    assert expected < 0, "an unbiased estimate may be below zero"


@pytest.mark.equation("mmd-estimate")
@pytest.mark.parametrize(("m", "n"), [(2, 5), (6, 3), (4, 4)])
@pytest.mark.parametrize("h", [0.3, 2.0])
def test_the_estimate_is_a_loop_over_pairs(m, n, h, generator):
    """Kills: one size for both, rows compared with themselves."""
    x, y = torch.randn(m, 3, generator=generator), 1 + torch.randn(n, 3, generator=generator)
    found = mmd_squared(x, y, bandwidth=h)
    assert found == pytest.approx(slow(x, y, h))
    assert mmd_squared(y, x, bandwidth=h) == pytest.approx(found)


@pytest.mark.equation("mmd")
def test_the_mean_is_the_mmd_of_the_laws(generator):
    """N(0, 1) and N(s, 1) on the line: √(h² / (h² + 2)) times 2 - 2 exp(-s² / (2 (h² + 2))).

    Kills: a bias that a loop shares.
    """
    h, s = 0.8, 1.5
    scale = math.sqrt(h**2 / (h**2 + 2))
    expected = scale * (2 - 2 * math.exp(-(s**2) / (2 * (h**2 + 2))))
    x, y = torch.randn(2, 4000, 5, 1, generator=generator)
    values = torch.tensor([mmd_squared(a, b + s, bandwidth=h) for a, b in zip(x, y, strict=True)])
    assert_mean(values, expected, detects=0.1)


def test_the_median_is_of_pairs_of_different_rows():
    """0, 1, 3: distances 1, 2, 3. Kills: zeros of the diagonal, squares."""
    x = torch.tensor([[0.0], [1.0], [3.0]])
    assert median_bandwidth(x) == 2
    assert median_bandwidth(torch.tensor([[0.0, 0.0], [3.0, 4.0]])) == 5
    with pytest.raises(ValueError, match=r"x: expected rows whose median distance.*got 0"):
        median_bandwidth(torch.ones(4, 2))


@pytest.mark.equation("permutation-level")
def test_p_values_are_uniform_if_the_laws_are_one():
    """p is 1/5, …, 1, each in a fifth of cases. Kills: itself not counted, a one-sided slip."""
    generator, outcomes = rng.seeded(1), []
    for _ in range(1500):
        x, y = torch.randn(3, 1, generator=generator), torch.randn(4, 1, generator=generator)
        _, p = permutation_test(x, y, bandwidth=1.0, permutations=4, generator=generator)
        outcomes.append(round(5 * p) - 1)
    assert_probs(torch.tensor(outcomes), torch.full((5,), 0.2), detects=0.31)


def test_laws_that_differ_are_found_and_the_value_is_that_of_the_estimate(generator):
    """Kills: p of the wrong tail, sets cut to one size."""
    x, y = torch.randn(40, 2, generator=generator), 2 + torch.randn(25, 2, generator=generator)
    value, p = permutation_test(x, y, bandwidth=1.0, permutations=99, generator=rng.seeded(2))
    assert value == pytest.approx(mmd_squared(x, y, bandwidth=1.0))
    assert p == pytest.approx(0.01)
    again = permutation_test(x, y, bandwidth=1.0, permutations=99, generator=rng.seeded(2))
    assert again == (value, p)


def test_rows_far_from_the_origin_in_single_precision():
    """Shifts by 4096, which rounds little. Kills: squares from products, which cancel."""
    x = torch.randn(40, 5, generator=rng.seeded(1)).float()
    y = 1 + torch.randn(40, 5, generator=rng.seeded(2)).float()
    near, far = (mmd_squared(x + by, y + by, bandwidth=2.0) for by in (0, 4096))
    assert far == pytest.approx(near, abs=2e-3)
    assert near == pytest.approx(mmd_squared(x.double(), y.double(), bandwidth=2.0), abs=1e-5)


def test_bad_input_is_refused(generator):
    x = torch.zeros(3, 2)
    for bad, match in (
        (torch.zeros(1, 2), "y: expected at least 2 rows, got 1"),
        (torch.zeros(3, 3), r"y: expected shape \(B, 2\), got \(3, 3\)"),
        (torch.full((3, 2), torch.nan), "y: expected finite"),
        (torch.zeros(3, 2).long(), "y: expected a floating-point"),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            mmd_squared(x, bad, bandwidth=1.0)
        with pytest.raises((ValueError, TypeError), match=match):
            permutation_test(x, bad, bandwidth=1.0, generator=generator)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 1\), got \(3,\)"):
        mmd_squared(torch.zeros(3), x, bandwidth=1.0)
    for h in (0.0, math.nan):
        with pytest.raises(ValueError, match="bandwidth: expected a finite number > 0"):
            mmd_squared(x, x, bandwidth=h)
    with pytest.raises(ValueError, match="permutations: expected at least 1, got 0"):
        permutation_test(x, x, bandwidth=1.0, permutations=0, generator=generator)


@pytest.mark.parametrize("scale", [1e-25, 1e-20, 1e20, 1e25])
def test_kernels_of_data_in_other_units(scale):
    """Kills: squares of float32 that overflow, or are 0."""
    x, y = (torch.randn(20, 2, generator=rng.seeded(s)) for s in (1, 2))
    small, other = (scale * x).float(), (scale * y).float()
    assert median_bandwidth(small) / scale == pytest.approx(median_bandwidth(x), rel=1e-5)
    found = mmd_squared(small, other, bandwidth=scale)
    assert found == pytest.approx(mmd_squared(x, y, bandwidth=1.0), rel=1e-4)


def test_a_narrow_kernel_of_distant_rows():
    """Kills: h² = 0 for h = 1e-200, and 0 / 0 for a row and itself."""
    x = torch.tensor([[0.0], [0.0], [1.0]])
    assert mmd_squared(x, x, bandwidth=1e-200) == pytest.approx(1 / 3 + 1 / 3 - 2 * 5 / 9)
