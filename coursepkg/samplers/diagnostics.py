"""How much the draws of Markov chains are worth, and whether the chains agree.

Draws are (T, C, D) as `run` returns them, and each result is (D,), one number a coordinate. All
agree number for number with ArviZ on draws in double precision, at whatever scale, where ArviZ's
own numbers neither overflow nor are taken for constant. Single precision is computed in double, and
comes out single. Where a number would mean nothing it is NaN: for a coordinate with a draw that is
not finite, and (ArviZ disagrees, and gives T · C effective draws) for one that never moved. At
least 4 draws a chain. Cost: O(T C D log(T C)), for Fourier transforms and sorting.

None of them proves convergence: chains that have all missed the same mode can look perfect.
"""

import math

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from coursepkg.validate import check_floating, check_tensor


def autocorrelation(x: Tensor) -> Tensor:
    """Correlation of each chain with itself k steps later, k = 0..T-1; (T, ...) -> (T, ...).

    By fast Fourier transforms, O(T log T); the lags are divided by T, not T - k, so that late lags,
    of which little is known, are drawn towards 0.   Source: :eq:`autocorrelation`.
    """
    check_floating(x)
    if x.ndim == 0 or x.numel() == 0:
        raise ValueError(f"x: expected shape (T, ...) with T >= 1, got {tuple(x.shape)}")
    covariance = _autocovariance(_near_one(x, axes=0)[0])
    return (covariance / covariance[0]).to(x)


def ess_mean(draws: Tensor) -> Tensor:
    """Independent draws that would give the mean as precisely, (T, C, D) -> (D,).

    Source: :eq:`chain-ess`. The sum over the autocorrelations is cut where they drown in noise, by
    Geyer's initial monotone sequence. Above T · C if the draws of a chain alternate.
    """
    _check(draws)
    return _defined(effective_draws(split_chains(_near_one(draws)[0])), draws)


def ess_bulk(draws: Tensor) -> Tensor:
    """`ess_mean` of the normal scores of the draws' ranks, (D,): it needs no finite variance."""
    _check(draws)
    return _defined(effective_draws(_normal_scores(split_chains(draws))), draws)


def ess_tail(draws: Tensor) -> Tensor:
    """The smaller of the effective sizes for the probabilities of both 5 % tails, (D,).

    NaN where no half of a chain has draws on both sides of a tail's edge: a law of few values.
    """
    _check(draws)
    sizes = []
    for probability in (0.05, 0.95):
        quantile = np.quantile(draws.flatten(0, 1).cpu().numpy(), probability, axis=0)
        below = draws <= torch.from_numpy(quantile).to(draws)  # torch's own stops at 2^24 numbers
        sizes.append(effective_draws(split_chains(below.double())))
    return _defined(torch.minimum(*sizes), draws)


def mcse_mean(draws: Tensor) -> Tensor:
    """Standard error of the mean of all draws, in units of x, (D,).

    Source: :eq:`chain-error`.
    """
    _check(draws)
    x, unit = _near_one(draws)
    size = effective_draws(split_chains(x))
    return _defined(x.flatten(0, 1).std(0) / size.sqrt() * unit, draws)


def rhat(draws: Tensor) -> Tensor:
    """Rank-normalised split R-hat, (D,): near 1 if the halves of all chains look alike.

    The larger of two ratios: of the normal scores of the draws (do the chains differ in location?)
    and of those of their distances from the median (in scale?).   Source: :eq:`split-rhat`. Above
    1.01 they do not count as mixed. One chain will do, since it is split.
    """
    _check(draws)
    halves = split_chains(_near_one(draws)[0])
    median = np.median(halves.flatten(0, 1).cpu().numpy(), axis=0)
    folded = (halves - torch.from_numpy(median).to(halves)).abs()
    ratios = (variance_ratio(_normal_scores(x)) for x in (halves, folded))
    return _defined(torch.maximum(*ratios), draws)


def _near_one(x: Tensor, *, axes: int | tuple[int, ...] = (0, 1)) -> tuple[Tensor, Tensor]:
    """x in double precision over a unit, and the unit: a power of 2, so that nothing is rounded.

    Of each coordinate the largest is then from 1 to 2: no square overflows, and none is lost.
    """
    exponent = torch.frexp(x.double().abs().amax(axes)).exponent
    unit = torch.exp2((exponent - 1).double())
    return x.double() / unit, unit


def _autocovariance(x: Tensor) -> Tensor:
    """Averages of (x_t - mean)(x_{t+k} - mean) with 1/T, (T, ...), padded so that no lag wraps."""
    T = len(x)
    power = torch.fft.rfft(x - x.mean(0), n=2 * T, dim=0).abs().square()
    covariance: Tensor = torch.fft.irfft(power, n=2 * T, dim=0)[:T] / T
    return covariance


def effective_draws(draws: Tensor) -> Tensor:
    """T C / (1 + 2 Σ_k ρ_k), C >= 2, with the sum cut, unchecked: (T, C, D) -> (D,).

    For a reversible chain sums of neighbours, ρ_2k + ρ_2k+1, are never negative and never increase
    with k: so the sum ends before the first that is not positive, and none counts for more than the
    one before it.
    """
    T, C = draws.shape[:2]
    covariance = _autocovariance(draws).mean(1)  # (T, D), over the chains
    within = covariance[0] * T / (T - 1)
    variance = covariance[0] + draws.mean(0).var(0)
    rho = 1 - (within - covariance) / variance
    rho[0] = 1.0
    last = max((T - 3) // 2, 0)
    even = rho[: 2 * last + 1 : 2]  # ρ_0, ρ_2, ..., (last + 1, D)
    pairs = even + rho[1 : 2 * last + 2 : 2]
    kept = (pairs > 0).cumprod(0)
    kept[-1] = 0  # the cut is at the last pair, or at the first that is not positive
    cut = kept.sum(0, keepdim=True)
    half, pair = even.gather(0, cut).squeeze(0), pairs.gather(0, cut).squeeze(0)
    half = torch.where(pair < 0, half.clamp_min(0), half)  # of the pair at the cut
    time = -1 + 2 * (kept * pairs.cummin(0).values).sum(0) + half
    return T * C / time.clamp_min(1 / math.log10(T * C))


def variance_ratio(draws: Tensor) -> Tensor:
    """√(estimate of the variance with what lies between chains / that within chains), (D,)."""
    T = len(draws)
    within, between = draws.var(0).mean(0), T * draws.mean(0).var(0)
    ratio: Tensor = ((between / within + T - 1) / T).sqrt()
    return ratio


def split_chains(draws: Tensor) -> Tensor:
    """First and last half of each chain as chains of their own, (T, C, D) -> (T // 2, 2C, D)."""
    half = len(draws) // 2
    return torch.cat([draws[:half], draws[-half:]], dim=1)


def _normal_scores(draws: Tensor) -> Tensor:
    """Replaces each draw by the normal quantile of its rank among all of them (Blom)."""
    flat = draws.flatten(0, 1)
    ranks = torch.from_numpy(rankdata(flat.cpu().numpy(), axis=0)).to(flat.device)
    scores: Tensor = torch.special.ndtri((ranks - 3 / 8) / (len(flat) + 1 / 4))
    return scores.view_as(draws)


def _check(draws: Tensor) -> None:
    check_tensor(draws, "draws")
    if draws.ndim != 3 or len(draws) < 4 or draws.numel() == 0 or not draws.is_floating_point():
        raise ValueError(
            "draws: expected floating-point draws (T, C, D) with T >= 4, got "
            f"{tuple(draws.shape)} of {draws.dtype}"
        )


def _defined(value: Tensor, draws: Tensor) -> Tensor:
    flat = draws.flatten(0, 1)
    moved = (flat != flat[0]).any(0)
    return torch.where(flat.isfinite().all(0) & moved, value, torch.nan).to(draws)
