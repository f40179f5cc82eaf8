"""Expectation maximisation for mixtures: coordinate ascent on a lower bound.

A mixture says that x comes with a hidden z, the component that made it, 1 ≤ z ≤ M, so that
p(x) = Σ_z p(x, z). For any laws q(z) = `r`, one row for each example,

    F(q, θ) = E_q[log p(x, z)] + H(q) = log p(x) - KL(q(z) ‖ p(z | x)) ≤ log p(x).

The E step maximises F over q (the gap closes: q is the posterior), the M step over θ, and neither
can lower it. Where the climb rests, off the edge of what is allowed (such as a weight of 0), the
likelihood has no slope: as a rule a local maximum. Where the model has a prior on θ, its
log-density is added to F, and the posterior takes the likelihood's place.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import (
    check_counts,
    check_draws,
    check_generator,
    check_integers,
    check_numbers,
)
from coursepkg.rng import draw_seed, seeded
from coursepkg.validate import check_floating, check_methods, count_rows


class Mixture(nn.Module, ABC):
    """p(x) = Σ_z p(z) p(x | z) with M components, and what all mixtures have in common.

    Args:
        components: number of components M >= 1.
        steps: how many steps of EM `fit` makes at most.
        tolerance: `fit` stops when a step gains less than this, nats per example.
        restarts: how many starts `fit` makes; it keeps the one that climbs highest.
        generator: decides from which examples `fit` starts, the same ones at each call.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        components: int,
        *,
        steps: int,
        tolerance: float,
        restarts: int,
        generator: Generator,
    ) -> None:
        check_integers(components=components, steps=steps, restarts=restarts)
        super().__init__()
        check_numbers(tolerance=tolerance)
        if min(components, steps, restarts) < 1 or not 0 <= tolerance < float("inf"):
            raise ValueError(
                "expected components, steps and restarts >= 1 and a finite tolerance >= 0, got "
                f"components={components}, steps={steps}, restarts={restarts}, "
                f"tolerance={tolerance}"
            )
        self.components, self.steps, self.tolerance = components, steps, tolerance
        self.restarts, self.seed = restarts, draw_seed(generator)
        self.log_weights: Tensor  # log p(z), (M,); -inf for a component that lost its examples
        self.register_buffer("log_weights", torch.zeros(components).log_softmax(0))
        self.trace = torch.empty(0, 2)  # of the last fit, see `em`

    @abstractmethod
    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z) of all examples and components, (B, *event) -> (B, M), nats."""

    @abstractmethod
    def m_step(self, x: Tensor, r: Tensor) -> None:
        """Sets θ to the maximum of F(r, θ) + log p(θ), in place; a lost component keeps its own.

        A block of θ at a time will do (`GTM`): F + log p(θ) still never falls.

        A component is lost when its responsibilities are 0 for all of x: its weight becomes 0, and
        since EM never raises p(z) = 0, it does not return.
        """

    @abstractmethod
    def log_prior(self) -> Tensor:
        """log p(θ) up to a constant, (), nats; 0 for maximum likelihood."""

    @abstractmethod
    def sample_given(self, z: Tensor, *, generator: Generator) -> Tensor:
        """Draws one x from p(x | z) for each component in z, (n,) -> (n, *event)."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = log Σ_z p(x, z), (B, *event) -> (B,), nats.

        Of real x it is a density, and so possibly positive; -inf where no component can be.
        """
        return self.log_joint(x).logsumexp(1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, *event): a component, then an example of it."""
        check_draws(n, generator)
        z = torch.multinomial(self.log_weights.exp(), n, replacement=True, generator=generator)
        return self.sample_given(z, generator=generator)

    def e_step(self, x: Tensor) -> Tensor:
        """p(z | x), the responsibilities: (B, *event) -> (B, M), rows sum to 1.

        Source: :eq:`em-e-step`.

        Raises:
            ValueError: if p(x) = 0 for an example, which then has no posterior.
        """
        return _posterior(self.log_joint(x))

    def lower_bound(self, x: Tensor, r: Tensor) -> Tensor:
        """F(r, θ) = Σ_z r_z (log p(x, z) - log r_z) of each example, (B,), nats.

        At most log p(x), with equality only for r = `e_step(x)`; the prior is not in it.
        Source: :eq:`em-bound`.
        """
        return evidence_bound(self.log_joint(x), r)

    def _weigh(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """The M step of p(z); returns Σ_n r_nz (M,) and which components are not lost (M,)."""
        total = r.sum(0)
        self.log_weights.copy_(total.log().log_softmax(0))
        return total, total > 0

    def _start(self, x: Tensor, r: Tensor) -> None:
        """Sets θ from the responsibilities of a start; a prior may look at the data here."""
        self.m_step(x, r)

    def _ascend_from_data(self, x: Tensor) -> None:
        """EM from `restarts` starts; ends in the state and with the trace of the best."""
        generator = seeded(self.seed, device=x.device)
        best: tuple[Tensor, dict[str, Tensor]] | None = None
        for _ in range(self.restarts):
            self._start(x, nearest_seed(x, self.components, generator=generator))
            trace = em(self, x, steps=self.steps, tolerance=self.tolerance)
            if best is None or trace[-1, 1] > best[0][-1, 1]:
                best = trace, {name: value.clone() for name, value in self.state_dict().items()}
        assert best is not None
        self.trace = best[0]
        self.load_state_dict(best[1])


def em(model: Mixture, x: Tensor, *, steps: int, tolerance: float = 0.0) -> Tensor:
    """Expectation maximisation from where the model is, in place; O(N) a step.

    Source: :eq:`em-e-step`, :eq:`em-ascent`.

    Args:
        model: a mixture; its θ is overwritten.
        x: examples (N, *event), as `Mixture.log_joint` takes them.
        steps: number of steps at most, each an E step and an M step.
        tolerance: stop when a step gains less than this, nats per example; with 0, when rounding
            makes it fall.

    Returns:
        F + log p(θ), divided by N, after each E step and each M step: (steps made, 2), nats per
        example. Read row by row it never falls. Without a prior, column 0 is the mean of log p(x)
        before the step; with a prior it is no likelihood.
    """
    return coordinate_ascent(model, x, _posterior, steps=steps, tolerance=tolerance)


def hard_em(model: Mixture, x: Tensor, *, steps: int, tolerance: float = 0.0) -> Tensor:
    """EM with q restricted to point masses: each example goes wholly to its likeliest component.

    Still coordinate ascent on F, but the gap to log p(x) stays open. Of equal round Gaussians
    with equal weights, both held fixed, it is K-means. Arguments and result are those of `em`.
    """

    def assign(joint: Tensor) -> Tensor:
        return torch.zeros_like(joint).scatter_(1, _posterior(joint).argmax(1, keepdim=True), 1)

    return coordinate_ascent(model, x, assign, steps=steps, tolerance=tolerance)


def monte_carlo_em(
    model: Mixture, x: Tensor, *, steps: int, draws: int, generator: Generator
) -> Tensor:
    """EM that replaces p(z | x) by the frequencies of `draws` draws from it, in place.

    For models whose E step has no closed form; here it has one, so that the price can be seen: the
    objective is noisy and may fall. With one draw it is known as stochastic EM.
    Source: :eq:`monte-carlo-em`.

    Args:
        model: a mixture; its θ is overwritten.
        x: examples (N, *event).
        steps: number of steps.
        draws: how many z to draw for each example and step, R.
        generator: source of the draws.

    Returns:
        (Σ log p(x) + log p(θ)) / N after each step, (steps,), nats per example.
    """
    check_generator(generator)
    check_methods(model, "log_joint", "m_step")
    check_integers(steps=steps, draws=draws)
    if min(steps, draws) < 1:
        raise ValueError(f"expected steps and draws >= 1, got steps={steps}, draws={draws}")
    trace, joint = [], model.log_joint(x)
    for _ in range(steps):
        z = torch.multinomial(_posterior(joint), draws, replacement=True, generator=generator)
        count = torch.zeros_like(joint).scatter_add_(1, z, torch.ones_like(z, dtype=joint.dtype))
        model.m_step(x, count / draws)
        joint = model.log_joint(x)
        trace.append(joint.logsumexp(1).mean() + model.log_prior() / len(x))
    return torch.stack(trace)


def nearest_seed(x: Tensor, components: int, *, generator: Generator) -> Tensor:
    """Responsibilities to start from: each example belongs to the nearest of M seeds.

    The seeds are examples, each drawn with probability in proportion to its squared distance from
    the seeds so far (k-means++, Arthur and Vassilvitskii 2007).

    Args:
        x: examples (N, *event).
        components: number of seeds M.
        generator: draws the seeds.

    Returns:
        (N, M), one 1 in each row. A column is empty only where fewer than M examples differ.

    Raises:
        ValueError: if there are fewer examples than seeds.
    """
    check_generator(generator)
    check_enough(x, components)
    x = x.flatten(1)
    x = torch.ldexp(x, -torch.frexp(x.abs().max()).exponent)  # no square is lost: a power of 2
    far = torch.ones_like(x[:, 0])
    seeds: list[Tensor] = []
    for _ in range(components):
        chosen = torch.multinomial(far if far.any() else far + 1, 1, generator=generator)
        seeds.append((x - x[chosen]).square().sum(1))
        far = torch.stack(seeds).amin(0)
    r = torch.zeros(len(x), components, dtype=x.dtype, device=x.device)
    return r.scatter_(1, torch.stack(seeds).argmin(0)[:, None], 1)


def check_enough(x: Tensor, components: int) -> None:
    """Raises a ValueError if there are fewer examples x than components to start."""
    check_counts(components=components)
    if count_rows(x) < components:
        raise ValueError(f"x: expected at least {components} examples, got {len(x)}")


def _posterior(joint: Tensor) -> Tensor:
    """p(z | x) from log p(x, z), (N, M) both."""
    impossible = int((joint.amax(1) == -torch.inf).sum())
    if impossible:
        raise ValueError(f"x: expected p(x) > 0 for every example, got 0 for {impossible} of them")
    return joint.softmax(1)


def evidence_bound(joint: Tensor, r: Tensor) -> Tensor:
    """F of each example from log p(x, z) and q, both (N, M); 0 log 0 = 0."""
    check_floating(joint, "joint")
    check_floating(r, "r")
    if r.shape != joint.shape:
        raise ValueError(f"r: expected shape {tuple(joint.shape)}, got {tuple(r.shape)}")
    return torch.where(r > 0, r * (joint - r.log()), 0).sum(1)


def coordinate_ascent(
    model: Mixture, x: Tensor, assign: Callable[[Tensor], Tensor], *, steps: int, tolerance: float
) -> Tensor:
    """Coordinate ascent where `assign` says which q follows from log p(x, z); see `em`."""
    check_methods(model, "log_joint", "m_step")
    check_integers(steps=steps)
    check_numbers(tolerance=tolerance)
    if steps < 1 or not tolerance >= 0:
        raise ValueError(f"expected steps >= 1, tolerance >= 0, got {steps=}, {tolerance=}")
    trace: list[Tensor] = []
    joint = model.log_joint(x)
    for _ in range(steps):
        r = assign(joint)
        trace.append(evidence_bound(joint, r).mean() + model.log_prior() / len(x))
        model.m_step(x, r)
        joint = model.log_joint(x)
        trace.append(evidence_bound(joint, r).mean() + model.log_prior() / len(x))
        if trace[-1] - trace[max(len(trace) - 3, 0)] < tolerance:
            break
    return torch.stack(trace).view(-1, 2)
