"""What codes know: neighbours, lines, and what is written."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies import embeddings, probes
from coursepkg.data.captions import ATTRIBUTES
from coursepkg.data.digits import Split
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

PROBES = RESULTS / "probes.json"


def test_the_nearest_is_found_for_each_by_a_loop():
    """Kills: the farthest, training and test exchanged, rows normalised."""
    f, f_test = torch.randn(9, 3, generator=seeded(0)), torch.randn(5, 3, generator=seeded(1))
    expected = [min(range(9), key=lambda i: (f[i] - one).norm().item()) for one in f_test]
    assert embeddings.nearest(f, f_test).tolist() == expected


def test_explained_is_one_for_the_truth_and_nought_for_its_mean():
    """Kills: the variance in the numerator, columns mixed up, n - 1 beside n."""
    truth = torch.randn(50, 2, generator=seeded(0)) * torch.tensor([1.0, 9.0])
    assert embeddings.explained(truth, truth) == [1, 1]
    assert embeddings.explained(truth.mean(0).expand(50, 2), truth) == pytest.approx([0, 0])
    half = torch.stack([truth[:, 0], truth[:, 1].mean().expand(50)], dim=1)
    assert embeddings.explained(half, truth) == pytest.approx([1, 0])


def test_a_line_is_found_and_carried_to_test_images():
    """Kills: no intercept, the training images' guesses."""
    f, f_test = torch.randn(200, 3, generator=seeded(0)), torch.randn(7, 3, generator=seeded(1))
    weights = torch.randn(3, 2, generator=seeded(2))
    said = embeddings.line(f, 5 + f @ weights, f_test)
    assert (said - 5 - f_test @ weights).abs().max() < 0.1


def test_penalties_are_chosen_on_validation_images_for_each_measure():
    """One measure is a line, which wants no penalty; two are noise, which want the largest.

    The line is turned round in the test images, so that who chose by them would take the largest
    penalty there, too. Kills: a choice on test images, one penalty for all.
    """
    f, f_valid, f_test = (torch.randn(60, 3, generator=seeded(k)) for k in range(3))
    weights, noise = torch.tensor([1.0, -2.0, 0.5]), torch.ones(60, 1)
    turned = torch.cat([f[:, :1], -f_valid[:, :1], f_test[:, :1]]).view(3, 60, 1)
    lines = (f @ weights, f_valid @ weights, -(f_test @ weights))
    measures = Split(*(torch.cat([line[:, None], other, other + noise], dim=1)
                       for line, other in zip(lines, turned, strict=True)))  # fmt: skip
    row = probes.chosen(f, f_valid, f_test, measures)
    assert row["thickness"]["penalty"] == min(probes.PENALTIES)
    assert row["lean"]["penalty"] == row["breadth"]["penalty"] == max(probes.PENALTIES)
    assert row["thickness"]["explained"] < -2


@pytest.mark.skipif(not PROBES.exists(), reason="python -m benchmarks.studies.probes")
def test_what_the_chapter_says_of_penalties():
    """Kills: numbers of another run in the text."""
    rows = json.loads(PROBES.read_text("utf8"))["rows"]
    found = {row["features"]: [f"{row[name]['explained']:.2f}" for name in ATTRIBUTES[1:]]
             for row in rows}  # fmt: skip
    assert found["codes"] == ["0.86", "0.89", "0.91"]
    assert found["pixels"] == ["0.84", "0.90", "0.86"]


@pytest.mark.slow
def test_all_features_are_compared(tmp_path, float32):
    """With the published autoencoder. Kills: a kind left out, gains over themselves."""
    done = invoke(embeddings.main, 30, "--encoders", 0, "--size", 300, "--splits", 2, "--out",
                  tmp_path)  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "embeddings.json").read_text())["rows"]
    near = {row["features"]: row for row in rows if "same_digit" in row}
    assert set(near) == {"pixels", "PCA", "codes"}
    assert near["codes"]["same_digit"] > 0.6  # by chance 0.1
    probes = {row["features"]: row for row in rows if "labels" in row}
    assert set(probes) == {"pixels", "PCA", "codes"}
    assert probes["pixels"]["gain"] == 0
    assert probes["codes"]["accuracy"] > 0.4
