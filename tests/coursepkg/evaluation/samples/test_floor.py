"""Data against data: parts that do not meet, of the size that was asked for."""

import pytest
import torch

from coursepkg import rng
from coursepkg.evaluation.samples import noise_floor
from tests.statistics import assert_mean


@pytest.mark.parametrize(("size", "rows"), [(None, 10), (4, 4)])
def test_parts_are_disjoint_and_of_the_size(size, rows):
    """Kills: parts that share rows, one half in order, a size that is ignored."""
    data, seen = torch.arange(21.0)[:, None], []

    def measure(x, y) -> float:
        seen.append((set(x.flatten().tolist()), set(y.flatten().tolist())))
        return float(len(seen))

    noise_floor(measure, data, size=size, splits=40, generator=rng.seeded(1))
    assert all(len(a) == len(b) == rows and not a & b for a, b in seen)
    assert len({tuple(sorted(a)) for a, _ in seen}) > 30
    assert set().union(*(a for a, _ in seen)) == set(range(21))


def test_it_is_the_mean_and_the_quantile_of_what_was_measured():
    """1, …, 101. Kills: the other tail, a level that is ignored, a maximum."""
    counter = iter(range(1, 102))
    data = torch.zeros(4, 1)
    found = noise_floor(lambda x, y: float(next(counter)), data, splits=101, level=0.9,
                        generator=rng.seeded(1))  # fmt: skip
    assert found.values.tolist() == list(range(1, 102))
    assert found.mean == pytest.approx(51)
    assert found.quantile == pytest.approx(91)


def test_the_mean_of_an_unbiased_measure_is_zero(generator):
    """Difference of means, over fresh data. Kills: a part that is favoured."""

    def measure(x, y):
        return (x.mean() - y.mean()).item()

    means = [noise_floor(measure, torch.randn(20, 1, generator=generator), splits=2,
                         generator=generator).mean for _ in range(3000)]  # fmt: skip
    assert_mean(torch.tensor(means), 0.0, detects=0.1)


def test_bad_input_is_refused(generator):
    data = torch.zeros(7, 1)
    for changes, match in (
        ({"size": 4}, "size: expected 1 <= size <= 3, got 4"),
        ({"size": 0}, "size: expected 1 <= size <= 3, got 0"),
        ({"splits": 0}, "splits >= 1"),
        ({"level": 1.5}, "0 <= level <= 1, got 100 and 1.5"),
    ):
        with pytest.raises(ValueError, match=match):
            noise_floor(lambda x, y: 0.0, data, generator=generator, **changes)
    with pytest.raises(ValueError, match="data: expected at least 2 rows, got 1"):
        noise_floor(lambda x, y: 0.0, data[:1], generator=generator)
