"""What the entries that sum the digit out are made of."""

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
