"""What the table of measures times is what it says; of the seconds only what is far apart."""

import pytest
import torch

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import samples
from coursepkg.evaluation.samples import (
    classifier_test,
    density_coverage,
    frechet_distance,
    mmd_squared,
    permutation_test,
    precision_recall,
)
from coursepkg.rng import seeded


def test_a_row_for_each_measure_and_size(monkeypatch, float32):
    """Kills: one measure timed under the name of another, one set measured against itself."""
    done = []
    monkeypatch.setattr(samples, "fastest", lambda work, **_: (done.append(work()), 1.0)[1])
    rows = measure(samples.TABLE._replace(sizes=[(name, 20) for name in samples.MEASURES]))
    assert [(row["measure"], row["rows"]) for row in rows] == [
        (name, 20) for name in samples.MEASURES
    ]
    x, y = (torch.randn(20, samples.DIM, generator=seeded(seed)) for seed in (0, 1))
    h = samples.BANDWIDTH
    expected = {
        "MMD": mmd_squared(x, y, bandwidth=h),
        "permutation test": permutation_test(x, y, bandwidth=h, generator=seeded(2)),
        "precision and recall": precision_recall(x, y),
        "density and coverage": density_coverage(x, y),
        "classifier test": classifier_test(x, y, generator=seeded(2)),
        "Fréchet distance": frechet_distance(x, y),
    }
    assert dict(zip(samples.MEASURES, done, strict=True)) == expected


@pytest.mark.parametrize("name", ["MMD", "precision and recall"])
def test_all_pairs_take_longer(name, monkeypatch):
    """256 times as many pairs. Kills: timing the draws only, a size that is ignored."""
    monkeypatch.setattr(samples, "REPEATS", 2)
    few, many = (samples.cost(name, rows)["seconds"] for rows in (50, 800))
    assert many > 10 * few
