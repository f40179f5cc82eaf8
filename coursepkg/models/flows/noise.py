r"""Noise that a flow makes for the picture at hand: variational dequantisation.

Uniform noise asks the density to be flat on each cell. Noise q(u | x) that a conditional flow makes
lets it have any shape there, and the bound is looser only by the mean of KL(q(u | x) ‖ p(u | x)).
Ho, Chen, Srinivas, Duan and Abbeel, *Flow++* (2019), section 3.1.
"""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.protocols import Proposal, Transform
from coursepkg.rng import global_state_from
from coursepkg.validate import ANY, check_levels, check_methods, check_real, check_rows


class ConditionalTransformed(nn.Module):
    """The law of x given c from a flow on pairs (c, x) whose layers never move c.

    log p(x | c) = log f(z) + log |det ∂z/∂x|, where the transform maps (c, x) to (c, z): with masks
    that let c pass, its determinant is that of x alone. No other kind of layer is needed. A layer
    that moves c is refused when it does, since the number would be no density of x.

    Says: `log_prob`, exact (=).

    Args:
        transform: acts on the conditions (first) and x, side by side, and keeps the conditions.
        density: f, with `log_prob` and `sample`.
        given: number C of conditions.
    """

    def __init__(self, transform: Transform, density: Proposal, *, given: int) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        check_methods(density, "log_prob", "sample", name="density")
        check_counts(given=given)
        super().__init__()
        self.transform, self.density, self.given = transform, density, given

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(x | c), (B, D) with conditions (B, C) -> (B,), nats."""
        before = self._pair(condition, x)
        pair, log_det = self.transform.encode(before)
        _check_kept(before, pair, self.given)
        return self.density.log_prob(pair[:, self.given :]) + log_det

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """-log p(x | c), (B,), nats; only a network's dropout is drawn."""
        with global_state_from(generator):
            return -self.log_prob(x, condition=condition)

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws (n, D), one for each row of the conditions, (n, C)."""
        z = self.density.sample(n, generator=generator)
        before = self._pair(condition, z)
        pair = self.transform.decode(before)
        _check_kept(before, pair, self.given)
        return pair[:, self.given :]

    def _pair(self, condition: Tensor, x: Tensor) -> Tensor:
        check_real(x, event=(ANY,), like=self)
        check_rows(condition, len(x), event=(self.given,))
        return torch.cat([condition.to(x), x], dim=1)


class VariationalNoise(nn.Module):
    r"""q(u | x) with u = σ(v), v from a flow on pairs (x, ε) whose layers never move x.

    Source: :eq:`variational-noise`.

    One pass from ε ~ N(0, I), with :math:`\log q(u \mid x) = \log N(ε; 0, I) - \log|\det ∂v/∂ε|
    - \sum_d \log σ'(v_d)`. The flow is run from the noise on only, and so `encode` makes v. Where
    it is the identity, the noise is nearly uniform already: `spread` stretches ε to the law whose
    σ is closest to it.

    Args:
        transform: acts on x (first), scaled to [-1, 1], and ε side by side, 2 D variables.
        dim: number of pixels D.
        levels: number of levels K >= 2.

    Raises:
        ValueError: if a number is impossible.
    """

    spread = 1.702  # σ(1.702 ε) is uniform within 0.01

    def __init__(self, transform: Transform, *, dim: int, levels: int) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        check_integers(levels=levels)
        super().__init__()
        check_counts(dim=dim)
        if levels < 2:
            raise ValueError(f"levels: expected at least 2, got {levels}")
        self.transform, self.dim, self.levels = transform, dim, levels

    def sample(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """u (B, D) for each x, (B, D) levels, differentiable, and log q(u | x), (B,), nats."""
        check_generator(generator)
        check_levels(x, event=(self.dim,), levels=self.levels)
        eps = torch.randn(x.shape, generator=generator, device=x.device, dtype=torch.float64)
        pair = torch.cat([2 * x.double() / (self.levels - 1) - 1, eps], dim=1)
        before = pair.to(next(self.parameters()).dtype)
        with global_state_from(generator):  # a network's dropout
            pair, log_det = self.transform.encode(before)
        _check_kept(before, pair, self.dim)
        v = self.spread * pair[:, self.dim :].double()
        log_normal = -(eps.square() + math.log(2 * math.pi)).sum(1) / 2
        log_slope = (logsigmoid(v) + logsigmoid(-v) + math.log(self.spread)).sum(1)
        return v.sigmoid(), log_normal - log_det - log_slope


def _check_kept(before: Tensor, after: Tensor, given: int) -> None:
    if not torch.equal(before[:, :given], after[:, :given]):
        moved = int((before != after)[:, :given].any(0).sum())
        raise ValueError(
            f"transform: expected layers that keep the first {given} variables, got one that moves "
            f"{moved} of them"
        )
