"""Balls and neighbours by loops; expectations for equal laws; each known failure shown."""

import math

import pytest
import torch

from coursepkg import rng
from coursepkg.evaluation.samples import density_coverage, neighbour_radii, precision_recall
from tests.statistics import assert_mean


def distance(a, b) -> float:
    return math.sqrt(sum((a - b) ** 2).item())


def radius(rows, m: int, k: int) -> float:
    return sorted(distance(rows[m], b) for n, b in enumerate(rows) if n != m)[k - 1]


@pytest.mark.equation("precision-recall")
@pytest.mark.equation("density-coverage")
@pytest.mark.parametrize(("M", "N", "k"), [(9, 6, 1), (7, 12, 3), (8, 8, 5)])
def test_all_four_numbers_are_loops(M, N, k, generator):
    """Kills: data for samples, the k + 1-th neighbour, balls of the other set, k forgotten."""
    data = torch.randn(M, 2, generator=generator)
    samples = 0.5 + 1.5 * torch.randn(N, 2, generator=generator)
    balls = [radius(data, m, k) for m in range(M)]
    others = [radius(samples, n, k) for n in range(N)]
    assert neighbour_radii(data, k=k).tolist() == pytest.approx(balls)
    inside = [[distance(data[m], samples[n]) <= balls[m] for n in range(N)] for m in range(M)]
    back = [[distance(data[m], samples[n]) <= others[n] for n in range(N)] for m in range(M)]
    found = precision_recall(data, samples, k=k)
    assert found.precision == pytest.approx(sum(any(c) for c in zip(*inside, strict=True)) / N)
    assert found.recall == pytest.approx(sum(any(row) for row in back) / M)
    found = density_coverage(data, samples, k=k)
    assert found.density == pytest.approx(sum(map(sum, inside)) / (k * N))
    assert found.coverage == pytest.approx(sum(any(row) for row in inside) / M)


@pytest.mark.equation("expected-coverage")
def test_equal_laws_have_density_one_and_a_known_coverage(generator):
    """By exchangeability: E density = 1, E coverage = 1 - Π_i (M - i) / (M + N - i), i = 1, …, k.

    A datum is missed if its k nearest among all the others are data. Kills: a ball that counts its
    own centre, a strict inequality where balls touch, M for N.
    """
    M, N, k = 12, 9, 2
    pairs = [density_coverage(torch.randn(M, 2, generator=generator),
                              torch.randn(N, 2, generator=generator), k=k)
             for _ in range(4000)]  # fmt: skip
    missed = math.prod((M - i) / (M + N - i) for i in range(1, k + 1))
    assert_mean(torch.tensor([p.density for p in pairs]), 1.0, detects=0.1)
    assert_mean(torch.tensor([p.coverage for p in pairs]), 1 - missed, detects=0.05)


def test_a_ball_reaches_its_own_edge_and_twins_are_at_distance_zero():
    """The k-th neighbour itself lies in the ball. Kills: < for <=, rounding of large vectors."""
    data = 1000 + torch.tensor([[0.0], [1.0], [3.0]])
    edge = 1000 + torch.tensor([[2.0]])
    assert density_coverage(data, edge, k=1).density == 2
    pair, around = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [-1.0]])
    assert precision_recall(pair, around, k=1).precision == 1
    assert precision_recall(around, pair, k=1).recall == 1
    many = 100 + torch.randn(60, 3, generator=rng.seeded(1))
    found = precision_recall(many, many.clone(), k=3)
    assert found == (1.0, 1.0)
    assert neighbour_radii(torch.cat([many, many]), k=1).max() == 0


def test_fidelity_and_variety_are_told_apart():
    """Two far clusters of data. Kills: precision and recall exchanged, density for coverage."""
    a, b = torch.randn(2, 60, 2, generator=rng.seeded(2))
    data = torch.cat([a[:30], b[:30] + 50])
    collapsed, wild = a[30:], torch.cat([a[30:], b[30:] + 50, b[:30] - 50])
    found = precision_recall(data, collapsed)
    assert found.precision > 0.7
    assert found.recall <= 0.5
    found = precision_recall(data, wild)
    assert found.precision < 0.7
    assert found.recall > 0.8
    assert density_coverage(data, collapsed).coverage <= 0.5 < density_coverage(data, wild).coverage


def test_known_failures_are_shown():
    """One outlier among samples covers half of the data, and coverage ignores it (Naeem et al.)."""
    data = torch.randn(50, 2, generator=rng.seeded(3))
    few = data.mean(0) + 1e-3 * torch.randn(10, 2, generator=rng.seeded(4))
    with_outlier = torch.cat([few, torch.full((1, 2), 1000.0)])
    assert precision_recall(data, few).recall < 0.2
    assert precision_recall(data, with_outlier).recall > 0.4
    assert density_coverage(data, with_outlier).coverage == density_coverage(data, few).coverage
    assert density_coverage(data, data.clone()).coverage == 1


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_bad_input_is_refused(measure):
    data = torch.zeros(4, 2)
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"k: expected 1 <= k < 4, .* got {k}"):
            measure(data, torch.zeros(9, 2), k=k)
    for bad, match in (
        (torch.zeros(0, 2), "samples: expected at least one"),
        (torch.zeros(9, 3), r"samples: expected shape \(B, 2\)"),
        (torch.full((9, 2), torch.inf), "samples: expected finite"),
    ):
        with pytest.raises(ValueError, match=match):
            measure(data, bad, k=1)
        if len(bad) and bad.shape[1] == 2:
            with pytest.raises(ValueError, match="data: expected finite"):
                measure(bad, data, k=1)


@pytest.mark.parametrize("scale", [1e-25, 1e-20, 1e20, 1e25])
def test_neighbours_of_data_in_other_units(scale):
    """Kills: distances of float32 that are all infinite, or all 0."""
    x, y = torch.randn(20, 2, generator=rng.seeded(1)), torch.randn(20, 2, generator=rng.seeded(2))
    small, other = (scale * x).float(), (scale * y).float()
    assert precision_recall(small, other) == precision_recall(x, y)
    assert density_coverage(small, other) == density_coverage(x, y)
