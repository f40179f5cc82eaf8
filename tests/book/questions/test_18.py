"""Answers to the questions of chapter 18, computed."""

import pytest
import torch

from coursepkg.models.diffusion import (
    LinearSchedule,
    LogisticSchedule,
    Measurement,
    MixtureGuess,
    ProbabilityFlow,
    classifier_free,
    heun,
    moment_guided,
    multistep,
    reverse_sde,
    signal_at,
    time_of,
)
from coursepkg.models.flows import Continuous
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tools.questions import marked, options


def normal(std: float) -> GaussianMixture:
    law = GaussianMixture(1, dim=1, generator=seeded(0)).double()
    law.scale_tril.fill_(std)
    return law


def at(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def those_that_hold(label: str, holds: list[bool]) -> list[str]:
    """The options of a question that hold."""
    return [o for o, yes in zip(options(label), holds, strict=True) if yes]


@pytest.mark.question("q-18-score")
def test_score_of_a_guess():
    """Kills: σ for σ², x̂ without α."""
    log_snr = torch.tensor([0.64 / 0.36], dtype=torch.float64).log()
    score = signal_at(log_snr).score(at(1.0), at(0.5)).item()
    assert marked("q-18-score") == pytest.approx(score, abs=5e-4)


@pytest.mark.question("q-18-time")
def test_time_of_a_level():
    """Kills: 0.9, the sigmoid of λ itself."""
    level = 2 * torch.tensor(3.0, dtype=torch.float64).log()
    assert marked("q-18-time") == pytest.approx(time_of(level).item())


@pytest.mark.question("q-18-kappa")
def test_what_noise_leaves_alike():
    """Data of spread 2: ends and correlations differ, moments of each level do not."""
    guess, z = MixtureGuess(normal(2.0)), torch.randn(4000, 1, generator=seeded(0)).double()
    levels = torch.linspace(-7, 5, 301, dtype=torch.float64)
    half = 60
    ends, middles = {}, {}
    for kappa in (0.0, 1.0):
        middles[kappa] = reverse_sde(
            guess, z, levels=levels[:half], noise=kappa, generator=seeded(1)
        )
        ends[kappa] = reverse_sde(
            guess, middles[kappa], levels=levels[half - 1 :], noise=kappa, generator=seeded(2)
        )
    same_end = bool((ends[0.0] - ends[1.0]).abs().max() < 0.1)
    same_law = all(
        abs(found[0.0].std() / found[1.0].std() - 1).item() < 0.1 for found in (middles, ends)
    )
    together = [
        torch.corrcoef(torch.cat([middles[k], ends[k]], dim=1).T)[0, 1].item() for k in (0.0, 1.0)
    ]
    same_pairs = abs(together[0] - together[1]) < 0.05
    assert those_that_hold("q-18-kappa", [same_end, same_law, same_pairs]) == [marked("q-18-kappa")]


@pytest.mark.question("q-18-guided")
def test_spread_of_a_guided_class():
    """By the flow itself.   Kills: the sharpened law's 0.378."""
    guided = classifier_free(MixtureGuess(normal(0.5)), MixtureGuess(normal(1.0)), weight=2.0)
    field = ProbabilityFlow(guided, LinearSchedule(most=16.0, least=-16.0))
    end = Continuous(field, dim=1, steps=200).decode(at(1.0)).item()
    assert marked("q-18-guided") == pytest.approx(end, abs=5e-4)


@pytest.mark.question("q-18-schedule")
def test_what_a_schedule_changes():
    """E of dλ/dt · f(λ) over even t is the same, for any f; its variance is not."""
    schedules = [
        LinearSchedule(most=6.0, least=-6.0),
        LogisticSchedule(most=6.0, least=-6.0, centre=2.0, scale=1.0),
    ]
    t = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    looks = [-s.slope(t) * torch.sigmoid(-s(t)) * torch.cos(s(t)) ** 2 for s in schedules]
    means, spreads = [v.mean().item() for v in looks], [v.std().item() for v in looks]
    same_value = means[0] == pytest.approx(means[1], rel=1e-3)
    same_noise = spreads[0] == pytest.approx(spreads[1], rel=0.1)
    holds = [not same_value, same_value and not same_noise, means[1] < 0.9 * means[0]]
    assert those_that_hold("q-18-schedule", holds) == [marked("q-18-schedule")]


@pytest.mark.question("q-18-kalman")
def test_a_measured_guess():
    """Kills: C without noise, τ for τ²."""
    seen = Measurement(at(1.0), 0.5)
    guided = moment_guided(MixtureGuess(normal(1.0)), seen, torch.ones(1).double())
    found = guided(at(0.0), torch.zeros(1).double()).item()
    assert marked("q-18-kalman") == pytest.approx(found, abs=5e-5)


@pytest.mark.question("q-18-calls")
def test_calls_of_two_solvers():
    """Counted.   Kills: 20 calls of Heun's, 41 of multistep's."""
    calls = []
    guess = MixtureGuess(normal(1.0))

    def counted(z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return guess(z, log_snr)

    heun(counted, at(0.0), levels=torch.linspace(-5, 5, 21).double())
    first = len(calls)
    multistep(counted, at(0.0), levels=torch.linspace(-5, 5, 41).double())
    second = len(calls) - first
    assert those_that_hold(
        "q-18-calls", [first > second, second > first, first == second == 40]
    ) == [marked("q-18-calls")]
