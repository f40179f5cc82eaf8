import math

import pytest
import torch
from arviz_stats.base import array_stats

from coursepkg.samplers import diagnostics
from tests.statistics import assert_cdf


def autoregression(T, C, D, phi, generator):
    """Stationary chains x_t = φ x_{t-1} + noise with variance 1, (T, C, D)."""
    x = torch.randn(T, C, D, generator=generator)
    for t in range(1, T):
        x[t] = phi * x[t - 1] + math.sqrt(1 - phi**2) * x[t]
    return x


# what we say, and what ArviZ says of draws (D, C, T)
AGREE = {
    "ess_mean": (diagnostics.ess_mean, lambda y: array_stats.ess(y, method="mean")),
    "ess_bulk": (diagnostics.ess_bulk, lambda y: array_stats.ess(y, method="bulk")),
    "ess_tail": (
        diagnostics.ess_tail,
        lambda y: array_stats.ess(y, method="tail", prob=(0.05, 0.95)),
    ),
    "mcse_mean": (diagnostics.mcse_mean, lambda y: array_stats.mcse(y, method="mean")),
    "rhat": (diagnostics.rhat, array_stats.rhat),
}
SHAPES = [(4, 2, 0.0), (6, 2, 0.5), (8, 3, -0.5), (20, 2, 0.9), (101, 4, 0.9), (1001, 3, 0.99),
          (1000, 2, -0.7), (500, 8, -0.95), (50, 20, 0.5), (3000, 2, 0.999)]  # fmt: skip


@pytest.mark.equation("chain-ess")
@pytest.mark.equation("chain-error")
@pytest.mark.equation("split-rhat")
@pytest.mark.parametrize("name", AGREE)
@pytest.mark.parametrize(("T", "C", "phi"), SHAPES)
def test_arviz_agrees(name, T, C, phi, generator):
    """Kills: a lag too many or too few, chains that are not split, ranks within a chain only."""
    mine, theirs = AGREE[name]
    draws = autoregression(T, C, 4, phi, generator)
    draws[..., 1] += 0.8 * torch.arange(C)  # chains that disagree in location,
    draws[..., 2] *= 1 + torch.arange(C) / 2  # in scale,
    draws[..., 3] = (draws[..., 3] * 3).exp()  # and with a heavy tail
    expected = torch.from_numpy(theirs(draws.permute(2, 1, 0).numpy()))
    assert expected.isfinite().all()
    torch.testing.assert_close(mine(draws), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", ["ess_mean", "ess_bulk", "rhat"])
def test_arviz_agrees_about_chains_shorter_than_their_memory(name, generator):
    """200 coordinates of 12 draws. Kills: another way to cut the sum, by a lag or half a pair."""
    mine, theirs = AGREE[name]
    draws = autoregression(12, 2, 200, 0.9, generator)
    expected = torch.from_numpy(theirs(draws.permute(2, 1, 0).numpy()))
    torch.testing.assert_close(mine(draws), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", ["ess_mean", "ess_bulk", "rhat"])
def test_arviz_agrees_about_draws_with_many_ties(name, generator):
    """Kills: ranks of ties by their order."""
    mine, theirs = AGREE[name]
    draws = autoregression(400, 3, 2, 0.8, generator).round()
    expected = torch.from_numpy(theirs(draws.permute(2, 1, 0).numpy()))
    torch.testing.assert_close(mine(draws), expected, rtol=1e-10, atol=0)


@pytest.mark.equation("autocorrelation")
def test_autocorrelation_is_the_sum_written_out(generator):
    """A loop over lags, and ArviZ. Kills: lags that wrap round, T - k for T, no centring."""
    x = autoregression(30, 2, 3, 0.8, generator) + 5
    mine = diagnostics.autocorrelation(x)
    centred = x - x.mean(0)
    for k in range(30):
        products = (centred[: 30 - k] * centred[k:]).sum(0)
        torch.testing.assert_close(mine[k], products / centred.square().sum(0))
    expected = torch.from_numpy(array_stats.autocorr(x.permute(2, 1, 0).numpy()))
    torch.testing.assert_close(mine.permute(2, 1, 0), expected)


@pytest.mark.equation("chain-ess")
def test_the_effective_size_of_an_autoregression_has_a_closed_form(generator):
    """1 + 2 Σ φᵏ = (1 + φ) / (1 - φ); negative φ gives more than one each. Within 10 % here."""
    for phi in (0.0, 0.5, 0.9, -0.4):
        draws = autoregression(4000, 10, 20, phi, generator)
        size = diagnostics.ess_mean(draws).mean().item() / 40_000
        assert size == pytest.approx((1 - phi) / (1 + phi), rel=0.1)


@pytest.mark.equation("chain-error")
def test_the_error_bar_of_the_mean_covers(generator):
    """2,000 coordinates, each a run of its own: mean over error is standard normal.

    Kills: the error of independent draws, a variance for a standard deviation.
    """
    draws = autoregression(1000, 2, 2000, 0.6, generator)
    z = draws.mean((0, 1)) / diagnostics.mcse_mean(draws)
    assert_cdf(z, torch.special.ndtr, detects=0.125)


@pytest.mark.equation("split-rhat")
@pytest.mark.parametrize("T", [4, 10, 201])
def test_the_ratio_of_variances_is_the_sum_written_out(T, generator):
    """Without ranks, by loops over the halves. Kills: T for T - 1, sequences that are not cut."""
    draws = autoregression(T, 3, 1, 0.5, generator) + torch.tensor([0.0, 0.5, 2.0])[:, None]
    halves = [part for c in range(3) for part in (draws[: T // 2, c], draws[-(T // 2) :, c])]
    n, M = T // 2, len(halves)
    means = [half.sum() / n for half in halves]
    inside = (
        sum((half - m).square().sum() / (n - 1) for half, m in zip(halves, means, strict=True)) / M
    )
    mean = sum(means) / M
    between = sum((m - mean) ** 2 for m in means) / (M - 1)
    expected = (((n - 1) / n * inside + between) / inside).sqrt()
    ratio = diagnostics.variance_ratio(diagnostics.split_chains(draws))
    torch.testing.assert_close(ratio, expected[None])


@pytest.mark.equation("split-rhat")
def test_rhat_sees_location_scale_and_drift(generator):
    """Kills: chains not split (drift), not folded (scale), two means that cancel in the sum."""
    good = torch.randn(1000, 4, 1, generator=generator)
    assert diagnostics.rhat(good) < 1.01
    shifted, scaled = good.clone(), good.clone()
    shifted[:, 0] += 1
    scaled[:, 0] *= 3
    drifting = good + torch.linspace(-2, 2, 1000)[:, None, None]
    for bad in (shifted, scaled, drifting, drifting[:, :1]):
        assert diagnostics.rhat(bad) > 1.05


def test_heavy_tails_have_ranks():
    """Of Cauchy draws the mean has no error bar; the ranks see a chain that is shifted."""
    x = torch.empty(1000, 4, 1).cauchy_(generator=torch.Generator().manual_seed(1))
    assert diagnostics.rhat(x) < 1.02
    x[:, 0] += 2
    assert diagnostics.rhat(x) > 1.05


EVERY = [f for f, _ in AGREE.values()]


@pytest.mark.parametrize("f", EVERY)
def test_what_never_moved_or_is_not_finite_has_no_number(f, generator):
    """ArviZ calls T · C equal draws independent. Kills: a constant coordinate with a number."""
    draws = torch.randn(100, 2, 5, generator=generator)
    draws[..., 1] = 0.1
    draws[3, 1, 2] = math.nan
    draws[3, 1, 3] = math.inf
    assert f(draws).isnan().tolist() == [False, True, True, True, False]


def test_chains_that_stand_at_different_places_do_not_agree():
    """Each is constant, and R-hat is infinite."""
    draws = torch.tensor([0.0, 1.0, 2.0])[None, :, None].expand(50, 3, 1)
    assert diagnostics.rhat(draws).isposinf().all()


@pytest.mark.parametrize("f", EVERY)
def test_single_precision_gives_nearly_the_same(f, generator):
    draws = autoregression(300, 3, 2, 0.7, generator)
    result = f(draws.float())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.double(), f(draws), rtol=1e-3, atol=0)


@pytest.mark.parametrize("f", EVERY)
@pytest.mark.parametrize("shape", [(100, 2), (3, 2, 2), (0, 2, 2), (10, 0, 2)])
def test_draws_of_another_shape_are_refused(f, shape):
    with pytest.raises(ValueError, match="draws: expected"):
        f(torch.zeros(shape))


@pytest.mark.parametrize("f", EVERY)
def test_integer_draws_are_refused(f):
    with pytest.raises(ValueError, match="floating-point"):
        f(torch.zeros(10, 2, 2, dtype=torch.int64))


@pytest.mark.parametrize("name", AGREE)
@pytest.mark.parametrize(("scale", "shift"), [(1e20, 0.0), (1e-6, 0.0), (1.0, 1e8), (3.0, -1e3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_arviz_agrees_at_any_scale_and_shift(name, scale, shift, dtype):
    """Kills: squares in single precision, that overflow at 1e20; means there, lost beside 1e8."""
    mine, theirs = AGREE[name]
    seeded = torch.Generator().manual_seed(0)
    draws = (
        torch.randn(100, 2, 1, generator=seeded, dtype=torch.float32).to(dtype) * scale
    ) + shift
    if (draws == draws[0]).all() or (dtype == torch.float32 and shift > 1e7):
        assert mine(draws).isnan().all()  # single precision knows 1e8 to 8 only
        return
    expected = torch.from_numpy(theirs(draws.double().permute(2, 1, 0).numpy()))
    assert expected.isfinite().all()
    close = 1e-6 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(mine(draws).double(), expected, rtol=close, atol=0)
    assert mine(draws).dtype == dtype


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e20, 1e300])
def test_no_scale_overflows_or_is_lost(scale):
    """Where ArviZ's squares overflow, or are taken for constant. Kills: squares of the draws."""
    draws = torch.randn(100, 2, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    draws = draws.double()
    scaled = scale * draws
    assert diagnostics.ess_mean(scaled).item() == pytest.approx(204.05177, rel=1e-7)
    expected = scale * diagnostics.mcse_mean(draws)
    torch.testing.assert_close(diagnostics.mcse_mean(scaled), expected, rtol=1e-9, atol=0)
    mine = diagnostics.autocorrelation(scaled)
    torch.testing.assert_close(mine, diagnostics.autocorrelation(draws), rtol=0, atol=1e-12)
    assert diagnostics.rhat(scaled).item() == pytest.approx(1.0064, abs=6e-4)  # ties by rounding
