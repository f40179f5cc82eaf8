"""Averages with error bars, and draws from one law made to speak for another.

p̃ is an unnormalised density with integral Z, p = p̃ / Z the target, q the proposal that we can draw
from. Rejection throws draws away, importance sampling gives them weights w = p̃ / q. Weights are
handled as logarithms, since they overflow long before their logarithms do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_draws
from coursepkg.protocols import Proposal
from coursepkg.validate import check_finite, check_methods, check_real, check_tensor

LIMIT = 10_000_000  # proposals for one call of `sample`; a sampler that needs more is no sampler
BATCH = 1024  # proposals at a time, at least


class Estimate(NamedTuple):
    """A number that was estimated, and one standard error of it."""

    value: float
    error: float


def monte_carlo(f: Tensor) -> Estimate:
    """The mean of f at independent draws, and σ̂ / √n.   Source: :eq:`monte-carlo-error`.

    The error is itself an estimate. It can lie if the variance is infinite, and if n is so small
    that the values that matter were not met.

    Args:
        f: values f(x_1), …, f(x_n), (n,) with n >= 2.
    """
    _check_values(f)
    f = f.double()
    return Estimate(f.mean().item(), f.std().item() / math.sqrt(len(f)))


def importance_plain(f: Tensor, log_w: Tensor) -> Estimate:
    """E_p[f] as the mean of w f, and its error; unbiased.   Source: :eq:`importance-plain`.

    Needs *normalised* p and q, log_w = log p(x) - log q(x), and q > 0 wherever p f is not zero.
    With an unnormalised p̃ it estimates Z E_p[f].

    Args:
        f: values at n draws from q, (n,).
        log_w: log weights, (n,), nats; -inf where p is zero.
    """
    _check_values(f)
    _check_weights(log_w, f)
    product = f.double() * log_w.double().exp()
    if not product.isfinite().all():
        raise ValueError(f"log_w: expected weights that can be written out, got {log_w.max():.4g}")
    return monte_carlo(product)


def importance_self_normalised(f: Tensor, log_w: Tensor) -> Estimate:
    """E_p[f] as Σ w f / Σ w, and its error.   Source: :eq:`importance-self-normalised`.

    Constants in w cancel, so p̃ will do, but q > 0 wherever p > 0. Biased, by about
    :eq:`importance-bias`; where the moments are finite, the bias falls as 1/n, the error as 1/√n.

    Args:
        f: values at n draws from q, (n,).
        log_w: log weights up to a constant, (n,), nats.
    """
    _check_values(f)
    _check_weights(log_w, f)
    share, f = torch.softmax(log_w.double(), dim=0), f.double()
    value = (share * f).sum()
    return Estimate(value.item(), (share * (f - value)).norm().item())


def effective_sample_size(log_w: Tensor) -> float:
    """(Σ w)² / Σ w², from 1 to n: how many equal weights would do as well for an f unrelated to w.

    It sees only the weights that were drawn: if none fell where p is, it can be large and wrong.
    Source: :eq:`effective-sample-size`.

    Args:
        log_w: log weights up to a constant, (n,), nats.
    """
    _check_weights(log_w, log_w)
    size = 1 / torch.softmax(log_w.double(), dim=0).square().sum().item()
    return min(size, float(len(log_w)))  # of equal weights rounding makes a little more


def log_mean_weight(log_w: Tensor) -> float:
    """log Ẑ, the log of the mean weight, nats.   Source: :eq:`evidence-by-weights`.

    Ẑ is unbiased for Z, and so log Ẑ lies below log Z on average.

    Args:
        log_w: log p̃(x) - log q(x) at n draws from q, (n,).
    """
    _check_weights(log_w, log_w)
    return torch.logsumexp(log_w.double(), dim=0).item() - math.log(len(log_w))


def log_mean_error(log_w: Tensor) -> float:
    """Standard error of `log_mean_weight`: that of the mean weight, divided by it.

    It knows only the weights that were met, and never exceeds 1, however little the laws meet:
    anything above a few tenths means that log Z is not known.

    Args:
        log_w: log weights, (n,) with n >= 2, nats.
    """
    _check_weights(log_w, log_w)
    if (n := len(log_w)) < 2:
        raise ValueError("log_w: expected at least 2 draws, since one has no spread, got 1")
    share = torch.softmax(log_w.double(), dim=0)  # of the whole weight: 1 / n on average
    return min(1.0, share.std().item() * math.sqrt(n))


@dataclass(frozen=True)
class RejectionSampler:
    """Exact, independent draws from p = p̃ / Z, by thinning draws from q.

    Keeps a proposal x with probability p̃(x) / (M q(x)).   Source: :eq:`rejection-law`.

    Args:
        log_density: log p̃, (n, *event) -> (n,), nats; -inf outside the support.
        proposal: q, which must cover the support of p.
        log_bound: log M, with p̃ <= M q everywhere. A violation that is met raises an error; one
            that is never met cannot be seen, and then draws follow min(p̃, M q).
    """

    log_density: Callable[[Tensor], Tensor]
    proposal: Proposal
    log_bound: float

    def __post_init__(self) -> None:
        check_methods(self.proposal, "log_prob", "sample", name="proposal")
        check_finite(log_bound=self.log_bound)

    def propose(self, n: int, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """n draws from q, (n, *event), and which of them are kept, (n,) bool.

        Their share is Z / M on average.   Source: :eq:`rejection-acceptance`.

        Raises:
            ValueError: if p̃ > M q at a draw, or log p̃ is NaN or has the wrong shape there.
        """
        check_draws(n, generator)
        x = self.proposal.sample(n, generator=generator)
        log_ratio = self._log_ratio(x)
        u = torch.rand(n, generator=generator, dtype=log_ratio.dtype, device=log_ratio.device)
        return x, u.log() < log_ratio - self.log_bound

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, *event).

        Raises:
            RuntimeError: if `LIMIT` proposals were not enough.
        """
        check_draws(n, generator)
        kept: list[Tensor] = []
        missing, tried = n, 0
        while missing > 0:
            if tried >= LIMIT:
                raise RuntimeError(
                    f"expected {n} draws within {LIMIT} proposals, got {n - missing}: the bound "
                    f"exp({self.log_bound:.4g}) is too loose, or the density is zero"
                )
            x, keep = self.propose(max(n, BATCH), generator=generator)
            kept.append(x[keep][:missing])
            missing, tried = missing - len(kept[-1]), tried + len(x)
        return torch.cat(kept)

    def _log_ratio(self, x: Tensor) -> Tensor:
        log_p, log_q = self.log_density(x), self.proposal.log_prob(x)
        if log_p.shape != (len(x),):
            raise ValueError(
                f"log_density: expected shape ({len(x)},), one number a draw, got "
                f"{tuple(log_p.shape)}"
            )
        log_ratio = log_p - log_q
        tolerance = torch.finfo(log_ratio.dtype).eps ** 0.5  # of rounding, where the two touch
        broken = ~(log_ratio <= self.log_bound + tolerance)  # so that NaN is broken too
        if broken.any():
            worst = int(torch.where(log_ratio.isnan(), math.inf, log_ratio).argmax())
            raise ValueError(
                f"log_bound: expected log p̃ - log q <= {self.log_bound:.6g} everywhere, got "
                f"{log_ratio[worst]:.6g} at x = {x[worst].tolist()} ({int(broken.sum())} of "
                f"{len(x)} draws); draws would follow min(p̃, M q) and not p"
            )
        return log_ratio


def _check_values(f: Tensor) -> None:
    check_real(f, event=(), name="f")
    if len(f) < 2:
        raise ValueError("f: expected at least 2 draws, since one has no spread, got 1")


def _check_weights(log_w: Tensor, f: Tensor) -> None:
    """-inf is a weight of zero; NaN and +inf are none, and neither are n zeros."""
    check_tensor(log_w, "log_w")
    if not log_w.is_floating_point() or log_w.ndim != 1 or len(log_w) == 0:
        raise ValueError(
            f"log_w: expected real numbers of shape (n,), n >= 1, got {log_w.dtype} of shape "
            f"{tuple(log_w.shape)}"
        )
    if f.shape != log_w.shape:
        raise ValueError(f"f: expected the shape {tuple(log_w.shape)}, got {tuple(f.shape)}")
    if log_w.isnan().any() or not -math.inf < log_w.max().item() < math.inf:
        raise ValueError(
            f"log_w: expected finite numbers, or -inf but not everywhere, got {log_w.tolist()[:9]}"
        )
