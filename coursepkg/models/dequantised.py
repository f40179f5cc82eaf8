r"""Integers under a density: noise fills the cell of each level.

Levels x in {0, …, K-1}^D are points, and a density f on ℝ^D gives points no probability. It gives
it to cells: :math:`p(x) = \int_{[0,1)^D} f(x + u) \, du`. An integral over noise is a mean over any
law q(u | x) of it, and so one draw of u is an importance weight,

.. math:: p(x) = \mathbb{E}_q\Bigl[ \frac{f(x + u)}{q(u \mid x)} \Bigr] .
"""

from typing import Self

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.protocols import Density, Exact, Noise, Sampler, Trainable
from coursepkg.rng import draw_seed, global_state_from, seeded
from coursepkg.validate import check_levels


class UniformNoise(nn.Module):
    """q(u | x) = 1: uniform noise, whatever x is.

    A law of noise on [0, 1)^D, not of x: it says nothing about x.
    """

    def sample(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """u of the shape of x, (B, *event), in double precision, and log q = 0, (B,)."""
        check_generator(generator)
        u = torch.rand(x.shape, generator=generator, dtype=torch.float64, device=x.device)
        return u, u.new_zeros(len(x))


class Dequantised(nn.Module):
    """The law of levels that a density f on ℝ^D gives to their cells.

    Says: `log_weight` and, since that is one, `elbo` (≤): the integral over a cell has no closed
    form. It has `sample` if f has, and `loss` if gradients train f; an f that is fitted, one fits
    before, or in `FittedDequantised`.

    What f puts outside [0, K)^D is mass that no level has. Scores leave it out, so the p(x) of
    `log_weight` sums to less than 1. Draws cannot: those from outside count as the nearest level.
    The law that is drawn thus gives levels at the edge more than p(x), and none less: for it too
    the score is a bound. An f that lives on [0, K)^D, such as a `Transformed`, loses nothing.

    Args:
        density: f, an `nn.Module` with `log_prob` of real vectors.
        levels: number of levels K >= 2.
        noise: q(u | x), positive on all of the cell (else the mean weight is only the mass of the
            part that it reaches); default uniform. Noise that knows x (variational dequantisation:
            Ho et al., *Flow++*, 2019) can tighten the bound.
        dtype: precision in which f gets x + u; default that of its own first tensor.

    Raises:
        ValueError: if levels < 2.
    """

    def __init__(
        self,
        density: Exact,
        *,
        levels: int,
        noise: Noise | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_integers(levels=levels)
        super().__init__()
        if levels < 2:
            raise ValueError(f"levels: expected at least 2, got {levels}")
        self.density, self.levels, self.dtype = density, levels, dtype
        self.noise: Noise = noise or UniformNoise()
        if isinstance(density, Sampler):
            self.sample = self._sample
        if isinstance(density, Trainable):
            self.loss = self._loss

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log f(x + u) - log q(u | x) at one draw of u, (B, *event) -> (B,), nats.

        The mean of its exponential is p(x), and so its own mean is at most log p(x).
        """
        y, log_q = self.filled(x, generator=generator)
        log_f = self.density.log_prob(y)
        return log_f - log_q.to(log_f)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """`log_weight`, read as a bound: at most log p(x) on average, (B, *event) -> (B,), nats."""
        return self.log_weight(x, generator=generator)

    def _loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log_weight, an upper bound on -log p(x) on average, (B, *event) -> (B,), nats."""
        y, log_q = self.filled(x, generator=generator)
        with global_state_from(generator):  # a network's dropout
            log_f = self.density.log_prob(y)
        return log_q.to(log_f) - log_f

    def _sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, *event) levels: the cell of a draw from f, or the nearest one."""
        y: Tensor = self.density.sample(n, generator=generator)  # type: ignore[attr-defined]
        return y.floor().clamp(0, self.levels - 1).long()

    def filled(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """x + u in the precision of f, and log q(u | x); rounding must not leave the cell."""
        check_levels(x, levels=self.levels)
        u, log_q = self.noise.sample(x, generator=generator)
        y = (x + u).to(self.dtype or _dtype(self.density))
        return torch.minimum(y, torch.nextafter(x.to(y) + 1, x.to(y))), log_q


class FittedDequantised(Dequantised):
    """A `Dequantised` whose density is fitted, to several noisy copies of every example.

    Args:
        density: f, an `nn.Module` with `fit`, `log_prob` and `sample` on ℝ^D.
        levels: number of levels K >= 2.
        copies: how many points x + u, each with its own noise, `fit` makes of every example.
        generator: source of that noise, the same at each call.
        noise: q(u | x); default uniform.
        dtype: precision in which f gets x + u; default that of its own first tensor.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        density: Density,
        *,
        levels: int,
        copies: int,
        generator: Generator,
        noise: Noise | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_integers(levels=levels)
        super().__init__(density, levels=levels, noise=noise, dtype=dtype)
        check_counts(copies=copies)
        self.copies, self.seed = copies, draw_seed(generator)

    def fit(self, x: Tensor) -> Self:
        """Fits f to `copies` · N points x + u; x (N, *event)."""
        check_levels(x, levels=self.levels)
        generator = seeded(self.seed, device=x.device)
        noisy = [self.filled(x, generator=generator)[0] for _ in range(self.copies)]
        self.density.fit(torch.cat(noisy))  # type: ignore[attr-defined]
        return self


def _dtype(density: object) -> torch.dtype:
    """That of a module's first real tensor, or else torch's default."""
    tensors = density.state_dict().values() if isinstance(density, nn.Module) else ()
    found = (t.dtype for t in tensors if t.is_floating_point())
    return next(found, torch.get_default_dtype())
