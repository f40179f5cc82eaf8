"""A density pulled back through an invertible map."""

import copy

import torch
from torch import Generator, Tensor, nn

from coursepkg.protocols import Fittable, Proposal, Transform
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods


class Transformed(nn.Module):
    r"""The law of x whose z = encode(x) has density f: log p(x) = log f(z) + log |det ∂z/∂x|.

    Says: `log_prob`, exact (=).   Source: :eq:`change-of-variables`. It has `fit` if f has (and
    fits the transform first, if that can be fitted too); otherwise `loss`, by which gradients train
    whatever has parameters.

    Args:
        transform: the map between x and z.
        density: f, with `log_prob` and `sample`.
    """

    def __init__(self, transform: Transform, density: Proposal) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        check_methods(density, "log_prob", "sample", name="density")
        super().__init__()
        self.transform, self.density = transform, density
        if isinstance(density, Fittable):
            self.fit = self._fit
        else:
            self.loss = self._loss

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        z, log_det = self.transform.encode(x)
        return self.density.log_prob(z) + log_det

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): z from f, decoded."""
        return self.transform.decode(self.density.sample(n, generator=generator))

    def _fit(self, x: Tensor) -> "Transformed":
        """Fits the transform to x, (N, D), if it can be fitted, then f to z."""
        transform = copy.deepcopy(self.transform)
        if isinstance(transform, Fittable):
            transform.fit(x)
        with torch.no_grad():
            z, _ = transform.encode(x)
        self.density.fit(z)  # type: ignore[attr-defined]  # only set where f can be fitted
        self.transform = transform  # after the density, which may have refused
        return self

    def _loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x), (B, D) -> (B,), nats; only a network's dropout is drawn."""
        with global_state_from(generator):
            return -self.log_prob(x)
