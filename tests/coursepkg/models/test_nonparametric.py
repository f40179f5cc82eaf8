"""Density estimates against slow loops, closed forms of their error, scikit-learn and numpy."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.neighbors import KernelDensity as Peer

from coursepkg.data import toy
from coursepkg.models import nonparametric
from coursepkg.models.nonparametric import CosineSeries, Histogram, KernelDensity
from tests.statistics import assert_cdf, assert_mean

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
def test_histogram_leave_one_out_is_the_slow_loop(smoothing):
    """Refits N times. Kills: own count kept, N in place of N - 1, the pseudo-counts lost."""
    x = X[:-1]  # in two cells, of two and three points
    model = Histogram(3, low=0, high=1, smoothing=smoothing).fit(x)
    slow = [
        Histogram(3, low=0, high=1, smoothing=smoothing)
        .fit(torch.cat([x[:i], x[i + 1 :]]))
        .log_prob(x[i : i + 1])
        .item()
        for i in range(len(x))
    ]
    assert model.leave_one_out() == pytest.approx(sum(slow) / len(slow))


def test_a_lonely_point_has_no_likelihood_without_smoothing():
    assert Histogram(3, low=0, high=1, smoothing=0.0).fit(X).leave_one_out() == -math.inf
    assert math.isfinite(Histogram(3, low=0, high=1, smoothing=0.1).fit(X).leave_one_out())


@pytest.mark.equation("histogram-error")
def test_error_of_a_histogram_is_bias_and_binomial_noise(generator):
    """Mean and variance over 4,000 data sets of 50 points. Kills: 1/N for 1/(N h²) in the text."""
    law, N, bins, x = toy.two_gaussians(), 50, 12, torch.tensor([0.3])
    h = 12 / bins
    edge = -6 + h * ((x.item() + 6) // h)
    P, _ = quad(lambda t: law.log_prob(torch.tensor([t])).exp().item(), edge, edge + h)
    data = law.sample(4000 * N, generator=generator).view(4000, N).clamp(-6, 6)
    estimates = torch.cat([
        Histogram(bins, low=-6, high=6, smoothing=0.0).fit(points).log_prob(x).exp()
        for points in data
    ])
    assert_mean(estimates, P / h, detects=0.02)
    variance = P * (1 - P) / (N * h**2)
    assert_mean((estimates - P / h).square(), variance, detects=0.4 * variance)


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
def test_bayes_with_kernels_is_a_weighted_vote(generator):
    """Unequal classes. Kills: the share of a class left out of Bayes' theorem."""
    x, y = torch.randn(30, 2, generator=generator), torch.arange(30) % 3 // 2  # 20 of 0, 10 of 1
    new, h = torch.randn(5, 2, generator=generator), 0.6
    classes = [KernelDensity(h, dim=2).fit(x[y == label]) for label in (0, 1)]
    joint = torch.stack([model.log_prob(new) for model in classes], 1)
    joint = joint + torch.tensor([20 / 30, 10 / 30]).log()
    for i in range(5):
        votes = [math.exp(-((new[i] - point) ** 2).sum().item() / (2 * h**2)) for point in x]
        share = sum(v for v, label in zip(votes, y, strict=True) if label == 1) / sum(votes)
        assert joint.softmax(1)[i, 1].item() == pytest.approx(share)


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


def test_twins_reward_a_bandwidth_of_zero():
    """The failure that the chapter shows: the score rises without end if every point has a twin."""
    twins = torch.tensor([0.0, 0.0, 1.0, 1.0])
    scores = [KernelDensity(10.0**-k).fit(twins).leave_one_out() for k in range(1, 8)]
    assert np.allclose(np.diff(scores), math.log(10), atol=1e-3)


@pytest.mark.equation("kernel-error")
def test_error_of_a_kernel_estimate_has_a_closed_form(generator):
    """Mean and variance over 4,000 data sets, against the two convolutions.

    Kills: h² added to the bias only, the square of the kernel with width h√2 for h/√2.
    """
    law, N, h, x = toy.two_gaussians(), 50, 0.6, torch.tensor([1.2])
    total = (law.scales**2 + h**2).sqrt()
    mean = toy.IsotropicMixture(law.means, total, law.weights).log_prob(x).exp().item()
    narrow = (law.scales**2 + h**2 / 2).sqrt()
    second = toy.IsotropicMixture(law.means, narrow, law.weights).log_prob(x).exp().item()
    variance = (second / (2 * math.sqrt(math.pi) * h) - mean**2) / N
    data = law.sample(4000 * N, generator=generator).view(4000, N)
    estimates = torch.cat([KernelDensity(h).fit(points).log_prob(x).exp() for points in data])
    assert_mean(estimates, mean, detects=0.01)
    assert_mean((estimates - mean).square(), variance, detects=0.4 * variance)


@pytest.mark.equation("kernel-rate")
def test_small_bandwidths_obey_the_asymptotic_error():
    """Bias h²/2 p'' and variance p/(2√π N h), at one point of a normal. Kills: h² for h²/2."""
    x, h = 0.7, 0.02
    truth = norm.pdf(x)
    mean = norm.pdf(x, scale=math.sqrt(1 + h**2))
    assert (mean - truth) / (h**2 / 2 * (x**2 - 1) * truth) == pytest.approx(1, abs=1e-3)
    second = norm.pdf(x, scale=math.sqrt(1 + h**2 / 2)) / (2 * math.sqrt(math.pi) * h)
    assert (second - mean**2) / (truth / (2 * math.sqrt(math.pi) * h)) == pytest.approx(1, abs=0.03)
    # the h that balances h⁴ against 1/(N h^D) falls as N^(-1/(4 + D)), the error as N^(-4/(4 + D))
    h = np.geomspace(1e-3, 1, 200_001)
    for D in (1, 5):
        best = [h[np.argmin(h**4 + 1 / (N * h**D))] for N in (1e3, 1e6)]
        error = [np.min(h**4 + 1 / (N * h**D)) for N in (1e3, 1e6)]
        assert math.log(best[1] / best[0]) / math.log(1e3) == pytest.approx(-1 / (4 + D), rel=1e-3)
        assert math.log(error[1] / error[0]) / math.log(1e3) == pytest.approx(
            -4 / (4 + D), rel=1e-3
        )


def test_kernel_samples_follow_the_mixture(generator):
    """Kills: the points themselves for samples, a variance for a bandwidth."""
    model = KernelDensity(0.3).fit(torch.tensor([-1.0, 2.0]))
    x = model.sample(60_000, generator=generator)
    assert_cdf(
        x, lambda t: torch.as_tensor(norm.cdf(t, -1, 0.3) + norm.cdf(t, 2, 0.3)) / 2, detects=0.03
    )


@pytest.mark.equation("cosine-series")
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
def test_series_risk_is_the_slow_loop():
    """∫ f² by quadrature, and N refits. Kills: own point kept in, a factor 2 lost, no cumsum."""
    for J in (0, 2, 4):
        model = CosineSeries(J, low=0, high=1).fit(X)
        square, _ = quad(lambda t, m=model: m.density(torch.tensor([t])).item() ** 2, 0, 1)
        left = [
            CosineSeries(J, low=0, high=1)
            .fit(torch.cat([X[:i], X[i + 1 :]]))
            .density(X[i : i + 1])
            .item()
            for i in range(len(X))
        ]
        expected = square - 2 * sum(left) / len(X)
        assert model.risks()[-1].item() == pytest.approx(expected)
        assert CosineSeries(4, low=0, high=1).fit(X).risks()[J].item() == pytest.approx(expected)


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
        (lambda: KernelDensity(1.0).sample(2, generator=None), "fit"),
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
