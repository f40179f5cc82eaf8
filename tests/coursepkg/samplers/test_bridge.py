"""Bridge sampling against laws of four states, drawn in exact proportion."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar

from coursepkg.rng import seeded
from coursepkg.samplers.bridge import bridge, optimal_bridge
from tests.statistics import assert_mean

P = torch.tensor([0.1, 0.2, 0.3, 0.4])
Q = torch.tensor([0.5, 0.2, 0.2, 0.1])
LOG_RATIO = math.log(7.0)  # Z_p / Z_q
L = P.log() + LOG_RATIO - Q.log()  # log p̃ - log q̃, with Z_q = 1


def in_proportion(law, n):
    """n draws in which every state appears exactly as often as it should."""
    return L.repeat_interleave((n * law).round().long())


def draws(law, shape, generator):
    x = torch.multinomial(law, math.prod(shape), replacement=True, generator=generator)
    return L[x].view(shape)


BRIDGES = {
    "importance": lambda l: l,
    "reverse": lambda l: 0 * l,
    "geometric": lambda l: l / 2,
    "odd": lambda l: torch.sin(3 * l),
    "narrow": lambda l: l.where(l > 1, -torch.inf),  # nowhere on one of the four states
}


@pytest.mark.equation("bridge-identity")
@pytest.mark.parametrize("name", BRIDGES)
def test_any_bridge_gives_the_ratio(name):
    """Kills: p and q exchanged, the bridge over the wrong law."""
    value = bridge(in_proportion(P, 30), in_proportion(Q, 10), BRIDGES[name])
    assert value == pytest.approx(LOG_RATIO)


def delta_variance(log_b, n_p, n_q):
    """Asymptotic variance of `bridge` with log b̃ / q̃ = log_b at the states, summed over them."""
    total = 0.0
    for law, n, f in ((Q, n_q, log_b.exp()), (P, n_p, (log_b - L).exp())):
        mean = (law * f).sum()
        total += ((law * (f - mean) ** 2).sum() / mean**2 / n).item()
    return total


@pytest.mark.equation("bridge-optimal")
@pytest.mark.parametrize(("n_p", "n_q"), [(100, 100), (1000, 20), (10, 500)])
def test_the_optimal_bridge_is_exact_and_beats_every_other(n_p, n_q, generator):
    """Its variance is that of the bridge it names, which no neighbour improves."""
    value, error = optimal_bridge(in_proportion(P, n_p), in_proportion(Q, n_q))
    assert value == pytest.approx(LOG_RATIO, abs=1e-9)
    best = L - (n_p * L.exp() + n_q * math.exp(LOG_RATIO)).log()
    least = delta_variance(best, n_p, n_q)
    unbiased = delta_variance(best, n_p - 1, n_q - 1)  # of sample variances, with n - 1
    assert error**2 == pytest.approx(unbiased)
    for other in BRIDGES.values():
        assert delta_variance(other(L), n_p, n_q) > 1.02 * least
    for nudge in torch.randn(100, 4, generator=generator) / 20:
        assert delta_variance(best + nudge, n_p, n_q) > least


@pytest.mark.equation("bridge-optimal")
def test_it_is_the_intercept_of_a_logistic_regression(generator):
    """The likelihood of "from p, or from q?" with slope 1, maximised by another library."""
    l_p, l_q = draws(P, (60,), generator), draws(Q, (150,), generator)

    def cost(c):
        softplus = torch.nn.functional.softplus
        return (softplus(c - l_p).sum() + softplus(l_q - c).sum()).item()

    c = minimize_scalar(cost, bracket=(-3, 5), tol=1e-12).x
    expected = c - math.log(150 / 60)
    assert optimal_bridge(l_p, l_q).value == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_the_error_bar_is_the_spread_of_repetitions(generator):
    """The mean of ((estimate - truth) / error)² over 1500 repetitions is 1, or nearly."""
    l_p, l_q = draws(P, (1500, 300), generator), draws(Q, (1500, 100), generator)
    runs = [optimal_bridge(*pair) for pair in zip(l_p, l_q, strict=True)]
    scores = torch.tensor([(value - LOG_RATIO) / error for value, error in runs])
    assert_mean(scores.square(), 1.0, detects=0.5)


def test_it_stands_a_long_way_from_zero_and_scales():
    """A constant in p̃ moves log Z_p by as much, however large. Kills: exp of a log weight."""
    l_p, l_q = in_proportion(P, 30), in_proportion(Q, 10)
    for shift in (-5e3, 5e3):
        moved = optimal_bridge(l_p + shift, l_q + shift)
        assert moved.value == pytest.approx(LOG_RATIO + shift, abs=1e-6)
        assert moved.error == pytest.approx(optimal_bridge(l_p, l_q).error)
    there, back = optimal_bridge(l_p, l_q), optimal_bridge(-l_q, -l_p)
    assert back.value == pytest.approx(-there.value)
    assert back.error == pytest.approx(there.error)


def test_laws_that_hardly_meet_have_a_large_error():
    """Two normals 12 standard deviations apart: no draw is common, and the error says so."""
    x, y = 12 + torch.randn(500, generator=seeded(0)), torch.randn(500, generator=seeded(1))
    estimate = optimal_bridge(12 * x - 72, 12 * y - 72)
    assert estimate.error > 0.5


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (torch.tensor([]), "at least one"),
        (torch.tensor([0.0, math.nan]), "NaN"),
        (torch.tensor([0.0, math.inf]), "inf"),
        (torch.zeros(2, 2), "shape"),
        (torch.tensor([1, 2]), "int64"),
    ],
)
def test_bad_input_is_refused(bad, word):
    good = torch.tensor([0.0, 1.0])
    for arguments in ((bad, good), (good, bad)):
        for call in (optimal_bridge, lambda p, q: bridge(p, q, lambda l: l / 2)):
            with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
                call(*arguments)
            assert word in str(caught.value)


def test_a_bridge_of_single_precision_is_that_of_double():
    """Log ratios about 1e4, of which single precision keeps 1e-3. Kills: sums in it."""
    l_p, l_q = (torch.tensor(v, dtype=torch.float32) for v in ([1e4, 1e4 + 1], [1e4 - 1, 1e4 - 3]))
    expected = bridge(l_p.double(), l_q.double(), lambda l: l / 3)
    assert bridge(l_p, l_q, lambda l: l / 3) == pytest.approx(expected, rel=1e-14)


def test_a_bridge_of_laws_whose_ratio_is_far_from_one():
    """All log ratios 1e18. Kills: a bracket whose width is lost in its place: no sign change."""
    value, _ = optimal_bridge(torch.full((3,), 1e18), torch.full((2,), 1e18))
    assert value == pytest.approx(1e18, rel=1e-9)
