r"""Integer pixels made Gaussian one by one, so that a density on ℝ^D can tie them together.

Pixel d has levels 0..K-1 with shares :math:`\hat p_d(l)` and distribution function
:math:`F_d(l) = \sum_{j \le l} \hat p_d(j)`. Uniform noise u fills the step of the level x,

.. math:: z_d = \Phi^{-1}\bigl(F_d(x_d - 1) + u_d \, \hat p_d(x_d)\bigr),

and all images together, each with all its noise, fill ℝ^D exactly once. So the law of x under a
density f of z is an integral over the cell of x. With the change of variables from u to z, whose
Jacobian is :math:`\prod_d \hat p_d(x_d) / \varphi(z_d)` for the standard normal density φ, it is

.. math:: p(x) = \mathbb{E}_u\Bigl[f(z) \prod_d \frac{\hat p_d(x_d)}{\varphi(z_d)}\Bigr],

and Jensen's inequality gives the bound that is reported.
"""

import math

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_integers, check_numbers
from coursepkg.models.dequantised import FittedDequantised
from coursepkg.models.transformed import Transformed
from coursepkg.protocols import Density
from coursepkg.validate import check_positive, check_real

LEAST = 2.0**-53  # ranks are kept this far from 0 and 1, where z would be infinite


class Gaussianiser(nn.Module):
    """The map between y = x + u, levels with their noise, and z; a `Transform` of [0, K)^D.

    No model: it has no law of its own. Before `fit` all levels are equally frequent.

    Args:
        dim: number of pixels D.
        levels: number of levels K.
        smoothing: pseudo-count of each level, > 0, since a level of share 0 would have no cell.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, *, dim: int, levels: int, smoothing: float) -> None:
        check_integers(levels=levels)
        super().__init__()
        check_counts(dim=dim)
        check_positive(smoothing=smoothing)
        if levels < 2:
            raise ValueError(f"levels: expected at least 2, got {levels}")
        self.dim, self.levels, self.smoothing = dim, levels, smoothing
        self.histogram: Tensor  # p̂_d(l), (D, K)
        self.register_buffer("histogram", torch.full((dim, levels), 1 / levels))

    def fit(self, y: Tensor) -> "Gaussianiser":
        """Counts the levels of each pixel of y, (N, D)."""
        columns = self._level(y).T
        count = torch.stack([torch.bincount(x, minlength=self.levels) for x in columns])
        share = count + self.smoothing
        self.histogram.copy_(share / share.sum(1, keepdim=True))
        return self

    def encode(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """z, and the log-volume Σ_d log p̂_d(x_d) - log φ(z_d) that is added to log f(z).

        Source: :eq:`gaussianise`, :eq:`gaussianise-volume`.

        Args:
            y: x + u, (B, D), with x the levels and u the noise in [0, 1).

        Returns:
            z (B, D), and log |det ∂z/∂y| of each example, (B,), nats.
        """
        x = self._level(y)
        p, below = self._steps()
        d = torch.arange(self.dim, device=y.device)
        rank = below[d, x] + (y.double() - x) * p[d, x]
        z = torch.special.ndtri(rank.clamp(LEAST, 1 - LEAST))
        log_phi = -(z.square() + math.log(2 * math.pi)) / 2
        log_volume = (p[d, x].log() - log_phi).sum(1)
        return z.to(self.histogram), log_volume.to(self.histogram)

    def decode(self, z: Tensor) -> Tensor:
        """The y whose z this is, (B, D) -> (B, D), in double precision."""
        check_real(z, event=(self.dim,))
        p, below = self._steps()
        rank = torch.special.ndtr(z.double()).T.contiguous()  # (D, B)
        x = torch.searchsorted(below[:, 1:].contiguous(), rank, right=True)
        y = x + (rank - below.gather(1, x)) / p.gather(1, x)
        return torch.minimum(y, torch.nextafter(x + 1.0, x.double())).T  # inside the cell of x

    def _level(self, y: Tensor) -> Tensor:
        """x of y = x + u, (B, D) int64."""
        check_real(y, event=(self.dim,))
        if y.min() < 0 or y.max() >= self.levels:
            raise ValueError(
                f"y: expected 0 <= y < {self.levels}, got values from {y.min().item():.6g} to "
                f"{y.max().item():.6g}"
            )
        return y.long()

    def _steps(self) -> tuple[Tensor, Tensor]:
        """p̂_d(l) and F_d(l - 1), (D, K), in double precision: single loses the tails."""
        p = self.histogram.double()
        p = p / p.sum(1, keepdim=True)
        return p, nn.functional.pad(p.cumsum(1)[:, :-1], (1, 0))


class Gaussianised(FittedDequantised):
    """Levels x whose z has the given density f: dequantised, then transformed pixel by pixel.

    Says: `log_weight` and `elbo` (≤), since p(x) is an integral of f over a cell that has no closed
    form.   Source: :eq:`gaussianised-elbo`.

    Args:
        density: f, an `nn.Module` with `fit`, `log_prob` and `sample` on ℝ^D.
        dim: number of pixels D.
        levels: number of levels K.
        smoothing: pseudo-count of each level in the pixels' histograms, > 0.
        copies: how many z, each with its own noise, `fit` makes of every example.
        generator: source of that noise, the same at each call.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self,
        density: Density,
        *,
        dim: int,
        levels: int,
        smoothing: float,
        copies: int,
        generator: Generator,
    ) -> None:
        check_counts(dim=dim)
        check_integers(levels=levels)
        check_counts(copies=copies)
        check_positive(smoothing=smoothing)
        # every example is counted `copies` times, and so is every pseudo-count
        pixels = Gaussianiser(dim=dim, levels=levels, smoothing=smoothing * copies)
        super().__init__(
            Transformed(pixels, density), levels=levels, copies=copies, generator=generator,
            dtype=torch.float64,
        )  # fmt: skip


class CorrelatedNormal(nn.Module):
    """N(0, Σ) with ones on the diagonal of Σ.

    Says: `log_prob`, exact (=). Before `fit` Σ is I.

    Args:
        dim: dimension D.
        shrinkage: how far Σ is pulled towards I, 0 <= shrinkage < 1.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, *, dim: int, shrinkage: float) -> None:
        super().__init__()
        check_counts(dim=dim)
        check_numbers(shrinkage=shrinkage)
        if not 0 <= shrinkage < 1:
            raise ValueError(f"shrinkage: expected 0 <= shrinkage < 1, got {shrinkage}")
        self.dim, self.shrinkage = dim, shrinkage
        self.scale_tril: Tensor  # Cholesky factor of Σ, (D, D)
        self.register_buffer("scale_tril", torch.eye(dim))

    def fit(self, x: Tensor) -> "CorrelatedNormal":
        """Σ = (1 - shrinkage) · the correlations of x, (N, D), + shrinkage · I.

        Raises:
            ValueError: if a column of x is constant, or Σ is singular.
        """
        check_real(x, event=(self.dim,))
        away = x.double() - x.double().mean(0)
        norm = away.norm(dim=0)
        if not norm.all():
            still = int((norm == 0).sum())
            raise ValueError(f"x: expected columns that vary, got {still} constant")
        correlation = (1 - self.shrinkage) * (away / norm).T @ (away / norm)
        correlation.diagonal().fill_(1)
        root, failed = torch.linalg.cholesky_ex(correlation)
        if failed or root.diagonal().min() < 1e-6:  # a column is what the others say
            raise ValueError("x: expected columns without linear dependence, got a singular matrix")
        self.scale_tril.copy_(root)
        return self

    def log_prob(self, x: Tensor) -> Tensor:
        """log N(x; 0, Σ), (B, D) -> (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        root = self.scale_tril.double()
        white = torch.linalg.solve_triangular(root, x.double().T, upper=False)
        log_det = root.diagonal().log().sum()
        log_normaliser = self.dim / 2 * math.log(2 * math.pi) + log_det
        log_p: Tensor = -white.square().sum(0) / 2 - log_normaliser
        return log_p.to(self.scale_tril)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        check_draws(n, generator)
        noise = self.scale_tril.new_empty(n, self.dim).normal_(generator=generator)
        return noise @ self.scale_tril.T


class GaussianCopula(Gaussianised):
    """Pixels tied together only by the correlations of their z: f = N(0, Σ).

    Each pixel by itself keeps its histogram exactly, whatever Σ is; that makes it a copula.

    Args:
        dim: number of pixels D.
        levels: number of levels K.
        smoothing: pseudo-count of each level in the pixels' histograms, > 0.
        shrinkage: how far Σ is pulled towards I, 0 <= shrinkage < 1.
        copies: how many z `fit` makes of every example.
        generator: source of the noise of `fit`.
    """

    def __init__(
        self,
        *,
        dim: int,
        levels: int,
        smoothing: float,
        shrinkage: float,
        copies: int,
        generator: Generator,
    ) -> None:
        check_counts(dim=dim, copies=copies)
        check_integers(levels=levels)
        super().__init__(
            CorrelatedNormal(dim=dim, shrinkage=shrinkage),
            dim=dim, levels=levels, smoothing=smoothing, copies=copies, generator=generator,
        )  # fmt: skip
