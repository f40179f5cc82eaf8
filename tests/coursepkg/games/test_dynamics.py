"""Rules against closed forms of the bilinear game, and against the loop of each paper."""

import math

import pytest
import torch

from coursepkg import rng
from coursepkg.games import (
    Alternating,
    Consensus,
    Extragradient,
    Optimistic,
    Play,
    Simultaneous,
    bilinear,
    spectral_radius,
    trajectory,
)

ONE = torch.ones(1)
ZERO = torch.zeros(1)


def scalar(s: float):
    return bilinear(torch.tensor([[s]]))


def radius_of_optimism(step: float, s: float) -> float:
    """λ² - (1 + 2iηs) λ + iηs = 0, by the formula for quadratics."""
    b, c = -(1 + 2j * step * s), 1j * step * s
    root = (b * b - 4 * c) ** 0.5
    return max(abs((-b + root) / 2), abs((-b - root) / 2))


SIZES = [(0.1, 1.0), (0.3, 1.0), (0.4, 2.0), (0.7, 1.0)]


@pytest.mark.equation("extragradient-radius")
@pytest.mark.parametrize(("step", "s"), SIZES)
def test_radii_of_the_bilinear_game(step, s):
    """Closed forms. Kills: a sign of the field, a step for the look ahead only, a factor of γ."""
    e = step * s
    rules = {
        Simultaneous: math.sqrt(1 + e**2),
        Alternating: 1.0,
        Extragradient: math.sqrt((1 - e**2) ** 2 + e**2),
        Optimistic: radius_of_optimism(step, s),
    }
    for rule, expected in rules.items():
        found = spectral_radius(rule(scalar(s), step), ZERO, ZERO)
        assert found == pytest.approx(expected, abs=1e-7), rule
    for weight in (0.0, 0.5, 2.0):
        found = spectral_radius(Consensus(scalar(s), step, weight), ZERO, ZERO)
        assert found == pytest.approx(math.sqrt((1 - e * s * weight) ** 2 + e**2))


def test_singular_values_decide_in_many_dimensions():
    """The worst pair of singular vectors. Kills: A for Aᵀ in one of the two directions."""
    A = torch.randn(3, 3, generator=rng.seeded(1))
    s = torch.linalg.svdvals(A)
    step = 0.5 / s.max().item()
    x = torch.zeros(3)
    found = spectral_radius(Extragradient(bilinear(A), step), x, x)
    e = step * s
    expected = ((1 - e**2).square() + e**2).sqrt().max().item()
    assert found == pytest.approx(expected)
    found = spectral_radius(Simultaneous(bilinear(A), step), x, x)
    assert found == pytest.approx(math.sqrt(1 + (step * s.max().item()) ** 2))


def test_out_round_and_in():
    """300 steps from (1, 1). Kills: turns taken at once, cures that do not cure."""
    step, field = 0.3, scalar(1.0)

    def end(rule):
        return trajectory(rule, ONE, ONE, steps=300).norm(dim=1)

    out = end(Simultaneous(field, step))
    torch.testing.assert_close(out[1:] / out[:-1], torch.full((300,), math.sqrt(1.09)))
    path = trajectory(Alternating(field, step), ONE, ONE, steps=300)
    kept = path.square().sum(1) - step * path[:, 0] * path[:, 1]
    torch.testing.assert_close(kept, torch.full((301,), 2 - step))
    for rule in (Extragradient(field, step), Optimistic(field, step), Consensus(field, step, 1.0)):
        assert end(rule)[-1] < 1e-4


def cubic(x, y):
    """No bilinear game: losses x⁴/4 + x·y and y²/2 - x·y + sin(x)·y, players of one size."""
    return -(x**3) - y, -y + x - torch.sin(x)


def test_steps_are_those_of_the_papers_away_from_the_bilinear_game():
    """By hand from one place. Kills: the field at the wrong place, players that do not take turns.

    Optimistic steps need two: the first is plain.
    """
    x, y, η = torch.tensor([0.7]), torch.tensor([-0.4]), 0.2
    v_x, v_y = cubic(x, y)

    def step(rule):
        return rule.step(rule.init(x, y))

    both = step(Simultaneous(cubic, η))
    torch.testing.assert_close(torch.cat(both[:2]), torch.cat([x + η * v_x, y + η * v_y]))
    turns = step(Alternating(cubic, η))
    torch.testing.assert_close(turns.x, x + η * v_x)
    torch.testing.assert_close(turns.y, y + η * cubic(x + η * v_x, y)[1])
    ahead = cubic(x + η * v_x, y + η * v_y)
    looked = step(Extragradient(cubic, η))
    torch.testing.assert_close(
        torch.cat(looked[:2]), torch.cat([x + η * ahead[0], y + η * ahead[1]])
    )
    first = step(Optimistic(cubic, η))
    torch.testing.assert_close(torch.cat(first[:2]), torch.cat(both[:2]))
    second = Optimistic(cubic, η).step(first)
    w_x, w_y = cubic(first.x, first.y)
    torch.testing.assert_close(second.x, first.x + η * (2 * w_x - v_x))
    torch.testing.assert_close(second.y, first.y + η * (2 * w_y - v_y))
    # ∇ ½‖v‖² = Jᵀ v, with J by hand
    J = torch.tensor([[-3 * x.item() ** 2, -1.0], [1 - math.cos(x.item()), -1.0]])
    v = torch.cat([v_x, v_y])
    agreed = step(Consensus(cubic, η, 0.5))
    torch.testing.assert_close(torch.cat(agreed[:2]), torch.cat([x, y]) + η * (v - 0.5 * J.T @ v))


def test_a_path_begins_where_it_begins():
    """Kills: the start left out, y before x."""
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0])
    rule = Simultaneous(bilinear(torch.ones(2, 1)), 0.1)
    path = trajectory(rule, x, y, steps=2)
    assert path.shape == (3, 3)
    assert path[0].tolist() == [1.0, 2.0, 3.0]
    torch.testing.assert_close(path[1], torch.tensor([0.7, 1.7, 3.3]))
    assert isinstance(rule.init(x, y), Play)


def test_impossible_numbers_are_refused():
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="step_size: expected a finite number > 0"):
            Simultaneous(cubic, bad)
        with pytest.raises(ValueError, match="step_size: expected a finite number > 0"):
            Consensus(cubic, bad, 1.0)
    for bad in (-1.0, math.nan):
        with pytest.raises(ValueError, match="weight: expected a number >= 0"):
            Consensus(cubic, 0.1, bad)
    with pytest.raises(ValueError, match="steps: expected at least 1, got 0"):
        trajectory(Simultaneous(cubic, 0.1), ONE, ONE, steps=0)


def test_a_radius_near_one_in_single_precision():
    """√(1 + η²) is 1 + 5e-9 for η = 1e-4. Kills: eigenvalues in float32, which say 1."""
    start = torch.zeros(1, dtype=torch.float32)
    rule = Simultaneous(bilinear(torch.ones(1, 1, dtype=torch.float32)), 1e-4)
    assert spectral_radius(rule, start, start) - 1 == pytest.approx(5e-9, rel=1e-5)
