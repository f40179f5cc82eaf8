"""Density estimates against slow loops, closed forms of their error, scikit-learn and numpy."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import binom, cauchy, norm
from sklearn.neighbors import KernelDensity as Peer
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.data import toy
from coursepkg.models import nonparametric
from coursepkg.models.nonparametric import CosineSeries, Histogram, KernelDensity
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

X = torch.tensor([0.1, 0.15, 0.4, 0.45, 0.5, 0.9])


@pytest.fixture
def plane(generator):
    return torch.rand(200, 2, generator=generator) ** 2


def uniform(n, generator):
    return torch.rand(n, generator=generator)


@pytest.mark.equation("histogram")
def test_histogram_is_numpys_density():
    """Kills: counts not divided by the cell's length, cells shifted by one, high end dropped."""
    x = torch.cat([X, torch.tensor([0.0, 1.0])])
    expected, edges = np.histogram(x, bins=4, range=(0, 1), density=True)
    model = Histogram(4, low=0, high=1, smoothing=0.0).fit(x)
    centres = torch.tensor((edges[1:] + edges[:-1]) / 2)
    np.testing.assert_allclose(model.log_prob(centres).exp(), expected)
    assert model.log_prob(torch.tensor([1.0])).exp() == pytest.approx(expected[-1])
    assert model.log_prob(torch.tensor([-0.01, 1.01])).tolist() == [-math.inf, -math.inf]


@pytest.mark.equation("histogram")
def test_histogram_of_the_plane_is_numpys(plane):
    """Kills: axes exchanged, the volume of a cell taken for its side."""
    x = torch.stack([plane[:, 0], plane[:, 1] ** 3], dim=1)
    expected, first, second = (
        np.histogramdd(x.numpy(), bins=5, range=[(0, 1)] * 2, density=True)[0],
        *np.histogramdd(x.numpy(), bins=5, range=[(0, 1)] * 2)[1],
    )
    model = Histogram(5, low=0, high=1, dim=2, smoothing=0.0).fit(x)
    centres = [torch.tensor((edges[1:] + edges[:-1]) / 2) for edges in (first, second)]
    found = model.log_prob(torch.cartesian_prod(*centres)).exp().view(5, 5)
    np.testing.assert_allclose(found, expected)
    assert not np.allclose(expected, expected.T)


@pytest.mark.equation("histogram")
def test_smoothing_acts_as_points_seen_before():
    """Kills: the normaliser forgets the pseudo-counts."""
    real = Histogram(2, low=0, high=1, smoothing=1.0).fit(X)
    pretended = Histogram(2, low=0, high=1, smoothing=0.0)
    pretended.fit(torch.cat([X, torch.tensor([0.2, 0.7])]))
    where = torch.tensor([0.2, 0.7])
    torch.testing.assert_close(real.log_prob(where), pretended.log_prob(where))


def test_before_fit_the_histogram_is_uniform_even_without_smoothing():
    model = Histogram(4, low=-1, high=1, smoothing=0.0)
    assert model.log_prob(torch.tensor([-0.9, 0.3])).exp().tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.equation("histogram-leave-one-out")
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("dim", [None, 2])
def test_histogram_leave_one_out_is_the_slow_loop(smoothing, dim):
    """Refits N times. Kills: own count kept, N in place of N - 1, the pseudo-counts lost."""
    x = X[:-1]  # in two cells, of two and three points
    x = x if dim is None else torch.stack([x, 1 - x], 1)

    def model(points):
        return Histogram(3, low=0, high=1, dim=dim, smoothing=smoothing).fit(points)

    slow = [
        model(torch.cat([x[:i], x[i + 1 :]])).log_prob(x[i : i + 1]).item() for i in range(len(x))
    ]
    assert model(x).leave_one_out() == pytest.approx(sum(slow) / len(slow))


def test_a_lonely_point_has_no_likelihood_without_smoothing():
    assert Histogram(3, low=0, high=1, smoothing=0.0).fit(X).leave_one_out() == -math.inf
    assert math.isfinite(Histogram(3, low=0, high=1, smoothing=0.1).fit(X).leave_one_out())


@pytest.mark.equation("histogram-error")
@pytest.mark.parametrize(("bins", "N"), [(4, 3), (10, 7)])
def test_error_of_a_histogram_is_bias_and_binomial_noise(bins, N):
    """Exact: every count that a cell can have, weighted by its binomial probability.

    The density is 2x on [0, 1]. Kills: 1/(N h) for 1/(N h²), P for P (1 - P).
    """
    h = 1 / bins
    for cell in range(bins):
        P, inside = h**2 * (2 * cell + 1), torch.tensor([(cell + 0.3) * h])
        outside = torch.tensor([((cell + 1.5) % bins) * h])
        estimates = torch.cat([
            Histogram(bins, low=0, high=1, smoothing=0.0)
            .fit(torch.cat([inside.expand(n), outside.expand(N - n)]))
            .log_prob(inside)
            .exp()
            for n in range(N + 1)
        ])
        chance = torch.tensor(binom.pmf(range(N + 1), N, P))
        mean = chance @ estimates
        assert mean.item() == pytest.approx(P / h)
        variance = P * (1 - P) / (N * h**2)
        assert (chance @ (estimates - mean).square()).item() == pytest.approx(variance)


def test_histogram_samples_fill_the_cells_evenly(generator):
    """Kills: corners drawn instead of points, the wrong cell."""
    model = Histogram(2, low=0, high=2, smoothing=0.0).fit(2 * X)
    x = model.sample(60_000, generator=generator)
    share = (X < 0.5).double().mean()
    assert_cdf(
        x, lambda t: torch.where(t < 1, share * t, share + (1 - share) * (t - 1)), detects=0.03
    )


def test_samples_of_the_plane_follow_the_table(plane, generator):
    """Kills: the digits of a cell's number read in the wrong order."""
    x = torch.stack([plane[:, 0], plane[:, 1] ** 3], dim=1)
    model = Histogram(3, low=0, high=1, dim=2, smoothing=0.0).fit(x)
    drawn = Histogram(3, low=0, high=1, dim=2, smoothing=0.0)
    drawn.fit(model.sample(200_000, generator=generator))
    torch.testing.assert_close(drawn.count / 200_000, model.count / 200, atol=0.01, rtol=0)


@pytest.mark.equation("kernel-density")
@pytest.mark.parametrize("dim", [None, 3])
def test_kernel_density_is_scikit_learns(generator, dim):
    """Kills: a variance for a bandwidth, a normaliser of one dimension, the mean of logs."""
    event = () if dim is None else (dim,)
    points, x = (torch.randn(n, *event, generator=generator) for n in (40, 15))
    peer = Peer(bandwidth=0.7, kernel="gaussian").fit(points.reshape(40, -1))
    found = KernelDensity(0.7, dim=dim).fit(points).log_prob(x)
    np.testing.assert_allclose(found, peer.score_samples(x.reshape(15, -1)), rtol=1e-10)


@pytest.mark.equation("kernel-vote")
@pytest.mark.parametrize("h", [0.3, 1.5])
def test_bayes_with_kernels_is_a_weighted_vote(h, generator):
    """Three unequal classes. Kills: the share of a class left out, a sum for a class's mean."""
    x = torch.randn(30, 2, generator=generator)
    y = torch.tensor([0] * 17 + [1] * 9 + [2] * 4)
    new = torch.randn(5, 2, generator=generator)
    classes = [KernelDensity(h, dim=2).fit(x[y == label]) for label in range(3)]
    joint = torch.stack([model.log_prob(new) for model in classes], 1)
    joint = joint + (torch.tensor([17, 9, 4]) / 30).log()
    for i in range(5):
        votes = [math.exp(-((new[i] - point) ** 2).sum().item() / (2 * h**2)) for point in x]
        for label in range(3):
            share = sum(v for v, k in zip(votes, y, strict=True) if k == label) / sum(votes)
            assert joint.softmax(1)[i, label].item() == pytest.approx(share)


def test_kernel_density_in_blocks_is_the_same(generator, monkeypatch):
    """Kills: a block skipped or scored against another block's points."""
    points, x = (torch.randn(n, 2, generator=generator) for n in (40, 15))
    model = KernelDensity(0.5, dim=2).fit(points)
    whole, alone = model.log_prob(x), model.leave_one_out()
    monkeypatch.setattr(nonparametric, "MAX_PAIRS", 100)
    torch.testing.assert_close(model.log_prob(x), whole)
    assert model.leave_one_out() == pytest.approx(alone)


@pytest.mark.equation("kernel-leave-one-out")
def test_kernel_leave_one_out_is_the_slow_loop(generator):
    """Refits N times. Kills: a point that scores its own kernel, N in place of N - 1."""
    x = torch.randn(12, 2, generator=generator)
    slow = [
        KernelDensity(0.6, dim=2).fit(torch.cat([x[:i], x[i + 1 :]])).log_prob(x[i : i + 1]).item()
        for i in range(len(x))
    ]
    assert KernelDensity(0.6, dim=2).fit(x).leave_one_out() == pytest.approx(sum(slow) / 12)


def test_heavy_tails_mislead_leave_one_out():
    """More points, a narrower choice for a normal law and a wider one for Cauchy's; quantiles."""
    candidates = torch.logspace(-1.5, 2.5, 33).tolist()

    def chosen(quantile, N):
        x = torch.as_tensor(quantile((np.arange(N) + 0.5) / N))
        return max(candidates, key=lambda h: KernelDensity(h).fit(x).leave_one_out())

    assert chosen(norm.ppf, 400) < chosen(norm.ppf, 50)
    assert chosen(cauchy.ppf, 400) > chosen(cauchy.ppf, 50)


def test_twins_reward_a_bandwidth_of_zero():
    """The failure that the chapter shows: the score rises without end if every point has a twin."""
    twins = torch.tensor([0.0, 0.0, 1.0, 1.0])
    scores = [KernelDensity(10.0**-k).fit(twins).leave_one_out() for k in range(1, 8)]
    assert np.allclose(np.diff(scores), math.log(10), atol=1e-3)


@pytest.mark.equation("kernel-error")
@pytest.mark.parametrize(("h", "N"), [(0.3, 1), (0.6, 3), (2.0, 4)])
def test_error_of_a_kernel_estimate_is_that_of_all_data_sets(h, N):
    """Exact: a law of three atoms, all 3^N data sets, so that the integrals are sums.

    Kills: the square of the kernel with width h√2 for h/√2, √2π for √π, the mean not subtracted.
    """
    atoms, p = torch.tensor([-1.0, 0.2, 1.5]), torch.tensor([0.5, 0.3, 0.2])
    x = torch.tensor([-2.0, 0.0, 0.2, 1.2])
    every = list(itertools.product(range(3), repeat=N))
    chance = torch.stack([p[list(data)].prod() for data in every])
    estimates = torch.stack([KernelDensity(h).fit(atoms[list(d)]).log_prob(x).exp() for d in every])
    for k in range(len(x)):
        m = p @ Normal(atoms, h).log_prob(x[k]).exp()
        square = p @ Normal(atoms, h / math.sqrt(2)).log_prob(x[k]).exp()
        variance = (square / (2 * math.sqrt(math.pi) * h) - m**2) / N
        assert_close(chance @ estimates[:, k], m)
        assert_close(chance @ (estimates[:, k] - m).square(), variance)


@pytest.mark.equation("kernel-error")
def test_blurring_a_mixture_adds_the_squared_bandwidth_to_each_variance():
    """Both integrals of two hills, by quadrature. Kills: h² added to the bias only."""
    law, h = toy.two_gaussians(), 0.6
    grid = torch.linspace(-14, 14, 4001)
    volume = law.log_prob(grid).exp() * (grid[1] - grid[0])
    for x in torch.tensor([-2.0, 0.3, 1.2]).split(1):
        kernel = KernelDensity(h).fit(x).log_prob(grid).exp()
        for power, width, scale in ((1, h, 1), (2, h / math.sqrt(2), 2 * math.sqrt(math.pi) * h)):
            wider = (law.scales**2 + width**2).sqrt()
            blurred = toy.IsotropicMixture(law.means, wider, law.weights).log_prob(x).exp()
            assert_close((kernel**power @ volume)[None], blurred / scale)


@pytest.mark.equation("kernel-rate")
@pytest.mark.parametrize("D", [1, 2])
def test_small_bandwidths_obey_the_asymptotic_error(D):
    """At one point of an uneven normal, in units of the claimed bias and variance.

    What is missing from 1 must vanish with h. Kills: h² for h²/2, one axis for all in the
    Laplacian, 2√π h without the power D.
    """
    axis = torch.linspace(-4, 4, 801)
    grid, std = torch.cartesian_prod(*[axis] * D).view(-1, D), torch.tensor([0.7, 1.1])[:D]
    law, x = Normal(0.0, std), torch.tensor([[0.5, -0.4]])[:, :D]
    p = law.log_prob(x).sum(1).exp().item()
    laplacian = p * ((x / std**2).square() - 1 / std**2).sum().item()
    volume = law.log_prob(grid).sum(1).exp() * (axis[1] - axis[0]) ** D
    off = []
    for h in (0.2, 0.1, 0.05):
        kernel = KernelDensity(h, dim=D).fit(x).log_prob(grid).exp()
        mean, second = (kernel @ volume).item(), (kernel**2 @ volume).item()
        bias, noise = h**2 / 2 * laplacian, p / (2 * math.sqrt(math.pi) * h) ** D
        off.append((abs((mean - p) / bias - 1), abs((second - mean**2) / noise - 1)))
    assert off[0][0] > 3 * off[1][0] > 9 * off[2][0]
    assert off[0][1] > 1.7 * off[1][1] > 2.9 * off[2][1]
    assert max(off[2]) < 0.2


def squared_error(D, h):
    """∫ bias² and N ∫ variance of kernels on a standard normal, in units of ∫ p²."""
    once, twice = (torch.expm1(-D / 2 * (h**2 / k).log1p()) for k in (2, 1))
    return twice - 2 * once, h**-D - 1 - twice


def test_squared_error_is_that_of_the_estimate():
    """On the line, by quadrature over x and over the data: the chapter's closed form."""
    grid, h = torch.linspace(-8, 8, 401), 0.6
    step, p = grid[1] - grid[0], Normal(0.0, 1.0).log_prob(grid).exp()
    kernels = torch.stack([KernelDensity(h).fit(x).log_prob(grid).exp() for x in grid.split(1)])
    mean, second = kernels @ p * step, kernels**2 @ p * step
    bias, variance = (part * p.square().sum() for part in squared_error(1, torch.tensor([h])))
    assert bias.item() == pytest.approx((mean - p).square().sum().item())
    assert variance.item() == pytest.approx((second - mean**2).sum().item())


@pytest.mark.equation("kernel-rate")
@pytest.mark.parametrize("D", [1, 3, 10])
def test_the_best_bandwidth_and_its_error_fall_at_the_stated_rates(D):
    """From the exact error of a standard normal, for large N. Kills: 2 + D for 4 + D."""
    h = torch.logspace(-4, -0.3, 4001)
    bias, variance = squared_error(D, h)
    totals = [bias + variance / N for N in (10.0 ** (10 + D), 10.0 ** (12 + D))]
    best = [h[total.argmin()].log() for total in totals]
    least = [total.min().log() for total in totals]
    assert (best[1] - best[0]) / math.log(100) == pytest.approx(-1 / (4 + D), rel=0.02)
    assert (least[1] - least[0]) / math.log(100) == pytest.approx(-4 / (4 + D), rel=0.02)


def test_kernel_samples_follow_the_mixture(generator):
    """Kills: the points themselves for samples, a variance for a bandwidth."""
    model = KernelDensity(0.3).fit(torch.tensor([-1.0, 2.0]))
    x = model.sample(60_000, generator=generator)
    assert_cdf(
        x, lambda t: torch.as_tensor(norm.cdf(t, -1, 0.3) + norm.cdf(t, 2, 0.3)) / 2, detects=0.03
    )


@pytest.mark.equation("cosine-series")
@pytest.mark.parametrize("J", [0, 1, 4])
def test_series_is_the_slow_sum_on_any_interval(J, generator):
    """Kills: the length of the interval forgotten, no √2, one term too few, N - 1 for N."""
    low, high, x = 2.0, 8.0, 3 + 4 * uniform(7, generator)
    at = torch.tensor([2.0, 2.9, 5.5, 8.0])

    def wave(j, t):
        length = high - low
        scale = math.sqrt((1 if j == 0 else 2) / length)
        return scale * math.cos(math.pi * j * (t - low) / length)

    found = CosineSeries(J, low=low, high=high).fit(x).density(at)
    for value, t in zip(found.tolist(), at.tolist(), strict=True):
        mean = [sum(wave(j, point) for point in x.tolist()) / 7 for j in range(J + 1)]
        assert value == pytest.approx(sum(mean[j] * wave(j, t) for j in range(J + 1)))


def test_series_of_a_known_density_finds_its_coefficients(generator):
    """x = √u has density 2x, with c_j = 2√2 (cos πj - 1)/(πj)². Kills: no √2, sin for cos."""
    x = uniform(100_000, generator).sqrt()
    model = CosineSeries(5, low=0, high=1).fit(x)
    exact = [1.0] + [
        2 * math.sqrt(2) * (math.cos(math.pi * j) - 1) / (math.pi * j) ** 2 for j in range(1, 6)
    ]
    np.testing.assert_allclose(model.coefficients, exact, atol=0.02)
    grid = torch.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(model.density(grid), 2 * grid, atol=0.15)


def test_series_integrates_to_one_in_any_units_and_can_be_negative(generator):
    """Kills: the length of the interval forgotten. The negative part is why it has no log_prob."""
    x = 3 + 4 * uniform(20, generator) ** 4
    model = CosineSeries(6, low=2, high=8).fit(x)
    grid = 2 + 6 * (torch.arange(20_000) + 0.5) / 20_000
    assert model.density(grid).mean().item() * 6 == pytest.approx(1, abs=1e-6)
    assert model.density(grid).min() < -0.01
    assert not hasattr(model, "log_prob")


def test_basis_is_orthonormal():
    model = CosineSeries(4, low=-1, high=4)
    grid = -1 + 5 * (torch.arange(50_000) + 0.5) / 50_000
    basis = model._basis(grid)
    torch.testing.assert_close(basis.T @ basis * 5 / 50_000, torch.eye(5))


@pytest.mark.equation("series-risk")
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.5, 1.7)])
def test_series_risk_is_the_slow_loop(low, high):
    """∫ f² by quadrature, and N refits. Kills: own point kept in, a factor 2 lost, no cumsum."""
    whole = CosineSeries(4, low=low, high=high).fit(X).risks()
    for J in (0, 2, 4):
        model = CosineSeries(J, low=low, high=high).fit(X)
        square, _ = quad(lambda t, m=model: m.density(torch.tensor([t])).item() ** 2, low, high)
        left = [
            CosineSeries(J, low=low, high=high)
            .fit(torch.cat([X[:i], X[i + 1 :]]))
            .density(X[i : i + 1])
            .item()
            for i in range(len(X))
        ]
        expected = square - 2 * sum(left) / len(X)
        assert model.risks()[-1].item() == pytest.approx(expected)
        assert whole[J].item() == pytest.approx(expected)


def test_series_risk_is_unbiased():
    """All 3^4 data sets of a law of three atoms: its mean is E ∫ f² - 2 ∫ E f p, for the same N."""
    atoms, p = torch.tensor([0.1, 0.45, 0.9]), torch.tensor([0.5, 0.3, 0.2])
    c = CosineSeries(3, low=0, high=1)._basis(atoms).T @ p
    mean, error = torch.zeros(4), torch.zeros(4)
    for data in itertools.product(range(3), repeat=4):
        model = CosineSeries(3, low=0, high=1).fit(atoms[list(data)])
        chance = p[list(data)].prod()
        mean += chance * model.risks()
        error += chance * (model.coefficients.square() - 2 * model.coefficients * c).cumsum(0)
    assert_close(mean, error)


def test_a_series_that_is_refused_keeps_its_coefficients():
    model = CosineSeries(3, low=0, high=1).fit(X)
    before = model.coefficients.clone()
    for bad, word in (
        (torch.tensor([0.5, 1.5]), "in \\[0, 1\\]"),
        (torch.tensor([]), "at least one"),
        (torch.tensor([math.nan]), "NaN"),
        (torch.zeros(2, 2), "shape"),
        (torch.tensor([1]), "floating"),
    ):
        with pytest.raises((ValueError, TypeError), match=rf"(?s)expected.*{word}|{word}"):
            model.fit(bad)
    assert torch.equal(model.coefficients, before)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Histogram(0, low=0, high=1, smoothing=0.0), "bins"),
        (lambda: Histogram(3, low=1, high=1, smoothing=0.0), "width"),
        (lambda: Histogram(3, low=0, high=1, smoothing=-1.0), "smoothing"),
        (lambda: Histogram(3, low=0, high=1, smoothing=0.0, dim=0), "dim"),
        (lambda: Histogram(10, low=0, high=1, smoothing=0.0, dim=9), "cells"),
        (lambda: KernelDensity(0.0), "bandwidth"),
        (lambda: KernelDensity(math.nan), "bandwidth"),
        (lambda: KernelDensity(1.0, dim=0), "dim"),
        (lambda: KernelDensity(1.0).log_prob(X), "fit"),
        (lambda: KernelDensity(1.0).sample(2, generator=seeded(0)), "fit"),
        (lambda: KernelDensity(1.0).fit(X[:1]).leave_one_out(), "at least 2"),
        (lambda: Histogram(3, low=0, high=1, smoothing=1.0).leave_one_out(), "at least 2"),
        (lambda: Histogram(3, low=0, high=0.5, smoothing=1.0).fit(X), "0.5"),
        (lambda: CosineSeries(-1, low=0, high=1), "terms"),
        (lambda: CosineSeries(2, low=0, high=0), "width"),
        (lambda: CosineSeries(2, low=0, high=1).density(X), "fit"),
        (lambda: CosineSeries(2, low=0, high=1).fit(X[:1]).risks(), "at least 2"),
    ],
)
def test_impossible_requests_say_what_was_expected(make, word):
    with pytest.raises(ValueError, match=r"(?s)expected.*got") as caught:
        make()
    assert word in str(caught.value)


def test_kernels_of_distant_points_in_single_precision():
    """Points 1e20 apart, as wide a kernel. Kills: distances of float32 that overflow."""
    x = torch.tensor([[0.0, 0.0], [3e20, 1e20], [-1e20, 2e20]])
    single = KernelDensity(1e20, dim=2).fit(x.float())
    double = KernelDensity(1e20, dim=2).fit(x)
    found = single.log_prob(x.float())
    assert found.dtype == torch.float32
    assert_close(found.double(), double.log_prob(x), rtol=1e-6, atol=0)
    assert single.leave_one_out() == pytest.approx(double.leave_one_out(), rel=1e-6)


def test_a_series_of_single_precision():
    """Risks in double precision. Kills: cosines of large angles, and squares, in float32."""
    x = torch.rand(500, generator=seeded(0)).float()
    single = CosineSeries(300, low=0.0, high=1.0).fit(x)
    double = CosineSeries(300, low=0.0, high=1.0).fit(x.double())
    assert_close(single.risks().double(), double.risks(), rtol=1e-9, atol=1e-12)


def test_a_pseudo_count_that_single_precision_cannot_say():
    """Kills: 1e-50, which float32 makes 0, and the logarithm of an empty cell -∞."""
    found = Histogram(2, low=0.0, high=1.0, smoothing=1e-50).fit(torch.tensor([0.1, 0.2]).float())
    log_p = found.log_prob(torch.tensor([0.9]).float()).item()
    assert log_p == pytest.approx(math.log(1e-50 / 2 * 2), rel=1e-6)
