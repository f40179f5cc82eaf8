"""Flow matching and diffusion converted into each other: both ways, and against regressions."""

import pytest
import torch
from torch import Tensor

from coursepkg.models.diffusion import (
    FieldOfGuess,
    GuessOfField,
    LinearSchedule,
    MixtureGuess,
    ProbabilityFlow,
    log_snr_of,
    multistep,
    signal_at,
    time_of,
)
from coursepkg.models.flows import Continuous, StandardNormal, rk4
from coursepkg.models.transformed import Transformed
from coursepkg.nets import MLP
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import continuity_gap, on_the_line, slope, three

LEVELS = torch.tensor([-9.0, -3.0, -1.0, 0.0, 1.0, 4.0, 9.0], dtype=torch.float64)


def places() -> Tensor:
    return torch.randn(7, 2, generator=seeded(2), dtype=torch.float64)


@pytest.mark.equation("flow-time")
def test_times_and_levels():
    """α / (α + σ), both ways.   Kills: sigmoid of λ, the factor 2 of one way."""
    signal = signal_at(LEVELS)
    expected = (signal.alpha / (signal.alpha + signal.sigma))[:, 0]
    torch.testing.assert_close(time_of(LEVELS), expected)
    torch.testing.assert_close(log_snr_of(time_of(LEVELS)), LEVELS)
    torch.testing.assert_close(time_of(-LEVELS), 1 - time_of(LEVELS))


@pytest.mark.equation("flow-velocity")
def test_the_field_of_normal_data():
    """Chapter 12's closed form for N(0, s²): v = (t s² - (1 - t)) x / ((1 - t)² + t² s²).

    Kills: z for x_t, t for 1 - t, a scale of α - σ.
    """
    s, x = 0.4, torch.tensor([[1.3], [-0.2], [0.6]], dtype=torch.float64)
    t = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    found = FieldOfGuess(on_the_line(0.0, s))(x, t)
    expected = ((t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2))[:, None] * x
    torch.testing.assert_close(found, expected)


@pytest.mark.equation("flow-velocity")
def test_there_and_back():
    """Guess, field, guess; and field, guess, field.   Kills: either formula alone."""
    guess = MixtureGuess(three())
    back = GuessOfField(FieldOfGuess(guess))
    torch.testing.assert_close(back(places(), LEVELS), guess(places(), LEVELS))
    net = MLP([3, 2], generator=seeded(3)).double()

    def field(x: Tensor, t: Tensor) -> Tensor:
        return net(torch.cat([x, t[:, None]], dim=1)).tanh()

    t = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)
    there = FieldOfGuess(GuessOfField(field))  # type: ignore[arg-type]
    torch.testing.assert_close(there(places(), t), field(places(), t))


@pytest.mark.equation("flow-velocity")
def test_all_five_predictions_say_the_same():
    """x, ε, v, score, velocity: from each the others, and E[x - ε | z] is x̂ - ε̂."""
    guess, z = MixtureGuess(three()), places()
    signal, x = signal_at(LEVELS), guess(z, LEVELS)
    eps, v, psi = signal.noise(z, x), signal.velocity(z, x), signal.score(z, x)
    for again in (
        signal.x_from_noise(z, eps), signal.x_from_velocity(z, v), signal.x_from_score(z, psi),
    ):  # fmt: skip
        torch.testing.assert_close(again, x)
    torch.testing.assert_close(psi, -eps / signal.sigma)
    torch.testing.assert_close(v, signal.alpha * eps - signal.sigma * x)
    field = FieldOfGuess(guess)(z / (signal.alpha + signal.sigma), time_of(LEVELS))
    torch.testing.assert_close(field, x - eps)


@pytest.mark.equation("interpolant-flow")
def test_any_path_between_noise_and_data_has_its_field():
    """Continuity for z = a(t) x + b(t) ε with strange a and b, by autograd.

    Kills: a for its slope, noise without its term.
    """
    law, t = MixtureGuess(three()), torch.linspace(0.2, 0.8, 5, dtype=torch.float64)
    z = places()[:5]

    def a(t: Tensor) -> Tensor:
        return 3 * t**2 + t

    def b(t: Tensor) -> Tensor:
        return 2 * (1 - t) + 0.3

    def scaled(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """To α² + σ² = 1, where the guess lives."""
        scale = (a(t) ** 2 + b(t) ** 2).sqrt()
        return z / scale, 2 * (a(t) / b(t)).log(), scale

    def q(z: Tensor, t: Tensor) -> Tensor:
        y, level, scale = scaled(z, t)
        return (law.log_prob(y[None], level[None])[0] - 2 * scale.log()).exp()

    def flux(z: Tensor, t: Tensor) -> Tensor:
        y, level, _ = scaled(z, t)
        x = law(y[None], level[None])[0]
        eps = (z - a(t) * x) / b(t)
        return q(z, t) * (slope(a, t) * x + slope(b, t) * eps)

    growth, inflow = continuity_gap(q, flux, z, t)
    assert growth.abs().max() > 1e-2
    torch.testing.assert_close(growth, inflow, rtol=1e-8, atol=1e-10)


@pytest.mark.equation("interpolant-flow")
def test_both_flows_go_to_the_same_end():
    """One field in t, one in λ, and a solver in λ.   Kills: paths that only look alike."""
    guess = MixtureGuess(three())
    z = places()
    field = FieldOfGuess(guess)

    def straight(t: float, x: Tensor) -> Tensor:
        return field(x, torch.full_like(x[:, 0], t))

    start, end = (time_of(torch.tensor(v).double()).item() for v in (-12.0, 8.0))
    signals = [signal_at(torch.tensor([v]).double()) for v in (-12.0, 8.0)]
    (first, last) = (signal.alpha + signal.sigma for signal in signals)
    by_time = last * rk4(straight, z / first, start=start, end=end, steps=600)
    schedule = LinearSchedule(most=8.0, least=-12.0)
    by_level = Continuous(ProbabilityFlow(guess, schedule), dim=2, steps=200).decode(z)
    levels = torch.linspace(-12, 8, 1001, dtype=torch.float64)
    by_solver = multistep(guess, z, levels=levels)
    torch.testing.assert_close(by_level, by_time, atol=1e-4, rtol=0)
    torch.testing.assert_close(by_solver, by_level, atol=1e-3, rtol=0)


def test_the_field_has_the_likelihood_of_the_law():
    """As a flow of chapter 12, ends included.   Kills: NaN at t = 0 or 1, a limit that shows."""
    law = three()
    flow = Transformed(
        Continuous(FieldOfGuess(MixtureGuess(law)), dim=2, steps=300), StandardNormal(2)
    )
    x = torch.randn(9, 2, generator=seeded(5), dtype=torch.float64)
    with torch.no_grad():
        found = flow.double().log_prob(x)
    torch.testing.assert_close(found, law.log_prob(x), atol=0.02, rtol=0)


def test_single_precision_and_the_ends():
    """Kills: 0/0 at the ends, doubles that leak."""
    law = three().float()
    field = FieldOfGuess(MixtureGuess(law))
    x = places().float()
    for t in (0.0, 0.5, 1.0):
        v = field(x, torch.full((7,), t))
        assert v.dtype == torch.float32
        assert v.isfinite().all()
    with pytest.raises(ValueError, match="limit"):
        FieldOfGuess(MixtureGuess(law), limit=0.0)
