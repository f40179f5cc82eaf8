"""Normal laws with independent coordinates: what an encoder says about z."""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.divergences import divergence_terms


class DiagonalGaussian(NamedTuple):
    """N(mean, diag(std²)) for each example of a batch: mean and std, (B, M), std > 0."""

    mean: Tensor
    std: Tensor

    def draw(self, *, generator: Generator) -> Tensor:
        """z = mean + std · ε, (B, M): gradients pass to both.   Source: :eq:`reparametrisation`."""
        check_generator(generator)
        eps = torch.randn(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=torch.float64
        )
        return self.mean + self.std * eps.to(self.mean)

    def log_density(self, z: Tensor) -> Tensor:
        """log q(z), (B, M) -> (B,), nats."""
        u = (z - self.mean) / self.std
        return -(u.square() / 2 + self.std.log() + math.log(2 * math.pi) / 2).sum(-1)

    def kl(self, other: "DiagonalGaussian") -> Tensor:
        """KL(self ‖ other) of each coordinate, (B, M), nats.   Source: :eq:`gaussian-kl`."""
        wider, shift = (self.std - other.std) / other.std, (self.mean - other.mean) / other.std
        # of the ratio r = 1 + wider: (r² - 1)/2 - log r, as two terms >= 0, which cannot cancel
        log_part = divergence_terms(other.std, self.std) / other.std  # r - 1 - log r
        return log_part + (wider.square() + shift.square()) / 2


def standard_like(z: Tensor) -> DiagonalGaussian:
    """N(0, I), with the shape of z."""
    return DiagonalGaussian(torch.zeros_like(z), torch.ones_like(z))


def from_network(output: Tensor, *, latent: int, name: str = "encoder") -> DiagonalGaussian:
    """Reads what a network says, (B, 2 M): M means, then M logarithms of standard deviations.

    A deviation below the least normal number of the precision counts as that number (1e-38 in
    single precision, log σ = -87), with gradient 0: it would be rounded to 0, and densities to NaN.

    Args:
        output: of the network.
        latent: number M.
        name: what the network is called, for the message.

    Raises:
        ValueError: if these are not two numbers a latent variable.
    """
    if output.ndim != 2 or output.shape[1] != 2 * latent:
        raise ValueError(
            f"{name}: expected shape (B, {2 * latent}), a mean and a log-deviation for each of "
            f"{latent} latent variables, got {tuple(output.shape)}"
        )
    mean, log_std = output.chunk(2, dim=-1)
    least = math.log(torch.finfo(output.dtype).tiny)
    return DiagonalGaussian(mean, log_std.clamp(min=least).exp())
