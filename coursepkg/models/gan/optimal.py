"""The best critic against a fixed law of samples, and what the game is worth then.

p is the law of the data, q that of the samples, both on one finite set (or on the cells of a grid),
along the last axis. The value of the game for a discriminator d(x), the probability that x is real,
is V = Σ p log d + Σ q log(1 - d). For each x it is largest at d*(x) = p / (p + q), and there
V = 2 JSD(p, q) - log 4: what the generator lowers then is a divergence. Source: Goodfellow et al.
2014, proposition 1 and theorem 1.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from coursepkg.bayes.information import kl
from coursepkg.validate import check_floating, check_positive


def optimal_discriminator(p: Tensor, q: Tensor, *, real_target: float = 1.0) -> Tensor:
    """d* = target · p / (p + q), (..., K) -> (..., K); 1/2 where nothing is ever seen.

    Args:
        p: law or density of the data.
        q: law or density of the samples.
        real_target: label of real examples. Below 1 the best answer is scaled and keeps its shape;
            a label b > 0 for samples would add b q / (p + q).
    """
    _check_alike(p=p, q=q)
    check_positive(real_target=real_target)
    if not ((p >= 0) & (q >= 0)).all():
        raise ValueError(f"p, q: expected densities >= 0, got {min(p.min(), q.min()).item():.4g}")
    dtype, p, q = torch.result_type(p, q), p.double(), q.double()  # p + q may overflow
    return torch.where(p + q > 0, real_target * p / (p + q), 0.5).to(dtype)


def optimal_score(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log p - log q, the log-odds of d* without smoothing; finite where densities would fade.

    Args:
        log_p: log-density of the data, (...), nats.
        log_q: of the samples, (...), nats.
    """
    _check_alike(log_p=log_p, log_q=log_q)
    return log_p - log_q


def game_value(p: Tensor, q: Tensor, score: Tensor) -> Tensor:
    """V = Σ p log σ(score) + Σ q log(1 - σ(score)), (..., K) -> (...), nats; at most 0.

    Args:
        p: law of the data.
        q: law of the samples.
        score: log-odds of d, which may be infinite where p or q is 0.
    """
    _check_alike(p=p, q=q, score=score)
    real = torch.where(p > 0, -p * softplus(-score), 0.0)
    fake = torch.where(q > 0, -q * softplus(score), 0.0)
    return (real + fake).sum(-1)


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """½ KL(p‖m) + ½ KL(q‖m) with m = (p + q) / 2, (..., K) -> (...), nats.

    From 0 for equal laws to log 2 for laws that do not meet: then it says nothing of how far apart
    they are, and a generator that lowers it has no direction to go.
    """
    _check_alike(p=p, q=q)
    m = (p.double() + q.double()) / 2
    return ((kl(p, m) + kl(q, m)) / 2).to(torch.result_type(p, q))


def _check_alike(**laws: Tensor) -> None:
    """Checks that all are real, on one set: a single number would be broadcast without a word."""
    for name, law in laws.items():
        check_floating(law, name)
    if len({law.shape[-1:] for law in laws.values()}) > 1:
        shapes = ", ".join(str(tuple(law.shape)) for law in laws.values())
        raise ValueError(f"{', '.join(laws)}: expected the same last axis, got {shapes}")
