"""Answers to the questions of chapter 15, computed."""

import math

import pytest
import torch

from coursepkg.data import IsotropicMixture, eight_gaussians
from coursepkg.evaluation.samples import precision_recall
from coursepkg.games import MatrixGame, Simultaneous, bilinear, trajectory
from coursepkg.models.gan import (
    Minimax,
    R1Penalty,
    Wasserstein,
    dirac_eigenvalues,
    game_value,
    optimal_discriminator,
    optimal_score,
)
from coursepkg.rng import seeded
from tools.questions import marked, options


def which(label: str, holds: list[bool]) -> list[str]:
    """The options that hold."""
    return [o for o, yes in zip(options(label), holds, strict=True) if yes]


@pytest.mark.question("q-15-pennies")
def test_value_of_matching_pennies():
    """Kills: 1, the best of the fixed moves."""
    assert marked("q-15-pennies") == pytest.approx(MatrixGame([[1, -1], [-1, 1]]).solve().value)


@pytest.mark.question("q-15-dearer")
def test_what_nobody_plays_may_cost_anything():
    """Kills: a value that rises with the entry."""
    value = MatrixGame([[90, -10, 20], [-10, 20, -20]]).solve().value
    assert marked("q-15-dearer") == pytest.approx(value, abs=1e-3)
    assert value == pytest.approx(MatrixGame([[30, -10, 20], [-10, 20, -20]]).solve().value)


@pytest.mark.question("q-15-twice")
def test_twice_as_dense():
    """Kills: 2, the ratio; 1/3, the share of the samples."""
    d = optimal_discriminator(torch.tensor([0.6, 0.4]), torch.tensor([0.3, 0.7]))
    assert marked("q-15-twice") == pytest.approx(d[0].item(), abs=1e-4)


@pytest.mark.question("q-15-heard")
def test_what_is_heard_of_a_sure_critic():
    """By autograd. Kills: σ(3), the other loss."""
    score = torch.tensor([-3.0], requires_grad=True)
    (slope,) = torch.autograd.grad(Minimax().generator(score.detach(), score).sum(), score)
    assert marked("q-15-heard") == pytest.approx(slope.abs().item(), abs=1e-4)


@pytest.mark.question("q-15-value")
def test_the_value_of_the_equilibrium_elsewhere():
    """A critic that is silent, and one that shouts, at unequal coins, both earn -log 4."""
    p, q = torch.tensor([0.7, 0.3]), torch.tensor([0.5, 0.5])
    best, level = optimal_score(p.log(), q.log()), -math.log(4)
    silent = game_value(p, q, torch.zeros(2)).item() == pytest.approx(level)
    low, high = 1.0, 4.0  # V falls in between, from its largest value
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if game_value(p, q, middle * best) > level else (low, middle)
    assert low == pytest.approx(2, abs=0.2), "the reason says: about twice"
    shouts = game_value(p, q, low * best).item() == pytest.approx(level)
    assert (low * best).abs().min() > 0.5
    holds = [not silent, not shouts, silent and shouts]
    assert which("q-15-value", holds) == [marked("q-15-value")]


@pytest.mark.question("q-15-spiral")
def test_growth_of_a_spiral():
    """Played. Kills: the growth of the distance, one of ten steps."""
    rule = Simultaneous(bilinear(torch.tensor([[2.0]])), 0.1)
    path = trajectory(rule, torch.tensor([0.6]), torch.tensor([-0.3]), steps=10)
    growth = (path[-1].square().sum() / path[0].square().sum()).item()
    assert marked("q-15-spiral") == pytest.approx(growth, abs=1e-3)


@pytest.mark.question("q-15-damping")
def test_the_weight_that_draws_in_fastest():
    """A search over weights. Kills: the more the better; the answer for s = 1, which is 2."""

    def slowest(loss, weight):
        return dirac_eigenvalues(loss, [R1Penalty(weight)]).real.max().item()

    weights = [i / 100 for i in range(1, 400)]
    for loss, best in ((Minimax(), marked("q-15-damping")), (Wasserstein(), 2.0)):
        assert min(weights, key=lambda w: slowest(loss, w)) == pytest.approx(best, abs=0.011)


@pytest.mark.question("q-15-missing")
def test_what_sinks_when_a_mode_is_missing():
    """The ring without one hill, beside fresh draws of the whole."""
    ring = eight_gaussians()
    fewer = IsotropicMixture(ring.means[1:], ring.scales[1:])
    data, fresh = (ring.sample(800, generator=seeded(seed)) for seed in (1, 2))
    floor, found = (
        precision_recall(data, x) for x in (fresh, fewer.sample(800, generator=seeded(3)))
    )
    precision_sinks = found.precision < floor.precision - 0.05
    recall_sinks = found.recall < floor.recall - 0.05
    holds = [precision_sinks, recall_sinks, not precision_sinks and not recall_sinks]
    assert which("q-15-missing", holds) == [marked("q-15-missing")]
