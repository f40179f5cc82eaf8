"""What the table of guesses times is what it says."""

import torch
from torch.autograd.functional import jacobian

from benchmarks.growth.tables import guesses
from coursepkg.models.diffusion import FromVelocity, LinearSchedule, ProbabilityFlow
from coursepkg.models.flows import Continuous
from coursepkg.rng import seeded

D = 6


def flow() -> ProbabilityFlow:
    return ProbabilityFlow(FromVelocity(guesses.Noisy(D)), LinearSchedule(most=4.0, least=-4.0))


def test_the_divergence_is_the_trace():
    """By autograd.   Kills: rows without their probe, one variable twice."""
    z, t = torch.randn(3, D, generator=seeded(0)), torch.full((3,), 0.4)
    found = guesses.divergence(flow(), z, t, torch.eye(D)[:, None])
    for each, value in zip(z, found, strict=True):
        J = jacobian(lambda at: flow()(at[None], t[:1])[0], each)
        torch.testing.assert_close(value, J.diagonal().sum())


def test_signs_are_one_probe_of_it():
    """The mean over all 2^D signs.   Kills: signs that are not squared away."""
    z, t = torch.randn(2, D, generator=seeded(1)), torch.full((2,), 0.4)
    signs = 2.0 * torch.cartesian_prod(*[torch.arange(2.0)] * D) - 1
    mean = sum(guesses.divergence(flow(), z, t, e.expand(1, 1, D)) for e in signs) / len(signs)
    torch.testing.assert_close(mean, guesses.divergence(flow(), z, t, torch.eye(D)[:, None]))


def test_a_slope_of_the_package_costs_the_same_calls():
    """`Continuous` asks each slope for as many rows.   Kills: half of the rows."""
    rows = []
    field = flow()
    field.register_full_backward_hook(lambda *_: rows.append(1))
    Continuous(field, dim=D, steps=1).encode(torch.zeros(1, D))
    assert len(rows) >= 4 * (D - 1)


def test_every_kind_is_measured(monkeypatch):
    """Kills: a kind that is listed and not done."""
    monkeypatch.setattr(guesses, "REPEATS", 1)
    monkeypatch.setattr(guesses, "LEAST", 0.0)
    for what in guesses.KINDS:
        row = guesses.cost(what, 16)
        assert row["what"] == what
        assert row["seconds"] > 0
