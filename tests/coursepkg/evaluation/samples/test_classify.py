"""A classifier's count against the binomial law: what it finds, and what it cannot see."""

import math

import pytest
import torch

from coursepkg import rng
from coursepkg.evaluation.samples import classifier_test


def test_the_p_value_is_a_sum_of_binomials():
    """Σ_{r >= right} C(n, r) / 2ⁿ. Kills: both tails, > for >=, rows it was fitted on."""
    x, y = (
        torch.randn(21, 2, generator=rng.seeded(1)),
        0.7 + torch.randn(30, 2, generator=rng.seeded(2)),
    )
    found = classifier_test(x, y, generator=rng.seeded(3))
    n = 20
    right = round(found.accuracy * n)
    assert right == pytest.approx(found.accuracy * n)
    tail = sum(math.comb(n, r) for r in range(right, n + 1)) / 2**n
    assert found.p_value == pytest.approx(tail)
    assert n / 2 < right < n, "vacuous: no tail"


def test_laws_that_differ_are_told_apart_whatever_the_units():
    """Kills: features that are not scaled, labels that do not belong to the rows."""
    x, y = (
        torch.randn(200, 2, generator=rng.seeded(1)),
        torch.randn(200, 2, generator=rng.seeded(2)),
    )
    y[:, 0] += 3
    units = torch.tensor([1e-3, 1e5])
    found = classifier_test(x * units, y * units, generator=rng.seeded(3))
    assert found.accuracy > 0.85
    assert found.p_value < 1e-6


def test_one_law_is_rarely_rejected():
    """400 pairs at level 0.05: at most 47 rejections, but for one case in 10^6 (binomial tail).

    Kills: the accuracy on rows that were fitted, which rejects nearly all of these.
    """
    rejected = 0
    for seed in range(400):
        x, y = torch.randn(2, 20, 8, generator=rng.seeded(seed))
        rejected += classifier_test(x, y, generator=rng.seeded(seed)).p_value <= 0.05
    tail = sum(math.comb(400, r) * 0.05**r * 0.95 ** (400 - r) for r in range(48, 401))
    assert tail < 1e-6
    assert rejected < 48


def test_known_failure_a_line_sees_no_spread():
    """N(0, 1) and N(0, 9) pass; squares give it away. Kills: a classifier that is not linear."""
    x, y = (
        torch.randn(400, 1, generator=rng.seeded(1)),
        3 * torch.randn(400, 1, generator=rng.seeded(2)),
    )
    assert classifier_test(x, y, generator=rng.seeded(3)).accuracy < 0.62
    with_squares = [torch.cat([rows, rows.square()], dim=1) for rows in (x, y)]
    assert classifier_test(*with_squares, generator=rng.seeded(3)).accuracy > 0.65


def test_the_generator_decides_and_the_caller_keeps_the_rows():
    x, y = torch.randn(2, 60, 2, generator=rng.seeded(1))
    before = x.clone()
    found = [classifier_test(x, y + 0.5, generator=rng.seeded(s)) for s in (1, 1, 2, 3, 4)]
    assert found[0] == found[1]
    assert len({f.accuracy for f in found}) > 1
    assert torch.equal(x, before)


def test_bad_input_is_refused(generator):
    for bad, match in (
        (torch.zeros(3, 2), "y: expected at least 4 rows, got 3"),
        (torch.zeros(5, 1), "y: expected shape"),
        (torch.full((5, 2), torch.nan), "y: expected finite"),
    ):
        with pytest.raises(ValueError, match=match):
            classifier_test(torch.zeros(5, 2), bad, generator=generator)


@pytest.mark.parametrize("scale", [1e-25, 1e-20, 1e20, 1e25])
def test_classes_in_other_units(scale):
    """Kills: deviations of float32 that are infinite, or so small that a floor replaces them."""
    x = torch.randn(40, 2, generator=rng.seeded(1))
    y = torch.randn(40, 2, generator=rng.seeded(2)) + 4
    far = classifier_test((scale * x).float(), (scale * y).float(), generator=rng.seeded(0))
    assert far.accuracy > 0.9
