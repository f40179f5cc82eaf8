"""A transformer that is told the noise."""

import math

import pytest
import torch

from coursepkg.nets import DiffusionTransformer, ToldLayer
from coursepkg.rng import global_state_from, seeded

Z = torch.randn(3, 48, generator=seeded(2))
LEVELS = torch.tensor([-3.0, 0.5, 6.0])


def fresh(conditions: int = 0, dropout: float = 0.0) -> DiffusionTransformer:
    return DiffusionTransformer(
        (2, 4, 6), 3, patch=2, width=8, layers=2, heads=2, conditions=conditions, dropout=dropout,
        generator=seeded(0),
    )  # fmt: skip


def net(conditions: int = 0, dropout: float = 0.0) -> DiffusionTransformer:
    made, g = fresh(conditions, dropout), seeded(1)
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.2 * torch.randn(weights.shape, generator=g))
    return made.eval()


def layer(start: bool) -> ToldLayer:
    with global_state_from(seeded(3)):
        made = ToldLayer(8, 5, heads=2, dropout=0.0)
        if not start:
            torch.nn.init.normal_(made.told.weight, std=0.5)
            torch.nn.init.normal_(made.told.bias, std=0.5)
    return made


H = torch.randn(3, 6, 8, generator=seeded(4))
TOLD = torch.randn(3, 5, generator=seeded(5))


def test_it_starts_at_zero_and_its_layers_as_the_identity():
    """Kills: the last layer's start, or the gates', left to chance."""
    assert torch.equal(fresh()(Z, LEVELS), torch.zeros(3, 72))
    assert torch.equal(layer(start=True)(H, TOLD), H)
    with torch.no_grad():
        only_last = fresh()
        torch.nn.init.ones_(only_last.last.weight)
        assert not torch.equal(only_last(Z, LEVELS), torch.zeros(3, 72))


def normed(h):
    centred = h - h.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def test_a_layer_by_hand():
    """Token by token. Kills: heads mixed up, a scale without 1, gates exchanged, no root."""
    made = layer(start=False)
    s1, s2, b1, b2, g1, g2 = (part[:, None] for part in made.told(TOLD).chunk(6, dim=1))
    inner = (1 + s1) * normed(H) + b1
    q, k, v = made.project(inner).chunk(3, dim=2)
    seen = torch.empty_like(H)
    for head in (slice(0, 4), slice(4, 8)):
        for i in range(6):
            asked = (k[:, :, head] * q[:, i, None, head]).sum(2) / math.sqrt(4)
            seen[:, i, head] = (asked.softmax(1)[:, :, None] * v[:, :, head]).sum(1)
    middle = H + g1 * made.out(seen)
    expected = middle + g2 * made.mlp((1 + s2) * normed(middle) + b2)
    torch.testing.assert_close(made(H, TOLD), expected)


def test_without_places_patches_may_change_places():
    """Permuted in, permuted out; with places not. Kills: attention to the past only, no places."""
    made, order = net(), torch.tensor([3, 0, 5, 1, 4, 2])
    squares = Z.view(3, 2, 2, 2, 3, 2).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, P, C, p, p)
    z = squares[:, order].unflatten(1, (2, 3)).permute(0, 3, 1, 4, 2, 5).flatten(1)

    def said(x):  # of each patch, (B, P, p, p, A)
        return made(x, LEVELS).view(3, 2, 2, 3, 2, 3).permute(0, 1, 3, 2, 4, 5).flatten(1, 2)

    assert not torch.allclose(said(z), said(Z)[:, order])
    with torch.no_grad():
        made.place.zero_()
    assert not torch.allclose(said(z), said(Z))
    torch.testing.assert_close(said(z), said(Z)[:, order])


def test_it_heeds_noise_and_condition_each_example_its_own():
    """Kills: the embedding not passed to a layer, a condition left out, examples mixed."""
    made = net(conditions=2)
    same = made(Z, LEVELS)
    assert not torch.allclose(made(Z, LEVELS + 1), same)
    for k in range(2):
        told = torch.zeros(3, 2)
        told[1, k] = 1.0
        found = made(Z, LEVELS, told)
        assert not torch.allclose(found[1], same[1])
        torch.testing.assert_close(found[[0, 2]], same[[0, 2]])
    torch.testing.assert_close(made(Z, LEVELS, torch.zeros(3, 2)), same)


def test_every_pixel_is_seen_and_every_weight_counts():
    """From one pixel of the output. Kills: a branch that is not added."""
    made = net(conditions=1)
    z = Z.clone().requires_grad_()
    made(z, LEVELS, torch.ones(3, 1))[:, 0].sum().backward()
    assert (z.grad.abs().sum(0) > 0).all()
    for name, weights in made.named_parameters():
        assert weights.grad.abs().sum() > 0, name


def test_dropout_only_in_training():
    """Kills: dropout nowhere, or in eval mode."""
    made = net(dropout=0.5)
    torch.testing.assert_close(made(Z, LEVELS), made(Z, LEVELS))
    made.train()
    with global_state_from(seeded(3)):
        assert not torch.equal(made(Z, LEVELS), made(Z, LEVELS))


def test_impossible_numbers_are_refused():
    """Kills: features that do not fall into heads, patches that do not fit."""
    with pytest.raises(ValueError, match="heads: expected a divisor of 8, got 3"):
        DiffusionTransformer((1, 4, 4), 1, patch=2, width=8, layers=1, heads=3, generator=seeded(0))
    with pytest.raises(ValueError, match="size: expected a divisor of 4 and 4, got 3"):
        DiffusionTransformer((1, 4, 4), 1, patch=3, width=8, layers=1, heads=2, generator=seeded(0))
    with pytest.raises(ValueError, match="layers"):
        DiffusionTransformer((1, 4, 4), 1, patch=2, width=8, layers=0, heads=2, generator=seeded(0))


def test_images_of_another_size_and_conditions_of_another_are_refused():
    """Kills: two images made of one, a condition that is swallowed."""
    with pytest.raises(ValueError, match=r"z: expected shape \(B, 48\), got \(3, 96\)"):
        net()(torch.zeros(3, 96), LEVELS[:1])
    with pytest.raises(ValueError, match=r"condition: expected shape \(3, 0\), got \(3, 2\)"):
        net()(Z, LEVELS, torch.ones(3, 2))
