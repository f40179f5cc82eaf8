"""The flow and the processes with noise: the laws at all levels, and a likelihood that is known."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from coursepkg.models.diffusion import (
    LinearSchedule,
    LogisticSchedule,
    MixtureGuess,
    NoiseChain,
    ProbabilityFlow,
    Schedule,
    betas_of,
    power_levels,
    reverse_sde,
    signal_at,
)
from coursepkg.models.flows import Continuous, EstimatedFlow, StandardNormal
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import continuity_gap, on_the_line, slope, three
from tests.statistics import assert_mean

SCHEDULES = [
    LinearSchedule(most=7.0, least=-14.0),
    LogisticSchedule(most=7.0, least=-14.0, centre=1.0, scale=2.5),
]
NAMED = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def places(n: int) -> tuple[Tensor, Tensor]:
    """z (n, 2) and log-SNRs (n,)."""
    z = torch.randn(n, 2, generator=seeded(3), dtype=torch.float64)
    return z, torch.linspace(-4, 4, n, dtype=torch.float64)


@pytest.mark.equation("reverse-sde")
@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0, 1.7])
def test_every_amount_of_noise_keeps_the_laws(kappa):
    """Fokker and Planck, by autograd: ∂q/∂λ = -div(f q) + ½ κ² σ² Δq for the printed drift f.

    Kills: 1 + κ for 1 + κ², a drift without ½, score and z of unlike signs.
    """
    guess = MixtureGuess(three())
    z, log_snr = places(6)

    def q(z: Tensor, log_snr: Tensor) -> Tensor:
        return guess.log_prob(z[None], log_snr[None])[0].exp()

    def drift(z: Tensor, log_snr: Tensor) -> Tensor:
        """Of a step of the package's solver, less its noise: Euler's, so that it may be long."""
        step = 0.5
        levels = torch.stack([log_snr, log_snr + step])
        noisy = torch.stack([
            reverse_sde(guess, z[None], levels=levels, noise=kappa, generator=seeded(0))[0],
            z + kappa * signal_at(log_snr[None]).sigma[0] * math.sqrt(step)
            * torch.randn(1, 2, generator=seeded(0), dtype=torch.float64)[0],
        ])  # fmt: skip
        return (noisy[0] - noisy[1]) / step

    def printed(z: Tensor, log_snr: Tensor) -> Tensor:
        sigma = signal_at(log_snr[None]).sigma[0]
        psi = slope(lambda at: q(at, log_snr).log(), z)
        return sigma**2 / 2 * (z + (1 + kappa**2) * psi)

    for each, level in zip(z, log_snr, strict=True):
        expected = printed(each, level).detach()
        torch.testing.assert_close(drift(each, level), expected)

    def flux(z: Tensor, log_snr: Tensor) -> Tensor:
        sigma = signal_at(log_snr[None]).sigma[0]
        steepness = slope(lambda at: q(at, log_snr), z)
        return printed(z, log_snr) * q(z, log_snr) - kappa**2 * sigma**2 / 2 * steepness

    growth, inflow = continuity_gap(q, flux, z, log_snr)
    assert growth.abs().min() > 1e-4
    torch.testing.assert_close(growth, inflow, rtol=1e-8, atol=1e-10)


@pytest.mark.equation("diffusion-sde")
def test_small_steps_of_the_forward_process():
    """A chain of short steps: mean and variance of a step are -½ β z dt and β dt, β = -σ² dλ/dt.

    Kills: α² for σ², a half too many.
    """
    t = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
    for schedule in SCHEDULES:
        for each in t:
            dt = 1e-6
            pair = schedule(torch.stack([each, each + dt]))
            beta_step = betas_of(pair)[1]  # of the step from t to t + dt
            sigma = signal_at(pair[:1]).sigma[0, 0]
            beta = -(sigma**2) * schedule.slope(each[None])[0]
            torch.testing.assert_close(beta_step / dt, beta, rtol=1e-4, atol=0)
            keeps = (1 - beta_step).sqrt()  # NoiseChain's factor of z
            torch.testing.assert_close((keeps - 1) / dt, -beta / 2, rtol=1e-4, atol=0)


@pytest.mark.equation("diffusion-sde")
def test_the_forward_process_ends_where_the_kernel_says():
    """P(a right one fails) <= 2e-6; finds 0.05 and 0.06.   Kills: noise of β for √β."""
    levels = torch.linspace(6, -2, 200, dtype=torch.float64)
    chain, n = NoiseChain(betas_of(levels)), 60_000
    z = torch.full((n, 1), 1.5, dtype=torch.float64)
    g = seeded(0)
    for t in range(1, chain.T + 1):
        z = chain(z, torch.full((n,), t), generator=g)
    alpha, sigma = signal_at(levels[-1:])
    assert_mean(z[:, 0], (alpha * 1.5).item(), detects=0.05)
    assert_mean((z - alpha * 1.5).square()[:, 0], sigma.square().item(), detects=0.06)


@pytest.mark.equation("probability-flow")
@NAMED
def test_the_flow_moves_the_laws(schedule):
    """Continuity: ∂q/∂t = -div(q v), by autograd.   Kills: a sign, ½, σ for ασ, t for 1 - t."""
    guess = MixtureGuess(three())
    flow = ProbabilityFlow(guess, schedule)
    z, _ = places(6)
    t = torch.linspace(0.3, 0.9, 6, dtype=torch.float64)

    def q(z: Tensor, t: Tensor) -> Tensor:
        return guess.log_prob(z[None], schedule((1 - t)[None]))[0].exp()

    def flux(z: Tensor, t: Tensor) -> Tensor:
        return q(z, t) * flow(z[None], t[None])[0]

    growth, inflow = continuity_gap(q, flux, z, t)
    assert growth.abs().max() > 1e-2
    torch.testing.assert_close(growth, inflow, rtol=1e-8, atol=1e-10)


@pytest.mark.equation("probability-flow")
def test_in_the_angle_the_slope_is_the_velocity():
    """dz/dω = v̂ with tan ω = σ / α.   Kills: ασ/2 for another speed."""
    guess = MixtureGuess(three())
    z, log_snr = places(5)
    signal = signal_at(log_snr)
    v = signal.velocity(z, guess(z, log_snr))
    turn = slope(lambda levels: torch.atan(torch.exp(-levels / 2)), log_snr).diagonal().detach()
    schedule = LinearSchedule(most=4.0, least=-4.0)
    per_t = ProbabilityFlow(guess, schedule)(z, (log_snr + 4) / 8)
    torch.testing.assert_close(per_t, 8 * turn[:, None] * v)


def density(schedule: Schedule, steps: int) -> Continuous:
    return Continuous(ProbabilityFlow(MixtureGuess(three()), schedule), dim=2, steps=steps).double()


@pytest.mark.equation("flow-likelihood")
@NAMED
def test_the_likelihood_of_the_ideal_flow_is_the_laws_own(schedule):
    """Kills: a divergence with the wrong sign, a flow that runs from data to noise."""
    z = torch.randn(20, 2, generator=seeded(4), dtype=torch.float64)
    with torch.no_grad():
        found = Transformed(density(schedule, 160), StandardNormal(2)).log_prob(z)
    expected = MixtureGuess(three()).log_prob(z, torch.full((20,), 7.0, dtype=torch.float64))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)


@pytest.mark.equation("flow-likelihood")
def test_random_signs_estimate_it_without_bias():
    """P(a right one fails) <= 1e-6; finds 0.1.   Kills: an estimate of another field."""
    flow = EstimatedFlow([density(SCHEDULES[0], 60)], StandardNormal(2)).double()
    z = torch.tensor([[0.4, -0.2]], dtype=torch.float64)
    with torch.no_grad():
        exact = Transformed(density(SCHEDULES[0], 60), StandardNormal(2)).log_prob(z).item()
        found = flow.log_prob_estimate(z.expand(4000, 2), generator=seeded(0))
    assert_mean(found, exact, detects=0.1)


@pytest.mark.equation("reverse-sde")
@pytest.mark.parametrize("kappa", [0.0, 0.6, 1.0, 1.5])
def test_draws_have_the_moments_of_normal_data(kappa):
    """P(a right one fails) <= 2e-6; finds 0.05, and 0.12 of the variance.

    Kills: √Δλ for Δλ, noise without κ.
    """
    guess = on_the_line(0.6, 0.4)
    z = torch.randn(20_000, 1, generator=seeded(0), dtype=torch.float64)
    levels = torch.linspace(-7, 5, 401, dtype=torch.float64)
    z = reverse_sde(guess, z, levels=levels, noise=kappa, generator=seeded(1))
    alpha, sigma = (v.item() for v in signal_at(levels[-1:]))
    mean, variance = 0.6 * alpha, (0.4 * alpha) ** 2 + sigma**2
    assert_mean(z[:, 0], mean, detects=0.05)
    assert_mean((z[:, 0] - mean).square() / variance, 1.0, detects=0.12)


def test_error_of_the_crude_steps_falls_with_their_length():
    """Order 1 without noise.   Kills: a step that is not the difference of levels."""
    guess, z = on_the_line(0.6, 0.4), torch.tensor([[-1.0], [2.0]], dtype=torch.float64)

    def at(steps: int) -> Tensor:
        levels = torch.linspace(-6, 6, steps + 1, dtype=torch.float64)
        return reverse_sde(guess, z, levels=levels, noise=0.0, generator=seeded(0))

    signals = [signal_at(torch.tensor([end]).double()) for end in (-6.0, 6.0)]
    (m, s), (m_end, s_end) = (
        ((alpha * 0.6).item(), torch.hypot(alpha * 0.4, sigma).item()) for alpha, sigma in signals
    )
    exact = m_end + s_end * (z - m) / s
    errors = [(at(n) - exact).abs().max().item() for n in (200, 400, 800)]
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2, rel=0.1)


def test_levels_of_a_power():
    """The root of σ / α falls evenly; a huge power is even in λ.   Kills: 2 forgotten."""
    levels = power_levels(10, least=-8.0, most=6.0, power=7.0)
    torch.testing.assert_close(levels[[0, -1]], torch.tensor([-8.0, 6.0]).double())
    root = torch.exp(-levels / 2) ** (1 / 7)
    torch.testing.assert_close(root.diff(), root.diff().mean().expand(10))
    even = power_levels(10, least=-8.0, most=6.0, power=1e6)
    torch.testing.assert_close(even, torch.linspace(-8, 6, 11).double(), atol=1e-3, rtol=0)


def test_impossible_requests_are_refused():
    """Kills: noise below zero, levels that fall, no steps."""
    guess, z = on_the_line(0.0, 1.0), torch.zeros(2, 1).double()
    rising = torch.tensor([-1.0, 1.0])
    with pytest.raises(ValueError, match="noise"):
        reverse_sde(guess, z, levels=rising, noise=-1.0, generator=seeded(0))
    with pytest.raises(ValueError, match="rising"):
        reverse_sde(guess, z, levels=rising.flip(0), generator=seeded(0))
    for bad in ({"least": 2.0, "most": 1.0}, {"least": 0.0, "most": 1.0, "power": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            power_levels(5, **bad)


def test_no_graph_is_kept():
    """Kills: memory that grows with the steps."""
    z, levels = torch.zeros(2, 1).double().requires_grad_(), torch.tensor([-1.0, 1.0])
    drawn = reverse_sde(on_the_line(0.0, 1.0), z, levels=levels, generator=seeded(0))
    assert not drawn.requires_grad


@NAMED
def test_a_flow_keeps_the_type_of_its_places(schedule):
    """Kills: single precision made double by the time's type."""
    flow = ProbabilityFlow(MixtureGuess(three().float()), schedule)
    z = torch.zeros(2, 2, dtype=torch.float32)
    t = torch.tensor([0.2, 0.9], dtype=torch.float64)
    assert flow(z, t).dtype == torch.float32
