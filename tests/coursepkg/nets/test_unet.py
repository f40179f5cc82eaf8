"""A U-Net that is told the noise."""

import pytest
import torch

from coursepkg.nets import NoiseEmbedding, UNet
from coursepkg.rng import global_state_from, seeded


def net(conditions: int = 0, dropout: float = 0.0) -> UNet:
    made = UNet((2, 4, 6), 3, hidden=8, conditions=conditions, dropout=dropout,
                generator=seeded(0))  # fmt: skip
    g = seeded(1)
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.2 * torch.randn(weights.shape, generator=g))
    return made.eval()


Z = torch.randn(3, 48, generator=seeded(2))
LEVELS = torch.tensor([-3.0, 0.5, 6.0])


def test_it_starts_at_zero():
    """Kills: the last layer's start left to chance."""
    start = UNet((2, 4, 6), 3, hidden=8, generator=seeded(0))
    assert torch.equal(start(Z, LEVELS), torch.zeros(3, 72))


def test_pixel_by_pixel():
    """Kills: channels first in the output."""
    made = UNet((2, 4, 6), 3, hidden=8, generator=seeded(0))
    with torch.no_grad():
        made.last[1].bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(made(Z, LEVELS)[0], torch.tensor([1.0, 2.0, 3.0]).repeat(24))


def test_it_heeds_noise_place_and_condition():
    """Kills: the embedding not passed to a block, a condition left out."""
    made = net(conditions=2)
    same = made(Z, LEVELS)
    assert not torch.allclose(made(Z, LEVELS + 1), same)
    assert not torch.allclose(made(Z, LEVELS, torch.ones(3, 2)), same)
    torch.testing.assert_close(made(Z, LEVELS, torch.zeros(3, 2)), same)
    only = torch.cat([made(Z[i, None], LEVELS[i, None]) for i in range(3)])
    torch.testing.assert_close(only, same)


def test_every_pixel_reaches_far_and_every_weight_counts():
    """Kills: the coarse half unused, the way across forgotten."""
    made = net(conditions=1)
    z = Z.clone().requires_grad_()
    made(z, LEVELS, torch.ones(3, 1))[:, 0].sum().backward()
    seen = z.grad.view(3, 2, 4, 6).abs().amax((0, 1))
    assert seen[-1, -1] > 0
    for name, weights in made.named_parameters():
        moved = weights.grad.abs()
        a_map = moved.ndim in (2, 4)  # whose inputs all count
        moved = moved.transpose(0, 1).flatten(1).sum(1) if a_map else moved.sum()
        assert (moved > 0).all(), name


def test_dropout_only_in_training():
    """Kills: dropout nowhere, or in eval mode."""
    made = net(dropout=0.5)
    torch.testing.assert_close(made(Z, LEVELS), made(Z, LEVELS))
    made.train()
    with global_state_from(seeded(3)):
        assert not torch.equal(made(Z, LEVELS), made(Z, LEVELS))


def test_levels_far_apart_are_told_apart():
    """Kills: one frequency alone, whose sine comes back."""
    embed = NoiseEmbedding(4, frequencies=6, generator=seeded(0))
    angle = torch.linspace(-12, 12, 49)[:, None] * embed.scales
    features = torch.cat([angle.sin(), angle.cos()], dim=1)
    apart = torch.cdist(features, features) + 9 * torch.eye(49)
    assert apart.min() > 0.2


def test_odd_sides_are_refused():
    """Kills: a row lost on the way down."""
    with pytest.raises(ValueError, match="even"):
        UNet((1, 5, 4), 1, hidden=4, generator=seeded(0))
