import math
from itertools import pairwise

import pytest
import torch
from torch.autograd.functional import jacobian

from coursepkg.data.toy import Banana
from coursepkg.samplers.hmc import DIVERGENCE, HMC, leapfrog
from coursepkg.samplers.run import GradientState, evaluate_with_score, run
from tests.coursepkg.samplers.laws import comes_home, stays, targets

TARGETS = dict(targets())
MASS = torch.tensor([0.5, 2.0]).double()


def quartic(x):
    """A state with its score in closed form, so that autograd can pass through it."""
    log_density = -(x[:, 0] ** 4) / 4 - x[:, 1] ** 2 / 2 - x[:, 0] * x[:, 1]
    score = torch.stack([-(x[:, 0] ** 3) - x[:, 1], -x[:, 1] - x[:, 0]], dim=1)
    return GradientState(x, log_density, score)


def energy(state, momentum, mass):
    return -state.log_density + (momentum**2 / (2 * mass)).sum(1)


@pytest.mark.equation("leapfrog")
def test_a_step_is_kick_drift_kick(generator):
    """The three lines, L times. Kills: drift, kick, drift, which is as good an integrator."""
    x, r = torch.randn(2, 20, 2, generator=generator)
    end, momentum = leapfrog(quartic, quartic(x), r, step_size=0.3, steps=4, mass=MASS)
    for _ in range(4):
        r = r + 0.15 * quartic(x).score
        x = x + 0.3 * r / MASS
        r = r + 0.15 * quartic(x).score
    torch.testing.assert_close(end.x, x)
    torch.testing.assert_close(momentum, r)


@pytest.mark.equation("leapfrog")
def test_turned_round_a_trajectory_retraces_its_way(generator):
    """Kills: a drift before the first kick, a score of the wrong end."""
    x, momentum = torch.randn(2, 20, 2, generator=generator)
    there, r = leapfrog(quartic, quartic(x), momentum, step_size=0.1, steps=25, mass=MASS)
    assert (there.x - x).abs().max() > 0.5
    back, r = leapfrog(quartic, there, -r, step_size=0.1, steps=25, mass=MASS)
    torch.testing.assert_close(back.x, x)
    torch.testing.assert_close(-r, momentum)


@pytest.mark.equation("leapfrog")
def test_the_map_is_symplectic_and_keeps_volume(generator):
    """JᵀΩJ = Ω, by autograd. Kills: friction, a whole kick with the old score."""

    def flow(z):
        x, momentum = z[None, :2], z[None, 2:]
        state, momentum = leapfrog(quartic, quartic(x), momentum, step_size=0.2, steps=7, mass=MASS)
        return torch.cat([state.x, momentum], dim=1).squeeze(0)

    omega = torch.block_diag(torch.eye(2), torch.eye(2)).roll(2, dims=1)
    omega[2:] *= -1
    J = jacobian(flow, torch.randn(4, generator=generator))
    assert (J - torch.eye(4)).abs().max() > 0.5
    torch.testing.assert_close(J.T @ omega @ J, omega)
    assert torch.linalg.det(J).item() == pytest.approx(1, abs=1e-10)


@pytest.mark.equation("leapfrog")
def test_errors_fall_as_the_square_of_the_step(generator):
    """Half the step, a quarter of the error: of the energy, and of the orbit of an oscillator.

    Kills: Euler's kick (order 1), a mass that is forgotten.
    """

    def oscillator(x):
        return GradientState(x, -x.square().sum(1) / 2, -x)

    x, momentum = torch.tensor([[1.0]]), torch.tensor([[0.5]])
    omega = 1 / math.sqrt(2)  # x'' = -x / m
    exact = x * math.cos(3 * omega) + momentum / (2 * omega) * math.sin(3 * omega)
    orbit, drift = [], []
    for steps in (20, 40, 80):
        end, r = leapfrog(oscillator, oscillator(x), momentum, step_size=3 / steps, steps=steps,
                          mass=2.0)  # fmt: skip
        orbit.append((end.x - exact).abs().item())
        drift.append(abs((energy(end, r, 2.0) - energy(oscillator(x), momentum, 2.0)).item()))
    for errors in (orbit, drift):
        for coarse, fine in pairwise(errors):
            assert coarse / fine == pytest.approx(4, rel=0.02)


@pytest.mark.equation("hmc-ratio")
@pytest.mark.parametrize("name", TARGETS)
def test_hmc_keeps_its_target(name, generator):
    """Kills: no correction, the momentum's energy left out or with the wrong mass."""
    law = TARGETS[name]
    stays(HMC(law.log_prob, 0.6, 3), law, generator=generator)


def test_hmc_keeps_its_target_with_masses(generator):
    """Kills: a momentum of variance 1/m or m²."""
    law = TARGETS["banana"]
    stays(HMC(law.log_prob, 0.4, 4, mass=torch.tensor([0.6, 1.8])), law, generator=generator)


def test_hmc_keeps_its_target_in_single_precision(generator):
    law, mass = TARGETS["two modes"], torch.tensor([1.0, 0.7], dtype=torch.float32)
    kernel = HMC(law.log_prob, 0.5, 3, mass=mass)
    stays(kernel, law, generator=generator, dtype=torch.float32)


@pytest.mark.parametrize("name", TARGETS)
def test_hmc_comes_home(name, generator):
    """Kills: a kernel that never moves, a momentum that is never drawn anew."""
    law = TARGETS[name]
    comes_home(HMC(law.log_prob, 0.25, 6), law, steps=40, generator=generator)


@pytest.mark.equation("hmc-ratio")
def test_the_log_ratio_is_minus_the_energy_error(generator):
    """From a twin generator the trajectory is followed by hand."""
    law, twin = Banana(), torch.Generator()
    kernel = HMC(law.log_prob, 0.3, 4, jitter=0.0, mass=MASS)
    old = kernel.init(law.sample(200, generator=generator))
    twin.set_state(generator.get_state())
    _, info = kernel.step(old, generator=generator)
    momentum = MASS.sqrt() * torch.randn(200, 2, generator=twin)
    end, r = leapfrog(lambda x: evaluate_with_score(law.log_prob, x), old, momentum,
                      step_size=0.3, steps=4, mass=MASS)  # fmt: skip
    expected = energy(old, momentum, MASS) - energy(end, r, MASS)
    torch.testing.assert_close(info.log_ratio, expected)
    assert info.log_ratio.abs().max() > 0.05
    assert (info.steps == 4).all()


def test_a_trajectory_of_one_period_never_moves_and_a_jittered_one_does(generator):
    """Five steps of this oscillator turn by 72° each. Kills: jitter that is not used."""
    step_size = 2 * math.sin(math.pi / 5)  # of leapfrog's own period, for a standard normal
    x = torch.full((2000, 1), 2.0)

    def normal(x):
        return -x.square().sum(1) / 2

    fixed = run(HMC(normal, step_size, 5, jitter=0.0), x, steps=20, generator=generator)
    torch.testing.assert_close(fixed.x[-1], x)
    jittered = run(HMC(normal, step_size, 5), x, steps=40, generator=generator)
    assert jittered.x[-1].mean().abs() < 0.3


def test_the_number_of_steps_is_drawn_evenly_about_its_mean(generator):
    """Kills: an upper end that is left out, an asymmetric range."""
    kernel = HMC(lambda x: -x.square().sum(1) / 2, 0.1, 4)
    drawn = run(kernel, torch.zeros(1, 1), steps=300, generator=generator).info.steps
    assert sorted(drawn.unique().tolist()) == [2, 3, 4, 5, 6]
    kernel = HMC(lambda x: -x.square().sum(1) / 2, 0.1, 2, jitter=1.0)
    drawn = run(kernel, torch.zeros(1, 1), steps=300, generator=generator).info.steps
    assert sorted(drawn.unique().tolist()) == [1, 2, 3]


def test_a_trajectory_that_leaves_its_orbit_is_seen(generator):
    """Beyond twice the smallest deviation the energy explodes. Kills: divergences not reported."""
    x = torch.ones(20, 1)

    def narrow(x):
        return -x.square().sum(1) / 2

    def steps(step_size, count):
        return run(HMC(narrow, step_size, count, jitter=0.0), x, steps=30, generator=generator).info

    good, bad, broken = steps(1.5, 10), steps(2.5, 10), steps(1e80, 10)
    assert not good.divergent.any()
    assert (bad.divergent == (bad.log_ratio < -DIVERGENCE)).all()
    assert bad.divergent.any()
    assert not bad.invalid.any()
    assert broken.divergent.all()
    assert not broken.moved.any()


@pytest.mark.parametrize(
    "arguments",
    [
        {"steps": 0},
        {"steps": 3, "jitter": -0.1},
        {"steps": 3, "jitter": 1.5},
        {"steps": 3, "mass": torch.tensor([1.0, 0.0])},
        {"steps": 3, "mass": torch.tensor([1.0, math.nan])},
    ],
)
def test_parameters_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="expected"):
        HMC(Banana().log_prob, 0.1, **arguments)


def test_a_mass_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match=r"mass: expected shape \(2,\)"):
        HMC(Banana().log_prob, 0.1, 3, mass=torch.ones(3)).init(torch.zeros(1, 2))
