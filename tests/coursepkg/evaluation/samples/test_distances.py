"""Fréchet distances of normal laws whose answer is known, and of rows whose moments are."""

import pytest
import scipy.linalg
import torch

from coursepkg import rng
from coursepkg.evaluation.samples import frechet_distance, gaussian_frechet


def covariance(seed: int, D: int = 4, rank: int = 6):
    W = torch.randn(D, rank, generator=rng.seeded(seed))
    return W @ W.T


@pytest.mark.equation("frechet-distance")
def test_laws_on_the_line():
    """(m - m')² + (σ - σ')². Kills: variances for deviations, a root too many."""
    found = gaussian_frechet(torch.tensor([1.0]), torch.tensor([[4.0]]), torch.tensor([-2.0]),
                             torch.tensor([[0.25]]))  # fmt: skip
    assert found == pytest.approx(9 + (2 - 0.5) ** 2)


def test_laws_that_commute_and_one_shifted():
    """Σ (σ_d - σ'_d)² in common axes, and the squared shift. Kills: a trace left out, a sign."""
    axes = torch.linalg.qr(torch.randn(4, 4, generator=rng.seeded(1))).Q
    a, b = torch.tensor([1.0, 2.0, 3.0, 0.0]), torch.tensor([2.0, 0.5, 3.0, 1.0])
    m = torch.randn(4, generator=rng.seeded(2))
    found = gaussian_frechet(m, axes @ a.square().diag() @ axes.T, m + 2,
                             axes @ b.square().diag() @ axes.T)  # fmt: skip
    assert found == pytest.approx(16 + (a - b).square().sum().item())
    S = covariance(3)
    assert gaussian_frechet(m, S, m + 2, S) == pytest.approx(16)


@pytest.mark.equation("frechet-distance")
@pytest.mark.parametrize("rank", [6, 2])
def test_covariances_that_do_not_commute_agree_with_scipys_root(rank):
    """tr √(Σ Σ') by scipy. Kills: √Σ √Σ', which is another matrix."""
    zero = torch.zeros(4)
    one, two = covariance(4), covariance(5, rank=rank)
    root = torch.from_numpy(scipy.linalg.sqrtm((one @ two + 1e-14 * torch.eye(4)).numpy()).real)
    expected = (one + two - 2 * root).trace().item()
    assert gaussian_frechet(zero, one, zero, two) == pytest.approx(expected, abs=1e-5)
    assert gaussian_frechet(zero, two, zero, one) == pytest.approx(expected, abs=1e-5)


def test_rows_are_their_means_and_covariances(generator):
    """Moments by loops. Kills: n for n - 1, axes exchanged, float32 for double."""
    x, y = torch.randn(7, 3, generator=generator), 1 + 2 * torch.randn(9, 3, generator=generator)
    moments = []
    for rows in (x, y):
        m = sum(rows) / len(rows)
        moments += [m, sum(torch.outer(r - m, r - m) for r in rows) / (len(rows) - 1)]
    assert frechet_distance(x, y) == pytest.approx(gaussian_frechet(*moments))
    assert frechet_distance(x.float(), y.float()) == pytest.approx(frechet_distance(x, y), rel=1e-5)
    assert frechet_distance(x[:, :1], y[:, :1]) == pytest.approx(
        gaussian_frechet(moments[0][:1], moments[1][:1, :1], moments[2][:1], moments[3][:1, :1])
    )
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-7)


def test_known_failure_it_sees_two_moments():
    """±1 fair coins and N(0, 1): 0 in the limit. And a bias upwards for equal laws."""
    n = 20_000
    coins = 2.0 * torch.randint(2, (n, 2), generator=rng.seeded(1)).double() - 1
    assert frechet_distance(coins, torch.randn(n, 2, generator=rng.seeded(2))) < 0.01
    few = torch.randn(2, 30, 8, generator=rng.seeded(3))
    assert frechet_distance(*few) > 0.5


def test_bad_input_is_refused():
    for bad, match in (
        (torch.zeros(1, 2), "y: expected at least 2 rows"),
        (torch.zeros(5, 1), "y: expected shape"),
        (torch.full((5, 2), torch.nan), "y: expected finite"),
    ):
        with pytest.raises(ValueError, match=match):
            frechet_distance(torch.zeros(5, 2), bad)


@pytest.mark.parametrize("apart", [1e-2, 1e-5, 1e-8, 0.0])
def test_frechet_distance_of_nearly_equal_laws_is_not_below_zero(apart):
    """Standard deviations s and s (1 + δ): (s δ)². Kills: a difference of traces, -1e-9 at 1e6."""
    Q, _ = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0)))
    std = torch.tensor([1e3, 300.0, 40.0, 5.0, 1.0])
    first, second = (Q * v.square() @ Q.T for v in (std, std * (1 + apart)))
    mean = torch.zeros(5)
    found = gaussian_frechet(mean, first, mean, second)
    assert found >= 0
    assert found == pytest.approx((std * apart).square().sum().item(), rel=1e-3, abs=1e-14)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 2.0], [0.0, 1.0]], "expected a symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "expected no variance below 0, got -1"),
        ([[1.0, float("nan")], [2.0, 1.0]], "expected finite numbers"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, message):
    """Kills: a negative variance that counts as 0, and torch's own words about NaN."""
    mean, identity = torch.zeros(2), torch.eye(2)
    with pytest.raises(ValueError, match=f"^covariance: {message}"):
        gaussian_frechet(mean, torch.tensor(covariance), mean, identity)
    with pytest.raises(ValueError, match=f"^other_covariance: {message}"):
        gaussian_frechet(mean, identity, mean, torch.tensor(covariance))
