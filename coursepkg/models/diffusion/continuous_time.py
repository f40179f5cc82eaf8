r"""Diffusion with infinitely many steps: the sum over steps becomes an integral over noise levels.

.. math:: -\log p(x) \le \operatorname{KL}(q(z | x) \| N(0, I)) - \operatorname{E} \log p(x | z)
   + \tfrac12 \int e^\lambda \operatorname{E} \|x - \hat x\|^2 d\lambda .

The first two are at the ends of the integral, the noisiest and the clearest z. No schedule enters:
it only says where the integrand is looked at. Kingma, Salimans, Poole and Ho, *Variational
diffusion models* (2021).
"""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_integers, check_numbers
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.chain import NoiseChain, betas_of
from coursepkg.models.diffusion.denoisers import GaussianDenoiser
from coursepkg.models.diffusion.discrete_time import Diffusion, stratified
from coursepkg.models.diffusion.signal import kl_to_noise, signal_at
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_positive, count_rows


class Schedule(Protocol):
    """A falling map from t in [0, 1] to the log-SNR λ."""

    def __call__(self, t: Tensor) -> Tensor:
        """λ of t, both (B,)."""

    def slope(self, t: Tensor) -> Tensor:
        """dλ/dt < 0, (B,)."""


class LinearSchedule:
    """λ falls in a straight line.

    Args:
        most: λ at t = 0.
        least: λ at t = 1.

    Raises:
        ValueError: if the ends are not finite, or do not fall.
    """

    def __init__(self, *, most: float, least: float) -> None:
        _check_ends(most, least)
        self.most, self.least = most, least

    def __call__(self, t: Tensor) -> Tensor:
        """λ of t, (B,)."""
        return self.most + (self.least - self.most) * t

    def slope(self, t: Tensor) -> Tensor:
        """dλ/dt, (B,)."""
        return torch.full_like(t, self.least - self.most)


class LogisticSchedule:
    """λ as often as a logistic law would draw it, cut off at both ends: most looks near its centre.

    Args:
        most: λ at t = 0.
        least: λ at t = 1.
        centre: where λ is looked at most.
        scale: how widely, > 0.

    Raises:
        ValueError: if a number is impossible, or the law so narrow that an end is lost in rounding.
    """

    def __init__(self, *, most: float, least: float, centre: float, scale: float) -> None:
        _check_ends(most, least)
        check_positive(scale=scale)
        self.centre, self.scale = centre, scale
        ends = torch.tensor([most, least], dtype=torch.float64)
        self.high: float
        self.low: float
        self.high, self.low = torch.sigmoid((ends - centre) / scale).tolist()
        found = self(torch.tensor([0.0, 1.0], dtype=torch.float64))
        if not torch.allclose(found, ends):
            raise ValueError(
                f"centre, scale: expected a law that reaches the ends {ends.tolist()}, got "
                f"{found.tolist()} with centre {centre} and scale {scale}"
            )

    def __call__(self, t: Tensor) -> Tensor:
        """λ of t, (B,)."""
        return (self.centre + self.scale * self._u(t).logit()).to(t)

    def slope(self, t: Tensor) -> Tensor:
        """dλ/dt, (B,)."""
        u = self._u(t)
        return (self.scale * (self.low - self.high) / (u * (1 - u))).to(t)

    def _u(self, t: Tensor) -> Tensor:
        return self.high + (self.low - self.high) * t.double()  # may come near to 0 or 1


class ContinuousDiffusion(nn.Module):
    """The limit of `Diffusion` for T → ∞, between two noise levels.

    Says: `elbo`, a bound (≤), if the network is in eval mode. `sample` takes a finite number of
    steps, and so draws from another model, `chain(T)`'s, which has a bound of its own.
    Source: :eq:`continuous-bound`.

    Args:
        denoiser: says x̂ and p(x | z).
        schedule: where the integrand is looked at.
        points: how many looks a bound takes.
        steps: how many steps `sample` takes.
    """

    def __init__(
        self, denoiser: GaussianDenoiser, schedule: Schedule, *, points: int, steps: int
    ) -> None:
        check_methods(
            denoiser, "embed", "__call__", "mean", "log_likelihood", "draw", name="denoiser"
        )
        check_methods(schedule, "__call__", "slope", name="schedule")
        super().__init__()
        check_counts(points=points, steps=steps)
        self.denoiser, self.schedule = denoiser, schedule
        self.points, self.steps = points, steps

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The bound, by one look in each of `points` parts of time, (B, D) -> (B,), nats.

        Its mean over `generator` is at most log p(x).
        """
        check_generator(generator)
        total = self.ends(x, generator=generator)
        for point in range(self.points):
            shift = torch.rand(len(x), generator=generator, device=x.device, dtype=torch.float64)
            t = (point + shift) / self.points
            total = total + self.integrand(x, t, generator=generator) / self.points
        return -total

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One look at each image: an estimate of -elbo without bias, (B, D) -> (B,), nats."""
        t = stratified(count_rows(x), generator=generator, device=x.device)
        return self.ends(x, generator=generator) + self.integrand(x, t, generator=generator)

    def ends(self, x: Tensor, *, generator: Generator) -> Tensor:
        """KL at the noisiest level, and -log p(x | z) at the clearest, (B, D) -> (B,), nats."""
        real = self.denoiser.embed(x)
        start = torch.zeros(len(x), device=x.device, dtype=torch.float64)
        z, clear = self._noisy(real, start, generator)
        with global_state_from(generator):
            output = self.denoiser(z, clear)
        kl = kl_to_noise(real, self.schedule(start + 1))
        return kl - self.denoiser.log_likelihood(x, output)

    def integrand(self, x: Tensor, t: Tensor, *, generator: Generator) -> Tensor:
        """-½ dλ/dt e^λ ‖x - x̂‖² with one z at each t: (B, D), (B,) -> (B,), nats."""
        real = self.denoiser.embed(x)
        z, log_snr = self._noisy(real, t, generator)
        with global_state_from(generator):  # the network's dropout
            guess = self.denoiser.mean(self.denoiser(z, log_snr))
        weight = -self.schedule.slope(t).to(z) * log_snr.exp() / 2
        return weight * (real - guess).square().sum(1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D) in `steps` steps, at least two."""
        return Diffusion(self.denoiser, self.chain(self.steps)).sample(n, generator=generator)

    def chain(self, T: int) -> NoiseChain:
        """The chain of T steps between the same ends, spread as the schedule is.

        Raises:
            ValueError: if T is below 2.
        """
        check_integers(T=T)
        if T < 2:
            raise ValueError(f"T: expected at least 2 steps, for two ends, got {T}")
        t = torch.linspace(0, 1, T, dtype=torch.float64)
        return NoiseChain(betas_of(self.schedule(t)))

    def _noisy(self, x: Tensor, t: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        log_snr = self.schedule(t).to(x)
        eps = standard_like(x).draw(generator=generator)
        return signal_at(log_snr).mix(x, eps), log_snr


class Reweighted(nn.Module):
    """Trains a continuous-time diffusion by its bound's integrand with other weights.

    Args:
        model: the diffusion whose network is trained.
        weight: w(λ), (B,) -> (B,), what the integrand is multiplied by; 1 is the bound without its
            ends.
    """

    def __init__(self, model: ContinuousDiffusion, weight: Callable[[Tensor], Tensor]) -> None:
        check_methods(model, "ends", "integrand")
        super().__init__()
        self.model, self.weight = model, weight

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """w(λ) times the integrand, at one t of each example, (B, D) -> (B,); no likelihood."""
        t = stratified(count_rows(x), generator=generator, device=x.device)
        integrand = self.model.integrand(x, t, generator=generator)
        return self.weight(self.model.schedule(t)).to(integrand) * integrand


def _check_ends(most: float, least: float) -> None:
    check_numbers(most=most, least=least)
    if not (math.isfinite(most) and math.isfinite(least) and most > least):
        raise ValueError(f"expected finite log-SNRs most > least, got {most} and {least}")
