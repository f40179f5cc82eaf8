"""Answers to the questions of chapter 19, computed."""

import math
from itertools import combinations

import pytest
import torch

from coursepkg.models.few_steps import EulerAverage, Jumps, TowardsPoints, end_of
from coursepkg.models.flows import Continuous, rk4
from coursepkg.models.masked import AnyOrder, SymbolNoise, groups_cost, masked_rest
from coursepkg.nets import SymbolMLP, TimedMLP
from coursepkg.rng import seeded
from tests.conformance.case import perturbed
from tools.questions import marked, options

PARITY = torch.zeros(2, 2, 2, dtype=torch.float64)
for a in (0, 1):
    for b in (0, 1):
        PARITY[a, b, int(a == b)] = 0.25


@pytest.mark.question("q-19-one")
def test_one_step_ends_at_the_mean():
    """The exact flow towards the two points. Kills: the nearer point, the noise's mean."""
    field = EulerAverage(TowardsPoints(torch.tensor([[-1.0], [3.0]])))
    end = Jumps(field, dim=1, steps=1).decode(torch.tensor([[5.0]]))
    assert marked("q-19-one") == pytest.approx(end.item())


@pytest.mark.question("q-19-average")
def test_the_average_velocity_to_the_end():
    """By Runge–Kutta. Kills: the end in place of the velocity."""

    def field(x, t):
        t = t[:, None]
        return (9 * t - (1 - t)) / ((1 - t) ** 2 + 9 * t**2) * x

    velocity, x = Continuous(field, dim=1, steps=1).velocity, torch.tensor([[2.0]])
    end = rk4(velocity, x, start=0, end=1, steps=400)
    assert marked("q-19-average") == pytest.approx((end - x).item(), abs=1e-4)


@pytest.mark.question("q-19-boundary")
def test_the_boundary_holds_whatever_the_network_says():
    """A network away from its start, and at it."""
    x, one = torch.tensor([[0.7, -2.0]]), torch.ones(1)
    net = TimedMLP(2, hidden=8, blocks=1, generator=seeded(0))
    zero = torch.equal(end_of(net, x, one), torch.zeros(1, 2))
    ends = {end_of(perturbed(net, seeded(s)), x, one)[0, 0].item() for s in range(5)}
    holds = [ends == {0.7}, zero, len(ends) > 1]
    assert [o for o, yes in zip(options("q-19-boundary"), holds, strict=True) if yes] == [
        marked("q-19-boundary")
    ]


@pytest.mark.question("q-19-lifted")
def test_a_hidden_symbol_was_seen_before():
    noise = SymbolNoise(torch.tensor([0.5, 0.2, 0.0]), masked_rest(2))
    posterior = noise.posterior(torch.tensor([[2]]), torch.tensor([2]))[0, 0, 0]
    assert marked("q-19-lifted") == pytest.approx(posterior[0].item())


@pytest.mark.question("q-19-parity")
def test_three_at_once():
    cost = groups_cost(PARITY.flatten(), [[0, 1, 2]], dim=3, levels=2)
    assert marked("q-19-parity") == pytest.approx(cost, abs=5e-5)


@pytest.mark.question("q-19-two")
def test_two_at_once():
    """All three pairs. Kills: the price of all three."""
    costs = []
    for pair in combinations(range(3), 2):
        (last,) = {0, 1, 2} - set(pair)
        costs.append(groups_cost(PARITY.flatten(), [list(pair), [last]], dim=3, levels=2))
    holds = [
        max(costs) < 1e-9, min(costs) == pytest.approx(math.log(2)),
        max(costs) > min(costs) + 1e-9,
    ]  # fmt: skip
    assert [o for o, yes in zip(options("q-19-two"), holds, strict=True) if yes] == [
        marked("q-19-two")
    ]


@pytest.mark.question("q-19-weight")
def test_one_order_is_low_on_average():
    """A network whose conditionals disagree: mean of log w against log of the mean of w."""
    net = perturbed(SymbolMLP(4, levels=2, hidden=8, blocks=1, generator=seeded(0)), seeded(1))
    model = AnyOrder(net, dim=4, levels=2)
    x = torch.tensor([[0, 1, 1, 0]]).expand(20_000, 4)
    with torch.no_grad():
        log_w = model.log_weight(x, generator=seeded(2))
    log_p = log_w.logsumexp(0).item() - math.log(len(x))
    mean, error = log_w.mean().item(), 6 * log_w.std().item() / len(x) ** 0.5
    holds = [mean > log_p + error, mean < log_p - error, abs(mean - log_p) <= error]
    assert [o for o, yes in zip(options("q-19-weight"), holds, strict=True) if yes] == [
        marked("q-19-weight")
    ]
