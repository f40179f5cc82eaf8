"""Power spectra against slow sums, the closed form of autoregressive processes, and scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import signal
from scipy.linalg import solve_discrete_lyapunov

from coursepkg.bayes.spectrum import ar_path, ar_spectrum, periodogram, welch
from tests.statistics import assert_mean

AR = [torch.tensor([0.9]), torch.tensor([-0.6]), torch.tensor([1.2, -0.8])]
SIGMA = 0.7


def autocovariance(coefficients, sigma, lags):
    """E[x_t x_{t+τ}] from the state equation's Lyapunov equation."""
    L = len(coefficients)
    A = np.diag(np.ones(L - 1), -1)
    A[0] = coefficients.numpy()
    noise = np.zeros((L, L))
    noise[0, 0] = sigma**2
    P = solve_discrete_lyapunov(A, noise)
    return [(np.linalg.matrix_power(A, lag) @ P)[0, 0] for lag in range(lags)]


@pytest.mark.equation("power-spectrum")
@pytest.mark.equation("ar-spectrum")
@pytest.mark.parametrize("coefficients", AR)
def test_spectrum_of_an_ar_process_is_the_transform_of_its_autocovariance(coefficients):
    """And its area is the variance. Kills: σ for σ², a sign, one lag too many."""
    f = torch.tensor([0.0, 0.07, 0.21, 0.5])
    gamma = autocovariance(coefficients, SIGMA, 600)
    cosines = [[math.cos(2 * math.pi * t * lag) for lag in range(1, 600)] for t in f.tolist()]
    expected = gamma[0] + 2 * np.array(cosines) @ np.array(gamma[1:])
    found = ar_spectrum(coefficients, sigma=SIGMA, frequencies=f)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    grid = (torch.arange(4000) + 0.5) / 4000 - 0.5
    area = ar_spectrum(coefficients, sigma=SIGMA, frequencies=grid).mean().item()
    assert area == pytest.approx(gamma[0], rel=1e-9)


@pytest.mark.equation("periodogram")
@pytest.mark.parametrize("T", [8, 9])
def test_periodogram_is_the_slow_sum(generator, T):
    """Kills: the mean left in, 1/T lost, an amplitude for a power."""
    x = 3 + torch.randn(2, T, generator=generator)
    found = periodogram(x)
    assert found.shape == (2, T // 2 + 1)
    for row, path in zip(found, x, strict=True):
        y = (path - path.mean()).numpy()
        for k in range(T // 2 + 1):
            wave = sum(y[t] * np.exp(-2j * math.pi * k * t / T) for t in range(T))
            assert row[k].item() == pytest.approx(abs(wave) ** 2 / T, abs=1e-12)


def test_periodogram_holds_the_variance(generator):
    """Parseval: over all frequencies, twice those inside, its mean is the variance."""
    x = torch.randn(101, generator=generator)
    power = periodogram(x)
    total = (power[0] + 2 * power[1:].sum()) / 101
    assert total.item() == pytest.approx(x.var(correction=0).item())


@pytest.mark.equation("welch")
@pytest.mark.parametrize("segment", [16, 25, 100])
def test_welch_is_scipys(generator, segment):
    """Kills: window not squared in the norm, no overlap, one mean for all segments."""
    x = 5 + torch.randn(2, 100, generator=generator).cumsum(1)
    _, expected = signal.welch(
        x.numpy(), nperseg=segment, noverlap=segment - segment // 2, window="hann",
        detrend="constant", return_onesided=True,
    )  # fmt: skip
    double = np.full(segment // 2 + 1, 2.0)  # scipy's is one-sided: all but f = 0, 1/2 twice
    double[0] = 1
    if segment % 2 == 0:
        double[-1] = 1
    np.testing.assert_allclose(welch(x, segment=segment), expected / double, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("coefficients", AR)
def test_welch_of_drawn_paths_finds_the_closed_form(coefficients, generator):
    """200 paths. Kills: noise of unit size, a path that has not forgotten its start."""
    T, segment = 1024, 256
    paths = torch.stack([
        ar_path(coefficients, sigma=SIGMA, T=T, generator=generator) for _ in range(200)
    ])
    f = torch.fft.rfftfreq(segment)
    truth = ar_spectrum(coefficients, sigma=SIGMA, frequencies=f)
    for k in (16, 50, 100):
        relative = welch(paths, segment=segment)[:, k] / truth[k]
        assert_mean(relative, 1.0, detects=0.4)
    variance = autocovariance(coefficients, SIGMA, 1)[0]
    starts = torch.cat([
        ar_path(coefficients, sigma=SIGMA, T=1, generator=generator) for _ in range(4000)
    ])
    assert_mean(starts.square() / variance, 1.0, detects=0.25)
    assert_mean(paths.square().mean(1) / variance, 1.0, detects=0.4)


def quadratic_form(statistic, n):
    """The symmetric A with statistic(x) = xᵀ A x, by polarisation; (n, n)."""
    unit = torch.eye(n)
    alone = torch.stack([statistic(row) for row in unit])
    both = torch.stack([statistic(unit[i] + unit[j]) for i in range(n) for j in range(n)])
    return (both.view(n, n) - alone - alone[:, None]) / 2


@pytest.mark.equation("periodogram-noise")
@pytest.mark.parametrize(("T", "K"), [(5, 1), (8, 1), (9, 2), (8, 3)])
def test_periodogram_of_noise_does_not_settle(T, K):
    """Exact: xᵀAx of Gaussian noise has mean σ² tr A and variance 2σ⁴ tr A², at every frequency.

    The mean of K segments, K = 1 among them. Kills: T - 1 for T, 1/K for 1/√K.
    """
    sigma = 0.7
    S = sigma**2
    inside = [k for k in range(T // 2 + 1) if 0 < 2 * k < T]
    for k in inside:
        A = quadratic_form(lambda x, k=k: periodogram(x.view(K, T)).mean(0)[k], K * T)
        mean, variance = sigma**2 * A.trace(), 2 * sigma**4 * (A @ A).trace()
        assert mean.item() == pytest.approx(S)
        assert variance.sqrt().item() == pytest.approx(S / math.sqrt(K))
    assert len(inside) > 1
    half = quadratic_form(lambda x: periodogram(x)[4], 8)  # f = 1/2 is the exception
    assert 2 * (half @ half).trace().item() == pytest.approx(2)


@pytest.mark.equation("periodogram")
def test_periodogram_is_the_transform_of_the_sample_autocovariance(generator):
    """All lags of it, a slow sum. Kills: lags counted once, T - τ for T."""
    T = 9
    x = 2 + torch.randn(T, generator=generator)
    y = x - x.mean()
    gamma = [sum(y[t] * y[t + lag] for t in range(T - lag)).item() / T for lag in range(T)]
    for k in range(T // 2 + 1):
        wave = [math.cos(2 * math.pi * k * lag / T) for lag in range(T)]
        slow = gamma[0] + 2 * sum(g * w for g, w in zip(gamma[1:], wave[1:], strict=True))
        assert periodogram(x)[k].item() == pytest.approx(slow, abs=1e-12)


def test_one_spectrum_many_laws(generator):
    """The claim that corrects 003: coin flips and Gaussian noise share the flat spectrum."""
    coins = 2.0 * torch.randint(2, (400, 256), generator=generator) - 1
    normal = torch.randn(400, 256, generator=generator)
    for paths in (coins, normal):
        assert_mean(welch(paths, segment=64)[:, 10], 1.0, detects=0.25)
    assert set(coins.unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda g: ar_spectrum(torch.tensor([1.0]), sigma=1, frequencies=torch.zeros(1)), "radius"),
        (lambda g: ar_path(torch.tensor([0.5, 0.6]), sigma=1, T=5, generator=g), "stationary"),
        (lambda g: ar_path(torch.tensor([0.5]), sigma=0.0, T=5, generator=g), "sigma"),
        (lambda g: ar_path(torch.tensor([0.5]), sigma=1, T=0, generator=g), "T"),
        (lambda g: ar_path(torch.tensor([]), sigma=1, T=5, generator=g), "shape"),
        (lambda g: periodogram(torch.zeros(1)), "shape"),
        (lambda g: periodogram(torch.tensor([0.0, math.nan])), "NaN"),
        (lambda g: periodogram(torch.tensor([1, 2])), "floating"),
        (lambda g: welch(torch.zeros(10), segment=11), "T >= 11"),
        (lambda g: welch(torch.zeros(10), segment=1), "segment"),
        (lambda g: welch(torch.zeros(0, 10), segment=4), "shape"),
    ],
)
def test_impossible_requests_say_what_was_expected(call, word, generator):
    with pytest.raises((ValueError, TypeError), match=r"(?s)expected.*got") as caught:
        call(generator)
    assert word in str(caught.value)


def test_single_precision_stays_single(generator):
    x = torch.randn(64, generator=generator, dtype=torch.float32)
    assert periodogram(x).dtype == welch(x, segment=16).dtype == torch.float32
    path = ar_path(torch.tensor([0.5], dtype=torch.float32), sigma=1, T=7, generator=generator)
    assert path.shape == (7,)
    assert path.dtype == torch.float32


def test_spectrum_near_the_edge_of_what_is_stationary():
    """Kills: coefficients in the precision of the frequencies: 1 - a of 1e-6 is then 6 % off."""
    a = torch.tensor([1 - 1e-6], dtype=torch.float64)
    power = ar_spectrum(a, sigma=1.0, frequencies=torch.zeros(1, dtype=torch.float32))
    assert power.item() == pytest.approx(1e12, rel=1e-6)
    assert power.dtype == torch.float32


def test_a_path_far_from_zero_in_single_precision():
    """Kills: a mean in float32, which leaves power at f = 0; windows of float32 numbers."""
    x = (torch.randn(256, generator=torch.Generator().manual_seed(0)) + 1e4).float()
    found = periodogram(x)
    assert found.dtype == torch.float32
    assert found[0] < 1e-12
    torch.testing.assert_close(found.double(), periodogram(x.double()), rtol=1e-6, atol=1e-12)
    found, expected = welch(x, segment=32), welch(x.double(), segment=32)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)


def test_a_power_that_single_precision_cannot_say_is_refused():
    """1e40 in float32. Kills: infinite power without a word."""
    x = 1e20 * torch.randn(64, generator=torch.Generator().manual_seed(0)).float()
    for spectrum in (periodogram, lambda x: welch(x, segment=16)):
        with pytest.raises(ValueError, match="largest_power: expected a finite number"):
            spectrum(x)


def test_close_roots_in_single_precision():
    """(1 - r L)² with r = 1 - 2^-12: stationary, by less than what float32 makes of its roots."""
    r = 1 - 2**-12
    a = torch.tensor([2 * r, -(r**2)])
    exact = ar_spectrum(a.float().double(), sigma=1.0, frequencies=torch.tensor([0.1]))
    found = ar_spectrum(a.float(), sigma=1.0, frequencies=torch.tensor([0.1]))
    torch.testing.assert_close(found, exact)
