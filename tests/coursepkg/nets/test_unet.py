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


@pytest.mark.parametrize("hidden", [1, 4, 6, 17, 34])
def test_any_width_falls_into_groups(hidden):
    """More channels than groups, for means and scales. Kills: four groups of 6 channels, of 34."""
    made = UNet((1, 4, 4), 2, hidden=hidden, generator=seeded(0))
    assert made(torch.zeros(3, 16), LEVELS).shape == (3, 32)
    groups = [block.norm.num_groups for block in [*made.fine, *made.coarse]]
    assert all(g == 1 for g in groups) or hidden > 16


@pytest.mark.parametrize("hidden", [16, 24, 32])
def test_widths_of_published_networks_keep_their_groups(hidden):
    """By a list. Kills: groups of another size, with which weights say something else."""
    made = UNet((1, 4, 4), 2, hidden=hidden, generator=seeded(0))
    found = made.fine[0].norm.num_groups, made.coarse[0].norm.num_groups
    assert found == {16: (2, 4), 24: (1, 2), 32: (4, 4)}[hidden]


@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (2, 2), (2,), (3, 2, 1)])
def test_a_condition_of_another_shape_is_refused(shape):
    """Kills: one condition for all that is not spread, a size unasked."""
    with pytest.raises(ValueError, match=r"condition: expected shape \(3, 2\), got"):
        net(conditions=2)(Z, LEVELS, torch.ones(shape))


def test_a_network_without_conditions_takes_none():
    """Kills: a condition that is swallowed, fewer conditions than none."""
    with pytest.raises(ValueError, match=r"condition: expected shape \(3, 0\), got \(3, 2\)"):
        net()(Z, LEVELS, torch.ones(3, 2))
    with pytest.raises(ValueError, match="conditions: expected a size >= 0, got -1"):
        NoiseEmbedding(4, conditions=-1, generator=seeded(0))


def test_impossible_sizes_are_refused():
    """Kills: a network of no channel."""
    for shape, outputs, hidden in [((0, 4, 4), 1, 4), ((1, 4, 4), 0, 4), ((1, 4, 4), 1, 0)]:
        with pytest.raises(ValueError, match="expected a finite number > 0, got 0"):
            UNet(shape, outputs, hidden=hidden, generator=seeded(0))


@pytest.mark.parametrize("shape", [(3, 96), (6, 24), (3, 2, 4, 6), (48,)])
def test_images_of_another_size_are_refused(shape):
    """Kills: two images made of one, which one noise level told would fit."""
    with pytest.raises(ValueError, match=r"z: expected shape \(B, 48\), got"):
        net()(torch.zeros(shape), LEVELS[:1])
