"""Three estimates of a density that assume almost nothing: cells, kernels, an orthogonal series.

All three smooth the data over a width, and have one number that sets it: bins, bandwidth, terms.
`Histogram` and `KernelDensity` are laws, and are compared by the likelihood of points that were
left out. `CosineSeries` may fall below zero and so is none; it is compared by its squared error.
"""

import math

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_draws, check_numbers, check_sizes
from coursepkg.validate import check_finite, check_positive, check_real

MAX_CELLS = 10**8  # of a histogram, 0.8 GB in double precision
MAX_PAIRS = 10**7  # of kernels held at once


class Histogram:
    """Counts in equal cells of the box [low, high]^D, as a density.   Source: :eq:`histogram`.

    Says: `log_prob`, exact (=); -inf outside the box. Before `fit` it is uniform on the box.

    Args:
        bins: cells along each axis; the table has bins^D of them.
        low: where the box begins, on every axis.
        high: where it ends.
        dim: D for points of shape (D,); left out, points are numbers, shape ().
        smoothing: pseudo-count added to every cell, >= 0; 0 is maximum likelihood.

    Raises:
        ValueError: if a size is impossible or the table would be too large.
    """

    def __init__(
        self, bins: int, *, low: float, high: float, dim: int | None = None, smoothing: float
    ) -> None:
        check_counts(bins=bins, dim=_size(dim))
        check_finite(low=low, high=high)
        check_positive(width_of_the_box=high - low)
        check_numbers(smoothing=smoothing)
        if not 0 <= smoothing < math.inf:
            raise ValueError(f"smoothing: expected a finite number >= 0, got {smoothing}")
        if bins ** _size(dim) > MAX_CELLS:
            raise ValueError(f"expected at most {MAX_CELLS:.0e} cells, got {bins}^{dim}")
        self.bins, self.low, self.high, self.dim, self.smoothing = bins, low, high, dim, smoothing
        self.count = torch.zeros(bins ** _size(dim))

    @property
    def log_volume(self) -> float:
        """Log of the volume of one cell."""
        return _size(self.dim) * math.log((self.high - self.low) / self.bins)

    def fit(self, x: Tensor) -> "Histogram":
        """Counts the points x, (N,) or (N, D), all of which must lie in the box."""
        check_real(x, event=_event(self.dim))
        if x.min() < self.low or x.max() > self.high:
            raise ValueError(
                f"x: expected numbers in [{self.low}, {self.high}], got values from {x.min()} to "
                f"{x.max()}"
            )
        self.count = torch.bincount(self._cell(x), minlength=len(self.count)).to(x.dtype)
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B,) or (B, D) -> (B,), nats; a density, and so possibly positive."""
        check_real(x, event=_event(self.dim))
        inside = ((x >= self.low) & (x <= self.high)).reshape(len(x), -1).all(1)
        log_p = self._probs().log().to(x) - self.log_volume
        return torch.where(inside, log_p[self._cell(x)], -math.inf)

    def leave_one_out(self) -> float:
        """Mean log-density of each fitted point under the other N - 1, nats.

        -inf without smoothing as soon as a point is alone in its cell.
        Source: :eq:`histogram-leave-one-out`.
        """
        N = _at_least_two(self.count.sum())
        others = (self.count.double() - 1 + self.smoothing).clamp_min(0)
        log_p = (others / (N - 1 + self.smoothing * len(self.count))).log()
        return float(torch.where(self.count > 0, self.count * log_p, 0).sum() / N - self.log_volume)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n,) or (n, D): a cell, then a point in it."""
        check_draws(n, generator)
        cell = torch.multinomial(self._probs(), n, replacement=True, generator=generator)
        D, width = _size(self.dim), (self.high - self.low) / self.bins
        place = self.bins ** torch.arange(D - 1, -1, -1, device=cell.device)
        corner = cell[:, None] // place % self.bins  # (n, D)
        u = torch.rand(n, D, generator=generator, dtype=self.count.dtype, device=cell.device)
        return (self.low + width * (corner + u)).reshape(n, *_event(self.dim))

    def _probs(self) -> Tensor:
        weight = self.count.double() + self.smoothing
        total = weight.sum()
        return weight / total if total > 0 else torch.full_like(weight, 1 / len(weight))

    def _cell(self, x: Tensor) -> Tensor:
        """Number of the cell of each point, (B, ...) -> (B,); the last coordinate fastest."""
        along = (x.reshape(len(x), -1) - self.low) * (self.bins / (self.high - self.low))
        index = along.long().clamp(0, self.bins - 1)
        place = self.bins ** torch.arange(index.shape[1] - 1, -1, -1, device=x.device)
        return (index * place).sum(1)


class KernelDensity:
    """The mean of N Gaussians, one around each point.   Source: :eq:`kernel-density`.

    Says: `log_prob`, exact (=). The points are the parameters: nothing is known before `fit`, and
    one value costs O(N D). The kernel is as wide in every direction: scale the columns first.

    Args:
        bandwidth: standard deviation of the kernel, > 0, in the units of the points.
        dim: D for points of shape (D,); left out, points are numbers, shape ().
    """

    def __init__(self, bandwidth: float, *, dim: int | None = None) -> None:
        check_counts(dim=_size(dim))
        check_positive(bandwidth=bandwidth)
        self.bandwidth, self.dim = bandwidth, dim
        self.points = torch.empty(0, *_event(dim))

    def fit(self, x: Tensor) -> "KernelDensity":
        """Keeps the points x, (N,) or (N, D)."""
        check_real(x, event=_event(self.dim))
        self.points = x.clone()
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B,) or (B, D) -> (B,), nats; a density, and so possibly positive."""
        check_real(x, event=_event(self.dim))
        self._check_fitted()
        blocks = x.split(max(1, MAX_PAIRS // len(self.points)))
        log_sums = [self._log_kernels(block).logsumexp(1) for block in blocks]
        return (torch.cat(log_sums) - math.log(len(self.points))).to(x)

    def leave_one_out(self) -> float:
        """Mean log-density of each fitted point under the other N - 1, nats.

        It grows without end as the bandwidth tends to 0 if every point has a twin, and chooses too
        wide a bandwidth where tails are heavy (Schuster and Gregory 1981).
        Source: :eq:`kernel-leave-one-out`.
        """
        N = _at_least_two(len(self.points))
        size, total = max(1, MAX_PAIRS // N), 0.0
        for start in range(0, N, size):
            log_k = self._log_kernels(self.points[start : start + size])
            i = torch.arange(len(log_k), device=log_k.device)
            log_k[i, start + i] = -math.inf  # its own kernel
            total += float(log_k.logsumexp(1).sum())
        return total / N - math.log(N - 1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n,) or (n, D): one of the points, then noise."""
        check_draws(n, generator)
        self._check_fitted()
        points, device = self.points, self.points.device
        i = torch.randint(len(points), (n,), generator=generator, device=device)
        noise = torch.randn(
            n, *_event(self.dim), generator=generator, dtype=points.dtype, device=device
        )
        return points[i] + self.bandwidth * noise

    def _log_kernels(self, x: Tensor) -> Tensor:
        """log N(x_b; point_n, bandwidth² I), (B, N), in double precision."""
        rows = x.double().reshape(len(x), -1)
        points = self.points.to(rows).reshape(len(self.points), -1)
        # differences first: the faster way through inner products loses half of the digits
        distance = torch.cdist(rows, points, compute_mode="donot_use_mm_for_euclid_dist")
        log_normaliser = rows.shape[1] * math.log(math.sqrt(2 * math.pi) * self.bandwidth)
        return -(distance / self.bandwidth).square() / 2 - log_normaliser

    def _check_fitted(self) -> None:
        if len(self.points) == 0:
            raise ValueError("points: expected fit(x) to come first, got none")


class CosineSeries:
    """The density's expansion in cosines on [low, high], cut off.   Source: :eq:`cosine-series`.

    It integrates to 1, but where the data are few it may be *negative*. It is therefore no law,
    says nothing about log p(x) (—), and has no `log_prob` and no `sample`.

    Args:
        terms: number J of cosines beside the constant, >= 0.
        low: where the interval begins.
        high: where it ends.
    """

    def __init__(self, terms: int, *, low: float, high: float) -> None:
        check_sizes(terms=terms)
        check_counts(terms_and_the_constant=terms + 1)
        check_finite(low=low, high=high)
        check_positive(width_of_the_interval=high - low)
        self.terms, self.low, self.high = terms, low, high
        self.coefficients = self.squares = torch.zeros(terms + 1)
        self.points = 0

    def fit(self, x: Tensor) -> "CosineSeries":
        """Averages each cosine over the points x, (N,), which must lie in the interval."""
        self._check(x)
        basis = self._basis(x.double())
        self.coefficients, self.squares = basis.mean(0), basis.square().mean(0)
        self.points = len(x)
        return self

    def density(self, x: Tensor) -> Tensor:
        """The estimate of p(x), (B,) -> (B,); per unit of x, and possibly negative."""
        self._check(x)
        _at_least_two(self.points + 1)
        return (self._basis(x.double()) @ self.coefficients.double()).to(x)

    def risks(self) -> Tensor:
        """Estimated squared error after 0, 1, ..., J terms, less the constant ∫ p²; (J + 1,).

        Unbiased, by leaving one out.   Source: :eq:`series-risk`.
        """
        N = _at_least_two(self.points)
        c_squared = self.coefficients.square()
        left_out = (N * c_squared - self.squares) / (N - 1)
        return (c_squared - 2 * left_out).cumsum(0)

    def _basis(self, x: Tensor) -> Tensor:
        """The orthonormal cosines, (B,) -> (B, J + 1)."""
        u = (x - self.low) / (self.high - self.low)
        j = torch.arange(self.terms + 1, device=x.device)
        scale = torch.where(j > 0, 2.0, 1.0).to(x) / (self.high - self.low)
        return scale.sqrt() * torch.cos(math.pi * j * u[:, None])

    def _check(self, x: Tensor) -> None:
        check_real(x, event=())
        if x.min() < self.low or x.max() > self.high:
            raise ValueError(
                f"x: expected numbers in [{self.low}, {self.high}], got values from {x.min()} to "
                f"{x.max()}"
            )


def _event(dim: int | None) -> tuple[int, ...]:
    return () if dim is None else (dim,)


def _size(dim: int | None) -> int:
    return 1 if dim is None else dim


def _at_least_two(count: Tensor | float) -> int:
    if count < 2:
        raise ValueError(f"points: expected fit(x) with at least 2 to leave one out, got {count}")
    return int(count)
