r"""Maximum likelihood for two-layer machines: one loop, three ways to get its second term.

:math:`\nabla \log p(v) = \mathrm{E}[\text{statistics} \mid v] - \mathrm{E}[\text{statistics}]`. The
first term is a formula. The second is an average over all states of the machine, and here it comes
from a sum over them (`Enumeration`), from short chains that start at the data
(`ContrastiveDivergence`) or from chains that never stop (`PersistentChains`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integers, check_numbers
from coursepkg.models.rbm.harmonium import Harmonium, Statistics
from coursepkg.validate import check_positive, check_weights

T = TypeVar("T")


class Negative(Protocol):
    """Estimates E[statistics] under the machine, the negative term of the gradient."""

    def __call__(self, rbm: Harmonium, v: Tensor, *, generator: Generator) -> Statistics:
        """Gets the machine as it is now and the minibatch v, (B, D)."""


class Enumeration:
    """E[statistics] itself: the gradient of log Z, by enumeration of the smaller layer.

    Source: :eq:`rbm-gradient`. O(2^min(D, M) D M) for every step.
    """

    def __call__(self, rbm: Harmonium, v: Tensor, *, generator: Generator) -> Statistics:
        """Looks neither at v nor at the generator."""
        with torch.enable_grad():
            return Statistics(*torch.autograd.grad(rbm.log_z(), (rbm.W, rbm.b, rbm.c)))


@dataclass(frozen=True)
class ContrastiveDivergence:
    """CD-k: k steps of block Gibbs from each example of the minibatch.   Source: :eq:`rbm-cd`.

    Biased, since the chains have not forgotten where they started, and in general the gradient of
    no function.

    Args:
        k: number of steps.
    """

    k: int = 1

    def __post_init__(self) -> None:
        check_integers(k=self.k)
        if self.k < 1:
            raise ValueError(f"k: expected at least 1, got {self.k}")

    def __call__(self, rbm: Harmonium, v: Tensor, *, generator: Generator) -> Statistics:
        """Runs from v."""
        return rbm.statistics(gibbs(rbm, v, self.k, generator=generator))


class PersistentChains:
    """PCD, stochastic maximum likelihood: chains that go on from where the last step left them.

    Source: :eq:`rbm-pcd`. The first call starts them at random rows of its minibatch. Holds the
    chains, so that one instance serves one training.

    Args:
        chains: number of chains C.
        k: steps of block Gibbs between two steps of learning.
    """

    def __init__(self, chains: int, *, k: int = 1) -> None:
        check_integers(chains=chains, k=k)
        if chains < 1 or k < 1:
            raise ValueError(f"expected chains >= 1 and k >= 1, got {chains} and {k}")
        self.chains, self.k = chains, k
        self.v: Tensor | None = None

    def __call__(self, rbm: Harmonium, v: Tensor, *, generator: Generator) -> Statistics:
        """Moves the chains on by k steps."""
        check_generator(generator)
        if self.v is None:
            rows = torch.randint(len(v), (self.chains,), generator=generator, device=v.device)
            self.v = v[rows]
        self.v = gibbs(rbm, self.v, self.k, generator=generator)
        return rbm.statistics(self.v)


class Epoch(NamedTuple, Generic[T]):
    """What one pass over the data left behind."""

    gradient_norm: float  # mean over the steps of the estimated gradient's norm
    monitored: T | None  # what `monitor` returned after the epoch


def gibbs(rbm: Harmonium, v: Tensor, k: int, *, generator: Generator) -> Tensor:
    """k steps of block Gibbs, unchecked, (B, D) -> (B, D)."""
    for _ in range(k):
        v = rbm.sample_visible(rbm.sample_hidden(v, generator=generator), generator=generator)
    return v


def gradient(rbm: Harmonium, v: Tensor, negative: Negative, *, generator: Generator) -> Statistics:
    """An estimate of the gradient of the mean log p(v), (B, D), for W, b and c.

    Source: :eq:`rbm-gradient`; exact with `Enumeration()`.
    """
    return _difference(rbm, rbm.statistics(v), negative(rbm, v, generator=generator))


def centred(
    g: Statistics, *, v_mean: Tensor, h_mean: Tensor, mask: Tensor | None = None
) -> Statistics:
    """The gradient of the same machine written in v - μ and h - λ.   Source: :eq:`rbm-centred`.

    If μ and λ are means, flipping all values of a unit, 0 for 1, changes nothing about learning.

    Args:
        g: the gradient for W, b and c.
        v_mean: offsets μ of the visible units, (D,).
        h_mean: offsets λ of the hidden units, (M,).
        mask: links that exist, (D, M); default all.
    """
    W = g.W.addr(v_mean, g.c, alpha=-1).addr(g.b, h_mean, alpha=-1)  # less two outer products
    W = W if mask is None else W * mask
    return Statistics(W, g.b - W @ h_mean, g.c - v_mean @ W)


def train(
    rbm: Harmonium,
    x: Tensor,
    *,
    negative: Negative,
    epochs: int,
    batch_size: int,
    step_size: float,
    generator: Generator,
    last_step_size: float | None = None,
    centre: bool = True,
    average: float = 0.0,
    decay: float = 0.0,
    complete: Callable[[Tensor], Tensor] | None = None,
    monitor: Callable[[Harmonium], T] | None = None,
) -> list[Epoch[T]]:
    """Raises the mean log p(x) by stochastic gradient steps, in place; no autograd in the loop.

    Args:
        rbm: the machine.
        x: training examples, (N, D), values of its visible units.
        negative: the model term: `ContrastiveDivergence`, `PersistentChains` or `Enumeration`.
        epochs: passes over the data.
        batch_size: examples of a step; the last batch of an epoch may be smaller.
        step_size: η of the first step.
        generator: orders the examples and moves the chains.
        last_step_size: η of the last step, reached linearly; default the same.
        centre: whether steps follow the centred gradient, with the minibatch's means.
        average: decay a of the running mean of the weights, θ̄ ← aθ̄ + (1 - a)θ, which is what
            `monitor` sees and what the machine holds in the end; 0 leaves the last weights.
        decay: weight decay, an L2 penalty decay/2 |W|² on the mean log-likelihood.
        complete: fills in the visible units of a minibatch that were not observed; what x holds
            there is only checked.
        monitor: called after each epoch with the machine.

    Returns:
        One `Epoch` for each pass.

    Raises:
        ValueError: if a number is impossible, the machine refuses x, or a weight is not finite.
        FloatingPointError: if a weight overflows; all are then as they were before the call.
    """
    check_generator(generator)
    if isinstance(negative, type) or not callable(negative):
        raise TypeError(f"negative: expected an instance that is called, got {negative!r:.60}")
    last = step_size if last_step_size is None else last_step_size
    _check(rbm, x, epochs, batch_size, average, decay)
    _check_steps(step_size, last)
    sizes = iter(torch.linspace(step_size, last, epochs * math.ceil(len(x) / batch_size)).tolist())
    theta = Statistics(rbm.W.data, rbm.b.data, rbm.c.data)
    before, mean = _copy(theta), _copy(theta)
    history = []
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator, device=x.device)
        norms = []
        for batch in x[order].split(batch_size):
            v = batch if complete is None else complete(batch)
            g = _direction(rbm, v, negative, centre=centre, generator=generator)
            eta = next(sizes)
            theta.W.mul_(1 - eta * decay)
            for value, slope, kept in zip(theta, g, mean, strict=True):
                value.add_(slope, alpha=eta)
                kept.lerp_(value, 1 - average)
            norms.append(torch.cat([part.flatten() for part in g]).norm())
        if not all(value.isfinite().all() for value in theta):
            _set(theta, before)
            raise FloatingPointError(f"weights overflowed; a step_size below {step_size} may help")
        raw = _copy(theta)
        _set(theta, mean)
        norm = torch.stack(norms).mean().item()
        history.append(Epoch(norm, None if monitor is None else monitor(rbm)))
        _set(theta, raw)
    _set(theta, mean)
    return history


def _direction(
    rbm: Harmonium, v: Tensor, negative: Negative, *, centre: bool, generator: Generator
) -> Statistics:
    data = rbm.statistics(v)
    g = _difference(rbm, data, negative(rbm, v, generator=generator))
    if not centre:
        return g
    v_mean, h_mean = data.b / rbm.beta, data.c / rbm.beta
    return centred(g, v_mean=v_mean, h_mean=h_mean, mask=rbm.mask)


def _difference(rbm: Harmonium, data: Statistics, model: Statistics) -> Statistics:
    g = Statistics(*(first - second for first, second in zip(data, model, strict=True)))
    return g if rbm.mask is None else g._replace(W=g.W * rbm.mask)


def _copy(theta: Statistics) -> Statistics:
    return Statistics(*(value.clone() for value in theta))


def _set(theta: Statistics, values: Statistics) -> None:
    for old, new in zip(theta, values, strict=True):
        old.copy_(new)


def _check(
    rbm: Harmonium, x: Tensor, epochs: int, batch_size: int, average: float, decay: float
) -> None:
    if not isinstance(rbm, Harmonium):
        raise TypeError(f"rbm: expected a machine such as RBM, got {type(rbm).__name__}")
    rbm.check_visible(x)
    check_weights(rbm)
    check_integers(epochs=epochs, batch_size=batch_size)
    check_numbers(average=average, decay=decay)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"expected epochs >= 1 and batch_size >= 1, got {epochs} and {batch_size}")
    if not 0 <= average < 1 or not decay >= 0:
        raise ValueError(f"expected 0 <= average < 1 and decay >= 0, got {average} and {decay}")


def _check_steps(step_size: float, last: float) -> None:
    check_positive(step_size=step_size)
    check_numbers(last_step_size=last)
    if not 0 <= last < math.inf:
        raise ValueError(f"last_step_size: expected a finite number >= 0, got {last}")


def reconstruction_error(rbm: Harmonium, v: Tensor) -> float:
    """Mean of |v - E[v | E[h | v]]|² over the rows of v, (B, D).

    Often watched during training, and no measure of it: a machine that copies v has an error near 0
    and may give the data a probability as low as you like.
    """
    rbm.check_visible(v)
    with torch.no_grad():
        return float((v - rbm.visible_mean(rbm.hidden_mean(v))).square().sum(1).mean())
