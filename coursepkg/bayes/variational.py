"""Variational inference for one small posterior whose exact form is known.

The data are normal with unknown mean μ and precision τ, x_n ~ N(μ, 1/τ), and the prior is
normal-gamma: τ ~ Gamma(a, b), μ | τ ~ N(mean, 1/(κ τ)). The posterior is normal-gamma again. Beside
it stand two approximations: the best law under which μ and τ are independent, found by coordinate
ascent, and a Gaussian over (μ, log τ), found by stochastic gradients.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_draws, check_generator
from coursepkg.validate import check_finite, check_floating, check_positive, check_real


@dataclass(frozen=True)
class NormalGamma:
    """τ ~ Gamma(a, b) and μ | τ ~ N(mean, 1/(κ τ)): a law of θ = (μ, τ).

    Args:
        mean: of μ.
        kappa: how many observations the belief about μ is worth, > 0.
        a: shape of τ, > 0.
        b: rate of τ, > 0, in units of x².
    """

    mean: float
    kappa: float
    a: float
    b: float

    def __post_init__(self) -> None:
        check_finite(mean=self.mean)
        check_positive(kappa=self.kappa, a=self.a, b=self.b)

    def posterior(self, x: Tensor) -> "NormalGamma":
        """The belief after the observations x, (N,).   Source: :eq:`normal-gamma-posterior`."""
        check_real(x, event=())
        x = x.double()
        N, average = len(x), x.mean().item()
        squares = (x - average).square().sum().item()
        kappa = self.kappa + N
        shift = self.kappa * N / kappa * (average - self.mean) ** 2
        return NormalGamma(
            (self.kappa * self.mean + N * average) / kappa,
            kappa,
            self.a + N / 2,
            self.b + (squares + shift) / 2,
        )

    def log_evidence(self, x: Tensor) -> float:
        """log p(x) of all N observations, nats.   Source: :eq:`normal-gamma-evidence`."""
        after = self.posterior(x)
        log_ratio = after._log_normaliser() - self._log_normaliser()
        return log_ratio - len(x) / 2 * math.log(2 * math.pi)

    def log_prob(self, theta: Tensor) -> Tensor:
        """log p(μ, τ), (B, 2) -> (B,), nats; a density, and so possibly positive."""
        mu, tau = _split(theta)
        log_tau = tau.log()
        log_mu = (math.log(self.kappa / (2 * math.pi)) + log_tau) / 2 - self.kappa * tau / 2 * (
            mu - self.mean
        ).square()
        return (log_mu + _log_gamma_density(tau, self.a, self.b)).to(theta)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, 2): τ, then μ."""
        check_draws(n, generator)
        tau = _draw_gamma(n, self.a, self.b, generator=generator)
        mu = self.mean + torch.randn(n, generator=generator) / (self.kappa * tau).sqrt()
        return torch.stack([mu, tau], dim=1)

    def log_joint(self, u: Tensor, x: Tensor) -> Tensor:
        """log p(x, μ, log τ) with this as the prior, u = (μ, log τ): (B, 2) -> (B,), nats.

        The density of log τ is τ times that of τ, which adds log τ.
        """
        check_real(u, event=(2,), name="u")
        check_real(x, event=())
        mu, log_tau = u.unbind(1)
        squares = (x - mu[:, None]).square().sum(1)
        log_likelihood = len(x) / 2 * (log_tau - math.log(2 * math.pi))
        log_likelihood = log_likelihood - log_tau.exp() * squares / 2
        return log_likelihood + self.log_prob(torch.stack([mu, log_tau.exp()], 1)) + log_tau

    def _log_normaliser(self) -> float:
        return math.lgamma(self.a) - self.a * math.log(self.b) - math.log(self.kappa) / 2


@dataclass(frozen=True)
class MeanField:
    """q(μ, τ) = N(μ; mean, variance) · Gamma(τ; a, b): μ and τ independent.

    Args:
        mean: of μ.
        variance: of μ, > 0.
        a: shape of τ, > 0.
        b: rate of τ, > 0.
    """

    mean: float
    variance: float
    a: float
    b: float

    def __post_init__(self) -> None:
        check_finite(mean=self.mean)
        check_positive(variance=self.variance, a=self.a, b=self.b)

    def log_prob(self, theta: Tensor) -> Tensor:
        """log q(μ, τ), (B, 2) -> (B,), nats; a density, and so possibly positive."""
        mu, tau = _split(theta)
        log_mu = -(mu - self.mean).square() / (2 * self.variance)
        log_mu = log_mu - math.log(2 * math.pi * self.variance) / 2
        return (log_mu + _log_gamma_density(tau, self.a, self.b)).to(theta)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, 2): μ and τ, each by itself."""
        check_draws(n, generator)
        mu = self.mean + math.sqrt(self.variance) * torch.randn(n, generator=generator)
        return torch.stack([mu, _draw_gamma(n, self.a, self.b, generator=generator)], dim=1)


def mean_field(prior: NormalGamma, x: Tensor, *, steps: int) -> tuple[MeanField, list[float]]:
    """Coordinate ascent on the lower bound over q(μ) and q(τ) in turn.

    Source: :eq:`mean-field-normal-gamma`.

    Args:
        prior: the belief before the data.
        x: observations (N,).
        steps: how often to update both factors.

    Returns:
        q after the last step, and the bound on log p(x) after each, nats; it never falls.
    """
    if not isinstance(prior, NormalGamma):
        raise TypeError(f"prior: expected a NormalGamma, got {type(prior).__name__}")
    check_real(x, event=())
    check_counts(steps=steps)
    x = x.double()
    N, kappa = len(x), prior.kappa + len(x)
    mean = (prior.kappa * prior.mean + x.sum().item()) / kappa
    squares = (x - mean).square().sum().item() + prior.kappa * (mean - prior.mean) ** 2
    a, b = prior.a + (N + 1) / 2, prior.b + squares / 2  # b as if μ were known
    trace = []
    for _ in range(steps):
        variance = b / (kappa * a)  # 1 / (κ E[τ])
        b = prior.b + (squares + kappa * variance) / 2
        q = MeanField(mean, variance, a, b)
        trace.append(mean_field_bound(q, prior, x))
    return q, trace


def mean_field_bound(q: MeanField, prior: NormalGamma, x: Tensor) -> float:
    """E_q[log p(x, μ, τ)] + H(q) <= log p(x), in closed form, nats.   Source: :eq:`elbo`."""
    check_real(x, event=())
    N, tau = len(x), q.a / q.b
    log_tau = float(torch.special.digamma(torch.tensor(q.a, dtype=torch.float64)))
    log_tau -= math.log(q.b)
    squares = (x.double() - q.mean).square().sum().item() + N * q.variance
    prior_square = (q.mean - prior.mean) ** 2 + q.variance
    log_likelihood = N / 2 * (log_tau - math.log(2 * math.pi)) - tau / 2 * squares
    log_mu = (
        log_tau + math.log(prior.kappa / (2 * math.pi)) - prior.kappa * tau * prior_square
    ) / 2
    log_gamma = prior.a * math.log(prior.b) - math.lgamma(prior.a)
    log_gamma += (prior.a - 1) * log_tau - prior.b * tau
    entropy_mu = math.log(2 * math.pi * math.e * q.variance) / 2
    entropy_tau = q.a - math.log(q.b) + math.lgamma(q.a) + (1 - q.a) * (log_tau + math.log(q.b))
    return log_likelihood + log_mu + log_gamma + entropy_mu + entropy_tau


class Gaussian(NamedTuple):
    """N(mean, diag(std²)), each (D,), and the noisy bounds of the climb to it, (steps,), nats."""

    mean: Tensor
    std: Tensor
    trace: Tensor


def bound_draws(
    log_joint: Callable[[Tensor], Tensor],
    *,
    mean: Tensor,
    std: Tensor,
    draws: int,
    generator: Generator,
) -> Tensor:
    """Unbiased draws of the lower bound of q = N(mean, diag(std²)); (draws,), nats.

    u = mean + std · ε carries gradients to mean and std, and the entropy of q is exact. Their mean
    is at most log p(x); a single draw may lie above.   Source: :eq:`reparametrised-bound`.

    Args:
        log_joint: u -> log p(x, u), (draws, D) -> (draws,), nats.
        mean: of q, (D,).
        std: standard deviations of q, (D,), > 0.
        draws: number of draws R.
        generator: source of ε.
    """
    check_generator(generator)
    check_counts(draws=draws)
    _check_place(mean, "mean")
    _check_place(std, "std")
    if mean.shape != std.shape:
        raise ValueError(f"std: expected shape {tuple(mean.shape)}, got {tuple(std.shape)}")
    noise = torch.randn(draws, len(mean), generator=generator, dtype=mean.dtype, device=mean.device)
    entropy = std.log().sum() + len(mean) / 2 * math.log(2 * math.pi * math.e)
    return log_joint(mean + std * noise) + entropy


def stochastic_vi(
    log_joint: Callable[[Tensor], Tensor],
    *,
    start: Tensor,
    steps: int,
    draws: int,
    step_size: float,
    generator: Generator,
) -> Gaussian:
    """Climbs the lower bound over diagonal Gaussians by Adam on `bound_draws`.

    The step size falls linearly to 0, so that the noise dies out.

    Args:
        log_joint: u -> log p(x, u), (draws, D) -> (draws,), nats; differentiable.
        start: mean of the first q, (D,); its standard deviations are 1.
        steps: number of gradient steps.
        draws: draws for each gradient.
        step_size: of Adam at the start, > 0.
        generator: source of the noise.

    Raises:
        FloatingPointError: if the bound is not finite.
    """
    _check_place(start, "start")
    check_counts(steps=steps, draws=draws)
    check_positive(step_size=step_size)
    check_generator(generator)
    mean = start.clone().requires_grad_()
    log_std = torch.zeros_like(start).requires_grad_()
    optimizer = torch.optim.Adam([mean, log_std], lr=step_size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1e-3, total_iters=steps)
    trace = []
    for step in range(steps):
        bound = bound_draws(
            log_joint, mean=mean, std=log_std.exp(), draws=draws, generator=generator
        ).mean()
        if not bound.isfinite():
            raise FloatingPointError(f"step {step + 1}: expected a finite bound, got {bound}")
        optimizer.zero_grad()
        (-bound).backward()
        optimizer.step()
        schedule.step()
        trace.append(bound.detach())
    return Gaussian(mean.detach(), log_std.detach().exp(), torch.stack(trace))


def _check_place(u: Tensor, name: str) -> None:
    """Checks that u is a point, (D,); of stochastic bounds it may be far out."""
    check_floating(u, name)
    if u.ndim != 1 or len(u) == 0:
        raise ValueError(f"{name}: expected shape (D,), got {tuple(u.shape)}")


def _split(theta: Tensor) -> tuple[Tensor, Tensor]:
    """μ and τ in double precision: of a strong belief, terms that nearly cancel."""
    check_real(theta, event=(2,))
    mu, tau = theta.double().unbind(1)
    if not (tau > 0).all():
        raise ValueError(f"theta: expected precisions tau > 0, got {tau.min()}")
    return mu, tau


def _log_gamma_density(tau: Tensor, a: float, b: float) -> Tensor:
    return (a - 1) * tau.log() - b * tau + a * math.log(b) - math.lgamma(a)


def _draw_gamma(n: int, a: float, b: float, *, generator: Generator) -> Tensor:
    return torch._standard_gamma(torch.full((n,), a), generator=generator) / b
