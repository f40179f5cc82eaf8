"""Bridge sampling: the ratio of two normalisers, from draws of both laws.

p = p̃ / Z_p and q = q̃ / Z_q are known up to constants. Everything happens in the log ratio
l = log p̃(x) - log q̃(x), at draws from p and at draws from q.
"""

import math
from collections.abc import Callable

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import logsigmoid

from coursepkg.samplers.weighting import Estimate, log_mean_error, log_mean_weight
from coursepkg.validate import check_real


def bridge(l_p: Tensor, l_q: Tensor, log_b: Callable[[Tensor], Tensor]) -> float:
    r"""log Z_p / Z_q through a bridge :math:`\tilde b = \tilde q\, e^{\text{log\_b}(l)}`, nats.

    Z_p / Z_q = E_q[b̃ / q̃] / E_p[b̃ / p̃] for any b̃ that lives where both laws do.   Source:
    :eq:`bridge-identity`. ``lambda l: l`` (b̃ = p̃) is importance sampling from q alone,
    ``lambda l: 0 * l`` its reverse, and ``lambda l: l / 2`` the geometric bridge.

    Args:
        l_p: log p̃ - log q̃ at draws from p, (n_p,).
        l_q: the same at draws from q, (n_q,).
        log_b: log b̃ / q̃ as a function of l, (n,) -> (n,).

    Raises:
        TypeError: if a log ratio is not a floating-point tensor.
        ValueError: if its shape is wrong, or it is not finite: each law must cover the other.
    """
    _check(l_p, l_q)
    l_p, l_q = l_p.double(), l_q.double()
    return log_mean_weight(log_b(l_q)) - log_mean_weight(log_b(l_p) - l_p)


def optimal_bridge(l_p: Tensor, l_q: Tensor) -> Estimate:
    r"""log Z_p / Z_q by the bridge of least asymptotic variance, and its standard error, nats.

    The best bridge, :math:`\tilde b \propto \tilde p \tilde q / (n_p \tilde p + n_q r \tilde q)`,
    contains the ratio r that it estimates: r is the one solution of
    Σ_q σ(l - c) = Σ_p σ(c - l) with c = log(r n_q / n_p).   Source: :eq:`bridge-optimal` (Bennett
    1976; Meng & Wong 1996). That is logistic regression of "from p or from q?" on l, with only the
    intercept free. For independent draws; those of a chain are worth fewer, and the error is then
    too small.

    Args:
        l_p: log p̃ - log q̃ at draws from p, (n_p,).
        l_q: the same at draws from q, (n_q,).

    Raises:
        TypeError: if a log ratio is not a floating-point tensor.
        ValueError: if its shape is wrong, or it is not finite: each law must cover the other.
    """
    _check(l_p, l_q)
    l_p, l_q = l_p.double(), l_q.double()
    n_p, n_q = len(l_p), len(l_q)

    def excess(c: float) -> float:
        return (torch.sigmoid(l_q - c).sum() - torch.sigmoid(c - l_p).sum()).item()

    both = torch.cat([l_p, l_q])
    width = math.log(n_p + n_q) + 1 + 1e-15 * both.abs().max().item()
    c = brentq(excess, both.min().item() - width, both.max().item() + width, xtol=1e-12)
    errors = (log_mean_error(logsigmoid(l)) for l in (l_q - c, c - l_p))
    return Estimate(c - math.log(n_q / n_p), math.hypot(*errors))


def _check(l_p: Tensor, l_q: Tensor) -> None:
    check_real(l_p, event=(), name="l_p")
    check_real(l_q, event=(), name="l_q")
