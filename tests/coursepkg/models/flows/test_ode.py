"""Solvers: closed forms, orders, scipy."""

import math

import pytest
import torch
from scipy.integrate import solve_ivp
from torch.testing import assert_close

from coursepkg.models.flows import dormand_prince, euler, rk4
from coursepkg.models.flows.ode import ERROR, NODES, STAGES

START = torch.tensor([1.0, 0.5])


def swing(t: float, x: torch.Tensor) -> torch.Tensor:
    """A pendulum that is pushed: neither linear nor without time."""
    return torch.stack([x[1], math.cos(3 * t) - x[0].sin()])


def truth(start: float, end: float) -> torch.Tensor:
    found = solve_ivp(
        lambda t, y: swing(t, torch.from_numpy(y)).numpy(), (start, end), START.numpy(),
        rtol=1e-12, atol=1e-12, method="DOP853",
    )  # fmt: skip
    return torch.from_numpy(found.y[:, -1])


@pytest.mark.parametrize(("solver", "order"), [(euler, 1), (rk4, 4)])
def test_the_error_falls_with_the_order(solver, order):
    """Halving h divides it by 2^order. Kills: a stage at the wrong time, a weight swapped."""
    exact = truth(0, 2)
    errors = [
        (solver(swing, START, start=0, end=2, steps=n) - exact).norm().item() for n in (40, 80)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
    assert errors[1] < (0.1 if order == 1 else 1e-6)


def test_euler_asks_at_the_beginning_of_each_step():
    """dx/dt = t, by hand: 0.25 · (0 + 0.25 + 0.5 + 0.75). Kills: another time within the step."""
    for start, expected in ((0.0, 0.375), (1.0, 1.375)):
        x = euler(lambda t, x: torch.full_like(x, t), torch.zeros(1), start=start, end=start + 1,
                  steps=4)  # fmt: skip
        assert x.item() == pytest.approx(expected)


@pytest.mark.parametrize("end", [1.0, -2.0])
def test_adaptive_steps_ask_nowhere_beyond_the_end(end):
    """Kills: a last step that goes too far and comes back, where the slope may not exist."""
    asked = []

    def noted(t, x):
        asked.append(t)
        return -x

    found, _ = dormand_prince(noted, torch.ones(1), start=0, end=end)
    assert max(t / end for t in asked) <= 1 + 1e-12
    assert found.item() == pytest.approx(math.exp(-end), rel=1e-5)


@pytest.mark.parametrize("end", [2.0, -1.5])
def test_adaptive_steps_meet_their_tolerance_forwards_and_backwards(end):
    """Kills: a coefficient of the tableau, a last step beyond the end."""
    found, asked = dormand_prince(swing, START, start=0, end=end, tolerance=1e-9)
    assert_close(found, truth(0, end), atol=1e-7, rtol=0)
    assert asked < 1000
    rough, fewer = dormand_prince(swing, START, start=0, end=end, tolerance=1e-4)
    assert fewer < asked / 2
    assert (rough - found).norm() > 1e-9, "vacuous: the tolerance does nothing"


def test_the_tableau_is_of_order_five():
    """Order conditions up to 5 of the quadrature, and rows that sum to their node."""
    b = torch.tensor([*STAGES[-1], 0.0])
    c = torch.tensor(NODES)
    for power in range(5):
        assert_close((b * c**power).sum(), torch.tensor(1 / (power + 1)))
    for node, row in zip(NODES, STAGES, strict=True):
        assert sum(row) == pytest.approx(node)
    error = torch.tensor(ERROR)
    for power in range(4):  # both solutions have order 4
        assert_close((error * c**power).sum(), torch.tensor(0.0))
    assert (error * c**4).sum().abs() > 1e-5


def test_a_step_that_is_refused_is_done_again():
    """A slope that jumps. Kills: a step kept whatever its error."""

    def kink(t, x):
        return torch.full_like(x, 0.0 if t < 0.5 else 30.0)

    x, asked = dormand_prince(kink, torch.zeros(1), start=0, end=1, tolerance=1e-6)
    assert x.item() == pytest.approx(15, abs=1e-3)
    assert asked > 100


def test_the_tolerance_is_relative_too():
    """x = e^t from 10^6. Kills: an absolute error only, which would need far more steps."""

    def grow(t, x):
        return x

    small, few = dormand_prince(grow, torch.ones(1), start=0, end=1, tolerance=1e-6)
    large, more = dormand_prince(grow, torch.full((1,), 1e6), start=0, end=1, tolerance=1e-6)
    assert_close(large / 1e6, small, rtol=1e-5, atol=0)
    assert more < 2 * few


def test_too_many_steps_and_slopes_that_are_not_finite_are_errors():
    with pytest.raises(ValueError, match=r"most: expected the end t = 2.0 within 3 steps, got to"):
        dormand_prince(swing, START, start=0, end=2.0, tolerance=1e-12, most=3)
    with pytest.raises(ValueError, match=r"f: expected finite slopes, got nan"):
        dormand_prince(lambda t, x: x / 0 * 0, START, start=0, end=1)
    with pytest.raises(ValueError, match=r"steps: expected.*got 0"):
        rk4(swing, START, start=0, end=1, steps=0)
    with pytest.raises(ValueError, match=r"steps: expected.*got 0"):
        euler(swing, START, start=0, end=1, steps=0)
    with pytest.raises(ValueError, match=r"tolerance: expected.*got 0"):
        dormand_prince(swing, START, start=0, end=1, tolerance=0)
