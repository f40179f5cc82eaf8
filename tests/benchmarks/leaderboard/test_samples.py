"""A model that defines no density: a dash for nats, and measures of its samples."""

import json

import pytest
import torch

from benchmarks.leaderboard import entries
from benchmarks.leaderboard.__main__ import main
from benchmarks.leaderboard.board import Entry
from benchmarks.leaderboard.entries import gan
from benchmarks.leaderboard.samples import Measure, judge, judged, measures, summary
from benchmarks.leaderboard.scoring import run
from benchmarks.provenance import RESULTS
from coursepkg.data.digits import Split, load_labels, load_split
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

LATER = """
import torch
from benchmarks.leaderboard.board import DIGITS, Entry

def fit(split, generator, quick):
    return split.valid

def draw(model, n, generator):
    return model[torch.randint(len(model), (n,), generator=generator)]

BOARD = DIGITS
ENTRIES = (Entry("implicit", fit, learned=torch.Tensor.numel, draw=draw),)
"""
NAMES = {"mmd2", "frechet", "precision", "recall", "density", "coverage", "c2st", "nearest"}


@pytest.mark.usefixtures("float32")
def test_an_implicit_model_gets_a_dash_and_every_measure(planted, tmp_path):
    """Kills: a number where there is no density, a measure or a floor that is forgotten."""
    planted(entries, "implicit", LATER)
    result = invoke(main, "--quick", "--only", "implicit", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "—" in result.output
    assert "mmd2" in result.output
    (row,) = json.loads((tmp_path / "leaderboard-implicit.json").read_text())["rows"]
    assert (row["sign"], row["nats"]) == ("—", None)
    assert set(row["measures"]) == NAMES
    for found in row["measures"].values():
        assert len(found["per_seed"]) == len(found["valid_per_seed"]) == 1
        assert found["error_seeds"] is None
        assert found["value"] == found["per_seed"][0]
    assert row["cpu_seconds"] >= 0 < row["parameters"]


def test_samples_are_compared_with_halves_of_images_as_many_as_they_are():
    """And a measure is a mean. Kills: all images, other sizes, one half over and over, a sum."""
    images, seen = torch.arange(9)[:, None], []

    def count(x, y):
        seen.append((x, y))
        return x.sum().item()

    def draw(n, generator):
        return torch.zeros(n, 1)

    found = judged(draw, images, {"sum": Measure(count)}, repeats=50, generator=seeded(0))
    assert all(x.shape == y.shape == (4, 1) for x, y in seen)
    assert all(len(set(x.flatten().tolist())) == 4 for x, _ in seen)
    assert len({tuple(x.flatten().tolist()) for x, _ in seen}) > 25
    assert found["sum"] == pytest.approx(sum(x.sum().item() for x, _ in seen) / 50)


def test_summary_has_the_mean_its_error_and_the_floor_of_the_images():
    """By hand: 1 and 3 have the mean 2 and the standard error 1. Kills: the floor of samples."""
    images = torch.arange(10.0)[:, None]
    asked = {"gap": Measure(lambda x, y: (x.mean() - y.mean()).item(), 0)}
    row = summary([{"gap": 1.0}, {"gap": 3.0}], [{"gap": 5.0}, {"gap": 6.0}], images, asked)["gap"]
    assert (row["value"], row["error_seeds"]) == pytest.approx((2, 1))
    assert (row["per_seed"], row["valid_per_seed"]) == ([1.0, 3.0], [5.0, 6.0])
    assert -5 <= row["floor_quantile"] < -2 < row["floor_mean"] < 2
    assert row["level"] == 0


@pytest.mark.usefixtures("float32")
def test_measures_tell_noise_from_images_and_heart_from_learning():
    """Levels at random are far beyond the floor of every measure but one; a memory is at 0 of it.

    Kills: samples and images exchanged, the nearest of the test images.
    """
    split = load_split()
    asked = measures(Split(split.train, split.valid, split.test))
    noise = torch.randint(17, (150, 64), generator=seeded(0)).float()
    bad = {name: measure.of(split.test[:150].float(), noise) for name, measure in asked.items()}
    assert bad["mmd2"] > 0.1
    assert bad["precision"] == bad["density"] == bad["coverage"] == 0
    assert bad["c2st"] > 0.9
    assert bad["frechet"] > 30
    heart = split.train[:150].float()
    assert asked["nearest"].of(split.test[:150].float(), heart) == 0
    assert asked["nearest"].of(heart, split.test[:150].float()) > 15
    assert asked["precision"].level < 0.5 < asked["mmd2"].level


@pytest.mark.usefixtures("float32")
def test_the_judge_reads_digits():
    """A linear reading of its 32 features, learned from half of the test images, has 85 % right.

    Kills: features before the first layer is learned, labels that are out of step.
    """
    from sklearn.linear_model import LogisticRegression

    split, y = load_split(), load_labels().test
    f = judge(split.train.float())(split.test.float())
    assert f.shape == (447, 32)
    reading = LogisticRegression(max_iter=2000).fit(f[:223].numpy(), y[:223].numpy())
    assert reading.score(f[223:].numpy(), y[223:].numpy()) > 0.85


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_every_gan_is_drawn_from(tmp_path):
    """And the images beside it. Kills: draws on the players' scale, a critic's weights counted."""
    result = invoke(main, "--quick", "--only", "gan", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "leaderboard-gan.json").read_text())["rows"]
    assert [row["family"] for row in rows] == [entry.family for entry in gan.ENTRIES]
    assert {row["sign"] for row in rows} == {"—"}
    assert rows[-1]["measures"]["nearest"]["value"] == 0
    first = gan.players(gan.MODERN, generator=seeded(0))
    assert rows[0]["parameters"] == sum(p.numel() for p in first.net.parameters())


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
def test_seeds_are_scored_each_and_test_images_never_shown():
    """Kills: one model scored for all, the test images on validation's place."""
    split, seen = load_split(), []

    def fit(given, generator, quick):
        seen.append(generator.initial_seed())
        return given.valid if len(seen) == 1 else given.train

    def draw(model, n, generator):
        return model[torch.randperm(len(model), generator=generator)[:n]]

    two = Entry("two", fit, seeds=2, learned=torch.Tensor.numel, draw=draw)
    (row,) = run([two], split, quick=False)
    assert seen == [0, 1]
    first, second = row["measures"]["nearest"]["per_seed"]
    assert first > 15
    assert second == 0
    assert row["measures"]["mmd2"]["valid_per_seed"][0] < row["measures"]["mmd2"]["per_seed"][0]


def test_the_published_gan_is_near_the_noise():
    """MMD² at most 1.5 times the 95 % quantile of images beside images, on four seeds of five."""
    rows = json.loads((RESULTS / "leaderboard-gan.json").read_text("utf8"))["rows"]
    first, memory = rows
    found = first["measures"]["mmd2"]
    assert len(found["per_seed"]) == 5
    assert sum(value <= 1.5 * found["floor_quantile"] for value in found["per_seed"]) >= 4
    assert memory["measures"]["nearest"]["value"] == 0
    assert first["measures"]["nearest"]["value"] > 10
