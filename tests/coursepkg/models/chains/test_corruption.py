import math

import pytest
import torch

from coursepkg.enumeration import table_states
from coursepkg.models.chains import GaussianNoise, HideOne, Mask, Redraw
from coursepkg.rng import seeded
from tests.coursepkg.models.chains.laws import noisy_states
from tests.statistics import assert_mean, assert_probs

K, D = 3, 2
DISCRETE = [
    (Redraw(0.4, levels=K), table_states([K] * D)),
    (Mask(0.4, levels=K), noisy_states(D, K)),
    (HideOne(levels=K), noisy_states(D, K)),
]
EACH = pytest.mark.parametrize(("corruption", "noisy"), DISCRETE, ids=["redraw", "mask", "one"])


@EACH
def test_draws_follow_what_is_said_of_them(corruption, noisy):
    """Every x̃ of every x, by enumeration. Kills: s for 1 - s, s/K lost, a favourite place."""
    for x in table_states([K] * D):
        p = corruption.log_prob(noisy, x.expand_as(noisy)).exp()
        assert p.sum().item() == pytest.approx(1)
        drawn = corruption.corrupt(x.expand(40_000, D), generator=seeded(int(3 * x[0] + x[1])))
        cell = (drawn[:, None] == noisy).all(-1).int().argmax(1)
        assert_probs(cell, p.double(), detects=0.12)


def slow(x, noisy, kind, s):
    """The chance of x̃, a variable at a time, by the definition."""
    chance = 1.0
    for there, here in zip(x.tolist(), noisy.tolist(), strict=True):
        if kind == "redraw":
            chance *= (1 - s) * (there == here) + s / K
        else:
            chance *= s if here == K else (1 - s) * (there == here)
    return chance


@pytest.mark.equation("redraw")
@pytest.mark.equation("mask")
@pytest.mark.parametrize("s", [0.0, 0.3, 1.0])
def test_chances_are_products_over_the_variables(s):
    """A slow loop. Kills: s / (K - 1), one coin for all variables."""
    for kind, made, noisy in (
        ("redraw", Redraw(s, levels=K), table_states([K] * D)),
        ("mask", Mask(s, levels=K), noisy_states(D, K)),
    ):
        for x in table_states([K] * D):
            expected = torch.tensor([slow(x, row, kind, s) for row in noisy])
            torch.testing.assert_close(made.log_prob(noisy, x.expand_as(noisy)).exp(), expected)


def test_hidden_variables_are_hidden_and_the_rest_is_kept():
    x = torch.randint(K, (500, 6), generator=seeded(0))
    before = x.clone()
    masked = Mask(0.5, levels=K).corrupt(x, generator=seeded(1))
    assert torch.equal(masked[masked < K], x[masked < K])
    assert 0 < (masked == K).float().mean() < 1
    one = HideOne(levels=K).corrupt(x, generator=seeded(1))
    assert ((one == K).sum(1) == 1).all()
    assert torch.equal(x, before), "the caller's tensor was changed"
    assert masked.dtype == one.dtype == x.dtype


def test_normal_noise_has_its_density():
    """torch.distributions. Kills: σ² for σ, D forgotten in the constant."""
    noise, x = GaussianNoise(0.7), torch.randn(5, 3, generator=seeded(0))
    noisy = noise.corrupt(x, generator=seeded(1))
    expected = torch.distributions.Normal(x, 0.7).log_prob(noisy).sum(1)
    torch.testing.assert_close(noise.log_prob(noisy, x), expected)
    far = noise.corrupt(torch.zeros(20_000, 1), generator=seeded(2))
    assert_mean(far.square().flatten(), 0.49, detects=0.06)


def test_impossible_things_are_impossible():
    """Kills: a mask that says what it cannot have seen."""
    x, other = torch.tensor([[0, 1]]), torch.tensor([[1, 3]])
    for made in (Mask(0.5, levels=K), HideOne(levels=K)):
        assert made.log_prob(other, x).item() == -math.inf
    assert HideOne(levels=K).log_prob(x, x).item() == -math.inf


@pytest.mark.parametrize("make", [
    lambda: Redraw(1.2, levels=K), lambda: Mask(-0.1, levels=K), lambda: Mask(0.5, levels=1),
    lambda: Redraw(math.nan, levels=K), lambda: HideOne(levels=1), lambda: GaussianNoise(0.0),
    lambda: Redraw(0.5, levels=K).corrupt(torch.full((2, 2), K), generator=seeded(0)),
    lambda: Mask(0.5, levels=K).corrupt(torch.full((2, 2), K), generator=seeded(0)),
    lambda: HideOne(levels=K).corrupt(torch.zeros(0, 2).long(), generator=seeded(0)),
    lambda: Redraw(0.5, levels=K).log_prob(torch.full((1, 2), K), torch.zeros(1, 2).long()),
    lambda: GaussianNoise(1.0).corrupt(torch.zeros(2, 2).long(), generator=seeded(0)),
    lambda: GaussianNoise(1.0).log_prob(torch.zeros(2, 3), torch.zeros(2, 2)),
])  # fmt: skip
def test_bad_input_is_refused(make):
    with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
        make()


def test_the_share_is_the_share():
    """A million coins, which detect 0.6 %. Kills: a share that is off by a hundredth."""
    x = torch.zeros(1000, 1000, dtype=torch.int64)
    hidden = Mask(0.4, levels=K).corrupt(x, generator=seeded(3)) == K
    assert_mean(hidden.double().flatten(), 0.4, detects=0.006)
    other = Redraw(0.4, levels=K).corrupt(x, generator=seeded(4)) != 0
    assert_mean(other.double().flatten(), 0.4 * 2 / 3, detects=0.006)


def test_rare_corruption_in_single_precision():
    """log(1 - 1e-9). Kills: 1 - s, which is 1 in float32."""
    torch.set_default_dtype(torch.float32)
    try:
        seen = Mask(1e-9, levels=2).table()[0, 0].item()
        assert seen == pytest.approx(math.log1p(-1e-9), rel=1e-6)
        kept = Redraw(1e-9, levels=2).table()[0, 0].item()
        assert kept == pytest.approx(math.log1p(-0.5e-9), rel=1e-6)
    finally:
        torch.set_default_dtype(torch.float64)
