"""The studies of chapter 22 about missing pixels, answers, labels, noise, anomalies and memory."""

import json
import math

import pytest
import torch

from benchmarks.gains import gain, printed
from benchmarks.studies import (
    applications_anomaly,
    applications_answers,
    applications_denoising,
    applications_labels,
    applications_memory,
    applications_missing,
)
from benchmarks.studies.applications_anomaly import auc, letters, others
from benchmarks.studies.applications_answers import elbows, hand, poses
from benchmarks.studies.applications_denoising import by_examples, median, wiener
from benchmarks.studies.applications_labels import class_normal
from benchmarks.studies.applications_memory import copied
from benchmarks.studies.applications_missing import D, Filler, masks, measure, neighbours, normal
from coursepkg.data.digits import Split
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_a_gain_is_what_the_value_is_lower_seed_by_seed():
    """Kills: the sign, an error of the mean in place of that of the difference."""
    row = gain([0.2, 0.4, 0.3], [0.3, 0.5, 0.4])
    assert (row["value"], row["baseline"]) == (pytest.approx(0.3), pytest.approx(0.4))
    assert (row["gain"], row["error"]) == (pytest.approx(0.1), pytest.approx(0, abs=1e-9))
    assert gain([0.0, 0.2], [0.2, 0.2])["error"] == pytest.approx(0.1)
    assert "gain +0.1000" in printed({"name": "x", **row})
    with pytest.raises(ValueError, match="two or more pairs, got 1 and 2"):
        gain([0.1], [0.2, 0.3])


def test_the_masks_hide_what_they_say():
    """Kills: the known and the missing swapped, one mask for all images."""
    found = masks(50, seed=0)
    assert found["lower half"].view(50, 8, 8)[:, :4].all()
    assert not found["lower half"].view(50, 8, 8)[:, 4:].any()
    assert ((~found["middle"]).sum(1) == 16).all()
    assert not found["middle"].view(50, 8, 8)[:, 2:6, 2:6].any()
    assert 0.45 < found["half at random"].double().mean() < 0.55
    assert not torch.equal(found["half at random"][0], found["half at random"][1])


def test_only_missing_pixels_are_scored():
    """Kills: an error over the known ones too, which a filler gets for nothing."""
    x, known = torch.ones(2, D), torch.arange(D).expand(2, D) < 32
    filler = Filler(lambda x, known: torch.where(known, x, 0.25), lambda x, known: x.sum(1))
    assert measure(filler, x, known) == {"squared error": 0.5625, "nats": 64.0}


def test_neighbours_look_at_known_pixels_only(generator):
    """Ten images agree with x there. Kills: a distance that reads what is missing."""
    train = torch.bernoulli(torch.full((40, D), 0.5), generator=generator)
    x, known = torch.zeros(1, D), (torch.arange(D) < 20)[None]
    train[:10, :20] = 0
    fill = neighbours(Split(train, train, train), 0, True).fill
    torch.testing.assert_close(fill(x, known)[0], train[:10].mean(0))


def test_the_linear_guess_is_the_regression_of_the_missing(generator):
    """Against least squares with the same ridge, by its normal equations over all images."""
    mix = torch.randn(D, D, generator=generator) / 8
    train = (torch.randn(500, D, generator=generator) @ mix > 0.5).double()
    x, known = train[:5], torch.arange(D).expand(5, D) % 3 > 0
    fill = normal(Split(train, train, train), 0, True).fill(x, known)
    k, away = known[0], train - train.mean(0)
    A = away[:, k].T @ away[:, k] / 499 + 0.02 * torch.eye(int(k.sum()))
    B = torch.linalg.solve(A, away[:, k].T @ away[:, ~k] / 499)
    expected = (train.mean(0)[~k] + (x - train.mean(0))[:, k] @ B).clamp(0, 1)
    torch.testing.assert_close(fill[:, ~k], expected)
    assert torch.equal(fill[:, k], x[:, k])


def test_both_elbows_bring_the_hand_there(generator):
    """Kills: a wrong law of cosines, a sign of the turn, a box that is not heeded."""
    angles = poses(200, generator=generator)
    both = 0
    for pose, place in zip(angles, hand(angles), strict=True):
        found, allowed = elbows(place)
        torch.testing.assert_close(hand(found), place.expand(2, 2))
        assert ((found - pose).abs().sum(1) < 1e-6).any()
        assert allowed[(found - pose).abs().sum(1) < 1e-6].all()
        both += int(allowed.all())
    assert 0.5 < both / 200 < 0.8
    torch.testing.assert_close(
        hand(torch.tensor([[0.0, math.pi]])), torch.tensor([[1.0, 0.0]]), atol=1e-12, rtol=0
    )  # stretched


def test_wiener_is_the_posterior_mean_of_a_normal_law(generator):
    """By precision matrices. Kills: τ for τ², the covariance for its inverse."""
    train = torch.randn(300, 5, generator=generator) @ torch.randn(5, 5, generator=generator)
    y = torch.randn(4, 5, generator=generator)
    mean, P = train.mean(0), torch.linalg.inv(train.T.cov())
    expected = torch.linalg.solve(P + torch.eye(5) / 9, (P @ mean)[:, None] + y.T / 9).T
    torch.testing.assert_close(wiener(y, train, noise=3.0), expected)


def test_examples_are_weighed_by_how_well_they_explain(generator):
    """A slow loop. Kills: a distance that is not squared, a sum of weights that is not one."""
    train, y = (torch.randn(n, 4, generator=generator) for n in (6, 3))
    for row, found in zip(y, by_examples(y, train, noise=0.8), strict=True):
        weight = [math.exp(-float((row - x).square().sum()) / (2 * 0.64)) for x in train]
        expected = sum(w * x for w, x in zip(weight, train, strict=True)) / sum(weight)
        torch.testing.assert_close(found, expected)


def test_the_median_is_that_of_each_image():
    """Kills: a window that reaches into the next image."""
    y = torch.zeros(2, 64)
    y[1] = 5.0
    y[0, 27] = 9.0
    assert torch.equal(median(y), torch.tensor([[0.0], [5.0]]).expand(2, 64))


def test_a_class_keeps_its_mean(generator):
    """Kills: means of other classes, one draw for all rows."""
    y = torch.arange(50) % 10
    x = y[:, None] * 10.0 + torch.randn(50, 64, generator=generator)
    drawn = class_normal(x, y, generator=generator)
    assert (drawn - y[:, None] * 10).abs().max() < 8
    assert drawn.unique(dim=0).shape == (50, 64)


def test_auc_counts_pairs():
    """Ties count half. Kills: the two sides swapped."""
    assert auc(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0])) == 1
    assert auc(torch.tensor([2.0, 3.0]), torch.tensor([0.0])) == 0
    assert auc(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0])) == pytest.approx(0.5)
    assert auc(torch.tensor([0.0, 2.0]), torch.tensor([2.0])) == pytest.approx(0.75)


@pytest.mark.equation("mode-is-atypical")
@pytest.mark.parametrize("dim", [1, 7, 64])
def test_the_mode_of_a_normal_law_is_denser_than_its_draws_by_half_the_dimension(dim):
    """Against torch's entropy. Kills: a normaliser that counts the dimension once."""
    law = GaussianMixture(1, dim=dim, generator=seeded(0))
    peer = torch.distributions.MultivariateNormal(torch.zeros(dim), torch.eye(dim))
    above = law.log_prob(torch.zeros(1, dim))[0] + peer.entropy()
    assert above.item() == pytest.approx(dim / 2)


def test_what_is_no_digit_has_the_levels_of_one():
    """Kills: levels out of range, a permutation for each image, letters among which are digits."""
    x = torch.randint(17, (30, 64), generator=seeded(0))
    found = others(x, seed=0)
    for kind, images in found.items():
        assert images.shape == (30, 64), kind
        assert int(images.min()) >= 0, kind
        assert int(images.max()) <= 16, kind
    assert torch.equal(16 - found["inverted"], x)
    assert torch.equal(found["shuffled"].sort(1).values, x.sort(1).values)
    assert int(letters(30, seed=0).max()) >= 12
    assert not torch.equal(letters(30, seed=0), letters(30, seed=1))


def test_a_copy_is_nearer_than_half_the_way_to_the_next_image():
    """By hand on a line. Kills: the distance of the sample to its second image, no half."""
    train = torch.tensor([[0.0], [10.0], [14.0]])
    x = torch.tensor([[4.9], [5.1], [8.1], [7.9], [12.1], [16.1]])
    assert copied(x, train).tolist() == [0, -1, 1, -1, 2, -1]
    assert torch.equal(train, torch.tensor([[0.0], [10.0], [14.0]]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "arguments", "first"),
    [
        (applications_missing, ["--quick"], "family"),
        (applications_answers, ["--epochs", 1], "answer"),
        (applications_labels, ["--epochs", 1], "beside"),
        (applications_denoising, ["--quick"], "noise"),
        (applications_anomaly, ["--quick"], "score"),
        (applications_memory, ["--steps", 2, "--samples", 50], "components"),
    ],
)
def test_a_quick_run_writes_its_rows(module, arguments, first, tmp_path, float32):
    """Kills: a way that is left out, a number that is lost."""
    done = invoke(module.main, "--seeds", 2, *arguments, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    name = module.__name__.rsplit(".", 1)[1]
    rows = json.loads((tmp_path / f"{name}.json").read_text("utf8"))["rows"]
    assert all(len(row["per_seed"]) == 2 for row in rows)
    assert len({row[first] for row in rows}) >= 3
