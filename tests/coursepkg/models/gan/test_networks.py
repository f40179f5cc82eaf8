"""Networks against the same thing written out, and what must not leak."""

import pytest
import torch
from torch import nn

from coursepkg import rng
from coursepkg.models.gan import (
    BatchNormMLP,
    ImageCritic,
    ImageMaker,
    Labelled,
    nearest_levels,
    signed_pixels,
)


def test_pixels_go_to_minus_one_to_one_and_back():
    """By hand. Kills: 0 to 1, K for K - 1, rounding down."""
    x = torch.arange(17).expand(2, 17)
    scaled = signed_pixels(x, levels=17)
    torch.testing.assert_close(scaled[0], torch.linspace(-1, 1, 17))
    assert torch.equal(nearest_levels(scaled, levels=17), x)
    near = torch.tensor([[-9.0, -0.96, -0.93, 0.05, 9.0]])
    assert nearest_levels(near, levels=17).tolist() == [[0, 0, 1, 8, 16]]
    for bad in (torch.full((1, 2), 17), torch.zeros(1, 2)):
        with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
            signed_pixels(bad, levels=17)
    with pytest.raises(ValueError, match="finite"):
        nearest_levels(torch.tensor([[torch.nan]]), levels=17)


def test_a_label_is_one_hot_behind_the_vector():
    """With the identity for a net. Kills: labels as numbers, before the vector, of another row."""
    x, c = torch.randn(3, 2, generator=rng.seeded(1)), torch.tensor([2, 0, 1])
    found = Labelled(nn.Identity(), classes=3)(x, c)
    assert torch.equal(found[:, :2], x)
    assert found[:, 2:].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_batch_normalisation_is_centred_and_scaled_over_the_batch(generator):
    """Written out in training, with the running averages in eval mode.

    Kills: a norm after the last layer, none, the activation before the norm.
    """
    net, x = BatchNormMLP([3, 5, 4, 2], generator=generator), torch.randn(9, 3, generator=generator)
    h = x
    for layer in net.layers[:2]:
        u = layer(h)
        u = (u - u.mean(0)) / (u.var(0, correction=0) + 1e-5).sqrt()
        h = torch.where(u > 0, u, 0.01 * u)
    torch.testing.assert_close(net(x), net.layers[2](h))
    alone = net.eval()(x[:1])
    torch.testing.assert_close(net(x)[:1], alone)
    assert len(net.norms) == 2


def test_weights_come_from_the_generator():
    """The fixture watches the global state. Kills: a layer built outside the context."""
    makers = [
        lambda g: BatchNormMLP([3, 4, 2], generator=g),
        lambda g: ImageMaker(latent=2, side=8, classes=3, hidden=4, generator=g),
        lambda g: ImageCritic(side=8, classes=3, hidden=4, generator=g),
    ]
    for make in makers:
        one, same, other = (
            torch.cat([p.flatten() for p in make(rng.seeded(s)).parameters()]) for s in (1, 1, 2)
        )
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("side", [4, 8, 28])
def test_images_are_made_of_noise_and_label(side, normalised):
    """Kills: a range beyond tanh's, a label or noise that is not heard, another size."""
    net = ImageMaker(latent=3, side=side, classes=4, hidden=5, normalised=normalised,
                     generator=rng.seeded(1)).eval()  # fmt: skip
    z, c = 3 * torch.randn(6, 3, generator=rng.seeded(2)), torch.arange(6) % 4
    x = net(z, c)
    assert x.shape == (6, side**2)
    assert x.abs().max() < 1
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == (2 if normalised else 0)
    assert (net(z, (c + 1) % 4) != x).any(1).all()
    assert (net(z + 1, c) != x).any(1).all()
    torch.testing.assert_close(net(z[2:3], c[2:3]), x[2:3])
    with torch.no_grad():
        net.steps[-2].weight.mul_(1000)
    assert 0.9 < net(z, c).abs().max() <= 1


def test_the_critic_multiplies_label_and_features():
    """D(x, c) = (w + W_c) · f(x) + b. Kills: a label that is added, one class for all."""
    critic = ImageCritic(side=8, classes=3, hidden=4, generator=rng.seeded(1))
    x, c = torch.randn(5, 64, generator=rng.seeded(2)), torch.tensor([0, 1, 2, 1, 0])
    assert torch.equal(critic(x, c), critic(x, (c + 1) % 3))  # before anything is learned
    with torch.no_grad():
        critic.of_class.weight.normal_(generator=rng.seeded(3))
    f = critic.features(x.view(5, 1, 8, 8))
    assert f.shape == (5, 2 * 4 * 2 * 2)
    w, b, of_class = critic.score.weight[0], critic.score.bias[0], critic.of_class.weight
    expected = [(w + of_class[c[n]]) @ f[n] + b for n in range(5)]
    torch.testing.assert_close(critic(x, c), torch.stack(expected))
    assert critic(x, c).std() > 0.01


def test_impossible_sizes_are_refused():
    for widths in ([3], [3, 0]):
        with pytest.raises(ValueError, match="widths: expected at least two sizes >= 1"):
            BatchNormMLP(widths, generator=rng.seeded(0))
    for side in (0, 10):
        with pytest.raises(ValueError, match=f"side: expected a multiple of 4, got {side}"):
            ImageMaker(latent=1, side=side, classes=1, hidden=1, generator=rng.seeded(0))
        with pytest.raises(ValueError, match=f"side: expected a multiple of 4, got {side}"):
            ImageCritic(side=side, classes=1, hidden=1, generator=rng.seeded(0))
