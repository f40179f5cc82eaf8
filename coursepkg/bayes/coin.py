"""A coin of unknown bias: the smallest complete example of Bayesian inference.

θ is the probability of heads, D a sequence of n tosses with k heads. A Beta(a, b) belief about θ
stays a Beta when tosses are seen, so posterior, evidence and predictive are closed forms.
"""

import math
from dataclasses import dataclass

import torch
from scipy.special import betaincinv, betaln
from torch import Generator, Tensor

from coursepkg.counts import check_draws, check_integers
from coursepkg.validate import check_floating, check_positive

MANY = 1_000_000  # tosses, beyond which sums toss by toss are too slow


def count_heads(tosses: str) -> int:
    """K(D), the number of heads in a sequence such as "HHHHHHHTTT".

    Raises:
        ValueError: if a character is neither H nor T.
    """
    if not isinstance(tosses, str):
        raise TypeError(f"tosses: expected a string, got {type(tosses).__name__}")
    if set(tosses) - set("HT"):
        raise ValueError(f"tosses: expected only H and T, got {tosses!r}")
    return tosses.count("H")


def log_binomial(n: int, k: int) -> float:
    """Log of the number of sequences of n tosses that have k heads."""
    _check_counts(k, n)
    if n > MANY:  # the number itself would fill the memory
        return -math.log(n + 1) - float(betaln(k + 1, n - k + 1))
    return math.log(math.comb(n, k))


def log_likelihood(theta: Tensor, k: int, n: int) -> Tensor:
    """log p(D | θ) = k log θ + (n - k) log(1 - θ) of one sequence; same shape as theta, nats.

    It is *not* the likelihood of the count k, which is larger by `log_binomial`.
    Source: :eq:`binomial-likelihood`.
    """
    _check_counts(k, n)
    _check_unit_interval(theta)
    log_p: Tensor = torch.xlogy(k, theta.double()) + torch.special.xlog1py(n - k, -theta.double())
    return log_p.to(theta)


@dataclass(frozen=True)
class BetaBernoulli:
    """A Beta(a, b) belief about θ = p(H), for tosses that are independent given θ.

    Args:
        a: one plus the heads that the belief is worth, > 0.
        b: one plus the tails that it is worth, > 0. Beta(1, 1) is uniform.
    """

    a: float = 1.0
    b: float = 1.0

    def __post_init__(self) -> None:
        check_positive(a=self.a, b=self.b)

    def posterior(self, k: int, n: int) -> "BetaBernoulli":
        """The belief after k heads in n tosses.   Source: :eq:`coin-posterior`."""
        _check_counts(k, n)
        return BetaBernoulli(self.a + k, self.b + n - k)

    def log_evidence_sequence(self, k: int, n: int) -> float:
        """log p(D) of one sequence with k heads, nats.   Source: :eq:`coin-evidence`.

        A strong belief hardly changes, so that the two logarithms nearly cancel: then toss by toss,
        k heads and then the tails, each by `predictive` after those before.
        """
        _check_counts(k, n)
        if n < min(self.a + self.b, MANY):
            heads = (math.log((self.a + i) / (self.a + self.b + i)) for i in range(k))
            tails = (math.log((self.b + j) / (self.a + self.b + k + j)) for j in range(n - k))
            return math.fsum(heads) + math.fsum(tails)
        return float(betaln(self.a + k, self.b + n - k) - betaln(self.a, self.b))

    def log_evidence_count(self, k: int, n: int) -> float:
        """log p(k), nats: any of the sequences with k heads in n tosses; a beta-binomial."""
        return log_binomial(n, k) + self.log_evidence_sequence(k, n)

    def predictive(self) -> float:
        """p(H) for the next toss, the mean of θ.   Source: :eq:`coin-predictive`."""
        return self.a / (self.a + self.b)

    def mode(self) -> float:
        """The most probable θ (MAP, when this is a posterior).   Source: :eq:`coin-mode`.

        Raises:
            ValueError: if the density has no single highest point (an end where it is infinite,
                or the uniform density).
        """
        if min(self.a, self.b) < 1 or self.a + self.b == 2:
            raise ValueError(
                f"mode: expected a >= 1 and b >= 1, not both 1, got a={self.a}, b={self.b}"
            )
        return (self.a - 1) / (self.a + self.b - 2)

    def log_prob(self, theta: Tensor) -> Tensor:
        """log p(θ), a density on [0, 1] and so possibly positive; same shape as theta, nats."""
        _check_unit_interval(theta)
        at = theta.double()  # of a strong belief the powers and the normaliser nearly cancel
        powers: Tensor = torch.xlogy(self.a - 1, at) + torch.special.xlog1py(self.b - 1, -at)
        return (powers - float(betaln(self.a, self.b))).to(theta)

    def quantile(self, u: Tensor) -> Tensor:
        """The θ below which the belief puts mass u; same shape as u."""
        _check_unit_interval(u)
        return torch.as_tensor(betaincinv(self.a, self.b, u.numpy()), dtype=u.dtype)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws n values of θ, (n,): the quantiles of uniform numbers."""
        check_draws(n, generator)
        return self.quantile(torch.rand(n, generator=generator))


def _check_counts(k: int, n: int) -> None:
    check_integers(k=k, n=n)
    if not 0 <= k <= n:
        raise ValueError(f"k, n: expected 0 <= k <= n heads in n tosses, got k={k}, n={n}")


def _check_unit_interval(theta: Tensor) -> None:
    check_floating(theta, "theta")
    if not ((theta >= 0) & (theta <= 1)).all():
        raise ValueError(
            f"theta: expected numbers in [0, 1], got values from {theta.min()} to {theta.max()}"
        )
