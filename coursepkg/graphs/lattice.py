"""Models on a grid: Ising's magnet, Potts's, and any other with an energy for two neighbours.

Exact for grids with a short side by the transfer matrix, row after row; by Gibbs sampling for the
others, half of the sites at a time. A state x (B, H·W) holds levels, row by row; Ising's spin is
2x - 1.
"""

import math
from functools import reduce
from typing import NamedTuple

import torch
from scipy.special import ellipkm1
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_generator
from coursepkg.enumeration import Unnormalised, check_states
from coursepkg.graphs.table import align
from coursepkg.validate import check_finite, check_floating, check_levels, check_positive

CRITICAL = math.log(1 + math.sqrt(2)) / 2
"""The inverse temperature at which Ising's infinite square lattice orders, about 0.4407."""


class Lattice(Unnormalised):
    r"""H rows of W sites with K levels; neighbours left, right, above and below interact.

    :math:`p(x) = e^{-\beta E(x)} / Z` with
    :math:`E(x) = \sum_{i \sim j} e(x_i, x_j) + \sum_i f_i(x_i)`. Source: :eq:`lattice-energy`.

    Says: `free_energy`, so log p(x) up to log Z (≈); with a short side `log_z` is exact (=).

    Args:
        height: rows H.
        width: columns W.
        pair: e, (K, K), symmetric: energy of two neighbours.
        site: f, (K,) or (H·W, K): energy of a site by itself.
        beta: inverse temperature.
        periodic: whether the borders are glued, so that every site has four neighbours.

    Raises:
        ValueError: if shapes do not fit, `pair` is not symmetric, or a side is too short.
    """

    pair: Tensor
    site: Tensor

    def __init__(
        self,
        height: int,
        width: int,
        pair: Tensor,
        site: Tensor,
        *,
        beta: float = 1.0,
        periodic: bool = False,
    ) -> None:
        check_counts(height=height, width=width)
        check_floating(pair, "pair")
        check_floating(site, "site")
        if min(height, width) < (3 if periodic else 1):
            raise ValueError(
                f"expected sides >= {3 if periodic else 1}, got {height} × {width}"
                + periodic * ": two sites in a ring would be neighbours twice"
            )
        if not (
            pair.ndim == 2 and len(pair) and torch.equal(pair, pair.T) and pair.isfinite().all()
        ):
            raise ValueError(f"pair: expected a symmetric (K, K), got shape {tuple(pair.shape)}")
        K, D = len(pair), height * width
        if site.shape not in {(K,), (D, K)} or not site.isfinite().all():
            raise ValueError(f"site: expected ({K},) or ({D}, {K}), got {tuple(site.shape)}")
        check_positive(beta=beta)
        super().__init__()
        self.height, self.width, self.periodic, self.beta = height, width, periodic, beta
        self.register_buffer("pair", pair)
        self.register_buffer("site", site.expand(D, K).clone())

    def energy(self, x: Tensor) -> Tensor:
        """E(x), (B, H·W) levels -> (B,).   Source: :eq:`lattice-energy`."""
        self.check(x)
        grid = x.view(-1, self.height, self.width)
        right, below = (self.pair[grid, grid.roll(-1, axis)] for axis in (2, 1))
        if not self.periodic:
            right, below = right[:, :, :-1], below[:, :-1]
        alone = self.site[torch.arange(x.shape[1], device=x.device), x]
        return right.sum((1, 2)) + below.sum((1, 2)) + alone.sum(1)

    def free_energy(self, x: Tensor) -> Tensor:
        """β E(x), (B, H·W) -> (B,), nats: no variable is hidden."""
        return self.beta * self.energy(x)

    def log_z(self) -> Tensor:
        """Log Z, (), nats, exactly, by the transfer matrix; differentiable in `pair` and `site`.

        With a shorter side of w sites O(H W K^(w+1)) if the borders are free, and then a gradient
        keeps H W K^w numbers; O(H W K^(2w+1)) if they are periodic.
        Source: :eq:`transfer-matrix`.

        Raises:
            ValueError: if the shorter side has more than 22 binary sites, 11 if periodic.
        """
        return self.log_z_at(self._beta(), self.site)

    def mean_energy(self) -> Tensor:
        """E_p[E(x)], (), exactly: -∂ log Z / ∂β.   Source: :eq:`mean-energy`."""
        beta = self._beta().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(self._log_z_at(beta, self.site.detach()), beta)
        return -slope.to(self.pair)

    def marginals(self) -> Tensor:
        """P(x_i = k), (H·W, K): -∂ log Z / ∂ f_i(k) / β, exactly.  Source: :eq:`site-marginals`."""
        site = self.site.detach().double().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(self._log_z_at(self._beta(), site), site)
        return (-slope / self.beta).to(self.pair)

    def conditional_probs(self, x: Tensor) -> Tensor:
        """P(x_i = k | all other sites), (B, H·W) -> (B, H·W, K), for every i at once.

        Only the neighbours matter.   Source: :eq:`lattice-conditional`.
        """
        self.check(x)
        grid = x.view(-1, self.height, self.width)
        pull = self.pair[grid]  # what a site adds to the energy of each level of a neighbour
        total = self.site.view(self.height, self.width, -1)
        for axis in (1, 2):
            for way in (1, -1):
                neighbour = pull.roll(way, axis)
                if not self.periodic:
                    neighbour.select(axis, 0 if way == 1 else -1).zero_()
                total = total + neighbour
        return torch.softmax(-self.beta * total, -1).flatten(1, 2)

    def check(self, x: Tensor) -> None:
        """Checks that x is (B, H·W) with levels 0..K-1."""
        check_levels(x, event=(self.height * self.width,), levels=len(self.pair))

    def log_z_at(self, beta: Tensor, site: Tensor) -> Tensor:
        """Log Z at another β, (), and with other fields, (H·W, K): differentiable in both.

        Row after row by the transfer matrix, in each column after column.
        Source: :eq:`transfer-matrix`.

        Raises:
            ValueError: if the shorter side is too long for it.
        """
        return self._log_z_at(beta, site).to(site)

    def _beta(self) -> Tensor:
        return torch.tensor(self.beta, dtype=torch.float64, device=self.pair.device)

    def _log_z_at(self, beta: Tensor, site: Tensor) -> Tensor:
        """`log_z_at` in double precision: of a cold lattice β E is large, and little decides."""
        pair, alone = self.pair.double(), site.double().view(self.height, self.width, -1)
        if self.width > self.height:
            alone = alone.transpose(0, 1)  # the sum is over rows: let them be short
        H, W, K = alone.shape
        states = K**W
        check_states(states ** (1 + self.periodic), what=f"a sum between rows of {W} sites")
        right = range(W if self.periodic else W - 1)
        bonds = [align(pair, [w, (w + 1) % W], W) for w in right]
        log_v = -beta * pair  # V = v ⊗ v ⊗ … ⊗ v, one a column
        never = torch.finfo(log_v.dtype).min / 4  # the logarithm of 0, but with a slope
        log_sum = torch.zeros(1, states).to(log_v)
        if self.periodic:
            log_sum = never * (1 - torch.eye(states).to(log_v))
        for h in range(H):
            fields = [align(f, [w], W) for w, f in enumerate(alone[h])]
            log_row = -beta * sum([*bonds, *fields], start=torch.zeros(()).to(log_v)).flatten()
            log_sum = log_sum + log_row
            if h < H - 1 or self.periodic:
                for _ in range(W):  # the first column meets v and goes to the end
                    parts = log_sum.view(-1, K, states // K, 1).unbind(1)
                    met = [part + log_v[k] for k, part in enumerate(parts)]
                    log_sum = reduce(torch.logaddexp, met).flatten(1)
        return (log_sum.diagonal() if self.periodic else log_sum[0]).logsumexp(0)


def ising(
    height: int, width: int, *, beta: float, field: float = 0.0, periodic: bool = False
) -> Lattice:
    """Ising's magnet: spins s = 2x - 1 with E = -Σ s_i s_j - field · Σ s_i.

    Source: :eq:`ising-energy`.
    """
    check_finite(field=field)
    s = torch.tensor([-1.0, 1.0])
    return Lattice(height, width, -torch.outer(s, s), -field * s, beta=beta, periodic=periodic)


def potts(height: int, width: int, levels: int, *, beta: float, periodic: bool = False) -> Lattice:
    """Potts's model: E = -(number of neighbours that are equal).   Source: :eq:`potts-energy`."""
    check_counts(levels=levels)
    pair = -torch.eye(levels)
    return Lattice(height, width, pair, torch.zeros(levels), beta=beta, periodic=periodic)


class LatticeState(NamedTuple):
    """Where the chains are; one row a chain."""

    x: Tensor  # (C, H·W) levels


class LatticeInfo(NamedTuple):
    """What one sweep did; one row a chain."""

    moved: Tensor  # (C,) share of the sites that have another level


class CheckerboardGibbs:
    """Gibbs sampling on a grid: a sweep redraws all black sites at once, then all white ones.

    A black site has white neighbours only, so given the white sites the black ones are independent,
    and to redraw them together is to redraw them one after the other.
    Source: :eq:`lattice-conditional`.

    Args:
        lattice: what to sample. If its borders are glued, its sides must be even, or two black
            sites would be neighbours.
    """

    def __init__(self, lattice: Lattice) -> None:
        if not isinstance(lattice, Lattice):
            raise TypeError(f"lattice: expected a Lattice, got {type(lattice).__name__}")
        H, W = lattice.height, lattice.width
        if lattice.periodic and (H % 2 or W % 2):
            raise ValueError(f"expected even sides of a periodic lattice, got {H} × {W}")
        self.lattice = lattice
        parity = (torch.arange(H)[:, None] + torch.arange(W)).flatten() % 2
        self.colours = (parity == 0, parity == 1)

    def init(self, x: Tensor) -> LatticeState:
        """Takes levels x (C, H·W)."""
        self.lattice.check(x)
        return LatticeState(x.clone())

    def step(
        self, state: LatticeState, *, generator: Generator
    ) -> tuple[LatticeState, LatticeInfo]:
        """Makes one sweep of every chain."""
        check_generator(generator)
        x = state.x
        for colour in self.colours:
            p = self.lattice.conditional_probs(x)  # (C, H·W, K)
            u = torch.rand(x.shape, generator=generator, dtype=p.dtype, device=p.device)
            drawn = (u[..., None] >= p.cumsum(-1)[..., :-1]).sum(-1)
            x = torch.where(colour.to(x.device), drawn, x)
        moved = (x != state.x).to(self.lattice.pair.dtype).mean(1)
        return LatticeState(x), LatticeInfo(moved)


def onsager_energy(beta: float) -> float:
    r"""Mean energy a site of Ising's model on the infinite square lattice without a field.

    :math:`-\coth 2\beta\,[1 + \frac{2}{\pi} (2\tanh^2 2\beta - 1)\, \mathcal{K}(\kappa)]` with the
    complete elliptic integral of modulus :math:`\kappa = 2 \sinh 2\beta / \cosh^2 2\beta`.
    Source: :eq:`onsager-energy`.
    """
    check_positive(beta=beta)
    if beta < 0.01:  # there the bracket cancels: from log Z / N = log 2 cosh² β + v⁴ + 2v⁶ + …
        v = math.tanh(beta)
        return -2 * v - (1 - v**2) * (4 * v**3 + 12 * v**5 + 36 * v**7)
    t = 2 * math.tanh(2 * beta) ** 2 - 1  # κ² + t² = 1
    log_like = t * float(ellipkm1(t * t)) if t else 0.0
    return -(1 + 2 / math.pi * log_like) / math.tanh(2 * beta)


def spontaneous_magnetisation(beta: float) -> float:
    """|mean spin| of Ising's infinite lattice, (1 - sinh(2β)⁻⁴)^(1/8) when cold, else 0.

    Source: :eq:`yang-magnetisation`.
    """
    check_positive(beta=beta)
    if beta <= CRITICAL:
        return 0.0
    csch = 2 * math.exp(-2 * beta) / -math.expm1(-4 * beta)  # 1 / sinh 2β, which overflows
    return float(max(0.0, 1 - csch**4) ** 0.125)
