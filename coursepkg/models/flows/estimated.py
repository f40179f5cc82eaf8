"""Flows whose log-determinant is estimated, and what they say about levels."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.models.dequantised import Dequantised
from coursepkg.protocols import Estimated, Noise, Proposal, Sampler, Trainable, Transform
from coursepkg.validate import check_methods


@runtime_checkable
class EstimatedTransform(Transform, Protocol):
    """A transform that can estimate its log-determinant cheaply."""

    def estimate(self, x: Tensor, *, generator: Generator) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and an unbiased estimate of log |det ∂z/∂x|, (B,), nats."""


class EstimatedFlow(nn.Module):
    """The law of x whose z has density f, with log-determinants that are only estimated.

    Says: `log_prob_estimate`, without bias (≈). Its exponential is no unbiased estimate of p(x): on
    average it is too large. For the exact law of few variables, put the same layers in a `Chain`
    and that in a `Transformed`.

    Args:
        layers: from x to z, at least one; modules with `estimate` and `decode`.
        density: f, with `log_prob` and `sample`.

    Raises:
        TypeError: if a layer cannot estimate.
        ValueError: if there is none.
    """

    def __init__(self, layers: Sequence[nn.Module], density: Proposal) -> None:
        check_methods(density, "log_prob", "sample", name="density")
        super().__init__()
        if not layers:
            raise ValueError("layers: expected at least one, got none")
        for layer in layers:
            if not isinstance(layer, EstimatedTransform):
                raise TypeError(f"layers: expected estimate, got a {type(layer).__name__}")
        self.layers, self.density = nn.ModuleList(layers), density

    def log_prob_estimate(self, x: Tensor, *, generator: Generator) -> Tensor:
        """An unbiased estimate of log p(x), (B, D) -> (B,), nats."""
        log_dets = []
        for layer in self._transforms():
            x, log_det = layer.estimate(x, generator=generator)
            log_dets.append(log_det)
        return self.density.log_prob(x) + torch.stack(log_dets).sum(0)

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log_prob_estimate, (B, D) -> (B,), nats."""
        return -self.log_prob_estimate(x, generator=generator)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): z from f, decoded."""
        z = self.density.sample(n, generator=generator)
        for layer in reversed(self._transforms()):
            z = layer.decode(z)
        return z

    def _transforms(self) -> list[EstimatedTransform]:
        return list(self.layers)  # type: ignore[arg-type]  # checked when they came


class DequantisedEstimate(nn.Module):
    """Levels under a density that only estimates its log: a bound still, but no weight.

    The mean of log f̂(x + u) - log q(u | x) over both kinds of noise is that of `Dequantised`, at
    most log p(x); the mean of its exponential is not p(x), so there is no `log_weight`.

    Args:
        density: f, an `nn.Module` with `log_prob_estimate`.
        levels: number of levels K >= 2.
        transform: of y = x + u before f, with an exact log-determinant (`Gaussianiser`, say).
        noise: q(u | x); default uniform.

    Raises:
        ValueError: if levels < 2.
    """

    def __init__(
        self, density: Estimated, *, levels: int, transform: Transform, noise: Noise | None = None
    ) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        check_integers(levels=levels)
        super().__init__()
        self.density, self.transform, self.levels = density, transform, levels
        # fills the cells; what it says about x is not asked
        self.cells = Dequantised(nn.Identity(), levels=levels, noise=noise, dtype=torch.float64)  # type: ignore[arg-type]
        if isinstance(density, Sampler):
            self.sample = self._sample
        if isinstance(density, Trainable):
            self.loss = self._loss

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """At most log p(x) on average, (B, D) levels -> (B,), nats."""
        y, log_q = self.cells.filled(x, generator=generator)
        z, log_det = self.transform.encode(y)
        log_f = self.density.log_prob_estimate(z, generator=generator)
        return log_f + log_det - log_q.to(log_f)

    def _loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The density's own loss at z, (B, D) levels -> (B,); of no use to noise that learns."""
        y, _ = self.cells.filled(x, generator=generator)
        z, _ = self.transform.encode(y)
        loss: Tensor = self.density.loss(z, generator=generator)  # type: ignore[attr-defined]
        return loss

    def _sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D) levels."""
        z = self.density.sample(n, generator=generator)  # type: ignore[attr-defined]
        return self.transform.decode(z).floor().clamp(0, self.levels - 1).long()
