"""A classifier of small images."""

import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu, max_pool2d

from coursepkg.nets.judge import Judge
from coursepkg.rng import global_state_from, seeded


def judge(**sizes):
    sizes = {"side": 8, "classes": 3, "hidden": 2, "features": 5, "generator": seeded(0)} | sizes
    return Judge(**sizes)


def test_features_and_logits_are_what_the_layers_say():
    """Written out. Kills: no nonlinearity before the reading, a mean for a maximum, no padding."""
    model, x = judge().eval(), torch.randn(4, 64, generator=seeded(1))
    first, second, flat = model.below[0], model.below[3], model.below[7]
    h = x.view(4, 1, 8, 8)
    for layer in (first, second):
        h = leaky_relu(max_pool2d(conv2d(h, layer.weight, layer.bias, padding=1), 2))
    f = leaky_relu(h.flatten(1) @ flat.weight.T + flat.bias)
    torch.testing.assert_close(model.features(x), f)
    reading = model.above[1]
    torch.testing.assert_close(model(x), f @ reading.weight.T + reading.bias)
    assert model.features(x).shape == (4, 5)
    assert (first.weight.shape, second.weight.shape) == ((2, 1, 3, 3), (4, 2, 3, 3))


def test_reading_is_the_largest_logit():
    """Kills: the smallest, a probability for a class."""
    model, x = judge().eval(), torch.randn(20, 64, generator=seeded(1))
    assert model.read(x).dtype == torch.int64
    assert torch.equal(model.read(x), model(x).argmax(1))
    assert len(set(model.read(50 * torch.randn(200, 64, generator=seeded(2))).tolist())) > 1


def test_dropout_is_of_the_reading_only():
    """Kills: features that differ from call to call in training, no dropout at all."""
    model, x = judge(dropout=0.5).train(), torch.randn(4, 64, generator=seeded(1))
    assert torch.equal(model.features(x), model.features(x))
    with global_state_from(seeded(2)):
        assert not torch.equal(model(x), model(x))


def test_weights_come_from_the_generator():
    """Kills: torch's global state."""
    state = torch.get_rng_state()
    first, again = judge(), judge()
    other = judge(generator=seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name])


@pytest.mark.parametrize("side", [0, 6, -4])
def test_sides_that_cannot_be_halved_twice_are_refused(side):
    with pytest.raises(ValueError, match=f"expected a multiple of 4, got {side}"):
        judge(side=side)


def test_bad_images_are_refused():
    """Kills: no check."""
    model = judge()
    with pytest.raises(ValueError, match="64"):
        model(torch.zeros(2, 63))
    with pytest.raises(TypeError, match="float"):
        model.features(torch.zeros(2, 64, dtype=torch.int64))
    with pytest.raises(ValueError, match="finite"):
        model.read(torch.full((2, 64), torch.nan))
