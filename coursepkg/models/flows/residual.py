r"""Residual flows: z = x + g(x) is invertible where g is a contraction.

Behrmann, Grathwohl, Chen, Duvenaud and Jacobsen, *Invertible residual networks* (2019); Chen,
Behrmann, Duvenaud and Jacobsen, *Residual flows* (2019). The log-determinant is a power series,

.. math:: \log\det(I + J) = \sum_{k \ge 1} \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k ,

and :math:`\operatorname{tr} J^k = \mathbb{E}\, \varepsilon^\top J^k \varepsilon` with random
signs ε (Hutchinson).
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_numbers
from coursepkg.models.flows.lipschitz import ContractiveMLP
from coursepkg.validate import check_positive, check_real

Field = Callable[[Tensor], Tensor]


def predicted_iterations(first: float, *, contraction: float, tolerance: float) -> int:
    """How many fixed-point iterations suffice: the least n >= 1 with c^n / (1 - c) · first ≤ ε.

    Banach's a-priori bound on the distance of x_n from the fixed point. Source: :eq:`banach-error`.

    Args:
        first: length of the first step, ‖x_1 - x_0‖.
        contraction: c.
        tolerance: ε, the largest distance that is allowed, > 0.

    Raises:
        ValueError: if c is no contraction, the tolerance not above zero, or `first` no length.
    """
    _check_contraction(contraction)
    check_positive(tolerance=tolerance)
    if not first >= 0:
        raise ValueError(f"first: expected a length, got {first}")
    near = tolerance * (1 - contraction)  # a first step as short as this one suffices
    return max(1, math.ceil(math.log(near / max(first, near)) / math.log(contraction)))


@torch.no_grad()
def banach_inverse(
    g: Field, z: Tensor, *, contraction: float, tolerance: float
) -> tuple[Tensor, list[float]]:
    """The x with x + g(x) = z, by x ← z - g(x), from x = z. Source: :eq:`banach-iteration`.

    Args:
        g: Lipschitz with constant `contraction` < 1, (B, D) -> (B, D).
        z: (B, D).
        contraction: c.
        tolerance: largest distance from the fixed point that is allowed, of any example; where the
            numbers are too coarse for it, the iteration ends when a step is no more than rounding.

    Returns:
        x (B, D), and the length of every step, of the example that moved most.

    Raises:
        ValueError: if c is no contraction, the tolerance not above zero, or z not finite; and if
            the iterations that c promises did not suffice, as then g is not Lipschitz with c.
    """
    _check_contraction(contraction)
    check_positive(tolerance=tolerance)
    check_real(z, name="z")
    rounding = 2 * torch.finfo(z.dtype).eps * (1 + z.norm(dim=1).max().item())
    steps: list[float] = []
    x, enough = z, 1
    while len(steps) < enough:
        x, before = z - g(x), x
        steps.append((x - before).norm(dim=1).max().item())
        if steps[-1] <= max(tolerance * (1 - contraction) / contraction, rounding):
            return x, steps
        enough = predicted_iterations(steps[0], contraction=contraction, tolerance=tolerance) + 1
    raise ValueError(
        f"g: expected the inverse within {tolerance:g} after {enough} iterations, as a contraction "
        f"of {contraction} promises, got a last step of {steps[-1]:.3g}; g stretches more than that"
    )


def log_det_series(
    g: Field, x: Tensor, weights: Tensor, *, generator: Generator
) -> tuple[Tensor, Tensor]:
    """z = x + g(x), and Σ_k weights_k (-1)^(k+1) εᵀ J^k ε / k with random signs ε of each example.

    Source: :eq:`log-det-series`, :eq:`hutchinson`.

    Args:
        g: (B, D) -> (B, D).
        x: (B, D).
        weights: of the first n terms, (B, n), by example.
        generator: draws ε.

    Returns:
        z (B, D), and the sums (B,), nats.
    """
    check_generator(generator)
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        y = x if x.requires_grad else x.detach().requires_grad_()
        g_y = g(y)
        eps = 2.0 * torch.randint(2, x.shape, generator=generator, device=x.device).to(x) - 1
        row, total = eps, x.new_zeros(len(x))  # the row is εᵀ J^k
        for k, weight in enumerate(weights.T, start=1):
            (row,) = torch.autograd.grad(g_y, y, row, retain_graph=True, create_graph=keep)
            total = total + weight * (-1) ** (k + 1) / k * (row * eps).sum(1)
    return x + g_y, total


def truncated_weights(x: Tensor, terms: int) -> Tensor:
    """One for each of the first terms, (B, terms): the sum stops there, and is biased."""
    check_counts(terms=terms)
    return x.new_ones(len(x), terms)


def roulette_weights(x: Tensor, *, sure: int, stop: float, generator: Generator) -> Tensor:
    """Weights of a sum that stops at random, 1 / P(the term is reached) or 0: no bias, (B, n).

    After `sure` terms, each next one is reached with probability 1 - stop; every example has its
    own last term, so that examples stay independent (Russian roulette). Source: :eq:`roulette`.

    Args:
        x: the examples, (B, D).
        sure: how many terms are always taken, >= 1.
        stop: probability to stop, in (0, 1); the variance is finite if (1 - stop) > c².
        generator: draws the numbers of terms.

    Raises:
        ValueError: if a number is impossible.
    """
    check_generator(generator)
    check_counts(sure=sure)
    check_numbers(stop=stop)
    if not 0 < stop < 1:
        raise ValueError(f"stop: expected a probability in (0, 1), got {stop}")
    uniform = torch.rand(len(x), generator=generator, device=x.device, dtype=torch.float64)
    more = (torch.log1p(-uniform) / math.log1p(-stop)).floor()  # P(more >= k) = (1 - stop)^k
    k = torch.arange(1, sure + int(more.max()) + 1, device=x.device)
    late = (k - sure).clamp(min=0)
    return ((late <= more[:, None]) / (1 - stop) ** late.double()).to(x)


def _check_contraction(contraction: float) -> None:
    check_numbers(contraction=contraction)
    if not 0 < contraction < 1:
        raise ValueError(f"contraction: expected a Lipschitz constant in (0, 1), got {contraction}")


class Residual(nn.Module):
    """z = x + g(x) with a contraction g.

    `encode` says the exact log-determinant, from a Jacobian of D passes: for small D. `estimate`
    says it without bias, at a cost that does not grow with D. `decode` is a fixed-point iteration.

    Args:
        net: g, a contraction, from D to D variables.
        dim: number of variables D.
        tolerance: of `decode`, in the distance of x.
        sure: terms of the series that are always taken.
        stop: probability to stop after each further one.

    Raises:
        ValueError: if a number is impossible, or g begins or ends with another number of variables.
    """

    def __init__(
        self, net: ContractiveMLP, *, dim: int, tolerance: float = 1e-6, sure: int = 4,
        stop: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__()
        check_counts(dim=dim, sure=sure)
        check_positive(tolerance=tolerance)
        check_numbers(stop=stop)
        if not 0 < stop < 1:
            raise ValueError(f"stop: expected a probability in (0, 1), got {stop}")
        if (net.widths[0], net.widths[-1]) != (dim, dim):
            raise ValueError(f"net: expected {dim} inputs and outputs, got widths {net.widths}")
        self.net, self.dim, self.tolerance = net, dim, tolerance
        self.sure, self.stop = sure, stop

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and the exact log |det ∂z/∂x|, (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        jacobian = torch.func.vmap(torch.func.jacrev(lambda row: self.net(row[None])[0]))(x)
        eye = torch.eye(self.dim).to(x)
        log_det: Tensor = torch.linalg.slogdet(eye + jacobian).logabsdet
        return x + self.net(x), log_det

    def estimate(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and an unbiased estimate of log |det ∂z/∂x|, (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        weights = roulette_weights(x, sure=self.sure, stop=self.stop, generator=generator)
        return log_det_series(self.net, x, weights, generator=generator)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D); not differentiable."""
        check_real(z, event=(self.dim,), name="z", like=self)
        x, _ = banach_inverse(
            self.net, z, contraction=self.net.contraction, tolerance=self.tolerance
        )
        return x
