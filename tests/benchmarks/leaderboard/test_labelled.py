"""What the entries that sum the digit out are made of."""

import pytest
import torch

from benchmarks.leaderboard.copies import TOLD
from benchmarks.leaderboard.entries.labelled import (
    CONDITIONS,
    by_digit,
    digits,
    gated,
    masked,
    over_scans,
)
from coursepkg.data.digits import Split, load_labels, load_split
from coursepkg.models.autoregressive.orders import Ensemble
from coursepkg.rng import seeded


def test_digits_are_those_of_the_training_images():
    """Kills: another part's labels, no one-hot."""
    split = load_split()
    found = digits(split)
    assert found.shape == (1000, 10)
    assert torch.equal(found.argmax(1), load_labels().train)
    assert torch.equal(found.sum(1), torch.ones(1000))


@pytest.mark.equation("digit-summed")
def test_the_digit_is_summed_out(float32):
    """By hand: of each digit the average of two networks' conditionals, pixel by pixel.

    Kills: a sum of logarithms, the digit told in the place of a distortion, one digit for all.
    """
    nets = [kind(True, seeded(k)).eval() for k, kind in enumerate((gated, masked))]
    with torch.no_grad():
        for net in nets:
            for weights in net.parameters():
                weights.normal_(std=0.3, generator=seeded(3))
        x = load_split().train[:3]
        total = torch.zeros(3, dtype=torch.float64)
        for digit in range(10):
            told = torch.zeros(3, CONDITIONS)
            told[:, TOLD + digit] = 1
            p = sum(net(x, told).softmax(-1).double() for net in nets) / 2
            total += p.gather(2, x[..., None])[..., 0].log().sum(1).exp() / 10
        found = Ensemble(by_digit(nets)).log_prob(x)
    torch.testing.assert_close(found.double(), total.log(), rtol=0, atol=1e-3)


def next_pixel(p_of_digit, p_given_digit):
    """p(x_d | x_<d) from p(k | x_<d), (..., 10, 1), and p(x_d | x_<d, k), (..., 10, 2)."""
    return (p_of_digit * p_given_digit).sum(-2)


@pytest.mark.equation("digit-guessed")
@pytest.mark.parametrize("d", [0, 1, 2])
def test_the_next_pixel_is_guessed_by_ten(d):
    """Three binary pixels and ten digits, all enumerated: from p(x) = Σ_k p(x | k) / 10.

    Kills: the prior in the place of the belief, logarithms that are averaged.
    """
    p = torch.rand(10, 2, 2, 2, generator=seeded(4), dtype=torch.float64)
    p = p / p.sum((1, 2, 3), keepdim=True)
    so_far = p.flatten(d + 1).sum(-1)  # p(x_<d | k), and then with x_d
    with_next = p.flatten(d + 2).sum(-1) if d < 2 else p
    before, after = so_far.mean(0), with_next.mean(0)  # without k
    belief = (so_far / 10 / before).movedim(0, -1)[..., None]
    given = (with_next / so_far[..., None]).movedim(0, -2)
    torch.testing.assert_close(next_pixel(belief, given), after / before[..., None])


def test_each_order_has_ten_laws_and_scores_the_image_itself(float32):
    """Hardly trained, all orders say about the same: each pixel's own law, in its place.

    Kills: an order that is left out; a law of turned images that is asked about the image as it is,
    which costs two nats here.
    """
    split = load_split()
    model = over_scans(Split(*(part[:200] for part in split)), seeded(0), True).eval()
    assert len(model.members) == 30
    with torch.no_grad():
        each = torch.stack([member.log_prob(split.test[:50]).mean() for member in model.members])
    orders = each.view(3, 10).mean(1)
    assert orders.max() - orders.min() < 0.5
