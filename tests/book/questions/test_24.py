"""Answers to the questions of chapter 24, computed."""

import math

import pytest
import torch
from torch.distributions import AffineTransform, Independent, Normal, TransformedDistribution

from coursepkg.evaluation import best_of_many, paired
from coursepkg.evaluation.samples import median_bandwidth, mmd_squared, noise_floor
from coursepkg.evaluation.samples.neighbours import precision_recall
from coursepkg.rng import seeded
from tools.questions import marked, options


@pytest.mark.question("q-24-units")
def test_the_pixels_as_they_are():
    """By a law whose score at 0 is 12, stretched by 16. Kills: -64 log 16, log 16."""
    std = math.exp(12 / 64) / math.sqrt(2 * math.pi)
    law = Independent(Normal(torch.zeros(64), std), 1)
    assert -law.log_prob(torch.zeros(64)).item() == pytest.approx(12, abs=1e-4)
    stretched = TransformedDistribution(law, AffineTransform(0.0, 16.0, event_dim=1))
    found = -stretched.log_prob(torch.zeros(64)).item()
    assert found == pytest.approx(marked("q-24-units"), abs=0.05)


def chosen(label, holds):
    """The options that hold."""
    return [option for option, yes in zip(options(label), holds, strict=True) if yes]


@pytest.mark.question("q-24-signs")
def test_what_signs_decide():
    """A score, or all that a bound leaves open. Kills: the lower number wins."""
    a, b = [79.2], torch.linspace(70, 79.9, 100).tolist()
    a_wins, b_wins = all(x < y for x in a for y in b), all(y < x for x in a for y in b)
    holds = [a_wins, b_wins, not a_wins and not b_wins]
    assert chosen("q-24-signs", holds) == [marked("q-24-signs")]
    swapped = torch.linspace(70, 79.2, 100).tolist()
    assert all(x < 79.9 for x in swapped)  # what the last option says of ≤ and =


@pytest.mark.question("q-24-paired")
def test_the_paired_error():
    found = paired(torch.tensor([20.0, 30.0, 40.0]), torch.tensor([19.0, 28.0, 39.0]))
    assert found.error == pytest.approx(marked("q-24-paired"), abs=1e-3)


@pytest.mark.question("q-24-half")
def test_the_most_that_noise_of_one_half_costs():
    """The largest loss over random laws, and where the noise is 0."""
    p, q = torch.rand(2, 500, generator=seeded(0), dtype=torch.float64)
    q[0] = 0
    loss = (p / p.sum()).log() - (0.5 * p / p.sum() + 0.5 * q / q.sum()).log()
    assert loss.max().item() == pytest.approx(marked("q-24-half"), abs=5e-4)


@pytest.mark.question("q-24-copies")
def test_what_finds_copies():
    """Sets of one normal law; floors that one half of the test set in 1,000 exceeds.

    The copies are of other rows than the test set, so MMD and precision have the floor's own law.
    """
    train, test = torch.randn(2, 400, 8, generator=seeded(5), dtype=torch.float64)
    copies = train[torch.randint(400, (200,), generator=seeded(6))]
    part, width = test[:200], median_bandwidth(train)

    def floor(measure, level):
        found = noise_floor(measure, test, splits=400, level=level, generator=seeded(7))
        return found.quantile

    def mmd(x, y):
        return mmd_squared(x, y, bandwidth=width)

    def precision(x, y):
        return precision_recall(x, y).precision

    def nearest(_, y):
        return torch.cdist(y, train).amin(1).median().item()

    holds = [
        mmd(part, copies) > floor(mmd, 0.999),
        precision(part, copies) < floor(precision, 0.001),
        nearest(part, copies) < floor(nearest, 0.001),
    ]
    assert chosen("q-24-copies", holds) == [marked("q-24-copies")]


@pytest.mark.question("q-24-best")
def test_the_luck_of_ten():
    assert 0.1 * best_of_many(10) == pytest.approx(marked("q-24-best"), abs=5e-4)


@pytest.mark.question("q-24-images")
def test_how_many_times_as_many_images():
    """From the errors of 40 images, repeated until they are as small. Kills: 5."""
    a = torch.randn(40, generator=seeded(1), dtype=torch.float64)
    one = paired(a, 0 * a).error
    times = int(marked("q-24-images"))
    many = paired(a.repeat(times), 0 * a.repeat(times)).error
    assert many == pytest.approx(one / 5, rel=0.02)
