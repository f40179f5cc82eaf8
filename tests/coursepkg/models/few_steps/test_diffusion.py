"""A diffusion of normal data is the flow of normal data."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.diffusion import signal_at
from coursepkg.models.few_steps import ConsistencyDistillation, DiffusionField
from coursepkg.rng import seeded
from tests.coursepkg.models.few_steps.normal import MEAN, SCALE, ToEnd, Velocity, data


class RightVelocity(nn.Module):
    """E[α ε - σ x | z] for x ~ N(m, s²)."""

    def forward(self, z, log_snr):
        alpha, sigma = signal_at(log_snr)
        gain = alpha * SCALE**2 / (alpha**2 * SCALE**2 + sigma**2)
        guess = MEAN + gain * (z - alpha * MEAN)
        return (alpha * z - guess) / sigma


@pytest.mark.equation("diffusion-field")
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_it_is_the_velocity_of_the_flow(t):
    """Closed forms of both. Kills: the length of z, the log-SNR of half its size, a sign."""
    x, times = data(50), torch.full((50,), t)
    assert_close(DiffusionField(RightVelocity())(x, times), Velocity()(x, times))


def test_the_ends_are_finite_and_near():
    x = data(20)
    for end in (0.0, 1.0):
        found = DiffusionField(RightVelocity())(x, torch.full((20,), end))
        assert_close(found, Velocity()(x, torch.full((20,), end)), atol=0.01, rtol=0)


def test_it_teaches():
    """The true map has nearly no loss with a diffusion as teacher."""
    model = ConsistencyDistillation(ToEnd(), DiffusionField(RightVelocity()), dim=2, steps=40)
    assert model.loss(data(200), generator=seeded(0)).sqrt().max() < 1e-2
