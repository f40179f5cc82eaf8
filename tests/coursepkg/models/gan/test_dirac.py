"""Eigenvalues by hand for each loss, and where the players go."""

import cmath
import math

import pytest
import torch

from coursepkg.games import Alternating, Consensus, Simultaneous, spectral_radius, trajectory
from coursepkg.models.gan import (
    LeastSquares,
    Minimax,
    NonSaturating,
    R1Penalty,
    R2Penalty,
    Relativistic,
    UnitSlope,
    Wasserstein,
    dirac_eigenvalues,
    dirac_field,
)

SPEEDS = [(Minimax(), 0.5), (NonSaturating(), 0.5), (Relativistic(), 0.5), (LeastSquares(), 1.0),
          (Wasserstein(), 1.0)]  # fmt: skip
NAMED = pytest.mark.parametrize(
    ("loss", "s"), SPEEDS, ids=lambda v: type(v).__name__ if not isinstance(v, float) else str(v)
)


def sig(t: float) -> float:
    return 1 / (1 + math.exp(-t))


def by_hand(s: float, weight: float) -> list[complex]:
    root = cmath.sqrt(weight**2 / 4 - s**2)
    return sorted([-weight / 2 + root, -weight / 2 - root], key=lambda λ: (λ.real, λ.imag))


def found(loss, penalties=()) -> list[complex]:
    return sorted(dirac_eigenvalues(loss, penalties).tolist(), key=lambda λ: (λ.real, λ.imag))


@pytest.mark.equation("dirac-eigenvalues")
@NAMED
def test_without_penalties_all_circle_and_with_them_all_converge(loss, s):
    """λ² + γλ + s² = 0. Kills: a sign, a penalty on the wrong player, its half, one left out."""
    assert found(loss) == pytest.approx([-1j * s, 1j * s], abs=1e-9)
    for weight in (0.5, 3.0):
        assert found(loss, [R1Penalty(weight)]) == pytest.approx(by_hand(s, weight), abs=1e-9)
        assert found(loss, [R2Penalty(weight)]) == pytest.approx(by_hand(s, weight), abs=1e-9)
        both = found(loss, [R1Penalty(weight), R2Penalty(2 * weight)])
        assert both == pytest.approx(by_hand(s, 3 * weight), abs=1e-9)
        assert max(λ.real for λ in both) < 0


def test_the_field_is_the_gradient_written_out():
    """At θ = 0.7, ψ = -1.3. Kills: θ and ψ exchanged, ascent for descent, fields of one loss."""
    θ, ψ = torch.tensor([0.7]), torch.tensor([-1.3])
    u = (ψ * θ).item()
    slopes = {  # of the critic's loss in D(θ), and of the generator's
        Minimax: (sig(u), -sig(u)),
        NonSaturating: (sig(u), -sig(-u)),
        Relativistic: (sig(u), -sig(-u)),
        LeastSquares: (u + 1, u - 1),
        Wasserstein: (1.0, -1.0),
    }
    for loss, _ in SPEEDS:
        critic, generator = slopes[type(loss)]
        v_x, v_y = dirac_field(loss, [R1Penalty(0.2)])(θ, ψ)
        torch.testing.assert_close(v_x, -generator * ψ)
        torch.testing.assert_close(v_y, -critic * θ - 0.2 * ψ)
    v_x, v_y = dirac_field(Wasserstein(), [UnitSlope(5.0)])(θ, ψ)
    torch.testing.assert_close(v_x, ψ)
    torch.testing.assert_close(v_y, -θ - 10.0 * (1.3 - 1) * ψ.sign())


@NAMED
def test_steps_leave_circle_or_arrive_as_the_eigenvalues_say(loss, s):
    """|1 + ηλ|, and 400 steps from (1, 1). Kills: a penalty that the steps do not feel.

    Imaginary eigenvalues decide nothing beyond the first order: the zero-sum games go round for
    ever, while the others come nearer, though slower than any exponential.
    """
    zero, one, step_size = torch.zeros(1), torch.ones(1), 0.25
    plain, mild = dirac_field(loss), dirac_field(loss, [R1Penalty(0.5), R2Penalty(0.5)])
    radius = spectral_radius(Simultaneous(plain, step_size), zero, zero)
    assert radius == pytest.approx(math.hypot(1, step_size * s))
    radius = spectral_radius(Simultaneous(mild, step_size), zero, zero)
    assert radius == pytest.approx(max(abs(1 + step_size * λ) for λ in by_hand(s, 1.0)))
    assert spectral_radius(Alternating(plain, step_size), zero, zero) == pytest.approx(1)
    assert spectral_radius(Consensus(plain, step_size, 1.0), zero, zero) < 1
    path = trajectory(Alternating(mild, step_size), one, one, steps=400).norm(dim=1)
    assert path[-1] < 1e-12
    path = trajectory(Alternating(plain, step_size), one, one, steps=400).norm(dim=1)
    if isinstance(loss, Minimax | Wasserstein):
        assert path.min() > 1.1, "it came nearer"
    else:
        assert 0.1 < path[-1] < path[200] < 0.5
        assert path[-1] / path[200] > 0.7, "no exponential"


def test_unit_slopes_do_not_arrive():
    """Mescheder et al. on the WGAN-GP. Kills: a penalty that is centred at zero."""
    rule = Alternating(dirac_field(Wasserstein(), [UnitSlope(1.0)]), 0.1)
    path = trajectory(rule, torch.ones(1), torch.ones(1), steps=1000)
    assert path[-300:].norm(dim=1).min() > 0.05
